/* Beginning: from nothing, or with what a predecessor left. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/recover.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "config.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/adopt.h"
#include "supervisor/root/app.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/connector.h"
#include "supervisor/root/control.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/outside.h"
#include "supervisor/root/ownlog.h"
#include "supervisor/root/run.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/sweep.h"
#include "supervisor/root/unit.h"

#define WARNINGS (sizeof(((struct supervisor *)NULL)->warnings) / \
	sizeof(((struct supervisor *)NULL)->warnings[0]))

/* What the keeper hands over, kept until all of it is there. */
struct legacy {
	int		 observed_fd, desired_fd, control_fd, connector_fd;
	int		 log_fds[2];
	struct handed {
		struct keeper_message	 m;
		int			 fds[KEEPER_FDS];
		int			 nfds;
	}		*items;
	size_t		 count, room;
};

static struct legacy legacy = { -1, -1, -1, -1, { -1, -1 }, NULL, 0, 0 };

static void
take_item(struct supervisor *s, const struct keeper_message *m, int *fds,
    int nfds)
{
	struct legacy *l = &legacy;
	struct handed *more;
	int *place = m->key == KEEPER_KEY_OBSERVED ? &l->observed_fd :
	    m->key == KEEPER_KEY_DESIRED ? &l->desired_fd :
	    m->key == KEEPER_KEY_CONTROL ? &l->control_fd :
	    m->key == KEEPER_KEY_CONNECTOR ? &l->connector_fd : NULL;

	if (m->key == KEEPER_KEY_LOG && nfds == 2) {
		memcpy(l->log_fds, fds, sizeof(l->log_fds));
		return;
	}
	(void)s;
	if (place != NULL && nfds >= 1) {
		*place = fds[0];
		for (int i = 1; i < nfds; i++)
			close(fds[i]);
		return;
	}
	if (l->count == l->room) {
		more = realloc(l->items, (l->room + 64) * sizeof(*more));
		if (more == NULL)
			die("out of memory over what the keeper hands over");
		l->items = more;
		l->room += 64;
	}
	l->items[l->count].m = *m;
	l->items[l->count].nfds = nfds;
	memcpy(l->items[l->count].fds, fds, sizeof(int) * (size_t)nfds);
	l->count++;
}

static void
guard_own(struct supervisor *s, uint64_t key, int fd, bool is_held)
{
	struct guard_item item = { .key = key, .slot = -1, .fds = { fd },
	    .nfds = 1 };

	if (is_held)
		guard_note(s, &item);
	else
		guard_put(s, &item);
}

/* ---- from nothing ---- */

static void
start_actor(struct supervisor *s, enum actor_id id)
{
	struct unit *u = s->actors[id].unit;

	u->now.wanted = 1;
	unit_step(u, EVENT_start);
}

static int
begin_cold(struct supervisor *s, struct error *e)
{
	struct observed_counters *c;
	int r;

	s->mode = START_COLD;
	if ((r = observed_create(&s->observed, e)) < 0 ||
	    (r = desired_create(&s->desired, e)) < 0 ||
	    (r = control_listen(s, e)) < 0)
		return r;
	c = observed_counters(&s->observed);
	/* Numbers of runs are unique beyond this memory: the clock sees to
	 * it, there is never one per microsecond. */
	c->next_run = (uint64_t)clock_wall_ms() * 1000;
	c->next_pipe = c->next_run;
	c->daemon_started_ms = clock_wall_ms();
	guard_own(s, KEEPER_KEY_OBSERVED, s->observed.fd, false);
	durable_guard(s, false);
	guard_own(s, KEEPER_KEY_CONTROL, s->control_fd, false);
	ownlog_begin(s);
	if ((r = actors_init(s, e)) < 0)
		return r;
	start_actor(s, ACTOR_journal);
	start_actor(s, ACTOR_logs);
	return 0;
}

static void
tell_ready(struct supervisor *s, const char *text)
{
	if (s->ready_fd == -1)
		return;
	if (sys_write(s->ready_fd, text, strlen(text)) < 0)
		log_warn("nobody waits for the start any more");
	close_fd(&s->ready_fd);
}

/* Everything that runs is known: od-capture may take the pipes over, and
 * what should run and does not is started. */
static void
begin_apps(struct supervisor *s)
{
	struct unit *u, *tmp;

	s->is_adopted = true;
	observed_counters(&s->observed)->is_adopted = 1;
	guard_hello(s);
	adopt_end_capture(s);
	start_actor(s, ACTOR_capture);
	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_APP && u->now.wanted && u->run == NULL)
			unit_step(u, EVENT_start);
	bus_emit(s, &(struct message){ .type = MSG_daemon_started,
	    .daemon_started = { .subject = "daemon", .pid = getpid(),
	    .version = PACKAGE_VERSION } });
	tell_ready(s, "ok\n");
}

static void
on_found(struct supervisor *s, const struct sweep_found *found, size_t n)
{
	adopt_found(s, found, n);
	begin_apps(s);
}

static void
tell_of_damage(struct supervisor *s, const char *text)
{
	bus_emit(s, &(struct message){ .type = MSG_daemon_recovered,
	    .daemon_recovered = { .subject = "daemon", .what = "state",
	    .detail = text } });
}

