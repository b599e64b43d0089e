/* Numbered lines: written as an app would, and counted where they ended up. */
/* SPDX-License-Identifier: MIT */
#include "tests/integration/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/logfile.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

size_t
line_format(char line[128], long number)
{
	return (size_t)sprintf(line, "%010ld %.*s\n", number,
	    (int)(number % 64), "................................"
	    "................................");
}

pid_t
lines_write(int fd, long first, long last, long pause_us)
{
	struct timespec rest = { 0, pause_us * 1000 };
	char line[128];
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	fd = dup2(fd, 0);
	close_range(1, ~0U, 0);
	for (long i = first; i <= last; i++) {
		if (write_all(fd, line, line_format(line, i)) < 0)
			_exit(1);
		if (pause_us > 0 && i % 100 == 0)
			nanosleep(&rest, NULL);
	}
	_exit(0);
}

void
lines_count(struct line_count *c, const char *bytes, size_t n)
{
	char want[128];
	const char *end;
	size_t len;

	while ((end = memchr(bytes, '\n', n)) != NULL) {
		len = (size_t)(end + 1 - bytes);
		ck_assert_uint_le(c->len + len, sizeof(c->rest) - 1);
		memcpy(c->rest + c->len, bytes, len);
		c->rest[c->len + len] = '\0';
		ck_assert_uint_eq(c->len + len, line_format(want, c->next));
		ck_assert_str_eq(c->rest, want);
		c->next++;
		c->len = 0;
		bytes += len;
		n -= len;
	}
	ck_assert_uint_le(c->len + n, sizeof(c->rest) - 1);
	memcpy(c->rest + c->len, bytes, n);
	c->len += n;
}

static void
count_file(struct line_count *c, int dir, const char *name)
{
	char bytes[65536];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ck_assert_msg(fd != -1, "%s: %s", name, strerror(errno));
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		lines_count(c, bytes, (size_t)n);
	close(fd);
}

long
lines_count_files(struct line_count *c, int dir, const char *path)
{
	const char *base;
	int parent = open_parent_beneath(dir, path, &base);
	char name[256];
	int64_t *numbers;
	long n;

	ck_assert_int_ge(parent, 0);
	n = log_rotated_list(parent, base, false, &numbers);
	ck_assert_int_ge(n, 0);
	for (long i = 0; i < n; i++) {
		log_rotated_name(name, sizeof(name), base, numbers[i]);
		count_file(c, parent, name);
	}
	count_file(c, parent, base);
	free(numbers);
	close(parent);
	return n + 1;
}
