/* A run of bytes that grows. */
/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM	256

void
buffer_init(struct buffer *b)
{
	memset(b, 0, sizeof(*b));
}

void
buffer_release(struct buffer *b)
{
	free(b->data);
	buffer_init(b);
}

int
buffer_reserve(struct buffer *b, size_t n)
{
	size_t room = b->room;
	uint8_t *data;

	if (n <= b->room - b->head - b->len)
		return 0;
	if (n > SIZE_MAX / 2 - b->len)
		return -ENOMEM;
	/* Move to the front while at least half is unused: each byte is
	 * moved a bounded number of times, however long the buffer lives. */
	if (n <= b->room - b->len && b->len <= b->room / 2) {
		memmove(b->data, b->data + b->head, b->len);
		b->head = 0;
		return 0;
	}
	if (room == 0)
		room = FIRST_ROOM;
	while (room < b->len + n)
		room *= 2;
	if (room == b->room)
		room *= 2;
	if ((data = malloc(room)) == NULL)
		return -ENOMEM;
	if (b->len > 0)
		memcpy(data, b->data + b->head, b->len);
	free(b->data);
	b->data = data;
	b->head = 0;
	b->room = room;
	return 0;
}

int
buffer_add(struct buffer *b, const void *data, size_t n)
{
	if (n == 0)
		return 0;
	if (buffer_reserve(b, n) < 0)
		return -ENOMEM;
	memcpy(b->data + b->head + b->len, data, n);
	b->len += n;
	return 0;
}

const uint8_t *
buffer_bytes(const struct buffer *b)
{
	return b->data == NULL ? NULL : b->data + b->head;
}

void
buffer_drop(struct buffer *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	b->head += n;
	b->len -= n;
	if (b->len == 0)
		b->head = 0;
}
