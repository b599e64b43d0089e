/* Records: whole, torn, damaged. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/record.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

static struct buffer b;

static void
set_up(void)
{
	buffer_init(&b);
	ck_assert_int_eq(record_put(&b, 0x0102030405060708, 77, "hello", 5), 0);
	ck_assert_uint_eq(b.len, RECORD_HEADER + 5);
}

static void
tear_down(void)
{
	buffer_release(&b);
}

START_TEST(what_was_put_comes_out)
{
	struct record rec;

	ck_assert_int_eq(record_put(&b, 2, UINT64_MAX, NULL, 0), 0);
	ck_assert_int_eq(record_next(&rec, buffer_bytes(&b), b.len),
	    RECORD_HEADER + 5);
	ck_assert_uint_eq(rec.seq, 0x0102030405060708);
	ck_assert_uint_eq(rec.key, 77);
	ck_assert_uint_eq(rec.len, 5);
	ck_assert_mem_eq(rec.data, "hello", 5);
	buffer_drop(&b, RECORD_HEADER + 5);
	ck_assert_int_eq(record_next(&rec, buffer_bytes(&b), b.len),
	    RECORD_HEADER);
	ck_assert_uint_eq(rec.key, UINT64_MAX);
	ck_assert_uint_eq(rec.len, 0);
}
END_TEST

START_TEST(the_bytes_are_the_same_on_every_machine)
{
	static const uint8_t begins[] = { 'O', 'D', 'R', '1', 5, 0, 0, 0,
	    8, 7, 6, 5, 4, 3, 2, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	ck_assert_mem_eq(buffer_bytes(&b), begins, sizeof(begins));
}
END_TEST

START_TEST(both_ways_to_write_one_agree)
{
	uint8_t bytes[RECORD_HEADER + 5];

	ck_assert_uint_eq(record_write(bytes, 0x0102030405060708, 77, "hello",
	    5), sizeof(bytes));
	ck_assert_mem_eq(bytes, buffer_bytes(&b), sizeof(bytes));
	/* In place, as the memory that is shared has it. */
	memcpy(bytes + RECORD_HEADER, "HELLO", 5);
	record_write(bytes, 0x0102030405060708, 77, bytes + RECORD_HEADER, 5);
	buffer_drop(&b, b.len);
	record_put(&b, 0x0102030405060708, 77, "HELLO", 5);
	ck_assert_mem_eq(bytes, buffer_bytes(&b), sizeof(bytes));
}
END_TEST

START_TEST(every_truncation_is_incomplete)
{
	struct record rec;

	for (size_t n = 0; n < b.len; n++)
		ck_assert_int_eq(record_next(&rec, buffer_bytes(&b), n), 0);
}
END_TEST

START_TEST(no_flipped_bit_goes_unnoticed)
{
	struct record rec;

	for (size_t bit = 0; bit < b.len * 8; bit++) {
		b.data[b.head + bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* A longer length looks like one that is not all there. */
		ck_assert_int_le(record_next(&rec, buffer_bytes(&b), b.len),
		    0);
		b.data[b.head + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(a_length_beyond_all_bounds_is_damage)
{
	struct record rec;

	b.data[b.head + 7] = 0x7f;
	ck_assert_int_eq(record_next(&rec, buffer_bytes(&b), b.len), -EBADMSG);
}
END_TEST

START_TEST(the_largest_fits_and_no_larger)
{
	uint8_t *big = calloc(1, RECORD_BYTES + 1);
	struct record rec;

	buffer_drop(&b, b.len);
	ck_assert_int_eq(record_put(&b, 1, 1, big, RECORD_BYTES + 1),
	    -EMSGSIZE);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(record_put(&b, 1, 1, big, RECORD_BYTES), 0);
	ck_assert_int_eq(record_next(&rec, buffer_bytes(&b), b.len),
	    RECORD_HEADER + RECORD_BYTES);
	free(big);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("bytes");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_was_put_comes_out);
	tcase_add_test(t, the_bytes_are_the_same_on_every_machine);
	tcase_add_test(t, both_ways_to_write_one_agree);
	tcase_add_test(t, every_truncation_is_incomplete);
	tcase_add_test(t, no_flipped_bit_goes_unnoticed);
	tcase_add_test(t, a_length_beyond_all_bounds_is_damage);
	tcase_add_test(t, the_largest_fits_and_no_larger);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
