/* Making a process: clone with a shared address space, then exec, at once. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_SPAWN_H
#define ROOT_SPAWN_H

#include <sys/types.h>

struct spawn {
	int			 exec_fd;	/* the program, held; or -1 and */
	const char		*path;		/* its path */
	const char *const	*argv;
	const char *const	*envp;		/* NULL: empty */
	const int		*fds;		/* the child's descriptor i is ... */
	int			 nfds;		/* ... fds[i], and no others */
};

#define SPAWN_FDS	16

/*
 * The child's pid, and its pidfd (CLOEXEC, the caller's); or a negative errno,
 * that of exec included. The child has all signals blocked: the programs that
 * are started here set their own.
 */
pid_t	spawn_process(const struct spawn *, int *pidfd);

#endif
