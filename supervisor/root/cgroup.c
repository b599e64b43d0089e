/* Control groups: finding the tree, and a group for each run. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sys.h"

#define OPEN_DIR	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* An app may make groups in its own as it likes: we look at so many. */
#define DEPTH		32
#define GROUPS		1024
#define PIDS		1024		/* of one group */
#define BATCH		64		/* pidfds held at a time */

#define WALKED	"descendants are found by walking /proc"

/* ---- where the tree is ---- */

/* Read a file of the kernel's as a string: its length or a negative errno. */
static ssize_t
slurp(int dirfd, const char *path, char *to, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return -errno;
	n = read_all(fd, to, size - 1);
	close(fd);
	to[n > 0 ? n : 0] = '\0';
	return n;
}

char *
cgroup_find_own(char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	return NULL;
}

/* Blanks and the like are "\040" in mountinfo. */
static char *
unescape(char *text)
{
	char *from, *to = text;

	for (from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' &&
		    from[3] >= '0' && from[3] <= '7') {
			*to++ = (char)((from[1] - '0') << 6 |
			    (from[2] - '0') << 3 | (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return text;
}

char *
cgroup_find_mount(char *text, char **root)
{
	char *line, *rest = text, *word, *path = NULL;
	int n;

	/* id parent major:minor root point options ... - type ... */
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strstr(line, " - cgroup2 ") == NULL)
			continue;
		*root = path = NULL;
		for (n = 0; n < 5 && (word = strsep(&line, " ")) != NULL; n++) {
			if (n == 3)
				*root = unescape(word);
			else if (n == 4)
				path = unescape(word);
		}
		if (path != NULL && path[0] == '/')
			return path;
	}
	return NULL;
}

static bool
is_cgroup2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* The directory of our own group, or a negative errno and the reason. */
static int
open_own(const char **why)
{
	char own[8192], mounts[65536], path[PATH_MAX];
	char *group, *root = NULL;
	const char *point = NULL;
	int fd;

	if (is_cgroup2("/sys/fs/cgroup"))
		point = "/sys/fs/cgroup";
	else if (is_cgroup2("/sys/fs/cgroup/unified"))
		point = "/sys/fs/cgroup/unified";
	else if (slurp(AT_FDCWD, "/proc/self/mountinfo", mounts,
	    sizeof(mounts)) > 0)
		point = cgroup_find_mount(mounts, &root);
	*why = "no cgroup v2 is mounted";
	if (point == NULL)
		return -ENOENT;
	*why = "our own cgroup is not known";
	if (slurp(AT_FDCWD, "/proc/self/cgroup", own, sizeof(own)) <= 0 ||
	    (group = cgroup_find_own(own)) == NULL)
		return -ENOENT;
	/* Only part of the tree may be mounted. */
	if (root != NULL && strcmp(root, "/") != 0 &&
	    strncmp(group, root, strlen(root)) == 0)
		group += strlen(root);
	if (snprintf(path, sizeof(path), "%s%s", point, group) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	*why = "our own cgroup is not beneath the mounted cgroup v2";
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

/* True if groups made in there can hold processes, and be killed. */
static bool
is_useful(int dirfd, const char **why)
{
	char type[64];

	*why = "cgroup.kill is missing (Linux 5.14)";
	if (faccessat(dirfd, "cgroup.kill", W_OK, AT_EACCESS) == -1)
		return false;
	*why = "our own cgroup is threaded";
	return slurp(dirfd, "cgroup.type", type, sizeof(type)) > 0 &&
	    strcmp(type, "domain\n") == 0;
}

/* Make and open opendaemon-NAME in our own group. */
static int
setup(struct cgroups *cg, const char *name, const char **why)
{
	char dir[NAME_MAX + 1];
	int own, r = 0;

	if (snprintf(dir, sizeof(dir), "opendaemon-%s", name) >=
	    (int)sizeof(dir))
		return -ENAMETOOLONG;
	if ((own = open_own(why)) < 0)
		return own;
	/* To move a process into a group, one must be allowed to write to the
	 * group it comes from. */
	*why = "no cgroup v2 that this user may write";
	if (faccessat(own, "cgroup.procs", W_OK, AT_EACCESS) == -1 ||
	    (mkdirat(own, dir, 0755) == -1 && errno != EEXIST) ||
	    (cg->fd = openat(own, dir, OPEN_DIR)) == -1) {
		r = -errno;
	} else if (!is_useful(cg->fd, why)) {
		r = -ENOTSUP;
		unlinkat(own, dir, AT_REMOVEDIR);
	}
	close(own);
	return r;
}

int
cgroup_setup(struct cgroups *cg, const char *name, char *why, size_t size)
{
	const char *words = "";
	int r;

	*cg = (struct cgroups){ .fd = -1 };
	if ((r = setup(cg, name, &words)) < 0) {
		snprintf(why, size, "%s; " WALKED, words);
		cgroup_release(cg);
		return r;
	}
	snprintf(why, size, "cgroup v2");
	cg->available = true;
	return 0;
}

void
cgroup_release(struct cgroups *cg)
{
	close_fd(&cg->fd);
	cg->available = false;
}

void
cgroup_finish(struct cgroups *cg)
{
	char path[64], dir[PATH_MAX];
	ssize_t n;

	if (cg->fd != -1) {
		/* A directory has no name for itself but this. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", cg->fd);
		n = readlink(path, dir, sizeof(dir) - 1);
		if (n > 0) {
			dir[n] = '\0';
			rmdir(dir);
		}
	}
	cgroup_release(cg);
}

/* ---- the group of a run ---- */

/* A name long enough for any run. */
struct run_name {
	char text[24];
};

static struct run_name
run_name(uint64_t run)
{
	struct run_name name;

	snprintf(name.text, sizeof(name.text), "r%" PRIu64, run);
	return name;
}

int
cgroup_run_create(const struct cgroups *cg, uint64_t run, int *dirfd)
{
	struct run_name name = run_name(run);
	int r;

	if (!cg->available)
		return -ENOTSUP;
	if (mkdirat(cg->fd, name.text, 0755) == -1) {
		if (errno != EEXIST)
			return -errno;
		/* One of that name is what a predecessor left that died right
		 * here. It may have seen cgroup.kill. */
		if ((r = cgroup_remove(cg, run)) < 0)
			return r;
		if (mkdirat(cg->fd, name.text, 0755) == -1)
			return -errno;
	}
	r = cgroup_run_open(cg, run, dirfd);
	if (r < 0)
		unlinkat(cg->fd, name.text, AT_REMOVEDIR);
	return r;
}

int
cgroup_run_open(const struct cgroups *cg, uint64_t run, int *dirfd)
{
	if (!cg->available)
		return -ENOTSUP;
	*dirfd = openat(cg->fd, run_name(run).text, OPEN_DIR);
	return *dirfd == -1 ? -errno : 0;
}

int
cgroup_procs_fd(int dirfd)
{
	int fd = openat(dirfd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

int
cgroup_events_fd(int dirfd)
{
	int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

int
cgroup_is_empty(int dirfd)
{
	char text[256];
	ssize_t n = slurp(dirfd, "cgroup.events", text, sizeof(text));

	if (n < 0)
		return (int)n;
	return strstr(text, "populated 0") != NULL;
}

int
cgroup_kill(int dirfd)
{
	int fd = openat(dirfd, "cgroup.kill", O_WRONLY | O_CLOEXEC), r;

	if (fd == -1)
		return -errno;
	r = write_all(fd, "1", 1);
	close(fd);
	return r;
}

/* ---- sub-groups ---- */

/* Something done to every group beneath one, the deepest first. */
struct walk {
	void	(*on)(struct walk *, int parent, const char *name, int dirfd);
	int	 left;		/* groups that may still be looked at */
	pid_t	 except;
	int	 sig;
	int	 count;
};

static void
descend(struct walk *w, int dirfd, int depth)
{
	struct dirent *entry;
	int fd = openat(dirfd, ".", OPEN_DIR), sub;
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		close_fd(&fd);
		return;
	}
	while (w->left > 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		sub = openat(fd, entry->d_name, OPEN_DIR);
		if (sub == -1)
			continue;
		w->left--;
		if (depth > 0)
			descend(w, sub, depth - 1);
		w->on(w, fd, entry->d_name, sub);
		close(sub);
	}
	closedir(dir);
}

static void
remove_one(struct walk *w, int parent, const char *name, int dirfd)
{
	(void)dirfd;
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		w->count++;
}

int
cgroup_remove(const struct cgroups *cg, uint64_t run)
{
	struct walk w = { .on = remove_one, .left = GROUPS };
	struct run_name name = run_name(run);
	int dirfd, r;

	if ((r = cgroup_run_open(cg, run, &dirfd)) < 0)
		return r == -ENOENT ? 0 : r;
	if (unlinkat(cg->fd, name.text, AT_REMOVEDIR) == -1) {
		descend(&w, dirfd, DEPTH);
		if (unlinkat(cg->fd, name.text, AT_REMOVEDIR) == -1)
			r = -errno;
	}
	close(dirfd);
	return r;
}

int
cgroup_runs_each(const struct cgroups *cg, void (*on)(void *, uint64_t),
    void *arg)
{
	struct dirent *entry;
	uint64_t run;
	char *end;
	DIR *dir;
	int fd;

	if (!cg->available)
		return -ENOTSUP;
	fd = openat(cg->fd, ".", OPEN_DIR);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		close_fd(&fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)) != NULL) {
		run = strtoull(entry->d_name + 1, &end, 10);
		/* Only a name that we would have given. */
		if (entry->d_type == DT_DIR && *end == '\0' &&
		    strcmp(entry->d_name, run_name(run).text) == 0)
			on(arg, run);
	}
	closedir(dir);
	return 0;
}

/* ---- signals ---- */

/* The pids in a group; how many, at most size. */
static int
read_pids(int dirfd, pid_t *pids, int size)
{
	char text[PIDS * 11 + 1], *at = text, *end;
	int n = 0;

	if (slurp(dirfd, "cgroup.procs", text, sizeof(text)) <= 0)
		return 0;
	/* A number that was cut short has no newline: it is left out. 0 is a
	 * process that our pid namespace does not know. */
	for (; n < size; at = end + 1) {
		pids[n] = (pid_t)strtol(at, &end, 10);
		if (end == at || *end != '\n')
			break;
		if (pids[n] > 0)
			n++;
	}
	return n;
}

static bool
contains(const pid_t *pids, int n, pid_t pid)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * Between reading a number and opening its pidfd, it may have become another
 * process's. So look once more while the pidfds are held: who is in the group
 * then is the one that we hold, or the one that we hold has ended.
 */
static int
signal_batch(int dirfd, const pid_t *pids, int n, int sig)
{
	pid_t again[PIDS];
	int fds[BATCH], nagain, count = 0;

	for (int i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(pids[i]);
	nagain = read_pids(dirfd, again, PIDS);
	for (int i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (contains(again, nagain, pids[i]) &&
		    sys_pidfd_signal(fds[i], sig) == 0)
			count++;
		close(fds[i]);
	}
	return count;
}

static void
signal_one(struct walk *w, int parent, const char *name, int dirfd)
{
	pid_t pids[PIDS], batch[BATCH];
	int n = read_pids(dirfd, pids, PIDS), in_batch = 0;

	(void)parent;
	(void)name;
	for (int i = 0; i < n; i++) {
		if (pids[i] != w->except)
			batch[in_batch++] = pids[i];
		if (in_batch == BATCH || (i == n - 1 && in_batch > 0)) {
			w->count += signal_batch(dirfd, batch, in_batch,
			    w->sig);
			in_batch = 0;
		}
	}
}

int
cgroup_signal_rest(int dirfd, pid_t except, int sig)
{
	struct walk w = { .on = signal_one, .left = GROUPS,
	    .except = except, .sig = sig };

	signal_one(&w, -1, "", dirfd);
	descend(&w, dirfd, DEPTH);
	return w.count;
}
