/* Executing a program by its name, as execvp(3) does, but for no shell. */
/* SPDX-License-Identifier: MIT */
#ifndef EXEC_SEARCH_H
#define EXEC_SEARCH_H

#include "exec.h"

/*
 * Execute file with these arguments and environment: as it is if it has a
 * '/', else from the directories of the environment's PATH in order. Returns
 * only if that failed, with what to report.
 */
struct exec_report search_and_exec(const char *file, char *const argv[],
	    char *const envp[]);

#endif
