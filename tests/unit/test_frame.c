/* Frames: whole, torn, too large, of no type of ours. */
/* SPDX-License-Identifier: MIT */
#include "protocol/frame.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/run.h"

START_TEST(a_frame_comes_back_as_it_was_put)
{
	struct buffer b = { 0 };
	struct frame f;

	ck_assert_int_eq(frame_put(&b, FRAME_REQUEST, "hello", 5), 0);
	ck_assert_int_eq(frame_put(&b, FRAME_HEARTBEAT, NULL, 0), 0);
	ck_assert_int_eq(frame_next(&f, buffer_bytes(&b), b.len, 5), 10);
	ck_assert_int_eq(f.type, FRAME_REQUEST);
	ck_assert_uint_eq(f.len, 5);
	ck_assert_int_eq(memcmp(f.payload, "hello", 5), 0);
	buffer_drop(&b, 10);
	ck_assert_int_eq(frame_next(&f, buffer_bytes(&b), b.len, 5), 5);
	ck_assert_int_eq(f.type, FRAME_HEARTBEAT);
	ck_assert_uint_eq(f.len, 0);
	buffer_release(&b);
}
END_TEST

START_TEST(the_header_is_big_endian)
{
	uint8_t header[FRAME_HEADER];
	static const uint8_t wanted[] = { 0x02, 0x01, 0x02, 0x03, 0x04 };

	frame_header(header, FRAME_RESPONSE, 0x01020304);
	ck_assert_mem_eq(header, wanted, sizeof(wanted));
}
END_TEST

START_TEST(a_torn_frame_is_waited_for)
{
	static const uint8_t bytes[] = { 0x03, 0, 0, 0, 2, 'a', 'b' };
	struct frame f;

	for (size_t n = 0; n < sizeof(bytes); n++)
		ck_assert_int_eq(frame_next(&f, bytes, n, 100), 0);
	ck_assert_int_eq(frame_next(&f, bytes, sizeof(bytes), 100), 7);
}
END_TEST

START_TEST(what_is_larger_than_the_limit_is_refused_at_its_header)
{
	static const uint8_t bytes[] = { 0x01, 0, 1, 0, 1 };
	static const uint8_t huge[] = { 0x01, 0xff, 0xff, 0xff, 0xff };
	struct frame f;

	ck_assert_int_eq(frame_next(&f, bytes, 5, 65536), -EMSGSIZE);
	ck_assert_int_eq(frame_next(&f, bytes, 5, 65537), 0);
	ck_assert_int_eq(frame_next(&f, huge, 5, 1024 * 1024), -EMSGSIZE);
}
END_TEST

START_TEST(a_type_that_is_none_is_refused_at_its_first_byte)
{
	struct frame f;

	for (int type = 0; type < 256; type++) {
		uint8_t byte = (uint8_t)type;

		ck_assert_int_eq(frame_next(&f, &byte, 1, 100),
		    type >= 1 && type <= 7 ? 0 : -EPROTO);
	}
	ck_assert_int_eq(frame_next(&f, "GET / HTTP/1.1", 14, 100), -EPROTO);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_frame_comes_back_as_it_was_put,
		the_header_is_big_endian,
		a_torn_frame_is_waited_for,
		what_is_larger_than_the_limit_is_refused_at_its_header,
		a_type_that_is_none_is_refused_at_its_first_byte,
		NULL
	};

	return run_tests("frame", tests);
}
