/*
 * Messages as JSON objects, for those outside: keys are the fields' names.
 * Only the command line and od-api link this; it needs jansson.
 */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_JSON_H
#define PROTOCOL_JSON_H

#include <jansson.h>

#include "base/error.h"
#include "protocol/message.h"

/*
 * A new reference, or NULL when memory is short. An event has "event" and, in
 * place of time_ms, "time" (RFC 3339 with milliseconds, UTC). Bytes become a
 * string, with U+FFFD for what is not UTF-8.
 */
json_t	*message_to_json(const struct message *);

/*
 * Fill *m from the members of object; it must be released by the caller after
 * 0. -EBADMSG names the field that is missing, unknown or of the wrong kind.
 */
int	message_from_json(struct message *m, enum message_type,
	    const json_t *object, struct error *);

/* Milliseconds since the epoch as RFC 3339 text; buf has room for 32 bytes. */
const char	*rfc3339(int64_t ms, char *buf);

#endif
