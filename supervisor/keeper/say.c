/* The keeper's own lines, and its clock. */
/* SPDX-License-Identifier: MIT */
#include "say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME	"od-keeper: "

/*
 * Standard error belongs to others as well, so it is not made non-blocking:
 * a pipe that polls writable takes a line of this length without waiting.
 */
static void
write_line(const char *fmt, va_list ap)
{
	char line[400] = NAME;
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t at = sizeof(NAME) - 1;
	int n;

	if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
		return;
	n = vsnprintf(line + at, sizeof(line) - at - 1, fmt, ap);
	if (n < 0)
		return;
	at = strlen(line);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) == -1)
		return;
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}

void
say_and_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
