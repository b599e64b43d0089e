/* Log lines, read from od-logs through the descriptor the supervisor gives. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

#include "cli/cli.h"

/*
 * Ask for the lines that m (a logs_tail) says and hand each to on_line, until
 * there are no more (0), or for ever with follow; a lost reader is replaced
 * and goes on where the lines ended. A negative return of on_line ends it.
 */
int	tail(struct cli *, const struct message *m,
	    int (*on_line)(void *, const struct message *), void *arg,
	    struct error *);

#endif
