/* A sign of life on a terminal while an answer takes its time. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_SPINNER_H
#define CLI_SPINNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "opendaemon/client.h"

/* An all-zero one has not begun. */
struct spinner {
	bool		is_shown;
	unsigned int	turn;
};

/*
 * Wait for a message until deadline (clock_ms(), -1 for ever): 1, 0 when it
 * is over, or a negative errno. Begins to turn after half a second.
 */
int	spinner_wait(struct spinner *, struct od_client *, int64_t deadline,
	    struct error *);

/* Leave the line as it was. */
void	spinner_clear(struct spinner *);

#endif
