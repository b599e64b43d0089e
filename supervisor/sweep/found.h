/* What od-sweep --mode find writes for each process of a home: this record,
 * as it lies in memory. Plain types only. */
/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_FOUND_H
#define SWEEP_FOUND_H

#include <stdint.h>

struct sweep_found {
	uint64_t run;		/* OD_RUN */
	int64_t	 id;		/* OD_ID */
	uint64_t start_ticks;	/* /proc/PID/stat field 22 */
	int32_t	 pid;
	int32_t	 padding;
};

#endif
