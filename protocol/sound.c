/* A walk over msgpack that allocates nothing: is it what it claims to be? */
/* SPDX-License-Identifier: MIT */
#include "protocol/codec.h"

#define DEPTH	3

/* What a head byte announces. */
struct head {
	size_t	skip;		/* bytes of its own that follow */
	size_t	objects;	/* of a container: what it contains */
	bool	is_container;
};

static size_t
big_endian(const uint8_t *p, size_t n)
{
	size_t value = 0;

	while (n-- > 0)
		value = value << 8 | *p++;
	return value;
}

/*
 * Heads 0xc0 to 0xdf: the bytes of a length or count, what comes besides, and
 * what is meant.
 */
struct form {
	uint8_t	count_bytes;
	uint8_t	fixed;		/* bytes that follow in any case */
	enum { SCALAR, ARRAY = 1, MAP = 2, NEVER } what;
};

/* clang-format off */
static const struct form forms[32] = {
	{ 0, 0, SCALAR }, { 0, 0, NEVER },			/* nil, - */
	{ 0, 0, SCALAR }, { 0, 0, SCALAR },			/* false, true */
	{ 1, 0, SCALAR }, { 2, 0, SCALAR }, { 4, 0, SCALAR },	/* bin */
	{ 1, 1, SCALAR }, { 2, 1, SCALAR }, { 4, 1, SCALAR },	/* ext */
	{ 0, 4, SCALAR }, { 0, 8, SCALAR },			/* float */
	{ 0, 1, SCALAR }, { 0, 2, SCALAR },			/* uint */
	{ 0, 4, SCALAR }, { 0, 8, SCALAR },
	{ 0, 1, SCALAR }, { 0, 2, SCALAR },			/* int */
	{ 0, 4, SCALAR }, { 0, 8, SCALAR },
	{ 0, 2, SCALAR }, { 0, 3, SCALAR }, { 0, 5, SCALAR },	/* fixext */
	{ 0, 9, SCALAR }, { 0, 17, SCALAR },
	{ 1, 0, SCALAR }, { 2, 0, SCALAR }, { 4, 0, SCALAR },	/* str */
	{ 2, 0, ARRAY }, { 4, 0, ARRAY },
	{ 2, 0, MAP }, { 4, 0, MAP },
};
/* clang-format on */

/* Look at the head *p, of which len - 1 bytes follow; false if it is none. */
static bool
read_head(struct head *h, const uint8_t *p, size_t len)
{
	const struct form *f;
	size_t n;

	*h = (struct head){ 0 };
	if (p[0] < 0x80 || p[0] >= 0xe0)		/* a small integer */
		return true;
	if (p[0] >= 0xa0 && p[0] < 0xc0) {		/* a short string */
		h->skip = p[0] & 0x1f;
		return true;
	}
	if (p[0] < 0xa0) {				/* a small container */
		h->is_container = true;
		h->objects = p[0] & 0x0f;
		if (p[0] < 0x90)
			h->objects *= 2;
		return true;
	}
	f = &forms[p[0] - 0xc0];
	if (f->what == NEVER || len - 1 < f->count_bytes)
		return false;
	n = big_endian(p + 1, f->count_bytes);
	h->skip = (size_t)f->count_bytes + f->fixed;
	if (f->what == SCALAR) {
		if (n > len)	/* before the sum, which might wrap */
			return false;
		h->skip += n;
		return true;
	}
	h->is_container = true;
	if (n > len)
		return false;
	h->objects = n * f->what;
	return true;
}

bool
codec_is_sound(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t missing[DEPTH];	/* objects that each open container lacks */
	size_t depth = 0, seen = 0;
	struct head h;

	do {
		if (len == 0 || ++seen > CODEC_OBJECTS)
			return false;
		if (!read_head(&h, p, len) || h.skip > len - 1)
			return false;
		p += 1 + h.skip;
		len -= 1 + h.skip;
		if (depth > 0)
			missing[depth - 1]--;
		if (h.is_container) {
			if (depth + 1 == DEPTH || h.objects > len ||
			    h.objects > CODEC_OBJECTS)
				return false;
			missing[depth++] = h.objects;
		}
		while (depth > 0 && missing[depth - 1] == 0)
			depth--;
	} while (depth > 0);
	return len == 0;
}
