/* Every run of a home that is alive, by what its environment says. */
/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_FIND_H
#define SWEEP_FIND_H

/* Write a struct sweep_found to standard output for the first process of each
 * (od-exec made it the leader of its session); 0 or a negative errno. */
int	find_runs(const char *home);

#endif
