/*
 * A stream of frames from a stranger, and the messages in them: refuse them,
 * or understand them so that they can be said again. Never crash or leak.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "tests/fuzz/target.h"

/* What was understood is packed, and is understood as the same again. */
static void
say_again(const struct message *first, uint32_t id)
{
	struct buffer once = { 0 }, twice = { 0 };
	struct message second;
	uint32_t second_id;

	if (message_pack(&once, first, id, NULL) < 0 ||
	    message_unpack(&second, &second_id, NULL, buffer_bytes(&once),
	    once.len, NULL) < 0 || second.type != first->type ||
	    second_id != id || message_pack(&twice, &second, id, NULL) < 0 ||
	    once.len != twice.len ||
	    memcmp(buffer_bytes(&once), buffer_bytes(&twice), once.len) != 0)
		abort();
	message_release(&second);
	buffer_release(&once);
	buffer_release(&twice);
}

static void
understand(const struct frame *f)
{
	struct error e = { 0 };
	struct message m;
	int64_t number;
	uint32_t id;
	int r;

	r = message_unpack(&m, &id, &number, f->payload, f->len, &e);
	if (r == 0) {
		if (number != (int64_t)m.type)
			abort();
		say_again(&m, id);
		message_release(&m);
		return;
	}
	if ((r != -EBADMSG && r != -ENOTSUP) || e.code != r ||
	    !is_utf8(e.text, strlen(e.text)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct frame f;
	long n;

	while ((n = frame_next(&f, data, len, FRAME_BYTES)) > 0) {
		if ((size_t)n > len || f.payload + f.len != data + n)
			abort();
		understand(&f);
		data += n;
		len -= (size_t)n;
	}
	return 0;
}
