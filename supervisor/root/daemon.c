/* What clients may ask about the whole. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/app.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/unit.h"

/* ---- plugins ---- */

void
plugin_row(const struct actor *a, struct message *m)
{
	const struct unit *u = a->unit;
	bool up = u->run != NULL && !u->run->has_ended;

	*m = (struct message){ .type = MSG_plugin_row, .plugin_row = {
	    .name = u->name, .status = a->is_quarantined ? "quarantined" :
	    state_name(unit_state(u)), .pid = up ? u->now.pid : 0,
	    .uid = a->s->is_root ? (int64_t)actor_uid(a->id) :
	    (int64_t)geteuid(), .restarts = u->now.restarts,
	    .uptime_ms = up ? clock_ms() - u->now.started_mono_ms : -1,
	    .version = PACKAGE_VERSION, .problem = unit_problem(u) } };
}

int
plugin_list(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct message row;

	(void)m;
	(void)e;
	for (int i = 0; i < ACTOR_COUNT; i++) {
		if (!actor_is_used(&s->actors[i]))
			continue;
		plugin_row(&s->actors[i], &row);
		request_row(q, &row, -1);
	}
	return 0;
}

static int
act_on_plugin(struct request *q, const char *name, enum event what,
    bool wanted, struct error *e)
{
	struct actor *a = actor_named(q->peer->s, name);

	if (a == NULL || !actor_is_used(a))
		return fail(e, -ENOENT, "no plugin '%s'; see od plugin list",
		    name);
	if (!wanted && a->manifest->is_vital)
		return fail(e, -EPERM, "'%s' cannot be stopped: without it "
		    "%s; od plugin restart %s replaces it", name,
		    actor_is_capture(a->id) ? "apps block on their output" :
		    "no change is recorded", name);
	a->unit->now.wanted = wanted;
	a->unit->is_urgent = true;
	unit_step(a->unit, what);
	if (unit_wait(a->unit, q, wanted ? WAIT_ONLINE : WAIT_STOPPED) < 0)
		return fail(e, -ENOMEM, "out of memory");
	return 0;
}

int
plugin_restart(struct request *q, const struct message *m, struct error *e)
{
	return act_on_plugin(q, m->plugin_restart.name, EVENT_restart, true,
	    e);
}

int
plugin_stop(struct request *q, const struct message *m, struct error *e)
{
	return act_on_plugin(q, m->plugin_stop.name, EVENT_stop, false, e);
}

int
plugin_start(struct request *q, const struct message *m, struct error *e)
{
	return act_on_plugin(q, m->plugin_start.name, EVENT_start, true, e);
}

/* ---- events ---- */

static void
wake_peer(struct subscriber *b)
{
	struct request *q = b->owner;

	control_wake(q->peer);
}

static void
break_peer(struct subscriber *b)
{
	struct request *q = b->owner;

	q->peer->is_broken = true;
}

int
events_subscribe(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct subscriber *b = bus_subscribe(s, m->events_subscribe.patterns,
	    m->events_subscribe.since);

	if (b == NULL)
		return fail(e, -ENOMEM, "out of memory");
	b->channel = &q->peer->channel;
	b->id = q->id;
	b->is_finite = !m->events_subscribe.follow;
	b->wake = wake_peer;
	b->broken = break_peer;
	b->owner = q;
	q->subscriber = b;
	return 0;
}

/* ---- the daemon ---- */

int
daemon_ping(struct request *q, const struct message *m, struct error *e)
{
	(void)q;
	(void)m;
	(void)e;
	return 0;
}

/* What an operator should know; each a sentence. */
static size_t
problems(const struct supervisor *s, const char **list)
{
	size_t n = 0;

	if (s->is_safe)
		list[n++] = "safe mode: the supervisor failed three times in "
		    "a minute; apps are kept, none is started by itself";
	if (s->not_recording[0] != '\0')
		list[n++] = s->not_recording;
	if (!s->is_adopted)
		list[n++] = "the recorded state is not loaded yet";
	for (size_t i = 0; i < sizeof(s->warnings) / sizeof(s->warnings[0]);
	    i++)
		if (s->warnings[i][0] != '\0')
			list[n++] = s->warnings[i];
	for (int i = 0; i < ACTOR_COUNT; i++)
		if (s->actors[i].is_quarantined)
			list[n++] = unit_problem(s->actors[i].unit);
	list[n] = NULL;
	return n;
}

