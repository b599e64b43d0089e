/* od-journal: makes the desired state and the events durable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/journal/events.h"
#include "actors/journal/store.h"
#include "base/log.h"
#include "opendaemon/actor.h"

#define RETRY_FIRST	1.0		/* seconds */
#define RETRY_MAX	30.0
#define SYNC_EVENTS	1.0		/* events alone wait that long */
#define ROWS_QUEUED	(256 * 1024)	/* bytes of rows under way */

struct journal;

/* Something that is written, and tried again later where that fails. */
struct sink {
	struct od_actor	*self;
	int		(*flush)(struct journal *, struct error *);
	struct ev_timer	 retry;
	double		 delay;		/* 0: it works */
	char		 problem[512];
};

struct journal {
	struct store	 store;
	struct events	 events;
	struct notes	 notes;
	struct sink	 state_sink, event_sink;
	struct ev_prepare turn;
	struct ev_timer	 sync_events;
	/* The problem the supervisor knows; NULL: what a predecessor said. */
	const char	*reported;
	bool		 owes_synced, owes_seen;
	uint32_t	 load_id;	/* of journal_load, 0: not asked yet */
	bool		 is_loading;
	uint64_t	*keys;		/* that are still to be sent */
	size_t		 key_count, key_next;
};

/* Without memory, what we were told is lost: then the supervisor shall say it
 * again, to a successor. */
static int
stop(struct od_actor *self, int r)
{
	od_log("cannot go on: %s", strerror(-r));
	od_stop(self, EXIT_FAILURE);
	return r;
}

/* ---- loading ---- */

static int
send_row(struct od_actor *self, uint64_t key)
{
	struct journal *j = self->state;
	struct message m = { .type = MSG_journal_row };
	struct row *row;

	HASH_FIND(hh, j->store.rows, &key, sizeof(key), row);
	/* Deleted since it was asked for. */
	if (row == NULL)
		return 0;
	m.journal_row = (struct journal_row){
		.seq = (int64_t)row->seq, .key = (int64_t)row->key,
		.data = { .data = row->data, .len = row->len },
	};
	return od_reply(self, j->load_id, &m, -1);
}

static int
send_end(struct od_actor *self)
{
	struct journal *j = self->state;
	struct message m = { .type = MSG_warning };
	int r;

	for (int i = 0; i < j->notes.count && i < NOTES_MAX; i++) {
		m.warning.text = j->notes.text[i];
		if ((r = od_reply(self, j->load_id, &m, -1)) < 0)
			return r;
	}
	m = (struct message){ .type = MSG_journal_loaded,
	    .journal_loaded = { .seq = (int64_t)j->store.synced,
	    .event_seq = j->events.written } };
	return od_reply(self, j->load_id, &m, -1);
}

/* As many rows as may be under way; the rest when they have left. */
static void
send_rows(struct od_actor *self)
{
	struct journal *j = self->state;
	int r = 0;

	if (!j->is_loading)
		return;
	while (r == 0 && j->key_next < j->key_count) {
		if (od_queued(self) >= ROWS_QUEUED)
			return;
		r = send_row(self, j->keys[j->key_next++]);
	}
	if (r == 0)
		r = send_end(self);
	j->is_loading = false;
	free(j->keys);
	j->keys = NULL;
	/* A row that is missing would be an app that is gone. */
	if (r < 0)
		stop(self, r);
}

static int
on_journal_load(struct od_actor *self, const struct message *m)
{
	struct journal *j = self->state;
	struct row *row;

	(void)m;
	if (j->load_id != 0)
		return -EALREADY;
	j->key_count = HASH_COUNT(j->store.rows);
	j->keys = calloc(j->key_count + 1, sizeof(*j->keys));
	if (j->keys == NULL)
		return -ENOMEM;
	store_sort(&j->store);
	j->key_count = 0;
	for (row = j->store.rows; row != NULL; row = row->hh.next)
		j->keys[j->key_count++] = row->key;
	j->load_id = od_request_id(self);
	j->is_loading = true;
	send_rows(self);
	return 0;
}

/* ---- keeping ---- */

static int
on_journal_put(struct od_actor *self, const struct message *m)
{
	const struct journal_put *put = &m->journal_put;
	struct journal *j = self->state;
	int r;

	r = store_put(&j->store, (uint64_t)put->seq, (uint64_t)put->key,
	    put->data.data, put->data.len);
	j->owes_synced = true;
	return r < 0 ? stop(self, r) : 0;
}

static int
on_event(struct od_actor *self, const struct message *m)
{
	struct journal *j = self->state;
	int r = events_add(&j->events, m);

	j->owes_seen = true;
	return r < 0 ? stop(self, r) : 0;
}

static int
flush_state(struct journal *j, struct error *e)
{
	return store_sync(&j->store, e);
}

static int
flush_events(struct journal *j, struct error *e)
{
	int r = events_write(&j->events, e);

	/* One that is on disk already is acknowledged again: its sender has
	 * not heard of the first time. */
	if (r == 0 && j->owes_seen)
		od_seen(j->event_sink.self, j->events.written);
	return r;
}

