/* Log files on disk, as od-capture writes and od-logs reads them. */
/* SPDX-License-Identifier: MIT */
#include "base/logfile.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
log_mark_put(uint8_t to[LOG_MARK_BYTES], const struct log_mark *m)
{
	uint64_t le[2] = { htole64(m->offset), htole64(m->time_ms) };

	memcpy(to, le, LOG_MARK_BYTES);
}

void
log_mark_get(struct log_mark *m, const uint8_t from[LOG_MARK_BYTES])
{
	uint64_t le[2];

	memcpy(le, from, LOG_MARK_BYTES);
	m->offset = le64toh(le[0]);
	m->time_ms = le64toh(le[1]);
}

int64_t
log_mark_find(int index, int64_t count, uint64_t offset)
{
	int64_t low = 0, high = count;
	uint8_t bytes[LOG_MARK_BYTES];
	struct log_mark m;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		ssize_t n = pread(index, bytes, sizeof(bytes),
		    middle * LOG_MARK_BYTES);

		if (n == -1)
			return -errno;
		if (n != sizeof(bytes)) {
			high = middle;		/* it was cut meanwhile */
			continue;
		}
		log_mark_get(&m, bytes);
		if (m.offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
log_index_name(char *to, size_t room, const char *log)
{
	size_t n = strlen(log);
	int r;

	if (n > 4 && strcmp(log + n - 4, ".log") == 0)
		n -= 4;
	r = snprintf(to, room, "%.*s.idx", (int)n, log);
	return r < 0 || (size_t)r >= room ? -ENAMETOOLONG : 0;
}

int
log_rotated_name(char *to, size_t room, const char *base, int64_t number)
{
	int r = snprintf(to, room, "%s.%06" PRId64, base, number);

	return r < 0 || (size_t)r >= room ? -ENAMETOOLONG : 0;
}

int64_t
log_rotated_number(const char *name, const char *base, bool *is_packed)
{
	size_t n = strlen(base), digits;
	const char *end;
	int64_t number = 0;

	if (strncmp(name, base, n) != 0 || name[n] != '.')
		return 0;
	name += n + 1;
	digits = strspn(name, "0123456789");
	/* Only what log_rotated_name() makes; six digits, more if need be. */
	if (digits < 6 || digits > 18 || (digits > 6 && name[0] == '0'))
		return 0;
	end = name + digits;
	if (is_packed != NULL)
		*is_packed = strcmp(end, ".gz") == 0;
	if (*end != '\0' && strcmp(end, ".gz") != 0)
		return 0;
	while (name < end)
		number = number * 10 + (*name++ - '0');
	return number;
}

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

long
log_rotated_list(int dir, const char *base, bool packed, int64_t **numbers)
{
	int64_t *list = NULL, *more, number;
	long count = 0, room = 0, r = 0;
	struct dirent *entry;
	bool is_packed;
	DIR *d = NULL;
	int fd;

	*numbers = NULL;
	/* Opened afresh: a duplicate would share dir's place in the list. */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (d = fdopendir(fd)) == NULL) {
		r = -errno;
		goto out;
	}
	fd = -1;
	while ((entry = readdir(d)) != NULL) {
		number = log_rotated_number(entry->d_name, base, &is_packed);
		if (number == 0 || (is_packed && !packed))
			continue;
		if (count == room) {
			room = room == 0 ? 16 : room * 2;
			more = reallocarray(list, (size_t)room, sizeof(*list));
			if (more == NULL) {
				r = -ENOMEM;
				goto out;
			}
			list = more;
		}
		list[count++] = number;
	}
	if (count > 0)
		qsort(list, (size_t)count, sizeof(*list), by_value);
	*numbers = list;
	list = NULL;
	r = count;
out:
	if (fd != -1)
		close(fd);
	if (d != NULL)
		closedir(d);
	free(list);
	return r;
}
