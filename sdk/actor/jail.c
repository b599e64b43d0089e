/* The jail of an actor: no new privileges, Landlock, seccomp. */
/* SPDX-License-Identifier: MIT */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "sdk/actor/jail.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sdk/actor/filters.h"
#include "sdk_actor_filters.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* What headers older than the running kernel do not say. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER	(1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE	(1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV	(1ULL << 15)
#endif

#define RIGHTS_READ	(LANDLOCK_ACCESS_FS_READ_FILE |			\
			 LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE |	\
			 LANDLOCK_ACCESS_FS_REMOVE_FILE |		\
			 LANDLOCK_ACCESS_FS_REMOVE_DIR |		\
			 LANDLOCK_ACCESS_FS_MAKE_REG |			\
			 LANDLOCK_ACCESS_FS_MAKE_DIR |			\
			 LANDLOCK_ACCESS_FS_REFER |			\
			 LANDLOCK_ACCESS_FS_TRUNCATE)
#define RIGHTS_TCP	3ULL		/* bind, connect */
#define SCOPES		3ULL		/* abstract sockets, signals */

/* The kernel's struct as of ABI 6; an older kernel gets the front of it. */
struct ruleset {
	uint64_t	fs;
	uint64_t	net;
	uint64_t	scoped;
};

void
jail_prepare(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
#ifndef OD_SANITIZERS
	/* The leak checker is a debugger of the process it lives in. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

#ifdef OD_SANITIZERS

/* Their run-time makes calls of its own, and looks for leaks in /proc. */
int
jail_enter(enum od_reach reach, struct error *e)
{
	(void)reach;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return fail(e, -errno, "cannot give up new privileges: %s",
		    strerror(errno));
	return 0;
}

#else

/* All the rights that this version of Landlock knows. */
static uint64_t
fs_rights(int abi)
{
	uint64_t rights = LANDLOCK_ACCESS_FS_REFER - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

static int
allow_directory(int ruleset, enum od_reach reach, uint64_t known,
    struct error *e)
{
	struct landlock_path_beneath_attr rule = {
		.parent_fd = OD_FD_DIRECTORY,
	};

	if (reach == OD_REACH_NONE)
		return 0;
	rule.allowed_access = known & (reach == OD_REACH_READ_DIRECTORY ?
	    RIGHTS_READ : RIGHTS_WRITE);
	if (syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
		return fail(e, -errno, "cannot keep descriptor %d as the "
		    "directory: %s", OD_FD_DIRECTORY, strerror(errno));
	return 0;
}

static int
restrict_files(enum od_reach reach, struct error *e)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set = { .fs = fs_rights(abi) };
	size_t size = offsetof(struct ruleset, net);
	int fd, r;

	if (abi < 1) {
		log_info("this kernel has no landlock: files and sockets are "
		    "kept by seccomp and the user id alone");
		return 0;
	}
	if (abi >= 4) {
		set.net = RIGHTS_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 6) {
		set.scoped = SCOPES;
		size = sizeof(set);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
	if (fd == -1)
		return fail(e, -errno, "cannot make a landlock ruleset: %s",
		    strerror(errno));
	r = allow_directory(fd, reach, set.fs, e);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		r = fail(e, -errno, "cannot enter landlock: %s",
		    strerror(errno));
	close(fd);
	return r;
}

static const struct filter {
	const struct sock_filter	*lines;
	size_t				 count;
} filters[] = {
	[OD_REACH_NONE] = { filter_none, COUNT(filter_none) },
	[OD_REACH_READ_DIRECTORY] = { filter_read, COUNT(filter_read) },
	[OD_REACH_WRITE_DIRECTORY] = { filter_write, COUNT(filter_write) },
};

static int
restrict_calls(enum od_reach reach, struct error *e)
{
	const struct filter *f = &filters[reach];
	struct sock_filter lines[COUNT(filter_none) + COUNT(filter_read) +
	    COUNT(filter_write)];
	struct sock_fprog program = {
		.len = (unsigned short)f->count, .filter = lines,
	};

	memcpy(lines, f->lines, f->count * sizeof(lines[0]));
	for (size_t i = 0; i < f->count; i++)
		if (BPF_CLASS(lines[i].code) == BPF_JMP &&
		    lines[i].k == FILTER_OWN_PID)
			lines[i].k = (uint32_t)getpid();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	if (errno == ENOSYS) {
		log_info("this kernel has no seccomp: system calls are not "
		    "restricted");
		return 0;
	}
	return fail(e, -errno, "cannot enter seccomp: %s", strerror(errno));
}

int
jail_enter(enum od_reach reach, struct error *e)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return fail(e, -errno, "cannot give up new privileges: %s",
		    strerror(errno));
	/* Landlock first: seccomp does not let its calls through. */
	if ((r = restrict_files(reach, e)) < 0)
		return r;
	return restrict_calls(reach, e);
}

#endif
