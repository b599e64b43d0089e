/*
 * Frames: type (1 byte), size (4 bytes, big endian), payload of that size.
 * The same header everywhere, on stream sockets.
 */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define FRAME_HEADER	5

enum frame_type {
	FRAME_REQUEST		= 0x01,
	FRAME_RESPONSE		= 0x02,
	FRAME_NOTIFICATION	= 0x03,
	FRAME_DATA		= 0x04,	/* id (4 bytes, big endian), raw bytes */
	FRAME_HEARTBEAT		= 0x05,	/* empty; is answered by another */
	FRAME_CHALLENGE		= 0x06,
	FRAME_PROOF		= 0x07,
};

struct frame {
	enum frame_type	 type;
	const uint8_t	*payload;	/* into the bytes that were looked at */
	size_t		 len;
};

/*
 * Look for a whole frame at the front. Its length with the header if there is
 * one (*f is filled), 0 if bytes are missing, -EMSGSIZE if it claims more
 * than limit, -EPROTO if the type is none of ours.
 */
long	frame_next(struct frame *f, const void *, size_t, size_t limit);

/* The header of a payload of that size. */
void	frame_header(uint8_t header[FRAME_HEADER], enum frame_type, size_t);

/* Append header and payload; 0 or -ENOMEM. */
int	frame_put(struct buffer *, enum frame_type, const void *, size_t);

#endif
