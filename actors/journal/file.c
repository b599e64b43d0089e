/* Numbered files: listing, reading, replacing, setting aside. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define READ_BYTES	(256 * 1024)

char *
file_name(char *name, const char *prefix, uint64_t n)
{
	snprintf(name, FILE_NAME_BYTES, "%s.%" PRIu64, prefix, n);
	return name;
}

/* Exactly what file_name() makes, and nothing that strtoull() lets pass. */
static bool
parse_name(const char *name, const char *prefix, uint64_t *n)
{
	char again[FILE_NAME_BYTES];
	size_t len = strlen(prefix);

	if (strncmp(name, prefix, len) != 0 || name[len] != '.')
		return false;
	*n = strtoull(name + len + 1, NULL, 10);
	/* The last number could have no successor. */
	return *n < UINT64_MAX / 2 &&
	    strcmp(name, file_name(again, prefix, *n)) == 0;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
add_number(struct file_numbers *list, uint64_t n)
{
	uint64_t *more;

	more = reallocarray(list->n, list->count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->n = more;
	list->n[list->count++] = n;
	return 0;
}

int
file_list(int dir, const char *prefix, struct file_numbers *list,
    struct error *e)
{
	struct dirent *entry;
	DIR *d = NULL;
	uint64_t n;
	int fd, r = 0;

	*list = (struct file_numbers){ 0 };
	/* Opened anew: a duplicate would share its place with others. */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (d = fdopendir(fd)) == NULL) {
		r = fail(e, -errno, "cannot read the state directory: %s",
		    strerror(errno));
		close_fd(&fd);
		return r;
	}
	for (errno = 0; r == 0 && (entry = readdir(d)) != NULL; errno = 0)
		if (parse_name(entry->d_name, prefix, &n))
			r = add_number(list, n);
	if (r == 0 && errno != 0)
		r = -errno;
	closedir(d);
	if (r < 0) {
		file_numbers_release(list);
		return fail(e, r, "cannot read the state directory: %s",
		    strerror(-r));
	}
	if (list->count > 0)
		qsort(list->n, list->count, sizeof(list->n[0]), by_number);
	return 0;
}

void
file_numbers_release(struct file_numbers *list)
{
	free(list->n);
	*list = (struct file_numbers){ 0 };
}

static int
read_into(int fd, struct buffer *b)
{
	uint8_t *chunk = malloc(READ_BYTES);
	ssize_t n;
	int r = 0;

	if (chunk == NULL)
		return -ENOMEM;
	while (r == 0 && (n = read_all(fd, chunk, READ_BYTES)) != 0)
		r = n < 0 ? (int)n : buffer_add(b, chunk, (size_t)n);
	free(chunk);
	return r;
}

int
file_read(int dir, const char *name, struct buffer *b, struct error *e)
{
	struct stat st;
	int fd, r = 0;

	/* O_NONBLOCK: a FIFO in its place shall not stop us for ever. */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else
		r = read_into(fd, b);
	close_fd(&fd);
	return r < 0 ? fail(e, r, "cannot read '%s': %s", name,
	    strerror(-r)) : 0;
}

static int
sync_directory(int dir)
{
	return fsync(dir) == -1 ? -errno : 0;
}

static int
write_synced(int fd, const struct buffer *b)
{
	int r = write_all(fd, buffer_bytes(b), b->len);

	if (r == 0 && fsync(fd) == -1)
		r = -errno;
	return r;
}

int
file_replace(int dir, const char *name, const struct buffer *b,
    struct error *e)
{
	char tmp[FILE_NAME_BYTES];
	int fd, r;

	snprintf(tmp, sizeof(tmp), "%s.new", name);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return fail(e, -errno, "cannot create '%s': %s", tmp,
		    strerror(errno));
	r = write_synced(fd, b);
	close(fd);
	if (r == 0 && renameat(dir, tmp, dir, name) == -1)
		r = -errno;
	if (r < 0)
		unlinkat(dir, tmp, 0);
	else
		r = sync_directory(dir);
	return r < 0 ? fail(e, r, "cannot write '%s': %s", name,
	    strerror(-r)) : 0;
}

int
file_create(int dir, const char *name, const struct buffer *b,
    struct error *e)
{
	int fd, r;

	fd = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return fail(e, -errno, "cannot create '%s': %s", name,
		    strerror(errno));
	if ((r = write_synced(fd, b)) == 0)
		r = sync_directory(dir);
	if (r == 0)
		return fd;
	close(fd);
	unlinkat(dir, name, 0);
	return fail(e, r, "cannot write '%s': %s", name, strerror(-r));
}

int
file_set_aside(int dir, const char *name, const char *why, char *to)
{
	struct stat st;
	int r;

	/* Two in one millisecond must not replace each other. */
	for (int64_t ms = clock_wall_ms(); ; ms++) {
		r = snprintf(to, FILE_NAME_BYTES, "%s.%s-%" PRIi64, name, why,
		    ms);
		if (r >= FILE_NAME_BYTES)
			return -ENAMETOOLONG;
		if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == -1)
			break;
	}
	if (errno != ENOENT || renameat(dir, name, dir, to) == -1)
		return -errno;
	return 0;
}

void
file_remove_below(int dir, const char *prefix, uint64_t limit)
{
	char name[FILE_NAME_BYTES];
	struct file_numbers list;
	struct error e;

	/* What cannot be removed now is tried again the next time. */
	if (file_list(dir, prefix, &list, &e) < 0) {
		log_warn("%s", e.text);
		return;
	}
	for (size_t i = 0; i < list.count && list.n[i] < limit; i++)
		if (unlinkat(dir, file_name(name, prefix, list.n[i]), 0) == -1)
			log_warn("cannot remove '%s': %s", name,
			    strerror(errno));
	file_numbers_release(&list);
}
