/* Taking over what runs already. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_ADOPT_H
#define ROOT_ADOPT_H

#include "supervisor/root/run.h"
#include "supervisor/root/sweep.h"

/* A run that the keeper handed over; its descriptors belong to us. */
void	adopt_handed(struct supervisor *, const struct run_blob *, pid_t,
	    const int *fds);

/* After all were handed over: bring every unit on from where it stood. */
void	adopt_go_on(struct supervisor *);

/* Cold start: adopt what the records and od-sweep know to run. */
void	adopt_found(struct supervisor *, const struct sweep_found *, size_t n);

/* An od-capture of an earlier daemon may still drain: end it, now that its
 * pipes are held here. */
void	adopt_end_capture(struct supervisor *);

#endif
