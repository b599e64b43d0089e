/* Frames: five bytes, and what they announce. */
/* SPDX-License-Identifier: MIT */
#include "protocol/frame.h"

#include <errno.h>

long
frame_next(struct frame *f, const void *data, size_t len, size_t limit)
{
	const uint8_t *p = data;
	size_t size;

	if (len == 0)
		return 0;
	/* The type is looked at as soon as it is there: whoever speaks
	 * something else here need not be waited for. */
	if (p[0] < FRAME_REQUEST || p[0] > FRAME_PROOF)
		return -EPROTO;
	if (len < FRAME_HEADER)
		return 0;
	size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 |
	    p[4];
	if (size > limit)
		return -EMSGSIZE;
	if (len - FRAME_HEADER < size)
		return 0;
	f->type = p[0];
	f->payload = p + FRAME_HEADER;
	f->len = size;
	return (long)(FRAME_HEADER + size);
}

void
frame_header(uint8_t header[FRAME_HEADER], enum frame_type type, size_t size)
{
	header[0] = (uint8_t)type;
	header[1] = (uint8_t)(size >> 24);
	header[2] = (uint8_t)(size >> 16);
	header[3] = (uint8_t)(size >> 8);
	header[4] = (uint8_t)size;
}

int
frame_put(struct buffer *out, enum frame_type type, const void *payload,
    size_t len)
{
	uint8_t header[FRAME_HEADER];

	if (buffer_reserve(out, FRAME_HEADER + len) < 0)
		return -ENOMEM;
	frame_header(header, type, len);
	buffer_add(out, header, sizeof(header));
	return buffer_add(out, payload, len);
}
