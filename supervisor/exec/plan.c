/* The one place that trusts nothing about a plan. */
/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FLAGS	(EXEC_KEEP_IDS | EXEC_NO_NEW_PRIVS | EXEC_NO_CAPS | EXEC_ACTOR)

const char *
exec_plan_string(const struct exec_plan *p, uint32_t at)
{
	return (const char *)p + at;
}

/* Do count strings, each with its NUL, begin at this offset? */
static bool
holds_strings(const struct exec_plan *p, uint32_t at, uint32_t count)
{
	const char *s = (const char *)p + at, *end;

	if (at < sizeof(*p) || at > p->size)
		return false;
	while (count-- > 0) {
		end = memchr(s, '\0', p->size - (size_t)(s - (const char *)p));
		if (end == NULL)
			return false;
		s = end + 1;
	}
	return true;
}

static bool
passes_fit(const struct exec_plan *p)
{
	if (p->npassed > EXEC_PASSED_MAX)
		return false;
	for (uint32_t i = 0; i < p->npassed; i++) {
		if (p->passed[i] <= 2 || p->passed[i] >= EXEC_TARGET_MAX)
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (p->passed[j] == p->passed[i])
				return false;
	}
	return true;
}

static bool
numbers_fit(const struct exec_plan *p)
{
	return (p->flags & ~(uint32_t)FLAGS) == 0 &&
	    p->ngroups <= EXEC_GROUPS_MAX &&
	    p->nice >= -20 && p->nice <= 19 &&
	    p->umask_plus_1 <= 0777 + 1 &&
	    p->argc >= 1 && p->argc <= EXEC_STRINGS_MAX &&
	    p->envc <= EXEC_STRINGS_MAX - p->argc &&
	    p->cgroup_fd >= -1 && p->cgroup_fd != EXEC_FD_PLAN &&
	    p->cgroup_fd != EXEC_FD_GO &&
	    ((p->flags & EXEC_KEEP_IDS) != 0 ||
	    (p->uid != UINT32_MAX && p->gid != UINT32_MAX));
}

int
exec_plan_check(const void *bytes, size_t len)
{
	const struct exec_plan *p = bytes;

	if (len < sizeof(*p) || p->magic != EXEC_MAGIC ||
	    p->size < sizeof(*p) || p->size > len)
		return -EBADMSG;
	if (!numbers_fit(p) || !passes_fit(p))
		return -EBADMSG;
	if (!holds_strings(p, p->argv_at, p->argc) ||
	    !holds_strings(p, p->env_at, p->envc) ||
	    !holds_strings(p, p->path_at, 1) ||
	    !holds_strings(p, p->cwd_at, 1))
		return -EBADMSG;
	if (*exec_plan_string(p, p->path_at) == '\0' ||
	    *exec_plan_string(p, p->cwd_at) != '/')
		return -EBADMSG;
	return 0;
}
