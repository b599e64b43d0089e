/* Laying out what od-exec is told: supervisor/exec/exec.h as a memfd. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_PLAN_H
#define ROOT_PLAN_H

#include "base/error.h"
#include "supervisor/exec/exec.h"
#include "supervisor/root/supervisor.h"

struct plan {
	uint32_t	 flags;
	uid_t		 uid;
	gid_t		 gid;
	const gid_t	*groups;
	int		 ngroups;
	uint32_t	 umask_plus_1;	/* 0: 022 */
	field_list	 argv;
	field_map	 env;		/* then ... */
	field_map	 own_env;	/* ... ours, which wins */
	const char	*path;		/* the program; argv[0] where NULL */
	const char	*cwd;
	int		 cgroup_fd;	/* its number in the child, or -1 */
	int		 npassed;
	int		 passed[EXEC_PASSED_MAX];
};

/* The descriptor of a sealed memfd (the caller's), or a negative errno. */
int	plan_memfd(const struct plan *, struct error *);

#endif
