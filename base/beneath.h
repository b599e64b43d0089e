/* Opening what lies beneath a directory, without ever leaving it. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_BENEATH_H
#define BASE_BENEATH_H

#include <sys/types.h>

/*
 * open(2) of a relative path beneath dir: no component may be a symbolic link
 * or lead out of dir, and the descriptor is CLOEXEC. openat2(2) where the
 * kernel has it and the jail allows it, else component by component. The
 * descriptor, or a negative errno: -EXDEV for a path that is absolute or has
 * "..", -ELOOP for a link.
 */
int	open_beneath(int dir, const char *path, int flags, mode_t mode);

/*
 * The directory that path lies in, as a descriptor for *at(2) calls, and in
 * *base the last component of path.
 */
int	open_parent_beneath(int dir, const char *path, const char **base);

/* Make the directories that lead to path, which itself is not made. */
int	make_parents_beneath(int dir, const char *path, mode_t mode);

#endif
