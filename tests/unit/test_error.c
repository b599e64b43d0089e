/* Errors and UTF-8: one clean line of text, whatever was put in. */
/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/unit/run.h"

static void
check_clean(const char *dirty, const char *clean)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", dirty);
	utf8_clean(text);
	ck_assert_str_eq(text, clean);
}

START_TEST(an_error_has_its_code_and_its_words)
{
	struct error e;

	ck_assert_int_eq(fail(&e, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	ck_assert_int_eq(e.code, -ENOENT);
	ck_assert_str_eq(e.text, "cannot open 'x'");
	ck_assert_int_eq(fail(NULL, -EPERM, "nobody listens"), -EPERM);
}
END_TEST

START_TEST(an_error_may_quote_itself)
{
	struct error e;

	fail(&e, -EIO, "disk on fire");
	fail(&e, -EPERM, "cannot start: %s", e.text);
	ck_assert_str_eq(e.text, "cannot start: disk on fire");
}
END_TEST

START_TEST(a_long_error_is_cut_between_characters)
{
	struct error e;
	char text[2000];

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 5);
		fail(&e, -EIO, "%s", text);
		ck_assert_uint_gt(strlen(e.text), sizeof(e.text) - 6);
		ck_assert_uint_eq((strlen(e.text) - shift) % 4, 0);
	}
}
END_TEST

START_TEST(what_a_terminal_must_not_see_is_replaced)
{
	check_clean("plain \xc3\xa9 \xf0\x9f\x98\x80", "plain \xc3\xa9 "
	    "\xf0\x9f\x98\x80");
	check_clean("\x1b[2J", "?[2J");
	check_clean("a\nb\tc\rd\x7f", "a b c?d?");
	check_clean("\xc2\x9b" "31m", "??31m");
	check_clean("\xff\xfe.txt", "??.txt");
	check_clean("\xc3(", "?(");
	check_clean("cut \xe2\x82", "cut ");
	check_clean("cut \xf0", "cut ");
	check_clean("\x80", "?");
	check_clean("", "");
}
END_TEST

/* The whole of Unicode, counted: RFC 3629 has so many of each length. */
START_TEST(every_sequence_of_four_bytes_is_judged_right)
{
	uint8_t s[4];
	size_t of_length[5] = { 0 };

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			s[0] = (uint8_t)a;
			s[1] = (uint8_t)b;
			s[2] = s[3] = 0x80;
			of_length[utf8_length(s, 4)]++;
		}
	ck_assert_uint_eq(of_length[1], 128 * 256);
	ck_assert_uint_eq(of_length[2], 30 * 64);
	/* 3: e0 with 32, 14 with 64, ed with 32; 4: f0 48, 3 with 64, f4 16 */
	ck_assert_uint_eq(of_length[3], 32 + 14 * 64 + 32);
	ck_assert_uint_eq(of_length[4], 48 + 3 * 64 + 16);
}
END_TEST

START_TEST(a_character_that_ends_too_soon_is_none)
{
	ck_assert_uint_eq(utf8_length("", 0), 0);
	ck_assert_uint_eq(utf8_length("\xc3\xa9", 1), 0);
	ck_assert_uint_eq(utf8_length("\xe2\x82\xac", 2), 0);
	ck_assert_uint_eq(utf8_length("\xf0\x9f\x98\x80", 3), 0);
	ck_assert_uint_eq(utf8_length("\xe2\x82x", 3), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		an_error_has_its_code_and_its_words,
		an_error_may_quote_itself,
		a_long_error_is_cut_between_characters,
		what_a_terminal_must_not_see_is_replaced,
		every_sequence_of_four_bytes_is_judged_right,
		a_character_that_ends_too_soon_is_none,
		NULL
	};

	return run_tests("error", tests);
}
