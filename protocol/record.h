/*
 * A record of the desired state or of an event, as bytes: in the journal's
 * files and in the memory that keeper and supervisor share. All numbers are
 * little endian:
 *
 *	u32 magic, u32 length, u64 seq, u64 key, u32 reserved, u32 crc, payload
 *
 * length is the payload's, crc is crc32c of the 28 bytes before it and the
 * payload.
 */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_RECORD_H
#define PROTOCOL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define RECORD_MAGIC	0x3152444fU	/* "ODR1" */
#define RECORD_HEADER	32

struct record {
	uint64_t	 seq;
	uint64_t	 key;
	const uint8_t	*data;		/* into the bytes that were looked at */
	size_t		 len;
};

/*
 * Fill to, which has room for RECORD_HEADER + len bytes. data may already lie
 * at to + RECORD_HEADER. Returns how many bytes that is; len is at most
 * RECORD_BYTES.
 */
size_t	record_write(void *to, uint64_t seq, uint64_t key, const void *data,
	    size_t len);

/* Append one: 0, -EMSGSIZE (more than RECORD_BYTES) or -ENOMEM. */
int	record_put(struct buffer *, uint64_t seq, uint64_t key,
	    const void *data, size_t len);

/*
 * The record at the front. Its length with the header, 0 if the bytes end
 * before it does, -EBADMSG if it is damaged or none.
 */
long	record_next(struct record *, const void *, size_t);

#endif
