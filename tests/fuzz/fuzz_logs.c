/*
 * Log files and indexes hold whatever apps print and disks damage, cursors
 * come from clients: every byte is shown once, none of it is believed.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/io.h"
#include "tests/fuzz/target.h"

static int
file_of(const uint8_t *data, size_t len)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	if (fd == -1 || write_all(fd, data, len) < 0)
		abort();
	return fd;
}

static void
try_texts(const char *text)
{
	char cursor[CURSOR_BYTES];
	struct source s;
	struct place p, again;

	(void)log_rotated_number(text, "0-out.log", NULL);
	if (source_parse(&s, text) == 0)
		source_release(&s);
	if (source_parse(&s, "web\t0\tout\tweb/0-out.log") < 0)
		return;
	if (cursor_parse(&p, text, &s) == 0) {
		cursor_format(cursor, &s, &p);
		if (cursor_parse(&again, cursor, &s) < 0 ||
		    !place_is_same(&p, &again) || p.offset != again.offset)
			abort();
	}
	source_release(&s);
}

/* Rows and newlines, put together, are the file from begin on. */
static void
read_back(struct source *s, const uint8_t *data, size_t len, size_t begin)
{
	struct place after;

	while (source_peek(s)) {
		if (s->row > LOGS_LINE || s->row > len - begin ||
		    memcmp(data + begin, buffer_bytes(&s->in), s->row) != 0)
			abort();
		begin += s->row;
		if (!s->is_partial && (begin == len || data[begin] != '\n'))
			abort();
		begin += !s->is_partial;
		source_after(s, &after);
		if (after.offset != (int64_t)begin)
			abort();
		source_consume(s);
	}
	if (begin != len)
		abort();
}

static void
try_file(const uint8_t *data, size_t len, const uint8_t *index, size_t n,
    int64_t lines)
{
	struct source s;
	bool is_last = true;
	int64_t need = lines, begin, rows = 0;

	if (source_parse(&s, "web\t0\tout\tweb/0-out.log") < 0)
		return;
	s.fd = file_of(data, len);
	s.times.fd = file_of(index, n);
	s.is_bounded = true;
	place_of(&s.at, s.fd);
	s.stop = s.at;
	s.stop.offset = (int64_t)len;
	begin = s.at.offset = tail_find(s.fd, (int64_t)len, &need, &is_last);
	if (begin < 0 || (size_t)begin > len ||
	    (need > 0 && begin != 0))
		abort();
	for (size_t i = (size_t)begin; i < len; i++)
		rows += data[i] == '\n' || i == len - 1;
	if (rows != lines - need + (need > 0 && !is_last))
		abort();
	read_back(&s, data, len, (size_t)begin);
	source_release(&s);
}

/* The first byte says how many lines, the second how long the index is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t n;
	char *text;

	if (len < 2 || (text = strndup((const char *)data, len)) == NULL)
		return 0;
	try_texts(text);
	free(text);
	n = (size_t)data[1] * LOG_MARK_BYTES;
	if (n > len - 2)
		n = len - 2;
	try_file(data + 2 + n, len - 2 - n, data + 2, n, data[0]);
	return 0;
}
