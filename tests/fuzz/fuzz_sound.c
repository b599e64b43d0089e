/* What codec_is_sound() lets through, msgpack-c takes, to the last byte. */
/* SPDX-License-Identifier: MIT */
#include <msgpack.h>
#include <stdlib.h>

#include "protocol/codec.h"
#include "tests/fuzz/target.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	msgpack_unpacked u;
	size_t off = 0;

	if (!codec_is_sound(data, len))
		return 0;
	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, (const char *)data, len, &off) !=
	    MSGPACK_UNPACK_SUCCESS || off != len)
		abort();
	msgpack_unpacked_destroy(&u);
	return 0;
}
