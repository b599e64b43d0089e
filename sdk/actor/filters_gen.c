/*
 * Writes the actors' system call filters as a C header. It runs while we are
 * built, so that no actor has to link libseccomp.
 *
 * Three answers: what is listed here is allowed; what libseccomp knows and is
 * not listed gets EPERM; what it does not know (calls younger than itself)
 * gets ENOSYS, at which libc falls back to the older call.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sdk/actor/filters.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define SYSCALLS_MAX	1024		/* numbers that are looked at */
/* O_TMPFILE has O_DIRECTORY's bit in it, which is harmless alone. */
#define WRITING_FLAGS	(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND |	\
			 (O_TMPFILE & ~O_DIRECTORY))

enum { NONE = 1, READ = 2, WRITE = 4, ALL = NONE | READ | WRITE };

/* clang-format off */
static const struct call {
	unsigned int	 reach;
	const char	*name;
} calls[] = {
	/* memory, time, itself */
	{ ALL, "brk" }, { ALL, "munmap" }, { ALL, "mremap" },
	{ ALL, "madvise" }, { ALL, "membarrier" }, { ALL, "futex" },
	{ ALL, "rseq" }, { ALL, "set_robust_list" },
	{ ALL, "sched_yield" }, { ALL, "sched_getaffinity" },
	{ ALL, "clock_gettime" }, { ALL, "clock_getres" },
	{ ALL, "clock_nanosleep" }, { ALL, "nanosleep" },
	{ ALL, "gettimeofday" }, { ALL, "time" }, { ALL, "getrandom" },
	{ ALL, "getpid" }, { ALL, "getppid" }, { ALL, "gettid" },
	{ ALL, "getuid" }, { ALL, "geteuid" }, { ALL, "getgid" },
	{ ALL, "getegid" }, { ALL, "getrlimit" }, { ALL, "getrusage" },
	{ ALL, "uname" }, { ALL, "sysinfo" }, { ALL, "times" },
	{ ALL, "rt_sigaction" }, { ALL, "rt_sigprocmask" },
	{ ALL, "rt_sigreturn" }, { ALL, "rt_sigpending" },
	{ ALL, "rt_sigtimedwait" }, { ALL, "rt_sigsuspend" },
	{ ALL, "sigaltstack" }, { ALL, "restart_syscall" },
	{ ALL, "exit" }, { ALL, "exit_group" },

	/* descriptors that it has */
	{ ALL, "read" }, { ALL, "readv" }, { ALL, "pread64" },
	{ ALL, "preadv" }, { ALL, "preadv2" },
	{ ALL, "write" }, { ALL, "writev" }, { ALL, "pwrite64" },
	{ ALL, "pwritev" }, { ALL, "pwritev2" },
	{ ALL, "close" }, { ALL, "close_range" }, { ALL, "fstat" },
	{ ALL, "lseek" }, { ALL, "ftruncate" }, { ALL, "fallocate" },
	{ ALL, "fadvise64" }, { ALL, "readahead" },
	{ ALL, "fsync" }, { ALL, "fdatasync" }, { ALL, "sync_file_range" },
	{ ALL, "dup" }, { ALL, "dup2" }, { ALL, "dup3" },
	{ ALL, "flock" }, { ALL, "fstatfs" },
	{ ALL, "pipe" }, { ALL, "pipe2" }, { ALL, "splice" },
	{ ALL, "tee" }, { ALL, "vmsplice" }, { ALL, "sendfile" },
	{ ALL, "copy_file_range" }, { ALL, "memfd_create" },
	{ ALL, "sendmsg" }, { ALL, "recvmsg" }, { ALL, "recvfrom" },
	{ ALL, "getsockopt" }, { ALL, "shutdown" },
	{ ALL, "poll" }, { ALL, "ppoll" }, { ALL, "select" },
	{ ALL, "pselect6" }, { ALL, "epoll_create" },
	{ ALL, "epoll_create1" }, { ALL, "epoll_ctl" },
	{ ALL, "epoll_wait" }, { ALL, "epoll_pwait" },
	{ ALL, "epoll_pwait2" }, { ALL, "eventfd" }, { ALL, "eventfd2" },
	{ ALL, "timerfd_create" }, { ALL, "timerfd_settime" },
	{ ALL, "timerfd_gettime" }, { ALL, "signalfd" },
	{ ALL, "signalfd4" },

	/* names; which ones, Landlock says */
	{ READ | WRITE, "openat2" }, { READ | WRITE, "newfstatat" },
	{ READ | WRITE, "statx" }, { READ | WRITE, "faccessat" },
	{ READ | WRITE, "faccessat2" }, { READ | WRITE, "readlinkat" },
	{ READ | WRITE, "getdents64" }, { READ | WRITE, "inotify_init1" },
	{ READ | WRITE, "inotify_add_watch" },
	{ READ | WRITE, "inotify_rm_watch" },
	{ WRITE, "openat" }, { WRITE, "mkdirat" }, { WRITE, "renameat" },
	{ WRITE, "renameat2" }, { WRITE, "unlinkat" }, { WRITE, "fchmod" },
	{ WRITE, "utimensat" },
};

