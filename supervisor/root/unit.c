/* Units: the actions of the lifecycle, and what they have in common. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/exec/exec.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/app.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/control.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"
#include "supervisor/root/run_private.h"
#include "supervisor/root/streams.h"

#define ALIVE_MS	1000	/* alive for so long is ready */
#define GREET_MS	5000	/* for an actor to shake hands */
#define REST_MS		2000	/* between asking the rest and killing all */
#define UNKILLABLE_MS	5000	/* SIGKILL was sent so long ago */
#define NO_PROCESS_MS	100	/* at least, after a launch that failed */

static void	on_timer(struct ev_loop *, struct ev_timer *, int);

int
unit_new(struct supervisor *s, enum unit_kind kind, int64_t id, int index,
    struct unit **up, struct error *e)
{
	struct unit *u;

	if (index < 0)
		index = observed_free_slot(&s->observed);
	if (index < 0)
		return fail(e, -ENOSPC, "there is room for %d units and no "
		    "more", OBSERVED_SLOTS);
	if ((u = calloc(1, sizeof(*u))) == NULL)
		return fail(e, -ENOMEM, "out of memory");
	u->s = s;
	u->kind = kind;
	u->id = id;
	u->key = UNIT_KEY(kind, id);
	u->index = index;
	u->now = *observed_slot(&s->observed, index);
	u->now.owner = u->key;
	u->policy = restart_default;
	u->stop_signal = SIGTERM;
	u->stop_timeout_ms = 10000;
	LIST_INIT(&u->waiters);
	ev_init(&u->timer, on_timer);
	u->timer.data = u;
	HASH_ADD(hh, s->units, key, sizeof(u->key), u);
	s->slots[index] = u;
	unit_commit(u);
	*up = u;
	return 0;
}

void
unit_free(struct unit *u)
{
	struct supervisor *s = u->s;
	static const struct slot empty;
	struct run *r;

	ev_timer_stop(s->loop, &u->timer);
	if (u->is_queued)
		TAILQ_REMOVE(&s->start_queue, u, queue);
	TAILQ_FOREACH(r, &s->runs, list)
		if (r->unit == u)
			r->unit = NULL;
	control_forget_unit(u);
	HASH_DEL(s->units, u);
	s->slots[u->index] = NULL;
	free(u->trouble);
	/* The next of us must still find what the slot says, or it takes the
	 * process for nobody's. */
	if (!s->is_resuming)
		observed_commit(&s->observed, u->index, &empty);
	free(u);
}

enum state
unit_state(const struct unit *u)
{
	return u->now.state;
}

bool
unit_is_up(const struct unit *u)
{
	return u->run != NULL || u->is_queued;
}

void
unit_commit(struct unit *u)
{
	observed_commit(&u->s->observed, u->index, &u->now);
}

bool
unit_step(struct unit *u, enum event on)
{
	const struct transition *t = lifecycle_find(u->now.state, on);

	if (t == NULL)
		return false;
	if (t->to != t->from)
		unit_set_timer(u, 0);
	u->now.state = t->to;
	t->action(u);
	unit_commit(u);
	unit_settle(u);
	return true;
}

void
unit_trouble(struct unit *u, const char *fmt, ...)
{
	va_list ap;

	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		text = NULL;		/* the state has to speak for itself */
	va_end(ap);
	/* The words may have been made of the former ones. */
	free(u->trouble);
	u->trouble = text;
	u->trouble_is_old = false;
}

const char *
unit_problem(const struct unit *u)
{
	return u->trouble != NULL ? u->trouble : "";
}

static void
forget_trouble(struct unit *u)
{
	free(u->trouble);
	u->trouble = NULL;
}

const char *
unit_complaint(const struct unit *u)
{
	if (u->trouble != NULL)
		return u->trouble;
	if (u->out != NULL && u->out->trouble != NULL)
		return u->out->trouble;
	if (u->err != NULL && u->err->trouble != NULL)
		return u->err->trouble;
	return "";
}

