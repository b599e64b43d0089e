/* What went wrong, for the program (code) and for the person (text). */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	int	code;		/* a negative errno value, 0 when unset */
	char	text[512];	/* lower case, no full stop */
};

/*
 * Fill e (which may be NULL) and return code, so that callers can write
 * "return fail(e, -ENOENT, ...)". Too long a text is cut; control characters,
 * and bytes that are not UTF-8, become "?". Arguments may be e's old text.
 */
int	fail(struct error *e, int code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

#endif
