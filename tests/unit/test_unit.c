/* The life of units in virtual time: processes are structs, the clock stands
 * still until the next timer of a unit. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "supervisor/root/arena.h"
#include "supervisor/root/control.h"
#include "supervisor/root/run.h"
#include "tests/unit/clock_fake.h"
#include "tests/unit/run.h"

#define UNITS	64
#define EXITED(code)	((code) << 8)

static struct supervisor s;
static struct unit *units[UNITS];
static int nunits;

/* What the units did. */
static struct {
	int	launches, refusals;
	int	launches_of[UNITS];
	int64_t	launched_ms[UNITS];
	int	order[UNITS * 4], norder;
	int	signals[UNITS], last_signal[UNITS];
	int	clears, kills;
	int	launch_error;		/* what run_launch() says, or 0 */
	bool	clears_at_once;
	int	events[4096];		/* by type */
	int	settled, well;
} did;

int	__wrap_run_launch(struct unit *, struct error *);
int	__wrap_run_signal(struct run *, int);
void	__wrap_run_clear(struct run *, bool, bool);
void	__wrap_run_finish(struct run *);
void	__wrap_run_give_up_clearing(struct run *);
void	__wrap_run_record(const struct run *);
void	__wrap_bus_emit(struct supervisor *, struct message *);
int	__wrap_app_note_wanted(struct unit *);
void	__wrap_request_settled(struct request *, struct unit *, bool);
void	__wrap_request_holds(struct request *);

int
__wrap_run_launch(struct unit *u, struct error *e)
{
	struct run *r;

	ck_assert_msg(u->run == NULL, "a second process for one unit");
	if (did.launch_error < 0) {
		did.refusals++;
		return fail(e, did.launch_error, "cannot make a process");
	}
	ck_assert_int_lt(s.launching, s.launch_limit);
	r = calloc(1, sizeof(*r));
	r->s = &s;
	r->unit = u;
	r->go_fd = 0;
	r->is_launching = true;
	s.launching++;
	u->run = r;
	u->now.pid = 1000 + did.launches;
	u->now.phase = PHASE_PREPARED;
	u->now.exit_recorded = u->now.failed_step = 0;
	u->now.ready_mono_ms = 0;
	did.launched_ms[u->id] = clock_ms();
	did.launches_of[u->id]++;
	did.order[did.norder++ % (UNITS * 4)] = (int)u->id;
	did.launches++;
	return 0;
}

int
__wrap_run_signal(struct run *r, int sig)
{
	if (sig == SIGCONT)
		return 0;
	did.signals[r->unit->id]++;
	did.last_signal[r->unit->id] = sig;
	return 0;
}

void
__wrap_run_finish(struct run *r)
{
	ck_assert(r->has_ended);
	free(r);
}

void
__wrap_run_clear(struct run *r, bool kill, bool tell)
{
	did.clears++;
	did.kills += kill;
	if (!tell)
		free(r);
	else if (r->has_ended && did.clears_at_once)
		unit_gone(r->unit);
}

void
__wrap_run_give_up_clearing(struct run *r)
{
	unit_gone(r->unit);
}

void
__wrap_run_record(const struct run *r)
{
	(void)r;
}

void
__wrap_bus_emit(struct supervisor *sp, struct message *m)
{
	(void)sp;
	did.events[m->type]++;
}

int
__wrap_app_note_wanted(struct unit *u)
{
	(void)u;
	return 0;
}

void
__wrap_request_settled(struct request *q, struct unit *u, bool ok)
{
	(void)q;
	(void)u;
	did.settled++;
	did.well += ok;
}

void
__wrap_request_holds(struct request *q)
{
	(void)q;
}

/* ---- a world of n units ---- */

static void
setup(int n)
{
	static char names[UNITS][8];
	struct error e = { 0 };

	clock_fake_reset();
	memset(&did, 0, sizeof(did));
	did.clears_at_once = true;
	s = (struct supervisor){ .launch_limit = 4, .is_loaded = true };
	arena_use();
	s.loop = ev_loop_new(EVFLAG_NOENV);
	TAILQ_INIT(&s.runs);
	TAILQ_INIT(&s.start_queue);
	ck_assert_int_eq(observed_create(&s.observed, &e), 0);
	for (nunits = 0; nunits < n; nunits++) {
		struct unit **u = &units[nunits];

		ck_assert_int_eq(unit_new(&s, UNIT_APP, nunits, -1, u, &e),
		    0);
		snprintf(names[nunits], sizeof(names[0]), "u%d", nunits);
		(*u)->name = names[nunits];
	}
}

