/* Rotated files beside a log: base.000001 and so on. */
/* SPDX-License-Identifier: MIT */
#ifndef OPEN_ROTATED_H
#define OPEN_ROTATED_H

#include <stdint.h>

/* The number in a name that base's rotated files have, or 0 if it is none. */
int64_t	rotated_number(const char *name, const char *base);

/* The highest and the lowest number there is (0: none) and how many there
 * are; dir is open for reading. 0 or a negative errno. */
int	rotated_count(int dir, const char *base, int64_t *highest,
	    int64_t *lowest, int64_t *count);

/* Give base the next free number: that, or a negative errno. */
int64_t	rotated_move(int dir, const char *base);

/* Delete the oldest, until keep are left. */
void	rotated_prune(int dir, const char *base, int64_t keep);

#endif
