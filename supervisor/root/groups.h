/* The cgroups of runs that are being cleared: told when one is empty. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_GROUPS_H
#define ROOT_GROUPS_H

#include <ev.h>
#include <stdint.h>

#include "supervisor/root/cgroup.h"

/*
 * The kernel reports a change of cgroup.events by EPOLLPRI, which libev does
 * not know: they are in an epoll set of their own, and the loop watches that.
 */
struct groups {
	int		 epoll_fd;
	struct ev_io	 io;
	void		(*on)(void *arg, uint64_t run);
	void		*arg;
};

/* 0 or a negative errno: then nobody is told, and deadlines have to do. */
int	groups_start(struct groups *, struct ev_loop *,
	    void (*on)(void *arg, uint64_t run), void *arg);

/* Tell of that group from now on: the descriptor of its cgroup.events, to be
 * closed when it is enough; or a negative errno. */
int	groups_watch(struct groups *, int dirfd, uint64_t run);

#endif