static void
want(struct unit *u)
{
	u->now.wanted = 1;
	unit_step(u, EVENT_start);
}

static void
stop(struct unit *u)
{
	u->now.wanted = 0;
	unit_step(u, EVENT_stop);
}

static void
leave_launching(struct run *r)
{
	if (!r->is_launching)
		return;
	r->is_launching = false;
	r->go_fd = -1;
	s.launching--;
}

/* Its program runs. */
static void
executed(struct unit *u)
{
	ck_assert_ptr_nonnull(u->run);
	leave_launching(u->run);
	unit_executed(u);
	unit_run_queue(&s);
}

static void
ends(struct unit *u, int status)
{
	ck_assert_ptr_nonnull(u->run);
	leave_launching(u->run);
	u->run->has_ended = true;
	u->now.exit_status = status;
	u->now.exit_source = SOURCE_wait;
	unit_run_ended(u);
	unit_run_queue(&s);
}

/* Go to the next timer there is; false: there is none. */
static bool
next_timer(void)
{
	struct unit *first = NULL;

	for (int i = 0; i < nunits; i++)
		if (units[i]->now.wake_mono_ms != 0 && (first == NULL ||
		    units[i]->now.wake_mono_ms < first->now.wake_mono_ms))
			first = units[i];
	if (first == NULL)
		return false;
	if (first->now.wake_mono_ms > clock_ms())
		clock_fake_advance_ms(first->now.wake_mono_ms - clock_ms());
	ck_assert(ev_is_active(&first->timer));
	ev_timer_stop(s.loop, &first->timer);
	ev_invoke(s.loop, &first->timer, EV_TIMER);
	return true;
}

static enum state
state_of(int i)
{
	return unit_state(units[i]);
}

/* ---- restarts ---- */

/* The pause before the nth attempt, at least. */
static int64_t
least(int n)
{
	int64_t ms = n >= 4 ? 30000 : 200;

	for (int i = 0; i < n && ms < 30000; i++)
		ms *= 2;
	return (ms < 30000 ? ms : 30000) * 80 / 100;
}

START_TEST(a_storm_is_never_faster_than_its_back_off_and_never_ends)
{
	setup(1);
	want(units[0]);
	for (int n = 0; n < 500; n++) {
		int64_t ended = clock_ms();

		ck_assert_int_eq(did.launches, n + 1);
		executed(units[0]);
		ends(units[0], n % 3 == 0 ? SIGSEGV : EXITED(1));
		ck_assert_int_eq(state_of(0), STATE_waiting);
		ck_assert(next_timer());
		ck_assert_int_eq(did.launches, n + 2);
		ck_assert_msg(did.launched_ms[0] - ended >= least(n),
		    "attempt %d came after %d ms", n,
		    (int)(did.launched_ms[0] - ended));
		ck_assert_int_le(did.launched_ms[0] - ended, 30000);
	}
	ck_assert_int_eq(did.events[MSG_process_crashloop], 1);
	ck_assert_int_eq(did.events[MSG_process_exited], 500);
	ck_assert_int_eq(units[0]->now.restarts, 500);
}
END_TEST

START_TEST(a_storm_of_launches_that_fail_waits_too)
{
	int64_t before;

	setup(1);
	units[0]->policy.base_ms = units[0]->policy.first_ms = 0;
	units[0]->policy.max_ms = 0;
	did.launch_error = -EAGAIN;
	want(units[0]);
	for (int n = 0; n < 100; n++) {
		ck_assert_int_eq(did.refusals, n + 1);
		ck_assert_int_eq(state_of(0), STATE_waiting);
		ck_assert_str_eq(unit_problem(units[0]), "cannot make a process");
		before = clock_ms();
		ck_assert(next_timer());
		ck_assert_int_ge(clock_ms() - before, 100);
	}
	did.launch_error = 0;
	ck_assert(next_timer());
	ck_assert_int_eq(did.launches, 1);
}
END_TEST

