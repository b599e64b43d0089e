/* Numbered lines: written as an app would, and counted where they ended up. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_INTEGRATION_LINES_H
#define TESTS_INTEGRATION_LINES_H

#include <stddef.h>
#include <sys/types.h>

/* "0000000001 padding\n", of 12 to 75 bytes; its length. */
size_t	line_format(char line[128], long number);

/* A process that writes lines first to last into fd, a write(2) each, pausing
 * pause_us after every hundred; other descriptors than fd it closes. */
pid_t	lines_write(int fd, long first, long last, long pause_us);

/* Bytes in pieces, as they were found: each line must be the next. */
struct line_count {
	long	next;			/* the number that must come */
	char	rest[128];		/* the beginning of a line */
	size_t	len;
};

void	lines_count(struct line_count *, const char *, size_t);

/* The rotated files of base in dir and then base itself, in order. How many
 * files there were. */
long	lines_count_files(struct line_count *, int dir, const char *base);

#endif
