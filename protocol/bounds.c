/* The bounds of messages.def, enforced, and named in errors. */
/* SPDX-License-Identifier: MIT */
#include "protocol/bounds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "protocol/codec.h"

int
bounds_refuse(const struct place *at, int code, const char *fmt, ...)
{
	char why[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return fail(at->e, code, "bad field '%s' in '%s': %s", at->field->key,
	    message_title(at->info), why);
}

bool
is_utf8(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t n;

	while (len > 0) {
		/* Nearly all text is ASCII. */
		n = *p > 0 && *p < 0x80 ? 1 : utf8_length(p, len);
		if (n == 0 || *p == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

int
bounds_bytes(const struct place *at, size_t len)
{
	uint64_t low = (uint64_t)at->field->low;
	uint64_t high = (uint64_t)at->field->high;

	if (len < low)
		return len == 0 ? bounds_refuse(at, -EMSGSIZE, "empty") :
		    bounds_refuse(at, -EMSGSIZE, "shorter than %" PRIu64 " bytes",
		    low);
	if (len > high)
		return bounds_refuse(at, -EMSGSIZE, "longer than %" PRIu64 " bytes",
		    high);
	return 0;
}

int
bounds_count(const struct place *at, size_t count)
{
	uint64_t low = (uint64_t)at->field->low;
	uint64_t high = (uint64_t)at->field->high;

	if (count < low)
		return count == 0 ? bounds_refuse(at, -EMSGSIZE, "empty") :
		    bounds_refuse(at, -EMSGSIZE, "fewer than %" PRIu64 " items", low);
	if (count > high)
		return bounds_refuse(at, -EMSGSIZE, "more than %" PRIu64 " items",
		    high);
	return 0;
}

int
bounds_int(const struct place *at, int64_t value)
{
	if (value < at->field->low)
		return bounds_refuse(at, -EMSGSIZE, "less than %" PRIi64,
		    at->field->low);
	if (value > at->field->high)
		return bounds_refuse(at, -EMSGSIZE, "greater than %" PRIi64,
		    at->field->high);
	return 0;
}

static int
check_utf8(const struct place *at, const char *text, size_t len)
{
	if (is_utf8(text, len))
		return 0;
	return bounds_refuse(at, -EILSEQ, "not UTF-8");
}

int
bounds_text(const struct place *at, const char *text, size_t len)
{
	int r = bounds_bytes(at, len);

	return r < 0 ? r : check_utf8(at, text, len);
}

int
bounds_item(const struct place *at, const char *text, size_t len)
{
	if (len > ITEM_BYTES)
		return bounds_refuse(at, -EMSGSIZE, "an item longer than %d bytes",
		    ITEM_BYTES);
	return check_utf8(at, text, len);
}