START_TEST(one_that_was_stable_comes_back_soon)
{
	int64_t ended;

	setup(1);
	want(units[0]);
	for (int n = 0; n < 20; n++) {
		executed(units[0]);
		ck_assert(next_timer());
		ck_assert_int_eq(state_of(0), STATE_online);
		clock_fake_advance_ms(61000);
		ended = clock_ms();
		ends(units[0], EXITED(1));
		ck_assert(next_timer());
		ck_assert_int_eq(did.launched_ms[0] - ended, 100);
	}
	ck_assert_int_eq(did.events[MSG_process_crashloop], 0);
}
END_TEST

START_TEST(an_app_is_online_when_it_has_lived_a_second)
{
	int64_t began;

	setup(1);
	want(units[0]);
	ck_assert(!next_timer());
	began = clock_ms();
	executed(units[0]);
	ck_assert_int_eq(state_of(0), STATE_starting);
	ck_assert(next_timer());
	ck_assert_int_eq(state_of(0), STATE_online);
	ck_assert_int_eq(clock_ms() - began, 1000);
	ck_assert_int_eq(did.events[MSG_process_online], 1);
}
END_TEST

START_TEST(the_reason_that_is_shown_is_that_of_the_last_run)
{
	setup(1);
	want(units[0]);
	executed(units[0]);
	ends(units[0], EXITED(3));
	ck_assert_str_eq(unit_problem(units[0]), "exited with 3");
	ck_assert(next_timer());
	/* As launch.c does when the next process is there. */
	units[0]->trouble_is_old = true;
	executed(units[0]);
	ends(units[0], SIGSEGV);
	ck_assert_str_eq(unit_problem(units[0]), "killed by SIGSEGV");
}
END_TEST

START_TEST(what_is_not_to_be_restarted_is_not)
{
	setup(2);
	units[0]->policy.when = RESTART_NEVER;
	units[1]->policy.when = RESTART_ON_FAILURE;
	for (int i = 0; i < 2; i++) {
		want(units[i]);
		executed(units[i]);
		ends(units[i], EXITED(0));
		ck_assert_int_eq(state_of(i), STATE_stopped);
		ck_assert(!units[i]->now.wanted);
		ck_assert_str_eq(unit_problem(units[i]), "");
	}
	ck_assert(!next_timer());
	want(units[1]);
	executed(units[1]);
	ends(units[1], EXITED(1));
	ck_assert_int_eq(state_of(1), STATE_waiting);
}
END_TEST

START_TEST(who_is_told_to_give_up_does)
{
	setup(1);
	units[0]->policy.give_up_after = 3;
	want(units[0]);
	for (int i = 0; i < 3; i++) {
		executed(units[0]);
		ends(units[0], EXITED(1));
		if (i < 2)
			ck_assert(next_timer());
	}
	ck_assert_int_eq(state_of(0), STATE_errored);
	ck_assert(!next_timer());
	ck_assert_int_eq(did.events[MSG_process_errored], 1);
	want(units[0]);
	ck_assert_int_eq(state_of(0), STATE_starting);
	ck_assert_int_eq(did.launches, 4);
}
END_TEST

/* ---- the start budget ---- */

START_TEST(no_more_are_launched_at_once_than_the_limit_says)
{
	setup(UNITS);
	for (int i = 0; i < UNITS; i++)
		want(units[i]);
	for (int n = 0; n < UNITS; n++) {
		ck_assert_int_eq(did.launches, n + 4 < UNITS ? n + 4 : UNITS);
		ck_assert_int_le(s.launching, 4);
		/* Those that end before they began give a place up, too. */
		if (n % 2 == 0)
			executed(units[n]);
		else
			ends(units[n], EXITED(1));
	}
	ck_assert_int_eq(s.launching, 0);
	/* First come, first served. */
	for (int n = 0; n < UNITS; n++)
		ck_assert_int_eq(did.order[n], n);
}
END_TEST

START_TEST(what_an_operator_asks_for_goes_first_then_by_priority)
{
	setup(8);
	s.launch_limit = 1;
	for (int i = 0; i < 8; i++) {
		units[i]->priority = i < 4 ? 0 : i;
		units[i]->is_urgent = i == 2;
		want(units[i]);
	}
	for (int i = 0; i < 8; i++)
		executed(units[did.order[i]]);
	/* The first had the place already. */
	ck_assert_int_eq(did.order[0], 0);
	ck_assert_int_eq(did.order[1], 2);
	ck_assert_int_eq(did.order[2], 7);
	ck_assert_int_eq(did.order[3], 6);
	ck_assert_int_eq(did.order[4], 5);
	ck_assert_int_eq(did.order[5], 4);
	ck_assert_int_eq(did.order[6], 1);
	ck_assert_int_eq(did.order[7], 3);
}
END_TEST

