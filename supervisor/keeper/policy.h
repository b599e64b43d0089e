/* When the next supervisor is started, and whether in safe mode: no clock. */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_POLICY_H
#define KEEPER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_FAILURES		3	/* so many in ... */
#define POLICY_WINDOW_MS	60000	/* ... are safe mode */
#define POLICY_KILLS		10	/* so many in a second: then ... */
#define POLICY_KILLS_MS		50	/* ... this far apart */

struct policy {
	int64_t		failures[4];	/* when the last ones were, or 0 */
	int64_t		kills[POLICY_KILLS];
	unsigned int	failed, killed;	/* ever; where the next one goes */
};

/*
 * The supervisor ended at now: by somebody's SIGKILL, or by a failure of its
 * own. Returns the milliseconds to wait before the next is started.
 */
int	policy_killed(struct policy *, int64_t now);
int	policy_failed(struct policy *, int64_t now);

/* Is what starts at now to be started in safe mode? */
bool	policy_is_safe(const struct policy *, int64_t now);

#endif
