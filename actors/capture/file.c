/* Opening log files and their indexes, and seeing what became of them. */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/logfile.h"

#define LOG_MODE	0640
#define DIRECTORY_MODE	0750
#define MARK_EVERY_MS	10

int
log_open(const char *path, struct error *e)
{
	struct stat st;
	int fd, r;

	if (path[0] == '/')
		return fail(e, -EXDEV,
		    "'%s' does not lie in the log directory", path);
	r = make_parents_beneath(OD_FD_DIRECTORY, path, DIRECTORY_MODE);
	if (r < 0)
		return fail(e, r, "cannot make the directory of '%s': %s",
		    path, strerror(-r));
	/* O_NONBLOCK: a FIFO in the way must not hold us. */
	fd = open_beneath(OD_FD_DIRECTORY, path,
	    O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, LOG_MODE);
	if (fd < 0)
		return fail(e, fd, "cannot open '%s': %s", path,
		    fd == -ENXIO ? "it is no regular file" :
		    fd == -ELOOP ? "it is a symbolic link, or lies behind one" :
		    strerror(-fd));
	if (fstat(fd, &st) == -1)
		r = fail(e, -errno, "cannot look at '%s': %s", path,
		    strerror(errno));
	else if (!S_ISREG(st.st_mode))
		r = fail(e, -EINVAL, "cannot write to '%s': it is no regular "
		    "file", path);
	else if (st.st_nlink != 1)
		r = fail(e, -EMLINK, "will not write to '%s': it has %lu "
		    "names", path, (unsigned long)st.st_nlink);
	else
		return fd;
	close(fd);
	return r;
}

int
log_adopt(struct sink *s, int fd, struct error *e)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	off_t at;

	if (flags == -1 || fstat(fd, &st) == -1)
		return fail(e, -errno, "cannot look at '%s': %s", s->path,
		    strerror(errno));
	/* splice(2) refuses a file that is O_APPEND. */
	if ((flags & O_APPEND) != 0 &&
	    fcntl(fd, F_SETFL, flags & ~O_APPEND) == -1)
		return fail(e, -errno, "cannot prepare '%s': %s", s->path,
		    strerror(errno));
	s->is_regular = S_ISREG(st.st_mode);
	if (!s->is_regular)
		return 0;
	/* We are the only writer, so the end of the file is the place; if the
	 * offset disagrees, somebody else was at it. */
	at = lseek(fd, 0, SEEK_CUR);
	if (at != 0 && at > st.st_size)
		od_log("'%s' was cut from %lld to %lld bytes", s->path,
		    (long long)at, (long long)st.st_size);
	if (at == -1 || (at = lseek(fd, 0, SEEK_END)) == -1)
		return fail(e, -errno, "cannot seek in '%s': %s", s->path,
		    strerror(errno));
	s->offset = at;
	return 0;
}

/* Marks of bytes that are no longer there would put the order wrong. */
static void
index_cut(struct sink *s)
{
	struct stat st;
	int64_t n;

	if (s->index == -1 || fstat(s->index, &st) == -1)
		return;
	n = s->offset == 0 ? 0 : log_mark_find(s->index,
	    st.st_size / LOG_MARK_BYTES, (uint64_t)s->offset - 1);
	if (n >= 0 && n * LOG_MARK_BYTES < st.st_size &&
	    ftruncate(s->index, n * LOG_MARK_BYTES) == -1)
		od_log("cannot cut the index of '%s': %s", s->path,
		    strerror(errno));
	s->marked_ms = 0;
}

int
log_check(struct sink *s, struct stat *st)
{
	struct error e = { 0 };

	if (!s->is_regular)
		return 0;
	if (fstat(s->fd, st) == -1)
		return -errno;
	if (st->st_size == s->offset)
		return 0;
	if (st->st_size < s->offset)
		od_log("'%s' was cut from %lld to %lld bytes", s->path,
		    (long long)s->offset, (long long)st->st_size);
	else
		od_log("somebody else writes to '%s'", s->path);
	if (lseek(s->fd, 0, SEEK_CUR) != s->offset)
		od_log("'%s' was not where it was left", s->path);
	if (lseek(s->fd, 0, SEEK_END) == -1)
		return fail(&e, -errno, "%s", strerror(errno));
	s->offset = st->st_size;
	index_cut(s);
	return 0;
}

void
index_open(struct sink *s)
{
	char name[PATH_MAX];
	struct stat st;

	if (s->index != -1)
		close(s->index);
	s->index = -1;
	s->marked_ms = 0;
	if (sink_is_outside(s) ||
	    log_index_name(name, sizeof(name), s->path) < 0)
		return;
	s->index = open_beneath(OD_FD_DIRECTORY, name,
	    O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, LOG_MODE);
	if (s->index >= 0 && fstat(s->index, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_nlink == 1) {
		/* Half a mark, of a full disk, would shift all after it. */
		if (st.st_size % LOG_MARK_BYTES != 0 && ftruncate(s->index,
		    st.st_size - st.st_size % LOG_MARK_BYTES) == -1)
			od_log("'%s' has half a mark", name);
		index_cut(s);
		return;
	}
	od_log("cannot open '%s': lines of '%s' will have no times", name,
	    s->path);
	if (s->index >= 0)
		close(s->index);
	s->index = -1;
}

void
index_mark(struct sink *s)
{
	int64_t now = clock_wall_ms();
	struct log_mark m = {
		.offset = (uint64_t)s->offset, .time_ms = (uint64_t)now,
	};
	uint8_t bytes[LOG_MARK_BYTES];
	ssize_t n;
	off_t end;

	if (s->index == -1 || (now >= s->marked_ms &&
	    now < s->marked_ms + MARK_EVERY_MS))
		return;
	s->marked_ms = now;
	log_mark_put(bytes, &m);
	n = write(s->index, bytes, sizeof(bytes));
	/* A full disk: no mark at all is better than half of one. */
	if (n > 0 && n < LOG_MARK_BYTES &&
	    (end = lseek(s->index, 0, SEEK_END)) != -1 &&
	    ftruncate(s->index, end - end % LOG_MARK_BYTES) == -1) {
		close(s->index);
		s->index = -1;
	}
}
