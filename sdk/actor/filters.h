/* What the generator of the system call filters and the jail agree on. */
/* SPDX-License-Identifier: MIT */
#ifndef SDK_ACTOR_FILTERS_H
#define SDK_ACTOR_FILTERS_H

/* In place of the process's own pid, which nobody knows at build time; more
 * than a pid can be (PID_MAX_LIMIT is 2^22). */
#define FILTER_OWN_PID	0x7f0d0d0d

#endif
