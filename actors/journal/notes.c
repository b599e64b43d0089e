/* Sentences about what was found wrong. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/notes.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"

void
notes_add(struct notes *n, const char *fmt, ...)
{
	char line[sizeof(n->text[0])];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_warn("%s", line);
	if (n == NULL)
		return;
	if (n->count < NOTES_MAX)
		snprintf(n->text[n->count], sizeof(n->text[0]), "%s", line);
	n->count++;
}
