/* A source: a log read line by line, from one file into the next. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/io.h"

#define CHUNK	(16 * 1024)

int
source_parse(struct source *s, const char *text)
{
	const char *name_end = strchr(text, '\t'), *stream;
	char *end;

	memset(s, 0, sizeof(*s));
	s->fd = s->times.fd = s->watch = s->given = s->sock = -1;
	s->is_dirty = true;
	if (name_end == NULL || name_end == text ||
	    name_end - text > NAME_BYTES)
		return -EINVAL;
	s->instance = strtol(name_end + 1, &end, 10);
	if (end == name_end + 1 || *end != '\t' || s->instance < 0 ||
	    s->instance > INSTANCES_MAX)
		return -EINVAL;
	stream = end + 1;
	if (strncmp(stream, "out\t", 4) != 0 &&
	    strncmp(stream, "err\t", 4) != 0)
		return -EINVAL;
	if (stream[4] == '\0' || strlen(stream + 4) > PATH_BYTES)
		return -EINVAL;
	s->name = strndup(text, (size_t)(name_end - text));
	s->stream = strndup(stream, 3);
	s->path = strdup(stream + 4);
	if (s->name == NULL || s->stream == NULL || s->path == NULL) {
		source_release(s);
		return -ENOMEM;
	}
	return 0;
}

bool
source_is_outside(const struct source *s)
{
	return s->path[0] == '/';
}

void
source_release(struct source *s)
{
	close_fd(&s->fd);
	times_close(&s->times);
	buffer_release(&s->in);
	free(s->name);
	free(s->stream);
	free(s->path);
	s->name = s->stream = s->path = NULL;
}

/* Go over to a file, at its beginning; takes fd over. */
static void
use_file(struct source *s, int fd, int64_t number)
{
	close_fd(&s->fd);
	s->fd = fd;
	s->number = number;
	place_of(&s->at, fd);
	times_open(s);
}

/* The end of what is there now is where a reader who does not follow ends. */
static void
set_bound(struct source *s, int fd, int64_t size)
{
	place_of(&s->stop, fd);
	s->stop.offset = size;
}

/* Begin in the file where *need lines, which counts down, are reached. */
static void
look_back(struct source *s, int fd, int64_t number, int64_t *need,
    bool *is_last)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		st.st_size = 0;
	if (s->stop.inode == 0)
		set_bound(s, fd, st.st_size);
	use_file(s, fd, number);
	s->at.offset = tail_find(fd, st.st_size, need, is_last);
}

/* From path back through the rotated files. */
static int
walk_back(struct source *s, int64_t *need, bool *is_last)
{
	int64_t *numbers = NULL;
	int fd = chain_open(s, 0);
	long n;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0)
		look_back(s, fd, 0, need, is_last);
	if ((n = chain_list(s, &numbers)) < 0)
		return n == -ENOENT ? 0 : (int)n;
	/* It may have been rotated between the two looks, even twice. */
	if (s->fd != -1)
		n = chain_learn(s, numbers, n);
	while (n > 0 && (*need > 0 || s->fd == -1)) {
		fd = chain_open(s, numbers[--n]);
		if (fd >= 0)
			look_back(s, fd, numbers[n], need, is_last);
	}
	free(numbers);
	return 0;
}

int64_t
source_tail(struct source *s, int64_t lines)
{
	int64_t need = lines;
	bool is_last = true;
	int r = walk_back(s, &need, &is_last);

	if (r < 0)
		return r;
	/* The very first line has no newline before it. */
	return lines - need + (need > 0 && !is_last);
}

static int
use_oldest(struct source *s)
{
	int64_t *numbers = NULL;
	long n = chain_list(s, &numbers);
	int fd = -ENOENT;

	for (long i = 0; i < n && fd < 0; i++)
		if ((fd = chain_open(s, numbers[i])) >= 0)
			use_file(s, fd, numbers[i]);
	free(numbers);
	if (fd >= 0)
		return 0;
	if ((fd = chain_open(s, 0)) < 0)
		return fd == -ENOENT || fd == -EAGAIN ? 0 : fd;
	use_file(s, fd, 0);
	return 0;
}

int
source_resume(struct source *s, const struct place *p)
{
	struct stat st;
	int64_t number;
	int fd, r;

	if ((fd = chain_open(s, 0)) >= 0) {
		if (fstat(fd, &st) == 0)
			set_bound(s, fd, st.st_size);
		close(fd);
	}
	if (p == NULL)
		return use_oldest(s);
	fd = chain_find(s, p, &number);
	if (fd == -ENOENT) {
		r = use_oldest(s);
		return r < 0 ? r : -ENOENT;
	}
	if (fd < 0)
		return fd;
	use_file(s, fd, number);
	s->at.offset = p->offset;
	return 0;
}

