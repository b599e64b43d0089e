/* Our own processes: what each needs, its channel, its life. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_ACTOR_H
#define ROOT_ACTOR_H

#include <ev.h>

#include "protocol/channel.h"
#include "supervisor/root/plan.h"
#include "supervisor/root/restart.h"
#include "supervisor/root/supervisor.h"

/* X(name): the built-in ones, in the order in which they are started and
 * stopped in reverse. Their uid is the base and their place here. Behind them
 * are the further od-captures, one for each file system that users' log paths
 * lead to, most of them never started. */
#define ACTORS(X)	X(capture) X(journal) X(logs)

enum actor_id {
#define X(name) ACTOR_##name,
	ACTORS(X)
#undef X
	ACTOR_capture_2,
	ACTOR_COUNT = ACTOR_capture_2 + 15	/* up to capture-16 */
};

/* The directory an actor is promised, as descriptor 4. */
enum promised {
	PROMISED_NOTHING,
	PROMISED_LOG,
	PROMISED_STATE,
	PROMISED_LOCK,		/* no directory: a file to be locked */
};

struct manifest {
	const char	*name;
	const char	*program;
	const char	*argument;	/* or NULL */
	enum promised	 directory;
	bool		 is_vital;	/* never quarantined */
	bool		 sends_fds;
	bool		 hears_kept;	/* all events that go to disk */
};

struct actor {
	struct supervisor *s;
	const struct manifest *manifest;
	enum actor_id	 id;
	struct unit	*unit;
	struct channel	 channel;	/* fd -1: none */
	struct ev_io	 io;
	int		 child_fd;	/* its end, while it is made */
	bool		 has_greeted;
	bool		 owes_heartbeat;
	char		 fault[128];	/* why we killed it, or "" */
	struct ev_timer	 linger;	/* it closed its channel: is it dying? */
	int64_t		 seen_seq;	/* the last event it has dealt with */
	struct subscriber *subscriber;
	int64_t		 failed_ms[RESTART_LOOP_FAILURES];
	int		 nfailed;
	bool		 is_quarantined;
	int64_t		 storm_from_ms;	/* of deaths that are no failures */
	int		 storm_count;
};

/* Make the units of all built-in actors; they are started by the caller. */
int	actors_init(struct supervisor *, struct error *);

/* It has dealt with all events up to seq: it gets those that follow. */
void	actor_hears_from(struct supervisor *, enum actor_id, int64_t seq);

struct actor	*actor_named(struct supervisor *, const char *name);
bool	actor_is_capture(enum actor_id);
/* It is to be seen: it is needed, or not yet gone. */
bool	actor_is_used(const struct actor *);
bool	actor_is_up(const struct supervisor *, enum actor_id);
uid_t	actor_uid(enum actor_id);
bool	actor_owns_uid(const struct supervisor *, uid_t);

/* Send it a notification, or a request with that id; 0 or a negative errno
 * (-ENOTCONN: it is not there). fd is -1 or rides along. */
int	actor_tell(struct supervisor *, enum actor_id, const struct message *,
	    int fd);
int	actor_ask(struct supervisor *, enum actor_id, uint32_t id,
	    const struct message *);

/* It cannot be talked to: its successor can, perhaps. */
void	actor_replace(struct supervisor *, enum actor_id, const char *why);

/* Ask all for a sign of life. */
void	actor_heartbeats(struct supervisor *);

/* It is going to be killed for that: a failure, and nobody else's act. */
void	actor_blame(struct actor *, const char *why);

/* Steps of a unit's life that differ for an actor. */
int	actor_prepare(struct unit *, struct error *);
void	actor_plan(const struct unit *, struct plan *);
int	actor_passed_fds(const struct unit *, int *fds);
void	actor_launched(struct unit *, bool ok);
int64_t	actor_judge(struct unit *, const struct restart_end *);
void	actor_crashed(struct unit *);
void	actor_run_ended(struct unit *);

#endif
