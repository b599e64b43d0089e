/* Which paths root may rely on. */
/* SPDX-License-Identifier: MIT */
#include "cli/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

static int
trust_component(const char *path, bool is_last, struct error *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return fail(e, CLI_FAILED, "cannot look at '%s': %s", path,
		    strerror(errno));
	if (st.st_uid != 0)
		return fail(e, CLI_FAILED, "'%s' does not belong to root, who "
		    "would rely on it: chown it, or choose another place with "
		    "--home", path);
	/* The mode of a link says nothing. */
	if (S_ISLNK(st.st_mode) || (st.st_mode & 022) == 0)
		return 0;
	if (S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0 && !is_last)
		return 0;
	return fail(e, CLI_FAILED, "'%s' can be changed by others than root, "
	    "who would rely on it: chmod go-w it, or choose another place with "
	    "--home", path);
}

static int
trust_each(const char *path, struct error *e)
{
	char part[PATH_MAX];
	size_t len = 1;
	int r;

	if ((r = trust_component("/", path[1] == '\0', e)) < 0)
		return r;
	while (path[len] != '\0' && len < sizeof(part)) {
		len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
		memcpy(part, path, len);
		part[len] = '\0';
		if ((r = trust_component(part, path[len] == '\0', e)) < 0)
			return r;
	}
	return 0;
}

int
trust_path(const char *path, struct error *e)
{
	char real[PATH_MAX];
	int r;

	if (strlen(path) >= PATH_MAX || realpath(path, real) == NULL)
		return fail(e, CLI_FAILED, "cannot resolve '%s': %s", path,
		    strerror(errno));
	if ((r = trust_each(path, e)) < 0)
		return r;
	return trust_each(real, e);
}
