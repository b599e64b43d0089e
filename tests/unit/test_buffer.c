/* Buffers: what is added comes out, in order, wherever the front is. */
/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

START_TEST(a_zeroed_buffer_is_an_empty_one)
{
	struct buffer b = { 0 };

	ck_assert_uint_eq(b.len, 0);
	buffer_drop(&b, 10);
	ck_assert_int_eq(buffer_add(&b, NULL, 0), 0);
	ck_assert_int_eq(buffer_add(&b, "x", 1), 0);
	ck_assert_mem_eq(buffer_bytes(&b), "x", 1);
	buffer_release(&b);
	ck_assert_ptr_null(b.data);
	buffer_release(&b);
}
END_TEST

START_TEST(bytes_come_out_as_they_went_in)
{
	static uint8_t stream[200000];
	struct random r = { 6 };
	struct buffer b = { 0 };
	size_t in = 0, out = 0, n;

	for (size_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)random_next(&r);
	while (out < sizeof(stream)) {
		n = random_next(&r) % 700;
		if (n > sizeof(stream) - in)
			n = sizeof(stream) - in;
		ck_assert_int_eq(buffer_add(&b, stream + in, n), 0);
		in += n;
		ck_assert_uint_eq(b.len, in - out);
		ck_assert_mem_eq(buffer_bytes(&b), stream + out, b.len);
		n = in == sizeof(stream) ? b.len : random_next(&r) % 700;
		if (n > b.len)
			n = b.len;
		buffer_drop(&b, n);
		out += n;
	}
	/* What is long gone takes no room. */
	ck_assert_uint_le(b.room, 65536);
	buffer_release(&b);
}
END_TEST

START_TEST(what_is_reserved_can_be_filled_in_place)
{
	struct buffer b = { 0 };

	ck_assert_int_eq(buffer_add(&b, "abc", 3), 0);
	buffer_drop(&b, 1);
	ck_assert_int_eq(buffer_reserve(&b, 100000), 0);
	ck_assert_uint_ge(b.room - b.head - b.len, 100000);
	ck_assert_mem_eq(buffer_bytes(&b), "bc", 2);
	buffer_release(&b);
}
END_TEST

START_TEST(dropped_bytes_stay_until_something_is_added)
{
	struct buffer b = { 0 };
	const uint8_t *p;

	ck_assert_int_eq(buffer_add(&b, "frame", 5), 0);
	p = buffer_bytes(&b);
	buffer_drop(&b, 5);
	ck_assert_mem_eq(p, "frame", 5);
	buffer_release(&b);
}
END_TEST

START_TEST(too_much_is_refused_and_changes_nothing)
{
	struct buffer b = { 0 };

	ck_assert_int_eq(buffer_add(&b, "abc", 3), 0);
	ck_assert_int_eq(buffer_reserve(&b, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(buffer_reserve(&b, SIZE_MAX / 2), -ENOMEM);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_mem_eq(buffer_bytes(&b), "abc", 3);
	buffer_release(&b);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_zeroed_buffer_is_an_empty_one,
		bytes_come_out_as_they_went_in,
		what_is_reserved_can_be_filled_in_place,
		dropped_bytes_stay_until_something_is_added,
		too_much_is_refused_and_changes_nothing,
		NULL
	};

	return run_tests("buffer", tests);
}
