/* The desired state on its way to the disk. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/durable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/control.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/recover.h"
#include "supervisor/root/retry.h"

#define WAIT_S	1.2	/* od start asks twice and is to need 2.5 s at most */

/* What an od-journal in its right mind never exceeds. */
#define ROWS_MAX	(4 * OBSERVED_SLOTS)
#define SEQ_MAX		(1LL << 62)

/* An answer that waits for the disk. */
struct durable {
	struct supervisor *s;
	uint64_t	 seq;
	struct request	*request;
	struct ev_timer	 timer;
	TAILQ_ENTRY(durable) list;
};

static void
finish(struct durable *d)
{
	struct request *q = d->request;

	TAILQ_REMOVE(&d->s->undurable, d, list);
	ev_timer_stop(d->s->loop, &d->timer);
	free(d);
	request_drops(q);
}

static void
warn(struct supervisor *s, struct request *q)
{
	request_warn(q, "done, but not recorded: %s; a restart of the machine "
	    "would undo it", s->not_recording[0] != '\0' ? s->not_recording :
	    actor_is_up(s, ACTOR_journal) ? "the disk under the state "
	    "directory does not answer" : "the plugin 'journal' is not up");
}

static void
on_timeout(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct durable *d = w->data;
	struct supervisor *s = d->s;

	(void)loop;
	(void)revents;
	s->disk_is_silent = true;
	warn(s, d->request);
	finish(d);
}

void
durable_wait(struct supervisor *s, struct request *q)
{
	struct durable *d;

	if (s->durable_seq >= s->desired.seq)
		return;
	/* Who has waited in vain has waited for all. */
	if (s->disk_is_silent || s->not_recording[0] != '\0') {
		warn(s, q);
		return;
	}
	if ((d = calloc(1, sizeof(*d))) == NULL) {
		request_warn(q, "done; whether it is recorded is not known: "
		    "out of memory");
		return;
	}
	d->s = s;
	d->seq = s->desired.seq;
	d->request = q;
	request_holds(q);
	ev_timer_init(&d->timer, on_timeout, WAIT_S, 0.0);
	d->timer.data = d;
	ev_timer_start(s->loop, &d->timer);
	TAILQ_INSERT_TAIL(&s->undurable, d, list);
}

/* ---- the memfd ---- */

static void
on_new_held(void *arg, int result)
{
	int *former = arg;

	if (result < 0 && result != -ECANCELED)
		log_warn("the keeper does not hold the new state: %s",
		    strerror(-result));
	close(*former);
	free(former);
}

void
durable_guard(struct supervisor *s, bool is_held)
{
	struct guard_item item = { .key = KEEPER_KEY_DESIRED, .slot = -1,
	    .fds = { s->desired.fd }, .nfds = 1 };

	if (is_held)
		guard_note(s, &item);
	else
		guard_put(s, &item);
}

static void
compact(struct supervisor *s)
{
	int *former = malloc(sizeof(*former));
	struct error e = { 0 };

	if (former == NULL)
		return;
	if (desired_compact(&s->desired, s->durable_seq, former, &e) < 0) {
		log_warn("cannot tidy the state up: %s", e.text);
		free(former);
		return;
	}
	guard_put(s, &(struct guard_item){ .key = KEEPER_KEY_DESIRED,
	    .slot = -1, .fds = { s->desired.fd }, .nfds = 1,
	    .held = on_new_held, .arg = former });
}

int
durable_put(struct supervisor *s, uint64_t key, const void *data, size_t len)
{
	int r = desired_put(&s->desired, key, data, len);

	if (r < 0)
		return r;
	durable_pump(s);
	if (desired_is_sparse(&s->desired))
		compact(s);
	return 0;
}

/* ---- od-journal ---- */

struct pump {
	struct supervisor *s;
	int		 error;
};

static void
send_record(void *arg, const struct desired_record *r)
{
	struct pump *p = arg;

	if (p->error < 0)
		return;
	p->error = actor_tell(p->s, ACTOR_journal, &(struct message){
	    .type = MSG_journal_put, .journal_put = { .seq = (int64_t)r->seq,
	    .key = (int64_t)r->key, .data = { r->data, r->len } } }, -1);
	if (p->error == 0)
		p->s->journal_sent_seq = r->seq;
}

