/* Anything the supervisor keeps up: one instance of an app, or an actor. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_UNIT_H
#define ROOT_UNIT_H

#include <ev.h>

#include "supervisor/root/hash.h"
#include "supervisor/root/lifecycle.h"
#include "supervisor/root/supervisor.h"

enum unit_kind {
	UNIT_APP = 1,
	UNIT_ACTOR,
};

#define UNIT_KEY(kind, id)	((uint64_t)(kind) << 40 | (uint64_t)(id))
#define UNIT_KEY_KIND(key)	((enum unit_kind)((key) >> 40))
#define UNIT_KEY_ID(key)	((int64_t)((key) & ((1ULL << 40) - 1)))

/* What somebody waits for. */
enum wait_kind {
	WAIT_ONLINE,
	WAIT_STOPPED,
};

/* Somebody waits for a unit to get somewhere. */
struct waiter {
	LIST_ENTRY(waiter)	 of_unit;
	enum wait_kind		 kind;
	struct unit		*unit;
	struct request		*request;	/* control.h */
};

struct unit {
	struct supervisor	*s;
	enum unit_kind		 kind;
	uint64_t		 key;
	int64_t			 id;		/* as users see it */
	const char		*name;		/* the app's or the actor's */
	int			 instance;
	struct app		*app;		/* of an app's unit, else NULL */
	struct actor		*actor;		/* of an actor's unit, else NULL */

	int			 index;		/* of its slot */
	struct slot		 now;		/* to be committed */
	struct run		*run;		/* the present one, or NULL */
	struct ev_timer		 timer;		/* now.wake_mono_ms */
	int64_t			 retry_ms;	/* what the policy said */
	char			*trouble;	/* why it is not as asked, owned,
						 * or NULL */
	bool			 trouble_is_old;	/* of an earlier run */

	struct restart_policy	 policy;
	int			 stop_signal;
	int64_t			 stop_timeout_ms;
	int			 priority;
	struct log_stream	*out, *err;	/* err NULL: combined */

	bool			 is_queued;
	bool			 is_doomed;	/* removed as soon as stopped */
	bool			 is_urgent;	/* an operator asked for it */
	TAILQ_ENTRY(unit)	 queue;
	LIST_HEAD(, waiter)	 waiters;
	UT_hash_handle		 hh;
};

/* A new unit with a slot of its own: -ENOSPC, -ENOMEM. With index >= 0 it
 * takes over that slot and goes on from there. */
int	unit_new(struct supervisor *, enum unit_kind, int64_t id, int index,
	    struct unit **, struct error *);

/* Take it out of everything; it must have no run. */
void	unit_free(struct unit *);

/* Let the event happen: look up the table, act, commit. False if it means
 * nothing in the present state. */
bool	unit_step(struct unit *, enum event);

enum state	unit_state(const struct unit *);
bool	unit_is_up(const struct unit *);	/* it has a process, or will */

/* Say what is the matter with it; shown until it is online again. */
void	unit_trouble(struct unit *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* What unit_trouble() said, or "". */
const char	*unit_problem(const struct unit *);
/* The same; or what is the matter with its logs. */
const char	*unit_complaint(const struct unit *);

/* Carry what happened in now into the shared memory. */
void	unit_commit(struct unit *);

/* Its timer, on the monotonic clock; 0: off. */
void	unit_set_timer(struct unit *, int64_t ms);
/* Arm the timer of a unit that was taken over. */
void	unit_resume_timer(struct unit *);

/* Its run has ended: act upon what now.exit_* says. */
void	unit_run_ended(struct unit *);
/* No process could be made at all. */
void	unit_launch_failed(struct unit *, const struct error *);
/* The program runs; its readiness is a matter of time. */
void	unit_executed(struct unit *);
/* Nothing of its last run is left. */
void	unit_gone(struct unit *);

/* Wait for it on behalf of a request; tells at once if it is there. */
int	unit_wait(struct unit *, struct request *, enum wait_kind);
void	unit_settle(struct unit *);

/* The row of process_list; its strings live as long as the unit. */
void	unit_row(const struct unit *, struct message *);

/* Start those that wait for a place. */
void	unit_run_queue(struct supervisor *);

/* The actions of lifecycle.c. */
void	unit_nothing(struct unit *);
void	unit_begin(struct unit *);
void	unit_begin_afresh(struct unit *);
void	unit_begin_again(struct unit *);
void	unit_announce_online(struct unit *);
void	unit_announce_finished(struct unit *);
void	unit_announce_errored(struct unit *);
void	unit_announce_stopped(struct unit *);
void	unit_retry(struct unit *);
void	unit_overdue(struct unit *);
void	unit_terminate(struct unit *);
void	unit_clear(struct unit *);
void	unit_kill(struct unit *);
void	unit_name_unkillable(struct unit *);

#endif
