/* Which paths root may rely on. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_TRUST_H
#define CLI_TRUST_H

#include "base/error.h"

/*
 * 0 if every component of the absolute path, links and what they lead to
 * included, belongs to root and can be changed by root alone. A directory
 * that is writable by all but sticky, like /tmp, passes on the way: nobody
 * can put another thing in the place of root's in there.
 */
int	trust_path(const char *path, struct error *);

#endif
