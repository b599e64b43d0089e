/* Memory for libev, reserved before the loop: it aborts when it gets none. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_ARENA_H
#define ROOT_ARENA_H

/* Reserve as much as the limit of descriptors can make libev need, and let it
 * allocate there from now on. For set-up: dies when it cannot. */
void	arena_use(void);

#endif
