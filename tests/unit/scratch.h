/* A directory of a test's own, and what can happen to files in it. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

struct scratch {
	char	path[64];
	int	dir;
};

/* All of these fail the test if they cannot do it. */
void	scratch_make(struct scratch *);
void	scratch_remove(struct scratch *);

/* Cut n bytes off the end of the file. */
void	scratch_cut(const struct scratch *, const char *name, size_t n);

/* Turn over all bits of the byte at the offset; counted from the end if it is
 * negative. */
void	scratch_flip(const struct scratch *, const char *name, long at);

void	scratch_write(const struct scratch *, const char *name, const void *,
	    size_t);
size_t	scratch_size(const struct scratch *, const char *name);

/* How many names begin with this. */
int	scratch_count(const struct scratch *, const char *prefix);

#endif
