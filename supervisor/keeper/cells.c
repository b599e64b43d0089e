/* Mapping the shared observed state, and the one kind of write into it. */
/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include "supervisor/root/observed_cells.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
header_fits(const struct observed_header *h, uint64_t size)
{
	uint64_t len = (uint64_t)OBSERVED_SLOTS * sizeof(struct observed_cell);

	return h->magic == OBSERVED_MAGIC && h->layout == OBSERVED_LAYOUT &&
	    h->slots == OBSERVED_SLOTS && h->size <= size &&
	    h->cells_at >= sizeof(*h) &&
	    h->cells_at % _Alignof(struct observed_cell) == 0 &&
	    h->cells_at <= h->size && len <= h->size - h->cells_at;
}

int
cells_map(struct cells *c, int fd)
{
	struct observed_header h;
	struct stat st;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), begin, len;
	int seals = fcntl(fd, F_GET_SEALS);
	void *map;

	/* A file that shrinks under a mapping kills who touches it (SIGBUS). */
	if (seals == -1 || (seals & F_SEAL_SHRINK) == 0 ||
	    fstat(fd, &st) == -1)
		return -EINVAL;
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    !header_fits(&h, (uint64_t)st.st_size))
		return -EINVAL;
	begin = h.cells_at & ~(page - 1);
	len = h.cells_at - begin +
	    OBSERVED_SLOTS * sizeof(struct observed_cell);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    (off_t)begin);
	if (map == MAP_FAILED)
		return -errno;
	cells_release(c);
	c->map = map;
	c->map_len = len;
	c->first = (struct observed_cell *)((char *)map + h.cells_at - begin);
	return 0;
}

void
cells_release(struct cells *c)
{
	if (c->map != NULL)
		munmap(c->map, c->map_len);
	c->map = NULL;
	c->first = NULL;
}

void
cells_write(struct cells *c, int32_t slot, int32_t pid, int32_t status)
{
	struct observed_cell *cell;

	if (c->first == NULL || slot < 0 || slot >= OBSERVED_SLOTS)
		return;
	cell = &c->first[slot];
	cell->status = status;
	__atomic_store_n(&cell->committed, (uint32_t)pid, __ATOMIC_RELEASE);
}
