/*
 * Messages as bytes: a msgpack array [number, id, fields...].
 *
 * Bytes are walked before msgpack-c sees them, because it allocates what a
 * container's header promises: five bytes can reserve gigabytes.
 */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_CODEC_H
#define PROTOCOL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/message.h"

#define CODEC_OBJECTS	65536	/* msgpack-c takes 24 bytes for each */

/*
 * True if the bytes are one well-formed msgpack object with nothing behind it,
 * no deeper than 3 (containers in a container), with counts that the bytes
 * left can hold, and no more than CODEC_OBJECTS objects in all.
 */
bool	codec_is_sound(const void *, size_t);

/*
 * Append the encoded message. 0, -ENOMEM, or, for a field that the other side
 * would refuse (the error says which), -EMSGSIZE when it is outside its bounds
 * and -EILSEQ when it is not UTF-8; nothing is appended then.
 */
int	message_pack(struct buffer *, const struct message *, uint32_t id,
	    struct error *);

/*
 * Decode one. *m must be released by the caller after 0. -ENOTSUP: sound, but
 * of a number that this version does not know (*id is valid and *number too,
 * if not NULL); -EBADMSG: rubbish, or a field missing, of the wrong kind,
 * outside its bounds, not UTF-8: the error names message and field; *id is
 * valid if it could be read, else 0; -ENOMEM.
 */
int	message_unpack(struct message *m, uint32_t *id, int64_t *number,
	    const void *, size_t, struct error *);

/* True if the bytes are valid UTF-8 without NUL (RFC 3629). */
bool	is_utf8(const void *, size_t);

#endif
