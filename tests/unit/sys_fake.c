/* A kernel for unit tests: a table of processes, and failures to order. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/sys_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define PROCESSES	4096
#define FDS		8192

static struct call {
	const char	*name;
	unsigned int	 uses;
	unsigned int	 fails_at;	/* a count of uses; 0: at none */
	bool		 fails_always;
	int		 error;
} calls[] = {
	{ .name = "pipe" }, { .name = "socketpair" }, { .name = "memfd" },
	{ .name = "pidfd_open" }, { .name = "pidfd_signal" },
	{ .name = "peek_pidfd" }, { .name = "peek_any" }, { .name = "reap" },
	{ .name = "pidfd_status" }, { .name = "proc_stat" },
	{ .name = "write" },
};

static struct process {
	pid_t		 pid;		/* 0: the entry is free */
	bool		 is_child, has_ended, is_reaped;
	int		 status;
	uint64_t	 start;
	int		 signal;
	unsigned int	 signals;
} processes[PROCESSES];

static pid_t pid_of_fd[FDS];
static bool tells_status = true;

static struct call *
find_call(const char *name)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	abort();	/* a test that misspells one must not pass */
}

/* Count a use; the errno it is to fail with, negative, or 0. */
static int
use(const char *name)
{
	struct call *c = find_call(name);

	c->uses++;
	if (c->fails_always || c->uses == c->fails_at)
		return -c->error;
	return 0;
}

static struct process *
find_process(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

static struct process *
process_of(int pidfd)
{
	if (pidfd < 0 || pidfd >= FDS || pid_of_fd[pidfd] == 0)
		return NULL;
	return find_process(pid_of_fd[pidfd]);
}

void
sys_fake_reset(void)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		calls[i] = (struct call){ .name = calls[i].name };
	memset(processes, 0, sizeof(processes));
	memset(pid_of_fd, 0, sizeof(pid_of_fd));
	tells_status = true;
}

void
sys_fake_fail(const char *call, int error, unsigned int nth)
{
	struct call *c = find_call(call);

	c->error = error;
	c->fails_always = nth == 0;
	c->fails_at = nth == 0 ? 0 : c->uses + nth;
}

unsigned int
sys_fake_uses(const char *call)
{
	return find_call(call)->uses;
}

void
sys_fake_process(pid_t pid, bool is_child, uint64_t start)
{
	struct process *p = find_process(pid);

	if (p == NULL && (p = find_process(0)) == NULL)
		abort();
	*p = (struct process){ .pid = pid, .is_child = is_child,
	    .start = start };
}

void
sys_fake_exit(pid_t pid, int status)
{
	struct process *p = find_process(pid);

	if (p == NULL || p->has_ended)
		abort();
	p->has_ended = true;
	p->is_reaped = !p->is_child;
	p->status = status;
}

void
sys_fake_tells_status(bool tells)
{
	tells_status = tells;
}

int
sys_fake_signal(pid_t pid)
{
	struct process *p = find_process(pid);

	return p == NULL ? 0 : p->signal;
}

unsigned int
sys_fake_signals(pid_t pid)
{
	struct process *p = find_process(pid);

	return p == NULL ? 0 : p->signals;
}

/* ---- base/sys.h ---- */

int
sys_pipe(int fds[2], int flags)
{
	int r = use("pipe");

	if (r < 0)
		return r;
	return pipe2(fds, flags | O_CLOEXEC) == -1 ? -errno : 0;
}

int
sys_socketpair(int type, int fds[2])
{
	int r = use("socketpair");

	if (r < 0)
		return r;
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == -1 ?
	    -errno : 0;
}

int
sys_memfd(const char *name, size_t size)
{
	int fd, r = use("memfd");

	if (r < 0)
		return r;
	if ((fd = memfd_create(name, MFD_CLOEXEC)) == -1)
		return -errno;
	if (ftruncate(fd, (off_t)size) == -1) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int
sys_pidfd_open(pid_t pid)
{
	struct process *p = find_process(pid);
	int fd, r = use("pidfd_open");

	if (r < 0)
		return r;
	if (p == NULL || p->is_reaped)
		return -ESRCH;
	if ((fd = eventfd(0, EFD_CLOEXEC)) == -1)
		return -errno;
	if (fd >= FDS)
		abort();
	pid_of_fd[fd] = pid;
	return fd;
}

int
sys_pidfd_signal(int pidfd, int sig)
{
	struct process *p = process_of(pidfd);
	int r = use("pidfd_signal");

	if (r < 0)
		return r;
	if (p == NULL)
		return -EBADF;
	if (p->is_reaped)
		return -ESRCH;
	if (sig != 0) {
		p->signal = sig;
		p->signals++;
	}
	return 0;
}

static int
peek(const struct process *p, struct sys_exit *e)
{
	if (!p->is_child || p->is_reaped)
		return -ECHILD;
	if (!p->has_ended)
		return 0;
	*e = (struct sys_exit){ .pid = p->pid, .status = p->status };
	return 1;
}

int
sys_peek_pidfd(int pidfd, struct sys_exit *e)
{
	struct process *p = process_of(pidfd);
	int r = use("peek_pidfd");

	if (r < 0)
		return r;
	return p == NULL ? -EBADF : peek(p, e);
}

int
sys_peek_any(struct sys_exit *e)
{
	int r = use("peek_any");

	if (r < 0)
		return r;
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0 && peek(&processes[i], e) == 1)
			return 1;
	return 0;
}

int
sys_reap(pid_t pid)
{
	struct process *p = find_process(pid);
	int r = use("reap");

	if (r < 0)
		return r;
	if (p == NULL || !p->is_child || p->is_reaped)
		return -ECHILD;
	if (!p->has_ended)
		return -EAGAIN;
	p->is_reaped = true;
	return 0;
}

int
sys_pidfd_status(int pidfd, int *status)
{
	struct process *p = process_of(pidfd);
	int r = use("pidfd_status");

	if (r < 0)
		return r;
	if (p == NULL)
		return -EBADF;
	if (!tells_status)
		return -ENOTTY;
	if (!p->is_reaped)
		return 0;
	*status = p->status;
	return 1;
}

int
sys_proc_stat(pid_t pid, uint64_t *start, int *is_zombie, int *status)
{
	struct process *p = find_process(pid);
	int r = use("proc_stat");

	if (r < 0)
		return r;
	if (p == NULL || p->is_reaped)
		return -ESRCH;
	*start = p->start;
	if (is_zombie != NULL)
		*is_zombie = p->has_ended;
	if (status != NULL)
		*status = p->has_ended ? p->status : 0;
	return 0;
}

ssize_t
sys_write(int fd, const void *data, size_t len)
{
	ssize_t n;
	int r = use("write");

	if (r < 0)
		return r;
	n = write(fd, data, len);
	return n == -1 ? -errno : n;
}
