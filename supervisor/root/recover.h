/* Beginning: from nothing, or with what a predecessor left. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_RECOVER_H
#define ROOT_RECOVER_H

#include "supervisor/root/supervisor.h"

/* Set everything up to the point where the loop may run. */
int	recover_begin(struct supervisor *, struct error *);

/* od-journal has told all it has (cold start). */
void	recover_loaded(struct supervisor *);

/* Something was wrong with what it has; said in daemon status, too. */
void	recover_warn(struct supervisor *, const char *);

#endif
