/*
 * What od-open is told, and what it says.
 *
 * It is started with OPEN_FD_TALK, a SOCK_SEQPACKET socket on which one
 * struct open_request lies, and OPEN_FD_FILE, one end of a SOCK_STREAM pair.
 * It becomes the user, opens the file, says so by one struct open_report, and
 * waits: whoever got the other end of OPEN_FD_FILE writes a byte when it is
 * ready, and is sent one byte with the descriptor. So the descriptor is never
 * on its way to somebody who does not want it, and the supervisor, to whom
 * closing it might be a wait without end, never has it.
 */
/* SPDX-License-Identifier: MIT */
#ifndef OPEN_OPEN_H
#define OPEN_OPEN_H

#include <stdint.h>

#define OPEN_MAGIC	0x6f646f31u	/* "odo1" */
#define OPEN_FD_TALK	3
#define OPEN_FD_FILE	4
#define OPEN_GROUPS_MAX	64
#define OPEN_PATH_BYTES	4096		/* with its NUL */

enum open_flag {
	OPEN_KEEP_IDS	= 1 << 0,	/* it is the right user already */
	OPEN_TO_READ	= 1 << 1,	/* else to write, made if need be */
};

struct open_request {
	uint32_t	magic;
	uint32_t	flags;
	uint32_t	uid, gid;
	uint32_t	ngroups;
	uint32_t	groups[OPEN_GROUPS_MAX];
	uint32_t	keep;		/* so many rotated files */
	/* The file that is to be rotated: if path is still its name, it is
	 * given a number first. 63 bits of each; inode 0: none. */
	uint64_t	device, inode;
	char		path[OPEN_PATH_BYTES];
};

struct open_report {
	int32_t		step;		/* that failed; -1: it is open */
	int32_t		error;		/* a positive errno */
	uint64_t	device;		/* of the file */
	int64_t		number;		/* that the former got; 0: none */
	int64_t		size;		/* of the former */
};

/* X(name, "words for a person") */
#define OPEN_STEPS(X)							\
	X(request, "read its instructions")				\
	X(ids,     "become its user")					\
	X(parent,  "open its directory")				\
	X(list,    "list its directory")				\
	X(rename,  "rename it")						\
	X(open,    "open it")						\
	X(kind,    "use what is no regular file")			\
	X(links,   "use a file that has more than one name")		\
	X(place,   "use a file of the kernel's own")

enum open_step {
#define X(name, words) OPEN_STEP_##name,
	OPEN_STEPS(X)
#undef X
	OPEN_STEP_COUNT
};

#endif
