/* What the options of start say, as a definition. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEFINITION_H
#define CLI_DEFINITION_H

#include "base/error.h"
#include "cli/option.h"
#include "cli/script.h"
#include "protocol/message.h"

/* A process_define, and what its fields point to. */
struct definition {
	struct message	 message;
	struct script	 script;
	char		*name, *cwd, *log_out, *log_err;
	const char	**argv;		/* the strings are borrowed */
	char		**env;		/* key, value, ..., NULL */
	size_t		 env_count;
	char		*groups[65];
};

/*
 * Define the app that runs file, or, where file is NULL, the command behind
 * "--". 0, CLI_USAGE, CLI_FAILED, -EPERM; the caller must
 * definition_release() it in every case.
 */
int	definition_make(struct definition *, const struct args *,
	    const char *file, struct error *);
void	definition_release(struct definition *);

#endif