/* Allowed for some arguments only: (argument & mask) == value. */
static const struct narrow {
	unsigned int	 reach;
	const char	*name;
	unsigned int	 argument;
	uint64_t	 mask, value;
} narrows[] = {
	/* No code comes into being after the start. */
	{ ALL, "mmap", 2, PROT_EXEC, 0 },
	{ ALL, "mprotect", 2, PROT_EXEC, 0 },
	/* fstat(3) is this call with an empty name. */
	{ NONE, "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ READ, "openat", 2, WRITING_FLAGS, O_RDONLY },
	/* Only to whom it is connected. */
	{ ALL, "sendto", 4, UINT64_MAX, 0 },
	/* abort(3) and raise(3), and nobody else's death. */
	{ ALL, "tgkill", 0, UINT32_MAX, FILTER_OWN_PID },
	{ ALL, "prlimit64", 2, UINT64_MAX, 0 },
	{ ALL, "ioctl", 1, UINT32_MAX, FIONREAD },
	{ ALL, "ioctl", 1, UINT32_MAX, FIONBIO },
	{ ALL, "ioctl", 1, UINT32_MAX, TCGETS },
	{ ALL, "prctl", 0, UINT32_MAX, PR_SET_NAME },
	/* Not F_SETOWN and F_SETSIG, which send signals to others. */
	{ ALL, "fcntl", 1, UINT32_MAX, F_DUPFD },
	{ ALL, "fcntl", 1, UINT32_MAX, F_DUPFD_CLOEXEC },
	{ ALL, "fcntl", 1, UINT32_MAX, F_GETFD },
	{ ALL, "fcntl", 1, UINT32_MAX, F_SETFD },
	{ ALL, "fcntl", 1, UINT32_MAX, F_GETFL },
	{ ALL, "fcntl", 1, UINT32_MAX, F_SETFL },
	{ ALL, "fcntl", 1, UINT32_MAX, F_GETLK },
	{ ALL, "fcntl", 1, UINT32_MAX, F_SETLK },
	{ ALL, "fcntl", 1, UINT32_MAX, F_SETLKW },
	{ ALL, "fcntl", 1, UINT32_MAX, F_OFD_GETLK },
	{ ALL, "fcntl", 1, UINT32_MAX, F_OFD_SETLK },
	{ ALL, "fcntl", 1, UINT32_MAX, F_OFD_SETLKW },
	{ ALL, "fcntl", 1, UINT32_MAX, F_SETPIPE_SZ },
	{ ALL, "fcntl", 1, UINT32_MAX, F_GETPIPE_SZ },
	{ ALL, "fcntl", 1, UINT32_MAX, F_ADD_SEALS },
	{ ALL, "fcntl", 1, UINT32_MAX, F_GET_SEALS },
};
/* clang-format on */

static void
check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "filters_gen: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static void
allow(scmp_filter_ctx filter, unsigned int reach)
{
	for (size_t i = 0; i < COUNT(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i].name);

		/* Negative: this machine has no such call. */
		if ((calls[i].reach & reach) == 0 || nr < 0)
			continue;
		check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0),
		    calls[i].name);
	}
	for (size_t i = 0; i < COUNT(narrows); i++) {
		const struct narrow *n = &narrows[i];
		int nr = seccomp_syscall_resolve_name(n->name);

		if ((n->reach & reach) == 0 || nr < 0)
			continue;
		check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 1,
		    SCMP_CMP64(n->argument, SCMP_CMP_MASKED_EQ, n->mask,
		    n->value)), n->name);
	}
}

static unsigned int
highest_known(void)
{
	uint32_t arch = seccomp_arch_native();
	unsigned int highest = 0;

	for (int nr = 0; nr < SYSCALLS_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, nr);

		if (name != NULL)
			highest = (unsigned int)nr;
		free(name);
	}
	return highest;
}

static void
print_line(struct sock_filter line)
{
	printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", line.code, line.jt, line.jf,
	    line.k);
}

static void
print(scmp_filter_ctx filter, const char *name)
{
	struct sock_filter line;
	FILE *f = tmpfile();

	if (f == NULL)
		check(-errno, "cannot make a temporary file");
	check(seccomp_export_bpf(filter, fileno(f)), "cannot export");
	rewind(f);
	printf("\nstatic const struct sock_filter filter_%s[] = {\n", name);
	/* Before all of it: what is younger than libseccomp does not exist. */
	print_line((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr)));
	print_line((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K,
	    highest_known(), 0, 1));
	print_line((struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | ENOSYS));
	while (fread(&line, sizeof(line), 1, f) == 1)
		print_line(line);
	printf("};\n");
	fclose(f);
}

static void
generate(unsigned int reach, const char *name)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (filter == NULL)
		check(-ENOMEM, name);
	/* A binary tree in place of a list of comparisons. */
	check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2),
	    "cannot optimize");
	allow(filter, reach);
	print(filter, name);
	seccomp_release(filter);
}

int
main(void)
{
	printf("/* Made by sdk/actor/filters_gen.c. */\n"
	    "#include <linux/filter.h>\n");
	generate(NONE, "none");
	generate(READ, "read");
	generate(WRITE, "write");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
