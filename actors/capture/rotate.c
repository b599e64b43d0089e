/*
 * Rotation: the file gets a number for its name, its successor is opened, and
 * between two splices the stream goes over to it.
 *
 *	rename 0-out.log -> 0-out.log.N
 *	rename 0-out.idx -> 0-out.idx.N
 *	create 0-out.log, tell the supervisor, close the old one
 *
 * A death anywhere in between is seen at the next start: the file that is
 * held is not the one the path names. Nothing is renamed twice, so whoever
 * reads finds each file by its number, in order.
 */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/logfile.h"

#define RETRY_MS	1000

static bool
is_same(int dir, const char *name, const struct stat *file)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

bool
sink_is_at_path(const struct sink *s)
{
	const char *base;
	struct stat file;
	bool is;
	int dir;

	if (fstat(s->fd, &file) == -1)
		return false;
	dir = open_parent_beneath(OD_FD_DIRECTORY, s->path, &base);
	if (dir < 0)
		return false;
	is = is_same(dir, base, &file);
	close(dir);
	return is;
}

/* Never onto a name that is taken. */
static int
rename_fresh(int dir, const char *from, const char *to)
{
	struct stat st;

	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system that does not know the flag; nobody else renames. */
	if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, from, dir, to) == -1 ? -errno : 0;
}

static void
move_index(int dir, const char *base, int64_t number)
{
	char index[NAME_MAX + 1], rotated[NAME_MAX + 1];
	int r;

	if (log_index_name(index, sizeof(index), base) < 0 ||
	    log_rotated_name(rotated, sizeof(rotated), index, number) < 0)
		return;
	r = rename_fresh(dir, index, rotated);
	if (r < 0 && r != -ENOENT)
		od_log("cannot rename '%s' to '%s': %s", index, rotated,
		    strerror(-r));
}

static int64_t
highest_number(int dir, const char *base)
{
	int64_t *numbers, highest = 0;
	long n = log_rotated_list(dir, base, true, &numbers);

	if (n > 0)
		highest = numbers[n - 1];
	if (n >= 0)
		free(numbers);
	return n < 0 ? n : highest;
}

/* Under which number does the open file lie there? 0 if under none. */
static int64_t
number_of(int dir, const char *base, int fd)
{
	char name[NAME_MAX + 1];
	int64_t *numbers = NULL, found = 0;
	struct stat file;
	long n = log_rotated_list(dir, base, false, &numbers);

	if (fstat(fd, &file) == 0)
		while (found == 0 && n-- > 0)
			if (log_rotated_name(name, sizeof(name), base,
			    numbers[n]) == 0 && is_same(dir, name, &file))
				found = numbers[n];
	free(numbers);
	return found;
}

/* Delete what is older than the newest keep files. */
static void
prune(const struct sink *s, int dir, const char *base)
{
	char index[NAME_MAX + 1], name[NAME_MAX + 4];
	int64_t *numbers = NULL;
	long n = log_rotated_list(dir, base, true, &numbers);

	if (log_index_name(index, sizeof(index), base) < 0)
		index[0] = '\0';
	for (long i = 0; i < n - s->rotate_keep; i++) {
		if (log_rotated_name(name, NAME_MAX, base, numbers[i]) == 0) {
			unlinkat(dir, name, 0);
			strcat(name, ".gz");
			unlinkat(dir, name, 0);
		}
		if (index[0] != '\0' && log_rotated_name(name, NAME_MAX,
		    index, numbers[i]) == 0)
			unlinkat(dir, name, 0);
	}
	free(numbers);
}

static int
move_away(struct sink *s, int dir, const char *base)
{
	char name[NAME_MAX + 1];
	int r = -EEXIST;

	if (s->last_number < 0)
		s->last_number = highest_number(dir, base);
	if (s->last_number < 0)
		return (int)s->last_number;
	/* Somebody may have put a file there meanwhile; the next is free. */
	for (int i = 0; i < 100 && r == -EEXIST; i++) {
		r = log_rotated_name(name, sizeof(name), base,
		    ++s->last_number);
		if (r == 0)
			r = rename_fresh(dir, base, name);
	}
	if (r < 0)
		return r;
	move_index(dir, base, s->last_number);
	s->moved_number = s->last_number;
	return 0;
}

static void
tell_rotated(struct sink *s, int64_t size)
{
	char path[PATH_MAX];
	struct message m = { .type = MSG_capture_rotated,
	    .capture_rotated = { .stream = s->number, .path = path,
	    .size = size } };

	if (s->moved_number > 0 && log_rotated_name(path, sizeof(path),
	    s->path, s->moved_number) == 0)
		capture_say(s->capture, &m, -1);
	s->moved_number = 0;
}

/* Open what path names now, or make it, and go on there. */
static int
switch_over(struct sink *s, struct error *e)
{
	struct message m = { .type = MSG_capture_opened,
	    .capture_opened = { .stream = s->number } };
	int64_t size = s->offset;
	int fd = log_open(s->path, e), r;

	if (fd < 0)
		return fd;
	if ((r = log_adopt(s, fd, e)) < 0) {
		close(fd);
		s->offset = size;
		s->is_regular = true;
		return r;
	}
	/* Said before the first byte goes there; were it lost, the next
	 * generation finds the file by its path, and its end is the truth. */
	capture_say(s->capture, &m, fd);
	close(s->fd);
	s->fd = fd;
	index_open(s);
	tell_rotated(s, size);
	return 0;
}

/* Not again for a while, or each drain would try. */
static int
put_off(struct sink *s, const char *why)
{
	od_log("'%s' cannot be rotated, writing goes on as it is: %s", s->path,
	    why);
	s->moving_at_ms = clock_ms() + RETRY_MS;
	return 0;
}

int
sink_rotate(struct sink *s)
{
	struct error e = { 0 };
	const char *base;
	int dir, r;

	if (sink_is_outside(s) || !s->is_regular ||
	    clock_ms() < s->moving_at_ms)
		return 0;
	if (s->offset == 0 && s->moved_number == 0) {
		s->is_rotation_due = false;
		return 0;
	}
	dir = open_parent_beneath(OD_FD_DIRECTORY, s->path, &base);
	if (dir < 0)
		return put_off(s, strerror(-dir));
	r = 0;
	/* If path is not our file any more, there is nothing to rename. */
	if (s->moved_number == 0 && sink_is_at_path(s) &&
	    (r = move_away(s, dir, base)) < 0)
		put_off(s, strerror(-r));
	else if ((r = switch_over(s, &e)) < 0)
		put_off(s, e.text);
	else {
		s->is_rotation_due = false;
		prune(s, dir, base);
	}
	close(dir);
	return r == 0;
}

int
sink_follow_path(struct sink *s)
{
	char name[NAME_MAX + 1];
	struct error e = { 0 };
	const char *base;
	struct stat st;
	int dir, r;

	if (clock_ms() < s->moving_at_ms)
		return 0;
	dir = open_parent_beneath(OD_FD_DIRECTORY, s->path, &base);
	if (dir >= 0) {
		/* An interrupted rotation, if it has a number. The index may
		 * not have been renamed; once there is a successor, it has. */
		s->moved_number = number_of(dir, base, s->fd);
		if (s->moved_number > 0 && fstatat(dir, base, &st,
		    AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT &&
		    log_index_name(name, sizeof(name), base) == 0)
			move_index(dir, base, s->moved_number);
		close(dir);
	}
	if (s->moved_number == 0)
		od_log("'%s' is another file than before", s->path);
	if ((r = switch_over(s, &e)) < 0)
		put_off(s, e.text);
	return r == 0;
}
