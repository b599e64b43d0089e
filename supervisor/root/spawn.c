/* Making a process. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
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

/*
 * clone3(2) has no wrapper in libc, and its child begins on another stack:
 * the few instructions that call fn there are ours. Returns in the parent
 * only.
 */
#if defined(__x86_64__)
#define HAVE_CLONE3 1
static long
clone3_call(struct clone_args *a, int (*fn)(void *), void *arg)
{
	long r;

	__asm__ volatile("syscall\n\t"
	    "test %%rax, %%rax\n\t"
	    "jnz 1f\n\t"
	    "xor %%ebp, %%ebp\n\t"
	    "mov %[arg], %%rdi\n\t"
	    "call *%[fn]\n\t"
	    "ud2\n"
	    "1:"
	    : "=a" (r)
	    : "0" ((long)SYS_clone3), "D" (a), "S" (sizeof(*a)),
	      [fn] "r" (fn), [arg] "r" (arg)
	    : "rcx", "r11", "memory", "cc");
	return r;
}
#elif defined(__aarch64__)
#define HAVE_CLONE3 1
static long
clone3_call(struct clone_args *a, int (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)a;
	register long x1 __asm__("x1") = sizeof(*a);

	__asm__ volatile("svc #0\n\t"
	    "cbnz x0, 1f\n\t"
	    "mov x29, #0\n\t"
	    "mov x0, %[arg]\n\t"
	    "blr %[fn]\n\t"
	    "brk #1\n"
	    "1:"
	    : "+r" (x0)
	    : "r" (x8), "r" (x1), [fn] "r" (fn), [arg] "r" (arg)
	    : "memory", "cc");
	return x0;
}
#else
#define HAVE_CLONE3 0
static long
clone3_call(struct clone_args *a, int (*fn)(void *), void *arg)
{
	(void)a;
	(void)fn;
	(void)arg;
	return -ENOSYS;
}
#endif

bool
spawn_can_join(void)
{
	/* No arguments are refused as such where the call exists. */
	return HAVE_CLONE3 && syscall(SYS_clone3, NULL, 0) == -1 &&
	    errno == EINVAL;
}

static _Alignas(64) char stack[32 * 1024];

static pid_t
give_birth(struct birth *b, int *pidfd)
{
	struct clone_args a = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD |
		    CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
		.cgroup = (uint64_t)b->what->cgroup_fd,
	};
	pid_t pid;

	if (b->what->cgroup_fd > 0)
		return (pid_t)clone3_call(&a, be_born, b);
	pid = clone(be_born, stack + sizeof(stack), CLONE_VM | CLONE_VFORK |
	    CLONE_PIDFD | SIGCHLD, b, pidfd);
	return pid == -1 ? -errno : pid;
}

pid_t
spawn_process(const struct spawn *what, int *pidfd)
{
	struct birth b = { .what = what };
	siginfo_t si;
	int fd = -1;
	pid_t pid;

	if (what->nfds > SPAWN_FDS)
		return -EINVAL;
	if ((pid = give_birth(&b, &fd)) < 0)
		return pid;
	if (b.error != 0) {
		waitid(P_PIDFD, (id_t)fd, &si, WEXITED);
		close(fd);
		return -b.error;
	}
	*pidfd = fd;
	return pid;
}
