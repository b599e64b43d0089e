/* Cursors: where a source goes on, as text. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/logs/logs.h"

void
cursor_format(char *to, const struct source *s, const struct place *p)
{
	snprintf(to, CURSOR_BYTES, "%s/%" PRId64 "/%s %" PRIu64 ".%" PRIu64
	    ":%" PRId64, s->name, s->instance, s->stream, p->inode, p->birth,
	    p->offset);
}

/* Digits up to the character end, which is stepped over. */
static int
take_number(const char **text, char end, uint64_t *number)
{
	const char *p = *text;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned int digit = (unsigned int)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		n = n * 10 + digit;
	}
	if (*p != end)
		return -EINVAL;
	*text = end == '\0' ? p : p + 1;
	*number = n;
	return 0;
}

int
cursor_parse(struct place *p, const char *text, const struct source *s)
{
	char key[CURSOR_BYTES];
	const char *space = strrchr(text, ' ');
	uint64_t offset;
	int n;

	if (space == NULL)
		return -EINVAL;
	n = snprintf(key, sizeof(key), "%s/%" PRId64 "/%s", s->name,
	    s->instance, s->stream);
	if (n != space - text || memcmp(key, text, (size_t)n) != 0)
		return -ENOENT;
	space++;
	if (take_number(&space, '.', &p->inode) < 0 ||
	    take_number(&space, ':', &p->birth) < 0 ||
	    take_number(&space, '\0', &offset) < 0 || offset > INT64_MAX)
		return -EINVAL;
	p->offset = (int64_t)offset;
	return 0;
}