void
unit_set_timer(struct unit *u, int64_t ms)
{
	struct ev_loop *loop = u->s->loop;

	ev_timer_stop(loop, &u->timer);
	u->now.wake_mono_ms = 0;
	if (ms <= 0)
		return;
	u->now.wake_mono_ms = clock_ms() + ms;
	unit_resume_timer(u);
}

void
unit_resume_timer(struct unit *u)
{
	int64_t left;

	if (u->now.wake_mono_ms == 0)
		return;
	left = u->now.wake_mono_ms - clock_ms();
	/* libev counts from its cached time, which may be a long turn old. */
	ev_now_update(u->s->loop);
	ev_timer_set(&u->timer, left > 0 ? (double)left / 1000.0 : 0.0, 0.0);
	ev_timer_start(u->s->loop, &u->timer);
}

static void
on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct unit *u = w->data;

	(void)loop;
	(void)revents;
	u->now.wake_mono_ms = 0;
	if (u->now.state == STATE_starting && u->kind == UNIT_APP &&
	    u->run != NULL && u->run->go_fd == -1)
		unit_step(u, EVENT_ready);
	else
		unit_step(u, EVENT_timeout);
}

/* ---- waiting for a place between clone and exec ---- */

static bool
is_before(const struct unit *a, const struct unit *b)
{
	if (a->kind != b->kind)
		return a->kind == UNIT_ACTOR;
	if (a->is_urgent != b->is_urgent)
		return a->is_urgent;
	return a->priority > b->priority;
}

static void
enqueue(struct unit *u)
{
	struct unit_queue *q = &u->s->start_queue;
	struct unit *other;

	if (u->is_queued)
		return;
	u->is_queued = true;
	/* From the end, since most are equal and come in order. */
	TAILQ_FOREACH_REVERSE(other, q, unit_queue, queue)
		if (!is_before(u, other)) {
			TAILQ_INSERT_AFTER(q, other, u, queue);
			return;
		}
	TAILQ_INSERT_HEAD(q, u, queue);
}

static void
dequeue(struct unit *u)
{
	if (!u->is_queued)
		return;
	u->is_queued = false;
	TAILQ_REMOVE(&u->s->start_queue, u, queue);
}

void
unit_run_queue(struct supervisor *s)
{
	struct error e = { 0 };
	struct unit *u;

	/* A launch that comes to nothing asks for the next: not within it, the
	 * stack would be as deep as the queue is long. */
	if (s->is_launching)
		return;
	s->is_launching = true;
	while ((u = TAILQ_FIRST(&s->start_queue)) != NULL &&
	    s->launching < s->launch_limit) {
		dequeue(u);
		if (run_launch(u, &e) < 0)
			unit_launch_failed(u, &e);
	}
	s->is_launching = false;
}

/* ---- the actions ---- */

void
unit_nothing(struct unit *u)
{
	(void)u;
}

void
unit_begin(struct unit *u)
{
	struct supervisor *s = u->s;

	if (s->is_safe && u->kind == UNIT_APP && !u->is_urgent) {
		unit_trouble(u, "not started: safe mode, after the supervisor "
		    "failed three times in a minute");
		return;
	}
	enqueue(u);
	unit_run_queue(s);
}

void
unit_begin_afresh(struct unit *u)
{
	memset(&u->now.history, 0, sizeof(u->now.history));
	unit_begin(u);
}

void
unit_begin_again(struct unit *u)
{
	u->now.restarts++;
	unit_begin_afresh(u);
}

void
unit_executed(struct unit *u)
{
	u->now.phase = PHASE_EXECUTED;
	if (u->now.state == STATE_starting)
		unit_set_timer(u, u->kind == UNIT_APP ? ALIVE_MS : GREET_MS);
	unit_commit(u);
}

void
unit_announce_online(struct unit *u)
{
	u->now.ready_mono_ms = clock_ms();
	forget_trouble(u);
	u->is_urgent = false;
	if (u->kind == UNIT_ACTOR) {
		bus_plugin_online(u);
		return;
	}
	run_record(u->run);
	bus_emit(u->s, &(struct message){ .type = MSG_process_online,
	    .process_online = { .subject = u->name, .instance = u->instance,
	    .run = (int64_t)u->now.run, .pid = u->now.pid } });
}

