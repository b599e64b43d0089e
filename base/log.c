/* One line on standard error, whole and by one write. */
/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

#define LINE_BYTES	1024	/* less than PIPE_BUF: never torn */

static const char *log_name = "opendaemon";

void
log_init(const char *name)
{
	log_name = name;
}

static void __attribute__((format(printf, 2, 0)))
log_line(const char *kind, const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	size_t at, len;
	ssize_t written;
	int n;

	n = snprintf(line, sizeof(line) - 1, "%s: %s", log_name, kind);
	at = n < 0 ? 0 : (size_t)n;
	if (at >= sizeof(line) - 1)
		at = sizeof(line) - 2;
	if (vsnprintf(line + at, sizeof(line) - 1 - at, fmt, ap) < 0)
		line[at] = '\0';
	utf8_clean(line);
	len = strlen(line);
	line[len++] = '\n';
	/* A line that does not fit is lost: nobody waits for a log. */
	written = write(STDERR_FILENO, line, len);
	(void)written;
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("warning: ", fmt, ap);
	va_end(ap);
}

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("fatal: ", fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}
