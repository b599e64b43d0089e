/* Rows of apps: how they are shown, and what /proc adds to them. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/output.h"

extern const struct view process_view;

/* What a process takes; false if it is gone, or not ours to look at. */
struct process_use {
	double	cpu_percent;	/* of one core, on average since its start */
	int64_t	memory_bytes;	/* resident */
};
bool	process_use(pid_t, struct process_use *);

/* Put it, or null for NULL, into a row's JSON; 0 or -1. */
int	process_add_use(json_t *, const struct process_use *);

/* By id, in which order they have come to be. */
void	process_sort(struct rows *);

/* Ask a request whose answer is process_rows, and print them. */
int	process_act(struct cli *, const struct message *, enum again,
	    int64_t limit_ms, struct error *);

#endif
