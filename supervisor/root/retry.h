/*
 * What could not be done for want of memory, descriptors or room, and what no
 * event will bring back to mind.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_RETRY_H
#define ROOT_RETRY_H

#include "supervisor/root/supervisor.h"

/* Try all of it again in a moment. */
void	retry_soon(struct supervisor *);

#endif
