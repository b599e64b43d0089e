/* The system calls of the supervisor, only forwarded. */
/* SPDX-License-Identifier: MIT */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal	424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open		434
#endif

/* A number of ours, so that headers that know it, or do not, both serve. */
#define WAIT_PIDFD	((idtype_t)3)

/* struct pidfd_info of Linux 6.13 (its first size), under a name of ours. */
struct info {
	uint64_t	mask;
	uint64_t	cgroupid;
	uint32_t	pid, tgid, ppid;
	uint32_t	ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t		exit_code;
};
#define GET_INFO	_IOWR(0xff, 11, struct info)
#define INFO_EXIT	(1u << 3)

int
sys_pipe(int fds[2], int flags)
{
	return pipe2(fds, flags | O_CLOEXEC) == -1 ? -errno : 0;
}

int
sys_socketpair(int type, int fds[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == -1 ?
	    -errno : 0;
}

int
sys_memfd(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC), r;

	if (fd == -1)
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
	/* The descriptor is CLOEXEC by its nature. */
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd == -1 ? -errno : fd;
}

int
sys_pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == -1 ?
	    -errno : 0;
}

static int
peek(idtype_t type, id_t id, struct sys_exit *e)
{
	siginfo_t si = { .si_pid = 0 };

	if (waitid(type, id, &si, WEXITED | WNOHANG | WNOWAIT) == -1)
		return -errno;
	if (si.si_pid == 0)
		return 0;
	e->pid = si.si_pid;
	if (si.si_code == CLD_EXITED)
		e->status = (si.si_status & 0xff) << 8;
	else
		e->status = si.si_status |
		    (si.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 1;
}

int
sys_peek_pidfd(int pidfd, struct sys_exit *e)
{
	return peek(WAIT_PIDFD, (id_t)pidfd, e);
}

int
sys_peek_any(struct sys_exit *e)
{
	int r = peek(P_ALL, 0, e);

	return r == -ECHILD ? 0 : r;
}

int
sys_reap(pid_t pid)
{
	pid_t got;

	do
		got = waitpid(pid, NULL, WNOHANG);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return -errno;
	return got == pid ? 0 : -EAGAIN;
}

int
sys_pidfd_status(int pidfd, int *status)
{
	struct info info = { .mask = INFO_EXIT };

	if (ioctl(pidfd, GET_INFO, &info) == -1)
		return -errno;
	if ((info.mask & INFO_EXIT) == 0)
		return 0;
	*status = info.exit_code;
	return 1;
}

/* The fields behind the name, which may itself hold blanks and brackets. */
static int
parse_stat(char *text, uint64_t *start, int *is_zombie, int *status)
{
	char *p = strrchr(text, ')'), *save = NULL, state = '\0';
	const char *word;
	int n;

	if (p == NULL)
		return -EPROTO;
	if (is_zombie != NULL)
		*is_zombie = 0;
	if (status != NULL)
		*status = 0;
	word = strtok_r(p + 1, " \n", &save);
	for (n = 3; word != NULL; n++) {
		if (n == 3)
			state = word[0];
		else if (n == 22 && start != NULL)
			*start = strtoull(word, NULL, 10);
		else if (n == 52 && status != NULL && state == 'Z')
			*status = (int)strtol(word, NULL, 10);
		word = strtok_r(NULL, " \n", &save);
	}
	if (is_zombie != NULL)
		*is_zombie = state == 'Z';
	return n > 22 ? 0 : -EPROTO;
}

int
sys_proc_stat(pid_t pid, uint64_t *start, int *is_zombie, int *status)
{
	char path[32], text[2048];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, text, sizeof(text) - 1);	/* one read has it all */
	if (n == -1)
		n = -errno;
	close(fd);
	if (n <= 0)
		return n == 0 ? -ESRCH : (int)n;
	text[n] = '\0';
	return parse_stat(text, start, is_zombie, status);
}

ssize_t
sys_write(int fd, const void *data, size_t len)
{
	ssize_t n;

	do
		n = write(fd, data, len);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}
