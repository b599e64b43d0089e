/* Looking for the runs of a home at a cold start. */
/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "found.h"
#include "proc.h"

#define ROOM	(256 * 1024)	/* of an environment; ours comes last in it */

/* The value of a variable, or NULL; the bytes end with a NUL. */
static const char *
value(const char *room, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < len; at += strlen(room + at) + 1)
		if (strncmp(room + at, name, n) == 0 && room[at + n] == '=')
			return room + at + n + 1;
	return NULL;
}

static void
visit(void *arg, pid_t pid)
{
	static char room[ROOM + 1];
	const char *home, *run, *id;
	struct sweep_found f = { .pid = pid };
	struct proc p;
	ssize_t n;

	if (proc_read(pid, &p) < 0 || p.session != pid ||
	    (n = proc_environ(pid, room, ROOM)) <= 0)
		return;
	room[n] = '\0';
	home = value(room, (size_t)n, "OD_HOME");
	run = value(room, (size_t)n, "OD_RUN");
	id = value(room, (size_t)n, "OD_ID");
	if (home == NULL || run == NULL || id == NULL ||
	    strcmp(home, arg) != 0)
		return;
	f.run = strtoull(run, NULL, 10);
	f.id = strtoll(id, NULL, 10);
	f.start_ticks = p.start;
	if (write(STDOUT_FILENO, &f, sizeof(f)) != (ssize_t)sizeof(f))
		exit(1);
}

int
find_runs(const char *home)
{
	char copy[8192];

	if (strlen(home) >= sizeof(copy))
		return -ENAMETOOLONG;
	return proc_each(visit, strcpy(copy, home));
}
