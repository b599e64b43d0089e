/* What exec_plan_check() lets through, od-exec can walk to the last string. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "supervisor/exec/plan.h"
#include "tests/fuzz/target.h"

static size_t
walk(const struct exec_plan *p, uint32_t at, uint32_t count)
{
	size_t total = 0;

	while (count-- > 0) {
		size_t n = strlen(exec_plan_string(p, at)) + 1;

		at += (uint32_t)n;
		total += n;
	}
	return total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct exec_plan *p = malloc(len > 0 ? len : 1);

	if (p == NULL)
		abort();
	memcpy(p, data, len);
	if (exec_plan_check(p, len) == 0 &&
	    (p->size > len || walk(p, p->argv_at, p->argc) > p->size ||
	    walk(p, p->env_at, p->envc) > p->size ||
	    walk(p, p->path_at, 1) < 2 || walk(p, p->cwd_at, 1) < 2))
		abort();
	free(p);
	return 0;
}
