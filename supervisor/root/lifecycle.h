/* The life of a unit: which states there are, and what leads from one to
 * another. The table in lifecycle.c is the only place that says so. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_LIFECYCLE_H
#define ROOT_LIFECYCLE_H

#include <stddef.h>

struct unit;

/* As the user sees them. */
#define LIFECYCLE_STATES(X)						\
	X(created)	/* defined, never started */			\
	X(starting)	/* a process is being made, or is not ready */	\
	X(online)	/* ready */					\
	X(stopping)	/* asked to end; then what it left behind */	\
	X(killing)	/* no longer asked */				\
	X(waiting)	/* for the next attempt */			\
	X(errored)	/* given up, as it was told to */		\
	X(stopped)	/* not wanted */

/*
 * What can happen to it. The end of a run that nobody asked for is judged
 * before it gets here: died is followed by another attempt, finished is not,
 * gave_up has spent its attempts. The end of the main process of a unit that
 * is being stopped is ended; gone says that nothing of the run is left, and
 * gone_wanted that it is to run again.
 */
#define LIFECYCLE_EVENTS(X)						\
	X(start) X(stop) X(restart)					\
	X(ready) X(timeout)						\
	X(died) X(finished) X(gave_up)					\
	X(ended) X(gone) X(gone_wanted)

enum state {
#define X(name) STATE_##name,
	LIFECYCLE_STATES(X)
#undef X
	STATE_COUNT
};

enum event {
#define X(name) EVENT_##name,
	LIFECYCLE_EVENTS(X)
#undef X
	EVENT_COUNT
};

struct transition {
	enum state	from;
	enum event	on;
	enum state	to;
	void		(*action)(struct unit *);
};

/* NULL: in that state, the event means nothing. */
const struct transition	*lifecycle_find(enum state, enum event);

const char	*state_name(enum state);
const char	*event_name(enum event);

/* Row n of the table, for the test that reads it and for the drawing; NULL
 * behind the last. */
const struct transition	*lifecycle_row(size_t n);

#endif