void
recover_loaded(struct supervisor *s)
{
	for (size_t i = 0; i < WARNINGS && s->warnings[i][0] != '\0'; i++)
		tell_of_damage(s, s->warnings[i]);
	if (app_restore_all(s) < 0)
		recover_warn(s, "some apps are missing: out of memory");
	if (s->apps == NULL || sweep_find(s, on_found) == NULL) {
		adopt_found(s, NULL, 0);
		begin_apps(s);
	}
}

void
recover_warn(struct supervisor *s, const char *text)
{
	for (size_t i = 0; i < WARNINGS; i++)
		if (s->warnings[i][0] == '\0') {
			snprintf(s->warnings[i], sizeof(s->warnings[i]), "%s",
			    text);
			break;
		}
	/* Before that there is no event: see recover_loaded(). */
	if (s->is_loaded)
		tell_of_damage(s, text);
}

/* ---- with what a predecessor left ---- */

static int
map_legacy(struct supervisor *s, struct legacy *l, struct error *e)
{
	int r;

	if (l->observed_fd == -1 || l->desired_fd == -1 ||
	    l->control_fd == -1)
		return fail(e, -ENOENT, "the keeper has not got everything");
	if ((r = observed_map(&s->observed, l->observed_fd, e)) < 0)
		return r;
	l->observed_fd = -1;
	r = desired_map(&s->desired, l->desired_fd, e);
	l->desired_fd = -1;
	if (r == 0 && !observed_counters(&s->observed)->is_adopted) {
		desired_release(&s->desired);
		r = fail(e, -EAGAIN, "the state was not loaded yet");
	}
	if (r < 0)
		observed_release(&s->observed);
	return r;
}

static void
take_handed(struct supervisor *s, const struct handed *h)
{
	struct run_blob b;
	int64_t id;

	if (IS_FILE_KEY(h->m.key) && h->m.len == sizeof(id) && h->nfds == 1) {
		memcpy(&id, h->m.blob, sizeof(id));
		stream_take_file(s, id, h->fds[0]);
		return;
	}
	if (IS_RUN_KEY(h->m.key) && h->m.len == sizeof(b) && h->nfds >= 1) {
		memcpy(&b, h->m.blob, sizeof(b));
		if (b.npipes >= 0 && b.npipes == h->nfds - 1) {
			adopt_handed(s, &b, h->m.pid, h->fds);
			return;
		}
	}
	for (int i = 0; i < h->nfds; i++)
		close(h->fds[i]);
}

static int
begin_resumed(struct supervisor *s, struct legacy *l, struct error *e)
{
	struct observed_counters *c = observed_counters(&s->observed);
	int r;

	s->control_fd = l->control_fd;
	s->is_loaded = s->is_adopted = true;
	s->durable_seq = (uint64_t)c->journal_seq;
	c->recoveries++;
	guard_own(s, KEEPER_KEY_OBSERVED, s->observed.fd, true);
	durable_guard(s, true);
	guard_own(s, KEEPER_KEY_CONTROL, s->control_fd, true);
	if ((r = actors_init(s, e)) < 0)
		return r;
	/* Without its app, a process would be none of ours, and be ended. The
	 * next of us may find memory. */
	s->is_resuming = true;
	if ((r = app_restore_all(s)) < 0)
		return fail(e, r, "out of memory over the apps");
	s->is_resuming = false;
	if (l->connector_fd != -1)
		connector_take(s, l->connector_fd);
	if (l->log_fds[0] != -1)
		ownlog_take(s, l->log_fds);
	for (size_t i = 0; i < l->count; i++)
		take_handed(s, &l->items[i]);
	free(l->items);
	adopt_go_on(s);
	outside_look_for_idle(s);
	bus_emit(s, &(struct message){ .type = MSG_daemon_recovered,
	    .daemon_recovered = { .subject = "daemon", .what = "supervisor",
	    .detail = "the supervisor was lost and another has taken over" }
	    });
	return 0;
}

int
recover_begin(struct supervisor *s, struct error *e)
{
	int r;

	if (s->mode == START_COLD)
		return begin_cold(s, e);
	if ((r = guard_list(s, take_item)) == 0 &&
	    (r = map_legacy(s, &legacy, e)) == 0)
		return begin_resumed(s, &legacy, e);
	/* What there is can be used, by one of us that finds memory. */
	if (r == -ENOMEM)
		return fail(e, r, "out of memory over what the keeper has");
	/* The keeper died over it, or has nothing that can be used: from the
	 * disk, and from what can be found running. */
	log_warn("cannot take over what was: %s; starting from the disk",
	    e->text[0] != '\0' ? e->text : strerror(-r));
	close_fd(&legacy.observed_fd);
	close_fd(&legacy.desired_fd);
	close_fd(&legacy.control_fd);
	close_fd(&legacy.connector_fd);
	close_fd(&legacy.log_fds[0]);
	close_fd(&legacy.log_fds[1]);
	for (size_t i = 0; i < legacy.count; i++)
		for (int j = 0; j < legacy.items[i].nfds; j++)
			close(legacy.items[i].fds[j]);
	return begin_cold(s, e);
}
