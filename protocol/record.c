/* Records: encoding, and telling whole from torn from damaged. */
/* SPDX-License-Identifier: MIT */
#include "protocol/record.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "protocol/limits.h"

#define CRC_AT	28

static void
put32(uint8_t *to, uint32_t n)
{
	n = htole32(n);
	memcpy(to, &n, sizeof(n));
}

static void
put64(uint8_t *to, uint64_t n)
{
	n = htole64(n);
	memcpy(to, &n, sizeof(n));
}

static uint32_t
get32(const uint8_t *from)
{
	uint32_t n;

	memcpy(&n, from, sizeof(n));
	return le32toh(n);
}

static uint64_t
get64(const uint8_t *from)
{
	uint64_t n;

	memcpy(&n, from, sizeof(n));
	return le64toh(n);
}

static uint32_t
checksum(const uint8_t *record, size_t len)
{
	return crc32c(crc32c(0, record, CRC_AT), record + RECORD_HEADER, len);
}

size_t
record_write(void *to, uint64_t seq, uint64_t key, const void *data,
    size_t len)
{
	uint8_t *p = to;

	put32(p, RECORD_MAGIC);
	put32(p + 4, (uint32_t)len);
	put64(p + 8, seq);
	put64(p + 16, key);
	put32(p + 24, 0);
	if (len > 0)
		memmove(p + RECORD_HEADER, data, len);
	put32(p + CRC_AT, checksum(p, len));
	return RECORD_HEADER + len;
}

int
record_put(struct buffer *b, uint64_t seq, uint64_t key, const void *data,
    size_t len)
{
	uint8_t header[RECORD_HEADER];
	uint32_t crc;
	int r;

	if (len > RECORD_BYTES)
		return -EMSGSIZE;
	/* Reserved first, so that nothing is appended by halves. */
	if ((r = buffer_reserve(b, RECORD_HEADER + len)) < 0)
		return r;
	record_write(header, seq, key, NULL, 0);
	put32(header + 4, (uint32_t)len);
	crc = crc32c(0, header, CRC_AT);
	put32(header + CRC_AT, len > 0 ? crc32c(crc, data, len) : crc);
	if ((r = buffer_add(b, header, sizeof(header))) < 0)
		return r;
	return len > 0 ? buffer_add(b, data, len) : 0;
}

long
record_next(struct record *rec, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t size;

	if (len >= 4 && get32(p) != RECORD_MAGIC)
		return -EBADMSG;
	if (len < RECORD_HEADER)
		return 0;
	/* Bounded before it is believed: a wrong length would else pass for a
	 * record whose end is still to come. */
	size = get32(p + 4);
	if (size > RECORD_BYTES)
		return -EBADMSG;
	if (len - RECORD_HEADER < size)
		return 0;
	if (get32(p + CRC_AT) != checksum(p, size))
		return -EBADMSG;
	*rec = (struct record){
		.seq = get64(p + 8), .key = get64(p + 16),
		.data = p + RECORD_HEADER, .len = size,
	};
	return RECORD_HEADER + (long)size;
}
