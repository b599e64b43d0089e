/* The lifecycle, read as the table it is. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/lifecycle.h"

#include "supervisor/root/unit.h"
#include "tests/unit/run.h"

/* True if the row for that state and event exists and leads there. */
static bool
leads(enum state from, enum event on, enum state to)
{
	const struct transition *t = lifecycle_find(from, on);

	return t != NULL && t->to == to;
}

START_TEST(an_end_is_never_ignored_while_alive)
{
	static const enum state alive[] = { STATE_starting, STATE_online };
	static const enum event ends[] = { EVENT_died, EVENT_finished,
	    EVENT_gave_up };

	for (int s = 0; s < 2; s++)
		for (int e = 0; e < 3; e++)
			ck_assert_msg(lifecycle_find(alive[s], ends[e]) !=
			    NULL, "'%s' ignores '%s'", state_name(alive[s]),
			    event_name(ends[e]));
}
END_TEST

START_TEST(an_end_is_never_ignored_while_stopping)
{
	static const enum state ending[] = { STATE_stopping, STATE_killing };
	static const enum event ends[] = { EVENT_ended, EVENT_gone,
	    EVENT_gone_wanted };

	for (int s = 0; s < 2; s++)
		for (int e = 0; e < 3; e++)
			ck_assert_msg(lifecycle_find(ending[s], ends[e]) !=
			    NULL, "'%s' ignores '%s'", state_name(ending[s]),
			    event_name(ends[e]));
}
END_TEST

START_TEST(no_deadline_is_ignored)
{
	static const enum state waits[] = { STATE_starting, STATE_waiting,
	    STATE_stopping, STATE_killing };

	for (int s = 0; s < 4; s++)
		ck_assert_ptr_nonnull(lifecycle_find(waits[s],
		    EVENT_timeout));
}
END_TEST

START_TEST(every_state_answers_what_an_operator_asks)
{
	static const enum event asked[] = { EVENT_start, EVENT_stop,
	    EVENT_restart };

	for (int s = 0; s < STATE_COUNT; s++)
		for (int e = 0; e < 3; e++)
			ck_assert_msg(lifecycle_find((enum state)s,
			    asked[e]) != NULL, "'%s' does not answer '%s'",
			    state_name((enum state)s), event_name(asked[e]));
}
END_TEST

/* What was stopped must not come back by itself, nor what runs be doubled. */
START_TEST(a_stop_leads_to_no_process)
{
	for (int s = 0; s < STATE_COUNT; s++) {
		const struct transition *t = lifecycle_find((enum state)s,
		    EVENT_stop);

		ck_assert(t->to == STATE_stopped || t->to == STATE_stopping ||
		    t->to == STATE_killing);
	}
}
END_TEST

START_TEST(a_living_process_is_never_left_behind)
{
	static const enum state alive[] = { STATE_starting, STATE_online,
	    STATE_stopping, STATE_killing };
	static const enum event asked[] = { EVENT_start, EVENT_stop,
	    EVENT_restart, EVENT_timeout, EVENT_ready };

	for (int s = 0; s < 4; s++)
		for (int e = 0; e < 5; e++) {
			const struct transition *t = lifecycle_find(alive[s],
			    asked[e]);

			if (t == NULL)
				continue;
			ck_assert_msg(t->to != STATE_stopped &&
			    t->to != STATE_waiting && t->to != STATE_errored,
			    "'%s' on '%s' forgets its process",
			    state_name(alive[s]), event_name(asked[e]));
		}
}
END_TEST

/* A stop that is under way ends in one of two ways, whatever else is asked. */
START_TEST(only_what_is_gone_leaves_a_stop)
{
	for (int e = 0; e < EVENT_COUNT; e++) {
		const struct transition *t = lifecycle_find(STATE_killing,
		    (enum event)e);

		if (t == NULL || e == EVENT_gone || e == EVENT_gone_wanted)
			continue;
		ck_assert_msg(t->to == STATE_killing, "'%s' ends the killing",
		    event_name((enum event)e));
	}
	ck_assert(leads(STATE_killing, EVENT_gone, STATE_stopped));
	ck_assert(leads(STATE_killing, EVENT_gone_wanted, STATE_starting));
	ck_assert(leads(STATE_stopping, EVENT_gone, STATE_stopped));
	ck_assert(leads(STATE_stopping, EVENT_gone_wanted, STATE_starting));
}
END_TEST

