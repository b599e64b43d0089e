/*
 * What keeper and supervisor themselves have to say: their standard error is
 * a pipe that od-capture drains like any app's. Both ends are ours, and never
 * block; the keeper holds them, so that a successor goes on with them.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_OWNLOG_H
#define ROOT_OWNLOG_H

#include "supervisor/root/supervisor.h"

/* Make the pipe, unless somebody looks at our standard error. */
void	ownlog_begin(struct supervisor *);

/* Go on with a predecessor's, both ends of which are taken over. */
void	ownlog_take(struct supervisor *, const int fds[2]);

#endif
