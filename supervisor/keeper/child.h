/*
 * The supervisor's process: started, watched, killed when it is hung, started
 * again. There are never two: the next one waits until the last is gone.
 */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_CHILD_H
#define KEEPER_CHILD_H

#include "policy.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct child {
	char		 path[PATH_MAX];
	const char	*home;		/* NULL: --system */
	const char	*libexec;
	struct rlimit	 nofile;	/* as the keeper was given it */

	pid_t		 pid;		/* 0: none */
	bool		 is_ours;	/* we are its parent; else by ... */
	int		 pidfd;		/* ... this, or -1 */
	bool		 was_killed;	/* by us */
	bool		 is_cold;	/* none has said hello yet */
	int64_t		 start_at;	/* when to start the next one */
	struct policy	 policy;
};

/* Start one; *peer_fd is our end of its socket. 0 or a negative errno, then
 * it is to be tried again. */
int	child_start(struct child *, int *peer_fd, int64_t now);

/* Watch this process, which is not our child; takes the pidfd. */
void	child_adopt(struct child *, pid_t, int pidfd);

void	child_signal(struct child *, int sig);
void	child_kill(struct child *, const char *why);

/* It is gone, with a status as of wait(2), or -1 if that is unknown: decide
 * when the next one starts. */
void	child_gone(struct child *, int status, int64_t now);

#endif
