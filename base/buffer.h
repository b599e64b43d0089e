/* A run of bytes that grows, read from the front and added to at the end. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
	uint8_t	*data;		/* owned; the bytes are data + head ... */
	size_t	 head;
	size_t	 len;		/* ... and this many */
	size_t	 room;		/* allocated */
};

/* An all-zero struct buffer is an empty one, too. */
void	buffer_init(struct buffer *);
void	buffer_release(struct buffer *);

/* Make sure that n more bytes fit; -ENOMEM changes nothing. */
int	buffer_reserve(struct buffer *, size_t n);

/* Add n bytes at the end; 0 or -ENOMEM, which changes nothing. */
int	buffer_add(struct buffer *, const void *, size_t n);

/* The first byte; valid until the buffer is changed. NULL if there never was
 * one. */
const uint8_t	*buffer_bytes(const struct buffer *);

/*
 * Drop n bytes (at most all of them) from the front. They stay in memory
 * until something is added or reserved.
 */
void	buffer_drop(struct buffer *, size_t n);

#endif
