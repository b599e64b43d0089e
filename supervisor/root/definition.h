/*
 * A process_define as it came in: is every field what it may be, and which
 * policy does it ask for. The codec has checked lengths and ranges; here is
 * what only the supervisor can judge.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_DEFINITION_H
#define ROOT_DEFINITION_H

#include <stdbool.h>

#include "base/error.h"
#include "protocol/message.h"
#include "supervisor/root/restart.h"

/* 0, or -EINVAL with a sentence that names the field, what was in it, and
 * what is allowed. */
int	definition_check(const struct message *, struct error *);

/* A log's path as it was given, with {name} and {instance} filled in: its
 * length, or -ENAMETOOLONG. */
int	definition_log_path(const struct process_define *, const char *given,
	    int instance, char *buf, size_t);

/* What it says of restarts, with our defaults where it says nothing; of a
 * definition that was checked. */
void	definition_policy(const struct message *, struct restart_policy *);

/* [A-Za-z0-9_][A-Za-z0-9._-]{0,63} */
bool	definition_is_word(const char *);

/* A word that cannot be taken for another kind of target. */
bool	definition_is_name(const char *);

#endif
