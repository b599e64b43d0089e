/* Starts a daemon: its directories, its lock, its keeper. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Start the daemon of home ("": the host's) and wait until it answers.
 * 0 and *pid (of its keeper), or CLI_NO_DAEMON if another one has the lock
 * (*pid is its), or CLI_FAILED. In the foreground it returns only if it
 * failed.
 */
int	launch(const char *home, bool in_foreground, pid_t *pid,
	    struct error *);

/* The pid in the lock file of a running daemon: 1; 0 if nobody holds the
 * lock, or a negative errno. */
int	launch_holder(const char *home, pid_t *pid);

#endif
