/* What launch.c and run.c share of a run. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_RUN_PRIVATE_H
#define ROOT_RUN_PRIVATE_H

#include "supervisor/root/run.h"

/* A run that is in no list yet. NULL: out of memory. */
struct run	*run_alloc(struct supervisor *, struct unit *, uint64_t number);

/* Into the lists, and watch its exit. */
void	run_register(struct run *);

/* What the keeper is given with its descriptors. */
void	run_blob_of(const struct run *, struct run_blob *);

/* Into the keeper, with "go" to follow for one that waits for it; or, when it
 * came from there, only noted. */
int	run_to_keeper(struct run *, bool is_held);

/* Its launch is over, one way or the other: close the socket. */
void	run_abort_launch(struct run *);

/* Look what came over that socket. */
void	run_read_go(struct run *);

#endif
