/* When the bytes of a log came, as its index says. */
/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/beneath.h"
#include "base/io.h"

static int
open_index(const struct source *s, int64_t number)
{
	char index[PATH_MAX], name[PATH_MAX];

	if (source_is_outside(s) ||
	    log_index_name(index, sizeof(index), s->path) < 0)
		return -1;
	if (number == 0)
		return open_beneath(OD_FD_DIRECTORY, index,
		    O_RDONLY | O_NONBLOCK, 0);
	if (log_rotated_name(name, sizeof(name), index, number) < 0)
		return -1;
	return open_beneath(OD_FD_DIRECTORY, name, O_RDONLY | O_NONBLOCK, 0);
}

void
times_open(struct source *s)
{
	struct times *t = &s->times;
	struct stat st;
	int64_t number;
	int fd;

	times_close(t);
	if (fstat(s->fd, &st) == 0)
		t->fallback_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
		    st.st_mtim.tv_nsec / 1000000;
	t->fd = open_index(s, s->number);
	/* The log is renamed before its index: if the log is still there, the
	 * index that was found is its own. */
	if (s->number == 0 &&
	    (fd = chain_find(s, &s->at, &number)) >= 0) {
		close(fd);
		if (number != 0) {
			s->number = number;
			if (t->fd >= 0)
				close(t->fd);
			t->fd = open_index(s, number);
		}
	}
	if (t->fd < 0)
		t->fd = -1;
}

void
times_close(struct times *t)
{
	close_fd(&t->fd);
	t->is_set = false;
	t->next_at = 0;
}

static bool
read_mark(const struct times *t, int64_t at, struct log_mark *m)
{
	uint8_t bytes[LOG_MARK_BYTES];

	if (pread(t->fd, bytes, sizeof(bytes), at * LOG_MARK_BYTES) !=
	    sizeof(bytes))
		return false;
	log_mark_get(m, bytes);
	return true;
}

int64_t
times_at(struct times *t, int64_t offset)
{
	uint64_t at = (uint64_t)offset;
	struct log_mark m;
	struct stat st;

	if (t->fd == -1)
		return t->fallback_ms;
	if (!t->is_set || at < t->now.offset) {
		if (fstat(t->fd, &st) == -1)
			return t->fallback_ms;
		t->next_at = log_mark_find(t->fd,
		    st.st_size / LOG_MARK_BYTES, at);
		if (t->next_at < 0)
			t->next_at = 0;
		/* What is before the first mark is as old as that. */
		t->is_set = read_mark(t, t->next_at > 0 ? t->next_at - 1 : 0,
		    &t->now);
		if (!t->is_set)
			return t->fallback_ms;
	}
	while (read_mark(t, t->next_at, &m) && m.offset <= at) {
		t->now = m;
		t->next_at++;
	}
	return t->now.time_ms > INT64_MAX ? t->fallback_ms :
	    (int64_t)t->now.time_ms;
}
