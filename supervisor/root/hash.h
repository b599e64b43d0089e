/*
 * uthash, with memory that does not run out: where it gets none, it would end
 * the program. All tables of the supervisor include this, and not uthash.h.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_HASH_H
#define ROOT_HASH_H

#include "supervisor/root/arena.h"

#define uthash_malloc(size)	arena_take(size)
#define uthash_free(p, size)	arena_give(p, size)
#include <uthash.h>

#endif
