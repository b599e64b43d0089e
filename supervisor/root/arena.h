/* Memory for libev and uthash, reserved before the loop: both end the program
 * when they get none. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_ARENA_H
#define ROOT_ARENA_H

#include <stddef.h>

/* Reserve as much as the limit of descriptors can make libev need, and let it
 * allocate there from now on. For set-up: dies when it cannot. */
void	arena_use(void);

/* A piece for a hash table. What is given back is for the next of its kind:
 * tables double, so there are few. */
void	*arena_take(size_t);
void	arena_give(void *, size_t);

#endif
