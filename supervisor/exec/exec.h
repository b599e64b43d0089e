/*
 * What od-exec is told, in one sealed memfd: a header, then the strings. The
 * supervisor lays it out (exec_plan_*), od-exec checks every offset and obeys.
 *
 * od-exec is started with: 0, 1, 2 = what the program shall have there;
 * EXEC_FD_PLAN = this memfd; EXEC_FD_GO = a socket. It prepares all it can,
 * then reads one byte: "go". End of file there means that the supervisor died
 * before the run was safe: it kills itself with EXEC_NEVER_BEGAN and nothing
 * was executed. If a step fails it waits for "go" all the same, writes struct
 * exec_report and exits with EXEC_FAILED; when the program runs, the socket
 * closes (CLOEXEC) unused.
 */
/* SPDX-License-Identifier: MIT */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <stdint.h>

#define EXEC_MAGIC	0x6f647831u	/* "odx1" */
#define EXEC_FD_PLAN	3
#define EXEC_FD_GO	4
#define EXEC_FD_PASSED	5	/* ... the descriptors to pass on */
#define EXEC_PASSED_MAX	8
#define EXEC_GROUPS_MAX	64
#define EXEC_STRINGS_MAX 16384	/* argc and envc together */
#define EXEC_TARGET_MAX	1024	/* passed[] are numbers from 3 to below this */

#define EXEC_NEVER_BEGAN 64	/* SIGRTMAX: ended without having begun */
#define EXEC_FAILED	 127

enum exec_flag {
	EXEC_KEEP_IDS		= 1 << 0,	/* uid and gid stay as they are */
	EXEC_NO_NEW_PRIVS	= 1 << 1,
	EXEC_NO_CAPS		= 1 << 2,	/* empty bounding set, too */
	EXEC_ACTOR		= 1 << 3,	/* one of ours: PDEATHSIG is not set,
						 * DUMPABLE is */
};

struct exec_plan {
	uint32_t	magic;
	uint32_t	size;		/* of header and strings */
	uint32_t	flags;
	uint32_t	uid, gid;
	uint32_t	ngroups;
	uint32_t	groups[EXEC_GROUPS_MAX];
	int32_t		nice;		/* 0: as it is */
	uint32_t	umask_plus_1;	/* 0: 022 */
	uint32_t	argc, envc;
	uint32_t	argv_at;	/* offset of argc strings, NUL after each */
	uint32_t	env_at;		/* offset of envc strings "K=V" */
	uint32_t	path_at;	/* program; with no '/': found in PATH of env */
	uint32_t	cwd_at;		/* directory, an absolute path */
	int32_t		cgroup_fd;	/* cgroup.procs, open for writing, or -1;
					 * its number in the child */
	uint32_t	npassed;	/* EXEC_FD_PASSED + i becomes ... */
	int32_t		passed[EXEC_PASSED_MAX];	/* ... this number */
	uint32_t	nofile;		/* soft limit, 0: as it is */
};

/* A step that failed; what is one of the words in exec_steps. */
struct exec_report {
	int32_t		step;
	int32_t		error;		/* a positive errno */
};

/* X(name, "words for a person") in the order in which they are done. */
#define EXEC_STEPS(X)							\
	X(plan,    "read its instructions")				\
	X(cgroup,  "join its cgroup")					\
	X(session, "start a session")					\
	X(limits,  "set its limits")					\
	X(fds,     "arrange its descriptors")				\
	X(groups,  "set its groups")					\
	X(ids,     "become its user")					\
	X(caps,    "drop capabilities")					\
	X(cwd,     "enter its working directory")			\
	X(find,    "find the program")					\
	X(exec,    "execute the program")				\
	X(interp,  "execute the interpreter of the script")

enum exec_step {
#define X(name, words) EXEC_STEP_##name,
	EXEC_STEPS(X)
#undef X
	EXEC_STEP_COUNT
};

#endif