START_TEST(a_queue_of_launches_that_fail_is_worked_off)
{
	setup(UNITS);
	s.launching = s.launch_limit;
	for (int i = 0; i < UNITS; i++)
		want(units[i]);
	ck_assert_int_eq(did.refusals, 0);
	did.launch_error = -ENOMEM;
	s.launching = 0;
	unit_run_queue(&s);
	ck_assert_int_eq(did.refusals, UNITS);
	ck_assert(TAILQ_EMPTY(&s.start_queue));
	for (int i = 0; i < UNITS; i++)
		ck_assert_int_eq(state_of(i), STATE_waiting);
}
END_TEST

/* ---- stops ---- */

START_TEST(a_stop_before_its_program_runs_kills_at_once)
{
	setup(1);
	want(units[0]);
	stop(units[0]);
	ck_assert_int_eq(state_of(0), STATE_stopping);
	ck_assert_int_eq(did.last_signal[0], SIGKILL);
	ends(units[0], SIGKILL);
	ck_assert_int_eq(state_of(0), STATE_stopped);
	ck_assert(!next_timer());
	ck_assert_int_eq(did.launches, 1);
}
END_TEST

START_TEST(a_stop_asks_then_kills_then_says_so)
{
	int64_t began;

	setup(1);
	units[0]->stop_signal = SIGINT;
	want(units[0]);
	executed(units[0]);
	ck_assert(next_timer());
	began = clock_ms();
	stop(units[0]);
	ck_assert_int_eq(did.last_signal[0], SIGINT);
	ck_assert(next_timer());
	ck_assert_int_eq(clock_ms() - began, 10000);
	ck_assert_int_eq(state_of(0), STATE_killing);
	ck_assert_int_eq(did.last_signal[0], SIGKILL);
	/* It hangs in the kernel. No second one, however often it is asked
	 * for, and it is said again and again. */
	for (int i = 1; i < 20; i++) {
		unit_step(units[0], i % 2 == 0 ? EVENT_start : EVENT_restart);
		ck_assert(next_timer());
		ck_assert_int_eq(state_of(0), STATE_killing);
		ck_assert_int_eq(did.events[MSG_process_unkillable], i);
	}
	ck_assert_int_eq(did.launches, 1);
	ends(units[0], SIGKILL);
	ck_assert_int_eq(state_of(0), STATE_stopped);
}
END_TEST

START_TEST(what_it_left_behind_is_waited_for_and_not_for_ever)
{
	setup(1);
	did.clears_at_once = false;
	want(units[0]);
	executed(units[0]);
	stop(units[0]);
	ends(units[0], EXITED(0));
	ck_assert_int_eq(state_of(0), STATE_stopping);
	ck_assert_int_eq(did.kills, 0);
	ck_assert(next_timer());
	ck_assert_int_eq(state_of(0), STATE_killing);
	ck_assert_int_eq(did.kills, 1);
	ck_assert(next_timer());
	ck_assert_int_eq(state_of(0), STATE_stopped);
	ck_assert_int_eq(did.events[MSG_process_unkillable], 1);
}
END_TEST

START_TEST(a_stop_while_it_waits_for_a_place_takes_it_out)
{
	setup(2);
	s.launch_limit = 1;
	want(units[0]);
	want(units[1]);
	stop(units[1]);
	ck_assert_int_eq(state_of(1), STATE_stopped);
	executed(units[0]);
	ck_assert_int_eq(did.launches_of[1], 0);
	ck_assert(TAILQ_EMPTY(&s.start_queue));
}
END_TEST

START_TEST(a_stop_while_it_waits_for_the_next_attempt_ends_that)
{
	setup(1);
	want(units[0]);
	executed(units[0]);
	ends(units[0], EXITED(1));
	stop(units[0]);
	ck_assert_int_eq(state_of(0), STATE_stopped);
	ck_assert(!next_timer());
	ck_assert_int_eq(did.launches, 1);
}
END_TEST