void
unit_announce_stopped(struct unit *u)
{
	forget_trouble(u);
	u->now.stop_step = 0;
	if (u->kind == UNIT_ACTOR)
		bus_emit(u->s, &(struct message){ .type = MSG_plugin_stopped,
		    .plugin_stopped = { .subject = u->name } });
	else
		bus_emit(u->s, &(struct message){ .type = MSG_process_stopped,
		    .process_stopped = { .subject = u->name,
		    .instance = u->instance } });
}

void
unit_announce_finished(struct unit *u)
{
	char *trouble = u->trouble;

	u->now.wanted = 0;
	app_note_wanted(u);
	/* One that never began has done nothing of what it was to do. */
	u->trouble = NULL;
	unit_announce_stopped(u);
	u->trouble = trouble;
	if (u->trouble_is_old)
		forget_trouble(u);
}

void
unit_announce_errored(struct unit *u)
{
	char words[128];

	run_words(&u->now, words, sizeof(words));
	unit_trouble(u, "given up after %d failures: %s",
	    u->policy.give_up_after, words);
	bus_emit(u->s, &(struct message){ .type = MSG_process_errored,
	    .process_errored = { .subject = u->name, .instance = u->instance,
	    .reason = unit_problem(u) } });
}

void
unit_retry(struct unit *u)
{
	char words[160];

	if (u->trouble == NULL || u->trouble_is_old)
		unit_trouble(u, "%s", run_words(&u->now, words, sizeof(words)));
	u->now.restarts++;
	if (u->kind == UNIT_ACTOR)
		actor_crashed(u);
	else
		bus_emit(u->s, &(struct message){ .type = MSG_process_crashed,
		    .process_crashed = { .subject = u->name,
		    .instance = u->instance, .reason = unit_problem(u),
		    .retry_ms = u->retry_ms } });
	if (u->retry_ms > 0)
		unit_set_timer(u, u->retry_ms);
}

/* An actor that does not shake hands; an app is ready once it is alive. */
void
unit_overdue(struct unit *u)
{
	if (u->run == NULL)
		return;
	unit_trouble(u, u->now.phase < PHASE_EXECUTED ? "it could not be "
	    "executed within a minute: does its disk answer?" :
	    "not ready in time");
	if (u->kind == UNIT_ACTOR)
		actor_blame(u->actor, unit_problem(u));
	run_signal(u->run, SIGKILL);
	/* If even that does not end it, others may start all the same. */
	run_abort_launch(u->run);
}

void
unit_terminate(struct unit *u)
{
	struct run *r = u->run;

	if (u->kind == UNIT_APP)
		bus_emit(u->s, &(struct message){ .type = MSG_process_stopping,
		    .process_stopping = { .subject = u->name,
		    .instance = u->instance,
		    .why = u->now.wanted ? "restart" : "stop" } });
	dequeue(u);
	if (r == NULL) {
		/* It waited for a place, or its last run is being cleared. */
		unit_gone(u);
		return;
	}
	if (u->now.phase < PHASE_EXECUTED) {
		run_signal(r, SIGKILL);
		unit_set_timer(u, UNKILLABLE_MS);
		return;
	}
	unit_set_timer(u, u->stop_timeout_ms > 0 ? u->stop_timeout_ms : 1);
	run_signal(r, u->stop_signal);
	run_signal(r, SIGCONT);
}

void
unit_clear(struct unit *u)
{
	struct run *r = u->run;
	bool kill = u->now.state == STATE_killing;

	unit_set_timer(u, kill ? UNKILLABLE_MS : REST_MS);
	if (r == NULL)
		unit_gone(u);
	else
		run_clear(r, kill, true);
}

void
unit_kill(struct unit *u)
{
	unit_set_timer(u, UNKILLABLE_MS);
	if (u->run == NULL) {
		unit_gone(u);
		return;
	}
	run_signal(u->run, SIGKILL);
	run_clear(u->run, true, true);
}

