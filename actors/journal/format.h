/*
 * The files of od-journal as bytes: a header of 32 bytes, then records
 * (protocol/record.h) until the end.
 *
 *	8 bytes "ODstate\n", u32 format version, u32 kind, u64 number,
 *	u32 reserved, u32 crc32c of the 28 bytes before, little endian
 */
/* SPDX-License-Identifier: MIT */
#ifndef ACTORS_JOURNAL_FORMAT_H
#define ACTORS_JOURNAL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/record.h"

#define FORMAT_VERSION	1
#define FORMAT_HEADER	32

enum format_kind {
	FORMAT_JOURNAL	= 'J',
	FORMAT_SNAPSHOT	= 'S',
	FORMAT_EVENTS	= 'E',
};

/* How the bytes end. */
enum format_end {
	FORMAT_WHOLE,
	FORMAT_TORN,		/* nothing whole follows: a cut power cable */
	FORMAT_DAMAGED,		/* whole records follow, or no such file */
	FORMAT_FUTURE,		/* a format that this version does not know */
};

struct format_walk {
	enum format_end	 end;
	size_t		 at;		/* the first byte that was not used */
	size_t		 records;	/* that were */
};

/* Append a file's header; 0 or -ENOMEM. */
int	format_begin(struct buffer *, enum format_kind, uint64_t number);

/*
 * Hand each record to take, until it returns non-zero (which is returned) or
 * the bytes are no more what they should be, as *w says.
 */
int	format_walk(const uint8_t *, size_t, enum format_kind,
	    int (*take)(void *arg, const struct record *), void *arg,
	    struct format_walk *w);

/* The offset of the first whole record at or behind from, or len. */
size_t	format_resync(const uint8_t *, size_t len, size_t from);

#endif