START_TEST(a_restart_while_stopping_comes_back_once)
{
	setup(1);
	want(units[0]);
	executed(units[0]);
	ck_assert(next_timer());
	stop(units[0]);
	for (int i = 0; i < 5; i++) {
		units[0]->now.wanted = 1;
		unit_step(units[0], EVENT_restart);
		ck_assert_int_eq(state_of(0), STATE_stopping);
	}
	ends(units[0], SIGTERM);
	ck_assert_int_eq(state_of(0), STATE_starting);
	ck_assert_int_eq(did.launches, 2);
	ck_assert_int_eq(did.signals[0], 1);
}
END_TEST

START_TEST(a_restart_is_no_failure)
{
	setup(1);
	want(units[0]);
	for (int i = 0; i < 20; i++) {
		executed(units[0]);
		ck_assert(next_timer());
		unit_step(units[0], EVENT_restart);
		ends(units[0], SIGTERM);
		/* At once, and not in a crash loop. */
		ck_assert_int_eq(did.launches, i + 2);
	}
	ck_assert_int_eq(did.events[MSG_process_crashed], 0);
	ck_assert_int_eq(units[0]->now.history.streak, 0);
}
END_TEST

START_TEST(what_is_deleted_does_not_come_back)
{
	static const int at[] = { STATE_starting, STATE_online, STATE_waiting };

	for (int i = 0; i < 3; i++) {
		setup(1);
		want(units[0]);
		if (at[i] != STATE_starting)
			executed(units[0]);
		if (at[i] == STATE_online)
			ck_assert(next_timer());
		if (at[i] == STATE_waiting)
			ends(units[0], EXITED(1));
		ck_assert_int_eq(state_of(0), at[i]);
		units[0]->is_doomed = true;
		stop(units[0]);
		/* Somebody wants it all the same. */
		units[0]->now.wanted = 1;
		if (units[0]->run != NULL)
			ends(units[0], SIGTERM);
		ck_assert_int_eq(state_of(0), STATE_stopped);
		ck_assert_int_eq(did.launches, 1);
		unit_free(units[0]);
		ck_assert_ptr_null(s.units);
	}
}
END_TEST

START_TEST(while_the_daemon_stops_nothing_is_begun_again)
{
	setup(1);
	want(units[0]);
	executed(units[0]);
	s.is_stopping = true;
	unit_step(units[0], EVENT_stop);
	ends(units[0], SIGTERM);
	ck_assert_int_eq(state_of(0), STATE_stopped);
	ck_assert(units[0]->now.wanted);	/* by the next daemon */
	ck_assert_int_eq(did.launches, 1);
}
END_TEST

START_TEST(in_safe_mode_only_what_is_asked_for_is_begun)
{
	setup(2);
	s.is_safe = true;
	want(units[0]);
	ck_assert_int_eq(did.launches, 0);
	ck_assert_str_ne(unit_problem(units[0]), "");
	units[1]->is_urgent = true;
	want(units[1]);
	ck_assert_int_eq(did.launches, 1);
}
END_TEST

/* ---- those who wait ---- */

START_TEST(who_waits_is_told_once_how_it_came)
{
	struct request q = { .holds = 1 };

	setup(3);
	for (int i = 0; i < 3; i++) {
		want(units[i]);
		ck_assert_int_eq(unit_wait(units[i], &q, WAIT_ONLINE), 0);
	}
	ck_assert_int_eq(did.settled, 0);
	executed(units[0]);
	ck_assert(next_timer());
	ck_assert_int_eq(did.settled, 1);
	ck_assert_int_eq(did.well, 1);
	executed(units[1]);
	ends(units[1], EXITED(1));
	ck_assert_int_eq(did.settled, 2);
	ck_assert_int_eq(did.well, 1);
	stop(units[2]);
	ends(units[2], SIGKILL);
	ck_assert_int_eq(did.settled, 3);
	/* It is there already. */
	unit_wait(units[0], &q, WAIT_ONLINE);
	ck_assert_int_eq(did.settled, 4);
}
END_TEST

START_TEST(a_start_that_came_to_nothing_is_no_success)
{
	struct request q = { .holds = 1 };

	setup(1);
	units[0]->policy.when = RESTART_NEVER;
	did.launch_error = -EAGAIN;
	want(units[0]);
	unit_wait(units[0], &q, WAIT_ONLINE);
	ck_assert_int_eq(state_of(0), STATE_stopped);
	ck_assert_int_eq(did.settled, 1);
	ck_assert_int_eq(did.well, 0);
	ck_assert_str_eq(unit_problem(units[0]), "cannot make a process");
}
END_TEST

/* ---- anything at all ---- */

