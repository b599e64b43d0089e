/* Scratch directories. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

void
scratch_make(struct scratch *s)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(s->path, sizeof(s->path), "%.40s/od-test-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(s->path));
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(s->dir, 0);
}

static DIR *
list(const struct scratch *s)
{
	DIR *d = fdopendir(openat(s->dir, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC));

	ck_assert_ptr_nonnull(d);
	return d;
}

void
scratch_remove(struct scratch *s)
{
	DIR *d = list(s);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(s->dir, entry->d_name, 0);
	closedir(d);
	close(s->dir);
	ck_assert_int_eq(rmdir(s->path), 0);
}

size_t
scratch_size(const struct scratch *s, const char *name)
{
	struct stat st;

	ck_assert_msg(fstatat(s->dir, name, &st, 0) == 0, "no %s", name);
	return (size_t)st.st_size;
}

void
scratch_cut(const struct scratch *s, const char *name, size_t n)
{
	int fd = openat(s->dir, name, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)(scratch_size(s, name) - n)), 0);
	close(fd);
}

void
scratch_flip(const struct scratch *s, const char *name, long at)
{
	int fd = openat(s->dir, name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	if (at < 0)
		at += (long)scratch_size(s, name);
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte = (uint8_t)~byte;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

void
scratch_write(const struct scratch *s, const char *name, const void *bytes,
    size_t len)
{
	int fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

int
scratch_count(const struct scratch *s, const char *prefix)
{
	DIR *d = list(s);
	struct dirent *entry;
	int n = 0;

	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			n++;
	closedir(d);
	return n;
}
