/*
 * The system calls that the supervisor makes, as functions that a unit test
 * can put its own in place of: production links sys.c, which only forwards,
 * tests link tests/unit/sys_fake.c, where any of them can be told to fail.
 * All return what the call returns, or a negative errno.
 */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How a process ended: as wait(2) has it, and where we know it from. */
struct sys_exit {
	pid_t	pid;
	int	status;
};

int	sys_pipe(int fds[2], int flags);
int	sys_socketpair(int type, int fds[2]);
int	sys_memfd(const char *name, size_t size);
int	sys_pidfd_open(pid_t);
int	sys_pidfd_signal(int pidfd, int sig);

/* 1 and *e filled if the child has ended (it is left a zombie), 0 if it
 * lives, -ECHILD if it is not our child. */
int	sys_peek_pidfd(int pidfd, struct sys_exit *e);

/* The same of any child; 0 if none has ended, or there is none. */
int	sys_peek_any(struct sys_exit *e);

/* Take the zombie away; -EAGAIN if it has not ended. */
int	sys_reap(pid_t);

/* The status of a process that is not our child, by PIDFD_GET_INFO (Linux
 * 6.15), which knows it once its parent has reaped it: 1 and *status, 0 while
 * it is not known, or -ENOTTY/-EINVAL/... where the kernel cannot say. */
int	sys_pidfd_status(int pidfd, int *status);

/* Field 22 (start time in clock ticks since boot) and, of a zombie, field 52
 * (the status) of /proc/PID/stat. Any of the three may be NULL. */
int	sys_proc_stat(pid_t, uint64_t *start, int *is_zombie, int *status);

/* Write n bytes to fd without blocking (the file must be non-blocking). */
ssize_t	sys_write(int fd, const void *, size_t n);

#endif
