/* UTF-8, as RFC 3629 has it: no surrogates, nothing overlong. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Bytes of the character at the front: 1 to 4; 0 if it is none, or n is 0. */
size_t	utf8_length(const void *, size_t n);

/*
 * Make a string fit for a terminal and for a message: a byte that is not
 * UTF-8 and every control character becomes "?" (tab and newline a blank); a
 * character that was cut at the end is dropped.
 */
void	utf8_clean(char *);

#endif
