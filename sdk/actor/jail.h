/* What a process gives up before it looks at anything from outside. */
/* SPDX-License-Identifier: MIT */
#ifndef SDK_ACTOR_JAIL_H
#define SDK_ACTOR_JAIL_H

#include "base/error.h"
#include "opendaemon/actor.h"

/* The first act of an actor: no core files, no debugger, and errors
 * in place of SIGPIPE and SIGXFSZ. */
void	jail_prepare(void);

/*
 * No new privileges, Landlock and seccomp as the reach says. 0, or a negative
 * errno and the sentence: the process must not go on then. What the kernel
 * does not have at all is logged, once, and done without.
 */
int	jail_enter(enum od_reach, struct error *);

#endif
