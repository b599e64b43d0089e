/* Waiting for cgroups to become empty. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/groups.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_A_TURN	64

static void
on_epoll(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct groups *g = w->data;
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(g->epoll_fd, events, EVENTS_A_TURN, 0);

	(void)loop;
	(void)revents;
	for (int i = 0; i < n; i++)
		g->on(g->arg, events[i].data.u64);
}

int
groups_start(struct groups *g, struct ev_loop *loop,
    void (*on)(void *, uint64_t), void *arg)
{
	g->on = on;
	g->arg = arg;
	if ((g->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return -errno;
	ev_io_init(&g->io, on_epoll, g->epoll_fd, EV_READ);
	g->io.data = g;
	ev_io_start(loop, &g->io);
	return 0;
}

int
groups_watch(struct groups *g, int dirfd, uint64_t run)
{
	struct epoll_event e = { .events = EPOLLPRI | EPOLLET,
	    .data.u64 = run };
	int fd = cgroup_events_fd(dirfd), r;

	if (fd < 0)
		return fd;
	if (epoll_ctl(g->epoll_fd, EPOLL_CTL_ADD, fd, &e) == -1) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}
