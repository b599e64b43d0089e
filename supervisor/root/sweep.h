/*
 * od-sweep, the helper that walks /proc: reading there can block, so it is
 * never done here. It is used where there is no cgroup, and once at a cold
 * start.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_SWEEP_H
#define ROOT_SWEEP_H

#include "supervisor/root/supervisor.h"
#include "supervisor/sweep/found.h"

struct run;
struct sweep;

/*
 * Find and end what the run left behind: ask with SIGTERM and kill two
 * seconds later, or kill at once. done is told how many are left, and who.
 * NULL if the helper cannot be started; done is not called then.
 */
struct sweep	*sweep_start(struct supervisor *, struct run *, bool kill,
	    void (*done)(void *arg, int left, const char *names));

/* Find all processes of this home. done gets what was found. */
struct sweep	*sweep_find(struct supervisor *, void (*done)(
	    struct supervisor *, const struct sweep_found *, size_t n));

#endif
