/* Is this plan one that can be obeyed? */
/* SPDX-License-Identifier: MIT */
#ifndef EXEC_PLAN_H
#define EXEC_PLAN_H

#include "exec.h"

#include <stddef.h>

/*
 * Check everything that od-exec will rely on: that len bytes hold the header
 * and what it counts, that every string ends within them, and that each
 * number is in its range. The bytes must be aligned as struct exec_plan is.
 * 0 or a negative errno.
 */
int	exec_plan_check(const void *, size_t len);

/* The string at an offset of a checked plan. */
const char	*exec_plan_string(const struct exec_plan *, uint32_t at);

#endif