START_TEST(no_two_rows_say_different_things)
{
	const struct transition *a, *b;

	for (size_t i = 0; (a = lifecycle_row(i)) != NULL; i++)
		for (size_t j = i + 1; (b = lifecycle_row(j)) != NULL; j++)
			ck_assert_msg(a->from != b->from || a->on != b->on,
			    "two rows for '%s' on '%s'", state_name(a->from),
			    event_name(a->on));
}
END_TEST

START_TEST(every_row_is_found_and_has_an_action)
{
	const struct transition *t;
	size_t n;

	for (n = 0; (t = lifecycle_row(n)) != NULL; n++) {
		ck_assert_ptr_eq(lifecycle_find(t->from, t->on), t);
		ck_assert_int_lt(t->from, STATE_COUNT);
		ck_assert_int_lt(t->to, STATE_COUNT);
		ck_assert_int_lt(t->on, EVENT_COUNT);
		ck_assert_ptr_nonnull((void *)t->action);
	}
	ck_assert_uint_gt(n, 30);
	ck_assert_ptr_null(lifecycle_row(n + 1));
}
END_TEST

/* Mark what can be reached from a state, by any event. */
static void
spread(bool *reached)
{
	const struct transition *t;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; (t = lifecycle_row(i)) != NULL; i++)
			if (reached[t->from] && !reached[t->to])
				reached[t->to] = more = true;
	}
}

START_TEST(every_state_can_be_reached)
{
	bool reached[STATE_COUNT] = { [STATE_created] = true };

	spread(reached);
	for (int s = 0; s < STATE_COUNT; s++)
		ck_assert_msg(reached[s], "'%s' is never reached",
		    state_name((enum state)s));
}
END_TEST

START_TEST(from_every_state_there_is_a_way_to_online_and_to_stopped)
{
	for (int s = 0; s < STATE_COUNT; s++) {
		bool reached[STATE_COUNT] = { false };

		reached[s] = true;
		spread(reached);
		ck_assert_msg(reached[STATE_online] && reached[STATE_stopped],
		    "'%s' is a dead end", state_name((enum state)s));
	}
}
END_TEST

START_TEST(every_event_is_used)
{
	const struct transition *t;
	bool used[EVENT_COUNT] = { false };

	for (size_t i = 0; (t = lifecycle_row(i)) != NULL; i++)
		used[t->on] = true;
	for (int e = 0; e < EVENT_COUNT; e++)
		ck_assert_msg(used[e], "'%s' is never used",
		    event_name((enum event)e));
}
END_TEST

START_TEST(names_are_there_for_all_and_for_nothing_else)
{
	for (int s = 0; s < STATE_COUNT; s++)
		ck_assert_str_ne(state_name((enum state)s), "?");
	for (int e = 0; e < EVENT_COUNT; e++)
		ck_assert_str_ne(event_name((enum event)e), "?");
	/* Shared memory may say anything. */
	ck_assert_str_eq(state_name((enum state)STATE_COUNT), "?");
	ck_assert_str_eq(event_name((enum event)255), "?");
	ck_assert_ptr_null(lifecycle_find((enum state)255, EVENT_start));
}
END_TEST

int
main(void)
{
	return run_tests("lifecycle", (const TTest *const[]){
	    an_end_is_never_ignored_while_alive,
	    an_end_is_never_ignored_while_stopping,
	    no_deadline_is_ignored,
	    every_state_answers_what_an_operator_asks,
	    a_stop_leads_to_no_process,
	    a_living_process_is_never_left_behind,
	    only_what_is_gone_leaves_a_stop,
	    no_two_rows_say_different_things,
	    every_row_is_found_and_has_an_action,
	    every_state_can_be_reached,
	    from_every_state_there_is_a_way_to_online_and_to_stopped,
	    every_event_is_used,
	    names_are_there_for_all_and_for_nothing_else,
	    NULL });
}