void
unit_name_unkillable(struct unit *u)
{
	struct run *r = u->run;

	unit_trouble(u, "pid %d could not be killed", r != NULL ? r->pid : 0);
	bus_emit(u->s, &(struct message){ .type = MSG_process_unkillable,
	    .process_unkillable = { .subject = u->name,
	    .instance = u->instance, .pid = r != NULL ? r->pid : 0,
	    .reason = "SIGKILL was sent 5 s ago" } });
	if (r == NULL || r->has_ended) {
		if (r != NULL)
			run_give_up_clearing(r);
		return;
	}
	/* The main process itself hangs in the kernel. A second copy must not
	 * be started beside it: go on waiting, and say so again. */
	unit_set_timer(u, 6 * UNKILLABLE_MS);
}

/* ---- what happens to it ---- */

void
unit_gone(struct unit *u)
{
	if (u->run != NULL && u->run->has_ended) {
		struct run *r = u->run;

		u->run = NULL;
		r->unit = NULL;
		run_finish(r);
	}
	unit_step(u, u->now.wanted && !u->is_doomed && !u->s->is_stopping ?
	    EVENT_gone_wanted : EVENT_gone);
}

/* Without a pause there is no timer to wait for, nor a turn of the loop. */
static void
again_at_once(struct unit *u)
{
	if (u->retry_ms == 0 && u->now.state == STATE_waiting)
		unit_step(u, EVENT_timeout);
}

/* Ask the policy, and step. */
static void
judge(struct unit *u, const struct restart_end *end)
{
	bool is_loop = false;
	char words[128];
	enum restart_verdict v;

	u->retry_ms = 0;
	if (u->kind == UNIT_ACTOR) {
		u->retry_ms = actor_judge(u, end);
		v = VERDICT_AGAIN;
	} else {
		v = restart_judge(&u->policy, &u->now.history, end,
		    &u->retry_ms, &is_loop);
	}
	if (is_loop)
		bus_emit(u->s, &(struct message){
		    .type = MSG_process_crashloop, .process_crashloop = {
		    .subject = u->name, .instance = u->instance,
		    .failures = u->now.history.streak, .reason =
		    run_words(&u->now, words, sizeof(words)) } });
	if (end->never_began && u->retry_ms < NO_PROCESS_MS)
		u->retry_ms = NO_PROCESS_MS;
	switch (v) {
	case VERDICT_AGAIN:
		unit_step(u, EVENT_died);
		again_at_once(u);
		break;
	case VERDICT_FINISHED:
		unit_step(u, EVENT_finished);
		break;
	case VERDICT_GAVE_UP:
		unit_step(u, EVENT_gave_up);
		break;
	}
}

static uint32_t
any_number(void)
{
	return (uint32_t)clock_us() * 2654435761u;
}

void
unit_launch_failed(struct unit *u, const struct error *e)
{
	struct restart_end end = { .is_known = false, .never_began = true,
	    .now_ms = clock_ms(), .random = any_number() };

	log_warn("cannot start %s:%d: %s", u->name, u->instance, e->text);
	unit_trouble(u, "%s", e->text);
	if (u->now.state == STATE_starting)
		judge(u, &end);
}

/* The exit event of a run, exactly one for each that began. */
static void
announce_exit(struct unit *u)
{
	static const char *const sources[] = {
#define X(name, word) word,
		EXIT_SOURCES(X)
#undef X
	};
	int status = u->now.exit_status;
	bool known = u->now.exit_source != SOURCE_unknown;
	bool exited = known && WIFEXITED(status);
	bool killed = known && WIFSIGNALED(status);

	if (u->kind != UNIT_APP)
		return;
	bus_emit(u->s, &(struct message){ .type = MSG_process_exited,
	    .process_exited = { .subject = u->name, .instance = u->instance,
	    .run = (int64_t)u->now.run, .pid = u->now.pid,
	    .code = exited ? WEXITSTATUS(status) : -1,
	    .signal = killed ? WTERMSIG(status) : 0,
	    .core = killed && WCOREDUMP(status),
	    .source = sources[u->now.exit_source] } });
}

