/* Memory for libev and uthash. They grow a few arrays and tables, so an arena
 * that hands out piece after piece is enough. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/arena.h"

#include <errno.h>
#include <ev.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"

/* Its arrays by descriptor double when they grow, and the former ones stay:
 * less than four times what the last one has. */
#define BYTES_A_DESCRIPTOR	1024
#define BYTES_AT_LEAST		(4 * 1024 * 1024)
#define DESCRIPTORS_AT_MOST	(1024 * 1024)

static struct {
	unsigned char	*at, *end;
	void		*given[64];	/* by the power of two that holds it */
} arena;

/* Each piece begins with its size. */
#define HEAD	(_Alignof(max_align_t))

/* What ev_set_allocator() wants: a realloc that frees with size 0. */
static void *
arena_realloc(void *old, long size)
{
	size_t want = ((size_t)size + HEAD - 1) / HEAD * HEAD, had = 0;
	unsigned char *p;

	if (size == 0)
		return NULL;
	if (old != NULL) {
		memcpy(&had, (unsigned char *)old - HEAD, sizeof(had));
		if (had >= want)
			return old;
	}
	if ((size_t)(arena.end - arena.at) < want + HEAD)
		return NULL;
	memcpy(arena.at, &want, sizeof(want));
	p = arena.at + HEAD;
	arena.at = p + want;
	if (old != NULL)
		memcpy(p, old, had);
	return p;
}

static unsigned int
class_of(size_t size)
{
	unsigned int n = 4;	/* a pointer has room in each */

	while (n < 63 && (size_t)1 << n < size)
		n++;
	return n;
}

void *
arena_take(size_t size)
{
	unsigned int n = class_of(size);
	void *p = arena.given[n];

	if (p == NULL)
		return arena_realloc(NULL, (long)1 << n);
	memcpy(&arena.given[n], p, sizeof(p));
	return p;
}

void
arena_give(void *p, size_t size)
{
	unsigned int n = class_of(size);

	memcpy(p, &arena.given[n], sizeof(p));
	arena.given[n] = p;
}

void
arena_use(void)
{
	struct rlimit r = { 0 };
	size_t size = BYTES_AT_LEAST;
	void *p;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 &&
	    r.rlim_cur < DESCRIPTORS_AT_MOST)
		size += (size_t)r.rlim_cur * BYTES_A_DESCRIPTOR;
	else
		size += (size_t)DESCRIPTORS_AT_MOST * BYTES_A_DESCRIPTOR;
	/* Address space; pages come as they are touched. */
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("cannot reserve memory: %s", strerror(errno));
	arena.at = p;
	arena.end = arena.at + size;
	ev_set_allocator(arena_realloc);
}
