/* The files of a source: the one that grows, and the rotated before it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/beneath.h"

#define TRIES	16	/* to catch a moment between two rotations */

void
place_of(struct place *p, int fd)
{
	struct statx st;

	p->inode = p->birth = 0;
	p->offset = 0;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) == -1)
		return;
	p->inode = st.stx_ino;
	if ((st.stx_mask & STATX_BTIME) != 0)
		p->birth = (uint64_t)st.stx_btime.tv_sec * 1000000000 +
		    st.stx_btime.tv_nsec;
}

bool
place_is_same(const struct place *a, const struct place *b)
{
	return a->inode == b->inode && a->birth == b->birth;
}

int
chain_open(const struct source *s, int64_t number)
{
	char name[PATH_MAX];
	struct stat st;
	int fd, r;

	if (source_is_outside(s)) {
		if (number != 0)
			return -ENOENT;
		if (s->given == -1)
			return -EXDEV;
		fd = fcntl(s->given, F_DUPFD_CLOEXEC, 0);
		return fd == -1 ? -errno : fd;
	}
	if (number == 0)
		r = snprintf(name, sizeof(name), "%s", s->path) <
		    (int)sizeof(name) ? 0 : -ENAMETOOLONG;
	else
		r = log_rotated_name(name, sizeof(name), s->path, number);
	if (r < 0)
		return r;
	fd = open_beneath(OD_FD_DIRECTORY, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd >= 0 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

long
chain_list(const struct source *s, int64_t **numbers)
{
	const char *base;
	long n;
	int dir;

	*numbers = NULL;
	if (source_is_outside(s))
		return 0;
	dir = open_parent_beneath(OD_FD_DIRECTORY, s->path, &base);
	if (dir < 0)
		return dir;
	n = log_rotated_list(dir, base, false, numbers);
	close(dir);
	return n;
}

static bool
is_there(const struct source *s, const struct place *p, int64_t number)
{
	struct place found;
	int fd = chain_open(s, number);

	if (fd < 0)
		return false;
	place_of(&found, fd);
	close(fd);
	return place_is_same(&found, p);
}

int
chain_find(const struct source *s, const struct place *p, int64_t *number)
{
	int64_t *numbers = NULL;
	struct place found;
	long n;
	int fd = -ENOENT;

	/* Path first, then down: what is renamed meanwhile is met again. */
	if (is_there(s, p, 0)) {
		*number = 0;
		fd = chain_open(s, 0);
	} else {
		n = chain_list(s, &numbers);
		while (fd < 0 && n-- > 0)
			if (is_there(s, p, numbers[n])) {
				*number = numbers[n];
				fd = chain_open(s, *number);
			}
	}
	free(numbers);
	if (fd < 0)
		return -ENOENT;
	place_of(&found, fd);
	if (place_is_same(&found, p))
		return fd;
	close(fd);
	return -ENOENT;
}

long
chain_learn(struct source *s, const int64_t *numbers, long n)
{
	for (long i = n - 1; i >= 0; i--)
		if (s->number != 0 ? numbers[i] == s->number :
		    is_there(s, &s->at, numbers[i])) {
			s->number = numbers[i];
			return i;
		}
	return n;
}

/* One try: -EINTR if something was renamed under our hands. */
static int
try_next(struct source *s, int64_t *number, bool *gap)
{
	int64_t *numbers = NULL, *again = NULL, highest, now;
	long n = chain_list(s, &numbers), i;
	int fd = (int)n;

	if (n < 0)
		goto out;
	chain_learn(s, numbers, n);
	for (i = 0; i < n && numbers[i] <= s->number; i++)
		;
	highest = n > 0 ? numbers[n - 1] : 0;
	/* Without a number it was deleted, and all that are left are younger:
	 * the oldest files are deleted first. */
	*gap = s->number == 0 ||
	    (i < n ? numbers[i] : highest + 1) != s->number + 1;
	*number = i < n ? numbers[i] : 0;
	fd = chain_open(s, *number);
	if (fd == -ENOENT)
		fd = *number == 0 ? -EAGAIN : -EINTR;
	if (fd < 0 || *number != 0)
		goto out;
	/* Was it path that we opened, or already its successor? */
	n = chain_list(s, &again);
	now = n > 0 ? again[n - 1] : 0;
	if (n < 0 || now > highest) {
		close(fd);
		fd = -EINTR;
	}
out:
	free(numbers);
	free(again);
	return fd;
}

int
chain_next(struct source *s, int64_t *number, bool *gap)
{
	int fd = -EINTR;

	for (int i = 0; i < TRIES && fd == -EINTR; i++) {
		/* As long as path is the file itself, nothing follows it. */
		if (s->number == 0 && is_there(s, &s->at, 0))
			return -EAGAIN;
		fd = try_next(s, number, gap);
	}
	return fd;
}