int
daemon_status(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct observed_counters *c = observed_counters(&s->observed);
	const char *list[ACTOR_COUNT + 16];
	struct unit *u, *tmp;
	int64_t online = 0;

	(void)m;
	(void)e;
	problems(s, list);
	HASH_ITER(hh, s->units, u, tmp)
		online += u->kind == UNIT_APP &&
		    unit_state(u) == STATE_online;
	request_row(q, &(struct message){ .type = MSG_daemon_row,
	    .daemon_row = { .version = PACKAGE_VERSION,
	    .home = s->layout.home, .keeper_pid =
	    guard_is_whole(s) ? guard_keeper_pid(s) : 0,
	    .supervisor_pid = getpid(),
	    .uptime_ms = clock_ms() - s->started_ms,
	    .started_ms = c->daemon_started_ms, .recoveries = c->recoveries,
	    .apps = (int64_t)HASH_COUNT(s->units) - ACTOR_COUNT,
	    .online = online, .event_seq = s->observed.seq,
	    .safe_mode = s->is_safe,
	    .recording = s->not_recording[0] == '\0' && s->is_loaded,
	    .tree = s->cgroups.available ? "cgroup v2" : s->no_cgroup,
	    .problems = list } }, -1);
	return 0;
}

int
daemon_stop(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;

	(void)e;
	daemon_begin_stop(s, m->daemon_stop.keep_apps, q->peer->uid);
	/* Answered by the end of the connection. */
	request_holds(q);
	return 0;
}

void
daemon_begin_stop(struct supervisor *s, bool keep_apps, uid_t by)
{
	struct unit *u, *tmp;

	if (s->is_stopping)
		return;
	log_info("stopping%s", keep_apps ? ", apps are kept" : "");
	bus_emit(s, &(struct message){ .type = MSG_daemon_stopping,
	    .daemon_stopping = { .subject = "daemon", .by_uid = by,
	    .keep_apps = keep_apps } });
	s->is_stopping = true;
	s->keep_apps = keep_apps;
	if (keep_apps)
		return;
	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_APP)
			unit_step(u, EVENT_stop);
}

/* It has ended, and its last words have nowhere to go. */
static bool
is_stuck(const struct supervisor *s, const struct run *r)
{
	for (int i = 0; i < r->npipes; i++)
		if (r->pipes[i].stream != NULL &&
		    !stream_flows(s, r->pipes[i].stream))
			return true;
	return false;
}

static bool
apps_are_done(const struct supervisor *s)
{
	struct unit *u, *tmp;
	struct run *r;

	if (s->keep_apps)
		return true;
	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_APP && (unit_is_up(u) ||
		    unit_state(u) == STATE_stopping ||
		    unit_state(u) == STATE_killing))
			return false;
	/* Their last words are on their way into the files. */
	if (!actor_is_up(s, ACTOR_capture))
		return true;
	TAILQ_FOREACH(r, &s->runs, list)
		if (!r->is_actor && !is_stuck(s, r))
			return false;
	return true;
}

static bool
actors_are_done(struct supervisor *s)
{
	bool done = true;

	for (int i = ACTOR_COUNT - 1; i >= 0; i--) {
		struct actor *a = &s->actors[i];

		/* od-capture drains on for the apps that are kept. */
		if (actor_is_capture(a->id) && s->keep_apps)
			continue;
		/* Where a file system hangs, it cannot be killed. */
		if (a->id >= ACTOR_capture_2 &&
		    unit_state(a->unit) == STATE_killing)
			continue;
		/* Not before everything is on disk. */
		if (a->id == ACTOR_journal && a->has_greeted &&
		    s->not_recording[0] == '\0' &&
		    (s->durable_seq < s->desired.seq ||
		    a->seen_seq < s->observed.seq) && !s->stop_is_late)
			return false;
		if (unit_state(a->unit) == STATE_stopped)
			continue;
		a->unit->now.wanted = 0;
		unit_step(a->unit, EVENT_stop);
		if (unit_state(a->unit) != STATE_stopped)
			done = false;
	}
	return done;
}

static void
on_late(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;

	(void)loop;
	(void)revents;
	s->stop_is_late = true;
}

void
daemon_go_on_stopping(struct supervisor *s)
{
	if (!s->is_stopping || s->is_ended || !apps_are_done(s))
		return;
	if (!ev_is_active(&s->stop_timer) && !s->stop_is_late) {
		ev_timer_init(&s->stop_timer, on_late, 2.0, 0.0);
		s->stop_timer.data = s;
		ev_timer_start(s->loop, &s->stop_timer);
	}
	if (!actors_are_done(s))
		return;
	s->is_ended = true;
	guard_stop(s);
	ev_break(s->loop, EVBREAK_ALL);
}