void
durable_pump(struct supervisor *s)
{
	struct pump p = { .s = s };

	if (!s->journal_has_loaded || s->journal_sent_seq >= s->desired.seq)
		return;
	desired_each(&s->desired, s->journal_sent_seq, send_record, &p);
	/* What a later record replaced is not sent, and needs not be. */
	if (p.error == 0)
		s->journal_sent_seq = s->desired.seq;
	else if (p.error != -ENOBUFS)
		retry_soon(s);		/* a full channel says when it is not */
}

void
durable_begin(struct supervisor *s)
{
	s->journal_has_loaded = false;
	s->journal_rows = 0;
	/* Unasked, it would wait for ever, and we with it. */
	if (actor_ask(s, ACTOR_journal, 1, &(struct message){
	    .type = MSG_journal_load }) < 0)
		actor_replace(s, ACTOR_journal, "it could not be asked");
}

void
durable_lost(struct supervisor *s)
{
	s->journal_has_loaded = false;
}

static void
set_problem(struct supervisor *s, const char *text)
{
	if (strcmp(s->not_recording, text) == 0)
		return;
	snprintf(s->not_recording, sizeof(s->not_recording), "%s", text);
	if (text[0] != '\0')
		log_warn("changes are not recorded: %s", text);
	bus_emit(s, &(struct message){ .type = MSG_daemon_problem,
	    .daemon_problem = { .subject = "daemon", .what = "journal",
	    .detail = s->not_recording } });
}

/* False: it is none that we can have given it. */
static bool
on_row(struct supervisor *s, const struct journal_row *row)
{
	unsigned int kind = DESIRED_KIND((uint64_t)row->key);
	struct desired_record r;

	if (s->journal_has_loaded || ++s->journal_rows > ROWS_MAX ||
	    kind < DESIRED_META || kind > DESIRED_RUN)
		return false;
	if (!s->is_loaded) {
		if (desired_restore(&s->desired, (uint64_t)row->seq,
		    (uint64_t)row->key, row->data.data, row->data.len) < 0)
			log_warn("a record of the state does not fit");
		return true;
	}
	/* It has a key that was deleted so long ago that nothing says so any
	 * more: it had to go back to an older generation. */
	if (desired_get(&s->desired, (uint64_t)row->key, &r) == 0 &&
	    (uint64_t)row->seq <= s->durable_seq)
		desired_put(&s->desired, (uint64_t)row->key, NULL, 0);
	return true;
}

static bool
on_loaded(struct supervisor *s, const struct journal_loaded *m)
{
	bool first = !s->is_loaded;

	if (s->journal_has_loaded || m->seq > SEQ_MAX ||
	    m->event_seq > SEQ_MAX)
		return false;
	/* It cannot have what we have not got. */
	if (!first && ((uint64_t)m->seq > s->desired.seq ||
	    m->event_seq > s->observed.seq))
		return false;
	s->journal_has_loaded = true;
	s->disk_is_silent = false;
	s->journal_sent_seq = (uint64_t)m->seq;
	if (first) {
		desired_skip_to(&s->desired, (uint64_t)m->seq);
		s->durable_seq = (uint64_t)m->seq;
		if (s->observed.seq < m->event_seq)
			s->observed.seq = m->event_seq;
		s->is_loaded = true;
		recover_loaded(s);
	}
	actor_hears_from(s, ACTOR_journal, m->event_seq);
	durable_pump(s);
	return true;
}

static bool
on_synced(struct supervisor *s, uint64_t seq)
{
	struct durable *d;

	if (!s->journal_has_loaded || seq > s->journal_sent_seq)
		return false;
	if (seq > s->durable_seq)
		s->durable_seq = seq;
	s->disk_is_silent = false;
	observed_counters(&s->observed)->journal_seq =
	    (int64_t)s->durable_seq;
	while ((d = TAILQ_FIRST(&s->undurable)) != NULL &&
	    d->seq <= s->durable_seq)
		finish(d);
	return true;
}

bool
durable_on_message(struct supervisor *s, const struct message *m)
{
	switch (m->type) {
	case MSG_journal_row:
		return on_row(s, &m->journal_row);
	case MSG_journal_loaded:
		return on_loaded(s, &m->journal_loaded);
	case MSG_journal_synced:
		return on_synced(s, (uint64_t)m->journal_synced.seq);
	case MSG_journal_failing:
		set_problem(s, m->journal_failing.text);
		return true;
	case MSG_warning:
		if (++s->journal_rows > ROWS_MAX || s->journal_has_loaded)
			return false;
		log_warn("od-journal: %s", m->warning.text);
		recover_warn(s, m->warning.text);
		return true;
	default:
		return false;
	}
}
