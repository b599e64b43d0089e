/* The life of a unit, app or actor alike, as a table. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/lifecycle.h"

#include "supervisor/root/unit.h"

/* Read a row as: in FROM, ON happens, so go TO and do ACTION. The actions are
 * in unit.c; they run when the state is already TO. */
/* clang-format off */
static const struct transition transitions[] = {
#define T(from, on, to, action) \
	{ STATE_##from, EVENT_##on, STATE_##to, action }
	T(created,  start,       starting, unit_begin),
	T(created,  restart,     starting, unit_begin),
	T(created,  stop,        stopped,  unit_nothing),

	T(stopped,  start,       starting, unit_begin),
	T(stopped,  restart,     starting, unit_begin),
	T(stopped,  stop,        stopped,  unit_nothing),

	T(errored,  start,       starting, unit_begin_afresh),
	T(errored,  restart,     starting, unit_begin_afresh),
	T(errored,  stop,        stopped,  unit_nothing),

	T(starting, start,       starting, unit_nothing),
	T(starting, stop,        stopping, unit_terminate),
	T(starting, restart,     stopping, unit_terminate),
	T(starting, ready,       online,   unit_announce_online),
	T(starting, timeout,     starting, unit_overdue),
	T(starting, died,        waiting,  unit_retry),
	T(starting, finished,    stopped,  unit_announce_finished),
	T(starting, gave_up,     errored,  unit_announce_errored),

	T(online,   start,       online,   unit_nothing),
	T(online,   stop,        stopping, unit_terminate),
	T(online,   restart,     stopping, unit_terminate),
	T(online,   died,        waiting,  unit_retry),
	T(online,   finished,    stopped,  unit_announce_finished),
	T(online,   gave_up,     errored,  unit_announce_errored),

	T(waiting,  start,       starting, unit_begin_afresh),
	T(waiting,  restart,     starting, unit_begin_afresh),
	T(waiting,  stop,        stopped,  unit_announce_stopped),
	T(waiting,  timeout,     starting, unit_begin),

	T(stopping, start,       stopping, unit_nothing),
	T(stopping, restart,     stopping, unit_nothing),
	T(stopping, stop,        stopping, unit_nothing),
	T(stopping, ended,       stopping, unit_clear),
	T(stopping, timeout,     killing,  unit_kill),
	T(stopping, gone,        stopped,  unit_announce_stopped),
	T(stopping, gone_wanted, starting, unit_begin_again),

	T(killing,  start,       killing,  unit_nothing),
	T(killing,  restart,     killing,  unit_nothing),
	T(killing,  stop,        killing,  unit_nothing),
	T(killing,  ended,       killing,  unit_clear),
	T(killing,  timeout,     killing,  unit_name_unkillable),
	T(killing,  gone,        stopped,  unit_announce_stopped),
	T(killing,  gone_wanted, starting, unit_begin_again),
#undef T
};
/* clang-format on */

#define ROWS (sizeof(transitions) / sizeof(transitions[0]))

const struct transition *
lifecycle_row(size_t n)
{
	return n < ROWS ? &transitions[n] : NULL;
}

const struct transition *
lifecycle_find(enum state from, enum event on)
{
	for (size_t i = 0; i < ROWS; i++)
		if (transitions[i].from == from && transitions[i].on == on)
			return &transitions[i];
	return NULL;
}

const char *
state_name(enum state s)
{
	static const char *const names[] = {
#define X(name) #name,
		LIFECYCLE_STATES(X)
#undef X
	};

	return s < STATE_COUNT ? names[s] : "?";
}

const char *
event_name(enum event e)
{
	static const char *const names[] = {
#define X(name) #name,
		LIFECYCLE_EVENTS(X)
#undef X
	};

	return e < EVENT_COUNT ? names[e] : "?";
}
