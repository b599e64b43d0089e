/* Making a process: clone with a shared address space, then exec, at once. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_SPAWN_H
#define ROOT_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	int			 exec_fd;	/* the program, held; or -1 and */
	const char		*path;		/* its path */
	const char *const	*argv;
	const char *const	*envp;		/* NULL: empty */
	const int		*fds;		/* the child's descriptor i is ... */
	int			 nfds;		/* ... fds[i], and no others */
	int			 cgroup_fd;	/* its group's directory; 0: ours */
};

#define SPAWN_FDS	16

/*
 * Set numbers aside, early, from which children take their descriptors:
 * then a child copies and closes these few, and not the thousands that belong
 * to all apps. Where that cannot be had, it copies all.
 */
void	spawn_init(int null_fd);

/*
 * Whether a child can be born into a cgroup (clone3 with CLONE_INTO_CGROUP,
 * Linux 5.7). Joining one afterwards waits for a grace period of the kernel's:
 * milliseconds.
 */
bool	spawn_can_join(void);

/*
 * The child's pid, and its pidfd (CLOEXEC, the caller's); or a negative errno,
 * that of exec included. The child has all signals blocked: the programs that
 * are started here set their own.
 */
pid_t	spawn_process(const struct spawn *, int *pidfd);

#endif
