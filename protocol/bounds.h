/* The bounds of messages.def, enforced: by whoever packs and who unpacks. */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_BOUNDS_H
#define PROTOCOL_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "protocol/message.h"

/* Whose field is looked at: for the words of an error. */
struct place {
	const struct message_info	*info;
	const struct field		*field;
	struct error			*e;	/* or NULL */
};

/* "bad field 'name' in 'process.start': <the words>"; returns code. */
int	bounds_refuse(const struct place *, int code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* 0, -EMSGSIZE for what is too long, short, many, few, big or small, or
 * -EILSEQ for what is not UTF-8. */
int	bounds_int(const struct place *, int64_t);
int	bounds_count(const struct place *, size_t);
int	bounds_bytes(const struct place *, size_t len);
int	bounds_text(const struct place *, const char *, size_t len);
int	bounds_item(const struct place *, const char *, size_t len);

#endif
