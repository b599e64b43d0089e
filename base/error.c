/* What went wrong, as one clean line of text. */
/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

int
fail(struct error *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	if (e == NULL)
		return code;
	/* Not straight into e: the arguments may well be its old text. */
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	/* It ends on terminals and in messages: paths may hold anything. */
	utf8_clean(text);
	e->code = code;
	memcpy(e->text, text, sizeof(text));
	return code;
}
