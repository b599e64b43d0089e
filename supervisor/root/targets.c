/* Which units are meant. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/root/app.h"
#include "supervisor/root/unit.h"

#define NAMESPACE "namespace:"

/* The digits of text as a number below limit, or -1. */
static int64_t
number(const char *text, int64_t limit)
{
	char *end;
	long long n;

	if (*text < '0' || *text > '9' || strlen(text) > 12)
		return -1;
	n = strtoll(text, &end, 10);
	return *end == '\0' && n < limit ? n : -1;
}

static bool
means(const char *target, const struct unit *u)
{
	size_t len = strlen(u->name);

	if (strcmp(target, "all") == 0)
		return true;
	if (strncmp(target, NAMESPACE, strlen(NAMESPACE)) == 0)
		return strcmp(target + strlen(NAMESPACE),
		    app_namespace(u->app)) == 0;
	if (strncmp(target, u->name, len) == 0) {
		if (target[len] == '\0')
			return true;
		if (target[len] == ':')
			return number(target + len + 1, INSTANCES_MAX) ==
			    u->instance;
	}
	return number(target, INT64_MAX) == u->id;
}

static int
by_id(const void *a, const void *b)
{
	const struct unit *x = *(struct unit *const *)a;
	const struct unit *y = *(struct unit *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static bool
is_meant(field_list targets, const struct unit *u)
{
	if (list_count(targets) == 0)
		return true;
	for (size_t i = 0; targets[i] != NULL; i++)
		if (means(targets[i], u))
			return true;
	return false;
}

static int
check_each(const struct supervisor *s, field_list targets, struct error *e)
{
	for (size_t i = 0; targets != NULL && targets[i] != NULL; i++) {
		struct unit *u, *tmp;
		bool found = strcmp(targets[i], "all") == 0;

		HASH_ITER(hh, s->units, u, tmp)
			if (!found && u->kind == UNIT_APP)
				found = means(targets[i], u);
		if (!found)
			return fail(e, -ENOENT, "no app '%s'", targets[i]);
	}
	return 0;
}

int
targets_find(struct supervisor *s, field_list targets, struct target_set *set,
    struct error *e)
{
	struct unit *u, *tmp;
	size_t room = HASH_COUNT(s->units) + 1;
	int r;

	*set = (struct target_set){ 0 };
	if ((r = check_each(s, targets, e)) < 0)
		return r;
	if ((set->units = calloc(room, sizeof(*set->units))) == NULL)
		return fail(e, -ENOMEM, "out of memory");
	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_APP && is_meant(targets, u))
			set->units[set->count++] = u;
	qsort(set->units, set->count, sizeof(*set->units), by_id);
	return 0;
}

void
targets_release(struct target_set *set)
{
	free(set->units);
	*set = (struct target_set){ 0 };
}
