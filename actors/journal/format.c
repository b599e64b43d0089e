/* Walking the bytes of a journal, and saying how they end. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/format.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/io.h"

#define CRC_AT		28
#define RESYNC_TRIES	1000	/* a checksum each, of up to 1 MiB */

static const char magic[8] = "ODstate\n";

static void
put32(uint8_t *to, uint32_t n)
{
	n = htole32(n);
	memcpy(to, &n, sizeof(n));
}

static uint32_t
get32(const uint8_t *from)
{
	uint32_t n;

	memcpy(&n, from, sizeof(n));
	return le32toh(n);
}

int
format_begin(struct buffer *b, enum format_kind kind, uint64_t number)
{
	uint8_t header[FORMAT_HEADER] = { 0 };
	uint64_t n = htole64(number);

	memcpy(header, magic, sizeof(magic));
	put32(header + 8, FORMAT_VERSION);
	put32(header + 12, kind);
	memcpy(header + 16, &n, sizeof(n));
	put32(header + CRC_AT, crc32c(0, header, CRC_AT));
	return buffer_add(b, header, sizeof(header));
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static enum format_end
check_header(const uint8_t *bytes, size_t len, enum format_kind kind)
{
	/* A file that was made and cut off has no bytes yet, or zeros. */
	if (len < FORMAT_HEADER || is_zero(bytes, len))
		return FORMAT_TORN;
	if (memcmp(bytes, magic, sizeof(magic)) != 0)
		return FORMAT_DAMAGED;
	/* Before the checksum, whose place belongs to this version. */
	if (get32(bytes + 8) > FORMAT_VERSION)
		return FORMAT_FUTURE;
	if (get32(bytes + CRC_AT) != crc32c(0, bytes, CRC_AT) ||
	    get32(bytes + 12) != kind)
		return FORMAT_DAMAGED;
	return FORMAT_WHOLE;
}

size_t
format_resync(const uint8_t *bytes, size_t len, size_t from)
{
	const uint32_t mark = htole32(RECORD_MAGIC);
	struct record rec;
	const uint8_t *p;

	for (int i = 0; from < len && i < RESYNC_TRIES; i++) {
		p = memmem(bytes + from, len - from, &mark, sizeof(mark));
		if (p == NULL)
			return len;
		from = (size_t)(p - bytes);
		if (record_next(&rec, p, len - from) > 0)
			return from;
		from++;
	}
	return len;
}

int
format_walk(const uint8_t *bytes, size_t len, enum format_kind kind,
    int (*take)(void *arg, const struct record *), void *arg,
    struct format_walk *w)
{
	struct record rec;
	long n;
	int r;

	*w = (struct format_walk){ .end = check_header(bytes, len, kind) };
	if (w->end != FORMAT_WHOLE)
		return 0;
	for (w->at = FORMAT_HEADER; w->at < len; w->at += (size_t)n) {
		n = record_next(&rec, bytes + w->at, len - w->at);
		if (n <= 0) {
			/* A wrong length looks like a missing end, so that
			 * what follows decides, not what record_next says. */
			w->end = format_resync(bytes, len, w->at + 1) < len ?
			    FORMAT_DAMAGED : FORMAT_TORN;
			return 0;
		}
		if ((r = take(arg, &rec)) != 0)
			return r;
		w->records++;
	}
	return 0;
}
