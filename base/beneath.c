/* Opening what lies beneath a directory, without ever leaving it. */
/* SPDX-License-Identifier: MIT */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

/* Copy the component at *path to name and step over it; 0 at the end. */
static int
next_component(const char **path, char name[NAME_MAX + 1])
{
	size_t n;

	*path += strspn(*path, "/");
	n = strcspn(*path, "/");
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	*path += strspn(*path, "/");
	if (strcmp(name, "..") == 0)
		return -EXDEV;
	return n > 0;
}

static int
open_directory(int dir, const char *name)
{
	int fd = openat(dir, name,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd != -1)
		return fd;
	/* A link that O_NOFOLLOW met, or really no directory. */
	if (errno == ENOTDIR) {
		struct stat st;

		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			return -ELOOP;
		return -ENOTDIR;
	}
	return -errno;
}

/* For kernels before 5.6, and jails that do not know the call. */
static int
open_by_component(int dir, const char *path, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	int at = dir, next, r;

	for (;;) {
		if ((r = next_component(&path, name)) <= 0) {
			if (r == 0)
				r = -ENOENT;
			break;
		}
		if (*path == '\0') {
			r = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC,
			    mode);
			if (r == -1)
				r = -errno;
			break;
		}
		if ((next = open_directory(at, name)) < 0) {
			r = next;
			break;
		}
		if (at != dir)
			close(at);
		at = next;
	}
	if (at != dir)
		close(at);
	return r;
}

int
open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (path[0] == '/')
		return -EXDEV;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd != -1)
		return (int)fd;
	/* EAGAIN: something was renamed meanwhile, so the kernel cannot be
	 * sure; the slow way can. */
	if (errno != ENOSYS && errno != EPERM && errno != EAGAIN)
		return -errno;
	return open_by_component(dir, path, flags, mode);
}

int
open_parent_beneath(int dir, const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t n;

	*base = slash == NULL ? path : slash + 1;
	if (**base == '\0' || strcmp(*base, ".") == 0 ||
	    strcmp(*base, "..") == 0)
		return -EISDIR;
	if (slash == NULL)
		return open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	if ((n = (size_t)(slash - path)) >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, n);
	parent[n] = '\0';
	return open_beneath(dir, n == 0 ? "/" : parent,
	    O_RDONLY | O_DIRECTORY, 0);
}

int
make_parents_beneath(int dir, const char *path, mode_t mode)
{
	char name[NAME_MAX + 1];
	int at = dir, next, r;

	if (path[0] == '/')
		return -EXDEV;
	for (;;) {
		r = next_component(&path, name);
		if (r <= 0 || *path == '\0')
			break;
		if (mkdirat(at, name, mode) == -1 && errno != EEXIST) {
			r = -errno;
			break;
		}
		if ((next = open_directory(at, name)) < 0) {
			r = next;
			break;
		}
		if (at != dir)
			close(at);
		at = next;
	}
	if (at != dir)
		close(at);
	return r < 0 ? r : 0;
}
