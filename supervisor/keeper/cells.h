/* The keeper's view of the shared observed state: the cells it writes. */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_CELLS_H
#define KEEPER_CELLS_H

#include <stddef.h>
#include <stdint.h>

struct cells {
	void	*map;		/* NULL: none; the pages that hold the cells */
	size_t	 map_len;
	struct observed_cell *first;
};

/*
 * Map the cells of this memfd in place of those mapped before. The memfd is
 * not trusted: it must not be able to shrink, and its header must fit it.
 * 0 or a negative errno, which changes nothing. The descriptor may be closed.
 */
int	cells_map(struct cells *, int fd);

void	cells_release(struct cells *);

/* Record how pid, the run of that slot, ended. */
void	cells_write(struct cells *, int32_t slot, int32_t pid, int32_t status);

#endif
