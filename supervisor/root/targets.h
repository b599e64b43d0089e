/* Which units are meant: name, name:instance, id, namespace:NS, all. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_TARGETS_H
#define ROOT_TARGETS_H

#include "supervisor/root/supervisor.h"

struct target_set {
	struct unit	**units;	/* owned, each once, by id */
	size_t		 count;
};

/*
 * All that the targets mean; none means all. -ENOENT names the target that
 * means nothing. The caller releases the set in either case.
 */
int	targets_find(struct supervisor *, field_list, struct target_set *,
	    struct error *);
void	targets_release(struct target_set *);

#endif
