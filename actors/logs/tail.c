/* Where the last lines of a file begin, without reading it whole. */
/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "actors/logs/logs.h"

#define BLOCK	(16 * 1024)

int64_t
tail_find(int fd, int64_t end, int64_t *need, bool *is_last)
{
	char bytes[BLOCK];
	const char *newline;

	while (end > 0 && *need > 0) {
		int64_t begin = end > BLOCK ? end - BLOCK : 0;
		ssize_t n = pread(fd, bytes, (size_t)(end - begin), begin);

		if (n <= 0)
			return begin;	/* cut meanwhile */
		/* The very last newline ends a line, it begins none. */
		if (*is_last && bytes[n - 1] == '\n')
			n--;
		*is_last = false;
		while ((newline = memrchr(bytes, '\n', (size_t)n)) != NULL) {
			n = newline - bytes;
			if (--*need == 0)
				return begin + n + 1;
		}
		end = begin;
	}
	return end;
}
