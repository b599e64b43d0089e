/* From a file to the argv that runs it. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_SCRIPT_H
#define CLI_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct script {
	char		*path;		/* absolute; owned */
	const char	*interpreter;	/* NULL: it runs by itself */
};

/*
 * Look at the file and choose who runs it: interpreter if given ("none": the
 * file itself), else its #!, else what its extension says. 0, or CLI_FAILED
 * and what to do; the caller must script_release() it in both cases.
 */
int	script_look(struct script *, const char *file,
	    const char *interpreter, struct error *);
void	script_release(struct script *);

/* The name an app gets from it: the basename without its extension. The
 * caller must free it; NULL when memory is short. */
char	*script_name(const char *file);

/* True if a program of that name would be found in path, or is a path. */
bool	program_exists(const char *program, const char *path);

#endif
