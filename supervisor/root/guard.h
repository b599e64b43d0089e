/*
 * The supervisor's side of the two guards: what the keeper is to hold, and
 * the keeper's own life. Every entry is remembered here as well, so that a
 * new keeper can be told all of it.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_GUARD_H
#define ROOT_GUARD_H

#include "supervisor/keeper/keeper.h"
#include "supervisor/root/supervisor.h"

struct guard;

/* What the keeper is to hold; the descriptors stay the caller's, and must be
 * open until guard_drop(). */
struct guard_item {
	uint64_t	 key;
	pid_t		 pid;		/* whose exit it is to watch for, or 0 */
	int		 slot;
	const void	*blob;
	size_t		 len;
	int		 fds[KEEPER_FDS];
	int		 nfds;
	/* Called exactly once: with 0 when the keeper has it, a negative errno
	 * when it refuses it, -ECANCELED when it was replaced or dropped
	 * before. May be NULL. */
	void		(*held)(void *arg, int result);
	void		*arg;
};

/* Begin with the socket to the keeper that started us (its parent pid). */
int	guard_init(struct supervisor *, int sock, pid_t keeper,
	    struct error *);

/*
 * Ask the keeper for all it has; blocks, in set-up only. item is called for
 * each, and owns its descriptors. 0 when it was complete, -EPIPE when the
 * keeper died over it.
 */
int	guard_list(struct supervisor *, void (*item)(struct supervisor *,
	    const struct keeper_message *, int *fds, int nfds));

/* Tell the keeper that all is set up: from now on, a successor of ours resumes
 * what it has; before, it begins from nothing. */
void	guard_hello(struct supervisor *);

/* Begin to watch the socket; a keeper that is gone is replaced from now on. */
void	guard_watch(struct supervisor *);

/* Put or replace. -ENOMEM. */
int	guard_put(struct supervisor *, const struct guard_item *);

/* Note an entry that the keeper handed over: it has it already. For set-up. */
void	guard_note(struct supervisor *, const struct guard_item *);

/* It need not hold that any longer. */
void	guard_drop(struct supervisor *, uint64_t key);

/* The daemon ends: the keeper is to forget all and exit after us. */
void	guard_stop(struct supervisor *);

/* Send what waits to be sent, as far as the keeper takes it. */
void	guard_pump(struct supervisor *);

/* Put again what the keeper had no room for. */
void	guard_put_refused(struct supervisor *);

/* Whether the keeper, if it is another than at first, was told everything. */
bool	guard_is_whole(const struct supervisor *);

pid_t	guard_keeper_pid(const struct supervisor *);

#endif
