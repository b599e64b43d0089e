/* UTF-8: how long is the character, and text made harmless. */
/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t
utf8_length(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	/* The second byte tells overlong forms, surrogates, and what lies
	 * beyond U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* True if the text ends within the character that begins here. */
static bool
is_cut(const char *s, size_t n)
{
	uint8_t head = (uint8_t)s[0];
	size_t whole = head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;

	if (head < 0xc2 || head > 0xf4 || n >= whole)
		return false;
	for (size_t i = 1; i < n; i++)
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* The control characters: C0, DEL, and C1, which are two bytes. */
static bool
is_control(const char *s, size_t len)
{
	uint8_t first = (uint8_t)s[0], second = (uint8_t)s[1];

	if (len == 1)
		return first < 0x20 || first == 0x7f;
	return len == 2 && first == 0xc2 && second < 0xa0;
}

void
utf8_clean(char *s)
{
	size_t n = strlen(s), len;

	while (n > 0) {
		len = utf8_length(s, n);
		if (len == 0 && is_cut(s, n)) {
			*s = '\0';
			return;
		}
		if (len == 0) {
			*s = '?';
			len = 1;
		} else if (is_control(s, len))
			memset(s, *s == '\n' || *s == '\t' ? ' ' : '?', len);
		s += len;
		n -= len;
	}
}
