/* Making a process. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Above every number that a child gets, so that none is overwritten before
 * it was copied. */
#define FD_ABOVE	(SPAWN_FDS + 16)

struct birth {
	const struct spawn *what;
	volatile int	 error;
};

/*
 * In the child, in the parent's memory: only system calls from here on. A
 * descriptor table of its own comes with clone without CLONE_FILES.
 */
static int
be_born(void *arg)
{
	struct birth *b = arg;
	const struct spawn *what = b->what;
	static const char *const nothing[] = { NULL };
	char *const *argv = (char *const *)(uintptr_t)what->argv;
	char *const *envp = (char *const *)(uintptr_t)(what->envp != NULL ?
	    what->envp : nothing);
	int high[SPAWN_FDS], program = what->exec_fd;

	for (int i = 0; i < what->nfds; i++)
		if ((high[i] = fcntl(what->fds[i], F_DUPFD_CLOEXEC,
		    FD_ABOVE)) == -1)
			goto failed;
	if (program != -1 && (program = fcntl(program, F_DUPFD_CLOEXEC,
	    FD_ABOVE)) == -1)
		goto failed;
	for (int i = 0; i < what->nfds; i++)
		if (dup2(high[i], i) == -1)
			goto failed;
	if (program != -1)
		syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	else
		execve(what->path, argv, envp);
failed:
	b->error = errno;
	_exit(127);
}

pid_t
spawn_process(const struct spawn *what, int *pidfd)
{
	static _Alignas(64) char stack[32 * 1024];
	struct birth b = { .what = what };
	siginfo_t si;
	int fd = -1;
	pid_t pid;

	if (what->nfds > SPAWN_FDS)
		return -EINVAL;
	pid = clone(be_born, stack + sizeof(stack), CLONE_VM | CLONE_VFORK |
	    CLONE_PIDFD | SIGCHLD, &b, &fd);
	if (pid == -1)
		return -errno;
	if (b.error != 0) {
		waitid(P_PIDFD, (id_t)fd, &si, WEXITED);
		close(fd);
		return -b.error;
	}
	*pidfd = fd;
	return pid;
}
