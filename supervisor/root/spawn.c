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

/* Numbers that are set aside, above every number that a child gets, so that
 * none is overwritten before it was copied. The program comes last. */
#define STAGE		(SPAWN_FDS + 16)
#define STAGE_PROGRAM	(STAGE + SPAWN_FDS)
#define STAGE_END	(STAGE_PROGRAM + 1)
#define UNSHARE		(1U << 1)	/* CLOSE_RANGE_UNSHARE, Linux 5.9 */

static int	stage_null = -1;	/* what lies there in between, or -1 */

struct birth {
	const struct spawn *what;
	volatile int	 error;
};

void
spawn_init(int null_fd)
{
	for (int fd = STAGE; fd < STAGE_END; fd++)
		if (fcntl(null_fd, F_DUPFD_CLOEXEC, fd) != fd)
			return;
	if (syscall(SYS_close_range, ~0U, ~0U, UNSHARE) == 0)
		stage_null = null_fd;
}

/* The child's descriptors onto the numbers set aside; the parent does it,
 * because the table is still one. */
static int
stage(const struct spawn *what)
{
	for (int i = 0; i < what->nfds; i++)
		if (dup3(what->fds[i], STAGE + i, O_CLOEXEC) == -1)
			return -errno;
	if (what->exec_fd != -1 &&
	    dup3(what->exec_fd, STAGE_PROGRAM, O_CLOEXEC) == -1)
		return -errno;
	return 0;
}

/* Nothing of the child's stays open here: its pipes have to end with it. */
static void
unstage(const struct spawn *what)
{
	for (int i = 0; i < what->nfds; i++)
		dup3(stage_null, STAGE + i, O_CLOEXEC);
}

/*
 * In the child, in the parent's memory: only system calls from here on. With
 * a stage, the descriptor table is shared until close_range() has made one
 * that holds nothing above it.
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
	int program = what->exec_fd, from[SPAWN_FDS];

	if (stage_null != -1) {
		if (syscall(SYS_close_range, STAGE_END, ~0U, UNSHARE) == -1)
			goto failed;
		for (int i = 0; i < what->nfds; i++)
			from[i] = STAGE + i;
		if (program != -1)
			program = STAGE_PROGRAM;
	} else {
		for (int i = 0; i < what->nfds; i++)
			if ((from[i] = fcntl(what->fds[i], F_DUPFD_CLOEXEC,
			    STAGE_END)) == -1)
				goto failed;
		if (program != -1 && (program = fcntl(program,
		    F_DUPFD_CLOEXEC, STAGE_END)) == -1)
			goto failed;
	}
	for (int i = 0; i < what->nfds; i++)
		if (dup2(from[i], i) == -1)
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
	int share = stage_null != -1 ? CLONE_FILES : 0;
	struct clone_args a = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD |
		    CLONE_INTO_CGROUP | (uint64_t)share,
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
	    CLONE_PIDFD | share | SIGCHLD, b, pidfd);
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
	if (stage_null != -1 && (pid = stage(what)) < 0)
		return pid;
	pid = give_birth(&b, &fd);
	if (stage_null != -1)
		unstage(what);
	if (pid < 0)
		return pid;
	if (b.error != 0) {
		waitid(P_PIDFD, (id_t)fd, &si, WEXITED);
		close(fd);
		return -b.error;
	}
	*pidfd = fd;
	return pid;
}