/* The supervisor hears of the first of the problems, and of the end of all. */
static void
report(struct od_actor *self)
{
	struct journal *j = self->state;
	const char *text = j->state_sink.delay > 0 ? j->state_sink.problem :
	    j->event_sink.delay > 0 ? j->event_sink.problem : "";
	struct message m = { .type = MSG_journal_failing,
	    .journal_failing = { .text = text } };

	if (j->reported != NULL && (text == j->reported ||
	    (*text == '\0' && *j->reported == '\0')))
		return;
	if (od_send(self, &m, -1) == 0)
		j->reported = text;
}

static void
run(struct sink *s)
{
	struct journal *j = s->self->state;
	struct error e = { 0 };

	if (s->flush(j, &e) == 0) {
		if (s->delay > 0)
			od_log("it is being recorded again");
		s->delay = 0;
		ev_timer_stop(s->self->loop, &s->retry);
		return;
	}
	if (s->delay == 0 || strcmp(s->problem, e.text) != 0)
		od_log("%s", e.text);
	memcpy(s->problem, e.text, sizeof(s->problem));
	s->delay = s->delay == 0 ? RETRY_FIRST :
	    s->delay * 2 < RETRY_MAX ? s->delay * 2 : RETRY_MAX;
	ev_timer_set(&s->retry, s->delay, 0);
	ev_timer_start(s->self->loop, &s->retry);
}

static void
sync_events(struct od_actor *self)
{
	struct journal *j = self->state;
	struct error e = { 0 };

	ev_timer_stop(self->loop, &j->sync_events);
	if (events_sync(&j->events, &e) < 0)
		od_log("%s", e.text);
}

/* What one turn of the loop brought is written by one write, and waited for
 * once. */
static void
write_all_down(struct od_actor *self)
{
	struct journal *j = self->state;
	struct message m = { .type = MSG_journal_synced };
	bool is_dirty = store_is_dirty(&j->store);

	if (j->event_sink.delay == 0)
		run(&j->event_sink);
	if (j->state_sink.delay == 0)
		run(&j->state_sink);
	if (j->owes_synced && j->state_sink.delay == 0) {
		m.journal_synced.seq = (int64_t)j->store.synced;
		if (od_send(self, &m, -1) == 0)
			j->owes_synced = false;
	}
	/* The disk has been waited for already. */
	if (is_dirty && j->events.is_unsynced)
		sync_events(self);
	else if (j->events.is_unsynced && !ev_is_active(&j->sync_events)) {
		ev_timer_set(&j->sync_events, SYNC_EVENTS, 0);
		ev_timer_start(self->loop, &j->sync_events);
	}
	report(self);
}

static void
on_turn(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	(void)loop;
	(void)revents;
	write_all_down(w->data);
}

static void
on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	run(w->data);
}

static void
on_sync_events(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	sync_events(w->data);
}

/* ---- the beginning and the end ---- */

static void
sink_init(struct sink *s, struct od_actor *self,
    int (*flush)(struct journal *, struct error *))
{
	s->self = self;
	s->flush = flush;
	ev_timer_init(&s->retry, on_retry, 0, 0);
	s->retry.data = s;
}

static int
begin(struct od_actor *self)
{
	struct journal *j = self->state;
	struct message m = { .type = MSG_journal_failing };
	struct error e = { 0 };
	int r;

	if ((r = store_open(&j->store, OD_FD_DIRECTORY, &j->notes, &e)) < 0 ||
	    (r = events_open(&j->events, OD_FD_DIRECTORY, &j->notes,
	    &e)) < 0) {
		/* Better none than one that forgets what it cannot read: we
		 * are started again, and try again. */
		od_log("%s", e.text);
		m.journal_failing.text = e.text;
		od_send(self, &m, -1);
		return r;
	}
	sink_init(&j->state_sink, self, flush_state);
	sink_init(&j->event_sink, self, flush_events);
	ev_prepare_init(&j->turn, on_turn);
	ev_timer_init(&j->sync_events, on_sync_events, 0, 0);
	j->turn.data = j->sync_events.data = self;
	ev_prepare_start(self->loop, &j->turn);
	/* A new generation, before anybody is told what is on disk. */
	write_all_down(self);
	return 0;
}

/* Nobody can be told any more, but it may still be kept. */
static void
orphaned(struct od_actor *self)
{
	struct journal *j = self->state;

	run(&j->event_sink);
	run(&j->state_sink);
	sync_events(self);
	od_stop(self, EXIT_SUCCESS);
}

static const struct od_handler handlers[] = {
	{ MSG_journal_load, on_journal_load },
	{ MSG_journal_put, on_journal_put },
#define MESSAGE(name, number, method)
#define KEEP(name)				{ MSG_##name, on_event },
#define TELEMETRY(name)
#define EVENT(name, number, event, keeping)	keeping(name)
#define FIELD(name, kind, member, low, high)
#define FIELD_SINCE(name, kind, member, low, high, version, initial)
#define END(name)
#include "protocol/messages.def"
	{ MSG_none, NULL },
};

int
main(void)
{
	static struct journal journal = {
		.store = { .fd = -1 }, .events = { .fd = -1 },
	};
	struct od_actor self = {
		.name		= "od-journal",
		.reach		= OD_REACH_WRITE_DIRECTORY,
		.handlers	= handlers,
		.state		= &journal,
		.begin		= begin,
		.drained	= send_rows,
		.orphaned	= orphaned,
		.acknowledges	= true,
	};
	int status = od_actor_main(&self);

	free(journal.keys);
	store_release(&journal.store);
	events_release(&journal.events);
	return status;
}
