/* Words to values and values to words. */
/* SPDX-License-Identifier: MIT */
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "cli/cli.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

int
text_to_number(const char *s, int64_t *n)
{
	int64_t v = 0;

	if (*s == '\0')
		return -EINVAL;
	for (; *s != '\0'; s++) {
		if (!isdigit((unsigned char)*s) ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *s - '0', &v))
			return -EINVAL;
	}
	*n = v;
	return 0;
}

int
text_to_duration(const char *s, int64_t *ms)
{
	static const struct {
		const char	*name;
		int64_t		 ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 },
	};
	char digits[20], unit[3];
	int64_t total = 0, n;
	size_t len, i;

	if (text_to_number(s, ms) == 0)
		return *ms <= DURATION_MS ? 0 : -EINVAL;
	do {
		len = strspn(s, "0123456789");
		if (len == 0 || len >= sizeof(digits))
			return -EINVAL;
		memcpy(digits, s, len);
		digits[len] = '\0';
		s += len;
		if ((len = strspn(s, "mshd")) == 0 || len >= sizeof(unit))
			return -EINVAL;
		memcpy(unit, s, len);
		unit[len] = '\0';
		s += len;
		for (i = 0; i < COUNT(units); i++)
			if (strcmp(units[i].name, unit) == 0)
				break;
		if (i == COUNT(units) || text_to_number(digits, &n) < 0 ||
		    __builtin_mul_overflow(n, units[i].ms, &n) ||
		    __builtin_add_overflow(total, n, &total) ||
		    total > DURATION_MS)
			return -EINVAL;
	} while (*s != '\0');
	*ms = total;
	return 0;
}

int
text_to_signal(const char *s)
{
	const char *name;
	int64_t n;

	if (text_to_number(s, &n) == 0)
		return n >= 1 && n <= 64 ? (int)n : -EINVAL;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int sig = 1; sig < NSIG; sig++)
		if ((name = sigabbrev_np(sig)) != NULL &&
		    strcasecmp(name, s) == 0)
			return sig;
	return -EINVAL;
}

const char *
signal_nth(size_t n)
{
	const char *name;

	for (int sig = 1; sig < NSIG; sig++)
		if ((name = sigabbrev_np(sig)) != NULL && n-- == 0)
			return name;
	return NULL;
}

const char *
text_of_duration(int64_t ms, char *buf, size_t n)
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(buf, n, "-");
	else if (ms < 1000)
		snprintf(buf, n, "%" PRIi64 "ms", ms);
	else if (s < 60)
		snprintf(buf, n, "%" PRIi64 "s", s);
	else if (s < 3600)
		snprintf(buf, n, "%" PRIi64 "m %" PRIi64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, n, "%" PRIi64 "h %" PRIi64 "m", s / 3600,
		    s / 60 % 60);
	else
		snprintf(buf, n, "%" PRIi64 "d %" PRIi64 "h", s / 86400,
		    s / 3600 % 24);
	return buf;
}

const char *
text_of_size(int64_t bytes, char *buf, size_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024 && u + 1 < COUNT(units)) {
		v /= 1024;
		u++;
	}
	snprintf(buf, n, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return buf;
}

void
text_print_safely(FILE *f, const char *text)
{
	bool sound = is_utf8(text, strlen(text));

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';
	    p++) {
		/* U+0080 to U+009F are control characters, too. */
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			fprintf(f, "\\x%02x", *++p);
		else if (*p == '\n')
			fputs("\\n", f);
		else if (*p < ' ' || *p == 0x7f || (*p > 0x7f && !sound))
			fprintf(f, "\\x%02x", *p);
		else
			putc(*p, f);
	}
}

bool
is_app_name(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > NAME_BYTES || *s == '.' || *s == '-' ||
	    strcmp(s, "all") == 0 || strspn(s, "0123456789") == len)
		return false;
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789._-") == len;
}

#define WORD_MAX_BYTES	32

/*
 * Edits that make a into b, where a swap of neighbours is one (optimal string
 * alignment). Both are at most WORD_MAX_BYTES long.
 */
static unsigned int
edits(const char *a, const char *b)
{
	unsigned int d[WORD_MAX_BYTES + 1][WORD_MAX_BYTES + 1];
	size_t la = strlen(a), lb = strlen(b);

	for (size_t i = 0; i <= la; i++) {
		for (size_t j = 0; j <= lb; j++) {
			unsigned int v;

			if (i == 0 || j == 0) {
				d[i][j] = (unsigned int)(i + j);
				continue;
			}
			v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < v)
				v = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < v)
				v = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < v)
				v = d[i - 2][j - 2] + 1;
			d[i][j] = v;
		}
	}
	return d[la][lb];
}

void
suggestion_begin(struct suggestion *s, const char *word)
{
	size_t len = strlen(word);

	s->word = word;
	s->best = NULL;
	/* One slip in a short word, two in a longer one; more is another. */
	s->distance = len < 3 ? 1 : len < 6 ? 2 : 3;
	if (len > WORD_MAX_BYTES)
		s->distance = 0;
}

void
suggestion_offer(struct suggestion *s, const char *candidate)
{
	unsigned int d;

	if (s->distance == 0 || strlen(candidate) > WORD_MAX_BYTES)
		return;
	d = edits(s->word, candidate);
	if (d < s->distance) {
		s->distance = d;
		s->best = candidate;
	}
}