/* A process where there is one in the table's eyes, and only there. */
static void
check_all(void)
{
	int launching = 0;

	for (int i = 0; i < nunits; i++) {
		const struct unit *u = units[i];
		enum state st = unit_state(u);

		ck_assert_int_lt(st, STATE_COUNT);
		launching += u->run != NULL && u->run->is_launching;
		if (st == STATE_created || st == STATE_stopped ||
		    st == STATE_errored || st == STATE_waiting)
			ck_assert_msg(u->run == NULL && !u->is_queued,
			    "'%s' with a process", state_name(st));
		if (st == STATE_online || st == STATE_stopping ||
		    st == STATE_killing)
			ck_assert(u->run != NULL && !u->is_queued);
		if (st == STATE_starting)
			ck_assert((u->run != NULL) != u->is_queued);
		/* Nothing hangs: a timer, a process or a place is waited
		 * for. */
		if (st == STATE_waiting || st == STATE_stopping ||
		    st == STATE_killing)
			ck_assert_int_ne(u->now.wake_mono_ms, 0);
	}
	ck_assert_int_eq(launching, s.launching);
	ck_assert_int_le(s.launching, s.launch_limit);
}

static void
anything(struct unit *u, unsigned int what)
{
	switch (what % 8) {
	case 0:
		want(u);
		break;
	case 1:
		stop(u);
		break;
	case 2:
		u->now.wanted = 1;
		unit_step(u, EVENT_restart);
		break;
	case 3:
	case 4:
		if (u->run != NULL && u->run->is_launching)
			executed(u);
		break;
	case 5:
		if (u->run != NULL && !u->run->has_ended)
			ends(u, EXITED(what / 8 % 3));
		break;
	case 6:
		did.launch_error = what % 5 == 0 ? -EAGAIN : 0;
		break;
	default:
		next_timer();
		break;
	}
}

START_TEST(whatever_happens_each_unit_has_one_process_or_a_reason)
{
	uint64_t n = 1;

	setup(12);
	units[3]->policy.when = RESTART_NEVER;
	units[4]->policy.when = RESTART_ON_FAILURE;
	units[5]->policy.give_up_after = 2;
	for (int i = 0; i < 200000; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		did.clears_at_once = (n >> 60) != 0;
		anything(units[(n >> 33) % 12], (unsigned int)(n >> 40));
		check_all();
	}
	ck_assert_int_gt(did.launches, 1000);
	/* And it comes to rest as it was asked to. */
	did.launch_error = 0;
	did.clears_at_once = true;
	for (int i = 0; i < 12; i++)
		stop(units[i]);
	for (int i = 0; i < 1000; i++) {
		for (int j = 0; j < 12; j++)
			if (units[j]->run != NULL && !units[j]->run->has_ended)
				ends(units[j], SIGKILL);
		next_timer();
	}
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(state_of(i), STATE_stopped);
}
END_TEST

int
main(void)
{
	return run_tests("unit", (const TTest *const[]){
	    a_storm_is_never_faster_than_its_back_off_and_never_ends,
	    a_storm_of_launches_that_fail_waits_too,
	    one_that_was_stable_comes_back_soon,
	    an_app_is_online_when_it_has_lived_a_second,
	    the_reason_that_is_shown_is_that_of_the_last_run,
	    what_is_not_to_be_restarted_is_not,
	    who_is_told_to_give_up_does,
	    no_more_are_launched_at_once_than_the_limit_says,
	    what_an_operator_asks_for_goes_first_then_by_priority,
	    a_queue_of_launches_that_fail_is_worked_off,
	    a_stop_before_its_program_runs_kills_at_once,
	    a_stop_asks_then_kills_then_says_so,
	    what_it_left_behind_is_waited_for_and_not_for_ever,
	    a_stop_while_it_waits_for_a_place_takes_it_out,
	    a_stop_while_it_waits_for_the_next_attempt_ends_that,
	    a_restart_while_stopping_comes_back_once,
	    a_restart_is_no_failure,
	    what_is_deleted_does_not_come_back,
	    while_the_daemon_stops_nothing_is_begun_again,
	    in_safe_mode_only_what_is_asked_for_is_begun,
	    who_waits_is_told_once_how_it_came,
	    a_start_that_came_to_nothing_is_no_success,
	    whatever_happens_each_unit_has_one_process_or_a_reason,
	    NULL });
}