/* Read on in the open file: bytes, 0 at its end, or a negative errno. */
static ssize_t
read_on(struct source *s)
{
	size_t want = CHUNK;
	struct stat st;
	ssize_t n;

	if (s->is_bounded && place_is_same(&s->at, &s->stop)) {
		if (s->at.offset >= s->stop.offset)
			return 0;
		if ((uint64_t)(s->stop.offset - s->at.offset) < want)
			want = (size_t)(s->stop.offset - s->at.offset);
	}
	if (buffer_reserve(&s->in, want) < 0)
		return -ENOMEM;
	n = pread(s->fd, s->in.data + s->in.head + s->in.len, want,
	    s->at.offset);
	if (n == -1)
		return -errno;
	s->in.len += (size_t)n;
	s->at.offset += n;
	if (n == 0 && fstat(s->fd, &st) == 0 && st.st_size < s->at.offset) {
		/* Somebody emptied it: what was begun will not go on. */
		s->at.offset = 0;
		buffer_drop(&s->in, s->in.len);
		s->scanned = 0;
		s->is_timed = false;
		times_open(s);
		s->was_cut = true;
		return st.st_size > 0 ? read_on(s) : 0;
	}
	return n;
}

static bool
is_at_bound(const struct source *s)
{
	return s->is_bounded && (s->stop.inode == 0 || s->fd == -1 ||
	    (place_is_same(&s->at, &s->stop) &&
	    s->at.offset >= s->stop.offset));
}

/* The next file, if there is one and this one is read to its end. */
static int
go_over(struct source *s)
{
	int64_t number;
	ssize_t n;
	bool gap;
	int fd;

	if ((fd = chain_next(s, &number, &gap)) < 0)
		return fd == -EAGAIN || fd == -EINTR ? 0 : fd;
	/* What was written between our last look and the change of files;
	 * after it nothing is. */
	if ((n = read_on(s)) != 0) {
		close(fd);
		return n < 0 ? (int)n : 1;
	}
	s->has_gap = s->has_gap || gap;
	use_file(s, fd, number);
	return 1;
}

/* More bytes, or another file to get them from: 1; 0: not now. */
static int
fill(struct source *s)
{
	ssize_t n;

	if (s->fd == -1) {
		if (s->is_bounded || use_oldest(s) < 0 || s->fd == -1)
			return 0;
		return 1;
	}
	if ((n = read_on(s)) != 0)
		return n < 0 ? (int)n : 1;
	if (is_at_bound(s))
		return 0;
	return go_over(s);
}

static void
make_ready(struct source *s, size_t row, bool is_partial)
{
	s->is_ready = true;
	s->row = row;
	s->is_partial = is_partial;
}

/* Is there a whole row in what was read? */
static bool
find_row(struct source *s)
{
	const uint8_t *bytes, *newline;
	size_t len = s->in.len;

	if (len == 0)
		return false;
	bytes = buffer_bytes(&s->in);
	/* A row begins in the file that is open: before it, all that was read
	 * had been used. */
	if (!s->is_timed) {
		s->line_ms = times_at(&s->times,
		    s->at.offset - (int64_t)len);
		s->is_timed = true;
	}
	newline = memchr(bytes + s->scanned, '\n', len - s->scanned);
	s->scanned = len;
	if (newline != NULL && newline - bytes <= LOGS_LINE) {
		make_ready(s, (size_t)(newline - bytes), false);
		return true;
	}
	if (len > LOGS_LINE) {
		make_ready(s, LOGS_LINE, true);
		return true;
	}
	return false;
}

bool
source_peek(struct source *s)
{
	int r = 1;

	while (!s->is_ready && r > 0) {
		if (find_row(s))
			break;
		r = fill(s);
	}
	if (!s->is_ready && s->in.len > 0 &&
	    (s->is_bounded || s->is_flushing))
		make_ready(s, s->in.len, true);
	s->is_flushing = false;
	return s->is_ready;
}

void
source_after(const struct source *s, struct place *next)
{
	*next = s->at;
	/* What is left was read from the file that is open now. */
	next->offset -= (int64_t)(s->in.len - s->row - !s->is_partial);
}

void
source_consume(struct source *s)
{
	buffer_drop(&s->in, s->row + !s->is_partial);
	if (s->in.len == 0)
		buffer_release(&s->in);
	s->scanned = 0;
	s->held = 0;
	s->is_ready = false;
	/* The rest of a line is as old as its beginning. */
	s->is_timed = s->is_partial;
}
