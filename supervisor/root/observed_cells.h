/*
 * The part of the shared observed state that keeper and supervisor both know:
 * its header, and the keeper's cells. Included by a program without libc
 * beyond the basics: plain types only.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_OBSERVED_CELLS_H
#define ROOT_OBSERVED_CELLS_H

#include <stdint.h>

#define OBSERVED_MAGIC	0x6f647331u	/* "ods1" */
#define OBSERVED_LAYOUT	1
#define OBSERVED_SLOTS	4096

/*
 * What the keeper saw of the run in the slot of that number. Written by the
 * keeper alone: pid and status first, then run_pid (the commit word; a store
 * with release). Read by the supervisor with acquire. A cell whose committed
 * pid is not the slot's pid says nothing.
 */
struct observed_cell {
	int32_t		status;		/* as wait(2) has it */
	uint32_t	committed;	/* the pid that ended, 0: none yet */
};

struct observed_header {
	uint32_t	magic;
	uint32_t	layout;
	uint32_t	slots;		/* OBSERVED_SLOTS */
	uint32_t	cells_at;	/* offset of struct observed_cell [slots] */
	uint64_t	size;		/* of the whole mapping */
};

#endif