void
unit_run_ended(struct unit *u)
{
	int64_t now = clock_ms();
	int status = u->now.exit_status;
	bool aborted = u->now.phase == PHASE_PREPARED &&
	    WIFSIGNALED(status) && WTERMSIG(status) == EXEC_NEVER_BEGAN;
	bool asked = u->now.state == STATE_stopping ||
	    u->now.state == STATE_killing;
	struct restart_end end = {
		.status = status,
		.is_known = u->now.exit_source != SOURCE_unknown,
		.never_began = u->now.failed_step != 0,
		.ready_ms = u->now.ready_mono_ms > 0 ?
		    now - u->now.ready_mono_ms : 0,
		.now_ms = now,
		.random = any_number(),
	};

	if (!aborted)
		announce_exit(u);
	u->now.exit_recorded = 0;
	u->now.pid = 0;
	u->now.phase = PHASE_NONE;
	u->now.ready_mono_ms = 0;
	if (u->kind == UNIT_ACTOR)
		actor_run_ended(u);
	if (asked) {
		unit_step(u, EVENT_ended);
		return;
	}
	/* The unit goes on without it; the run clears up behind itself. */
	if (u->run != NULL) {
		struct run *r = u->run;

		u->run = NULL;
		r->unit = NULL;
		run_clear(r, true, false);
	}
	if (aborted) {
		/* The supervisor before us died before it said "go". */
		u->retry_ms = 0;
		u->now.restarts--;
		unit_trouble(u, "its start was interrupted");
		unit_step(u, EVENT_died);
		again_at_once(u);
		return;
	}
	judge(u, &end);
}

/* ---- those who wait ---- */

int
unit_wait(struct unit *u, struct request *q, enum wait_kind kind)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->kind = kind;
	w->unit = u;
	w->request = q;
	LIST_INSERT_HEAD(&u->waiters, w, of_unit);
	request_holds(q);
	unit_settle(u);
	return 0;
}

/* 1 it has come to that, -1 it has failed to, 0 not yet. */
static int
has_settled(const struct unit *u, enum wait_kind kind)
{
	switch (u->now.state) {
	case STATE_online:
		return kind == WAIT_ONLINE;
	case STATE_stopped:
		/* Without being wanted, it has done what it was to do, unless
		 * it never began. */
		return kind == WAIT_STOPPED || (!u->now.wanted &&
		    u->trouble == NULL) ? 1 : -1;
	case STATE_waiting:
	case STATE_errored:
		return kind == WAIT_ONLINE ? -1 : 0;
	case STATE_created:
		return kind == WAIT_STOPPED ? 1 : 0;
	case STATE_starting:
		return kind == WAIT_ONLINE && u->trouble != NULL &&
		    u->s->is_safe ? -1 : 0;
	default:
		return 0;
	}
}

void
unit_settle(struct unit *u)
{
	struct waiter *w = LIST_FIRST(&u->waiters), *next;

	for (; w != NULL; w = next) {
		int r = has_settled(u, w->kind);

		next = LIST_NEXT(w, of_unit);
		if (r == 0)
			continue;
		LIST_REMOVE(w, of_unit);
		request_settled(w->request, u, r > 0);
		free(w);
	}
}

void
unit_row(const struct unit *u, struct message *m)
{
	bool up = u->run != NULL && !u->run->has_ended;

	*m = (struct message){ .type = MSG_process_row, .process_row = {
	    .id = u->id, .name = u->name, .instance = u->instance,
	    .namespace = app_namespace(u->app), .mode = "fork",
	    .pid = up ? u->now.pid : 0,
	    .status = state_name(u->now.state),
	    .restarts = u->now.restarts,
	    .uptime_ms = up ? clock_ms() - u->now.started_mono_ms : -1,
	    .problem = unit_complaint(u) } };
}
