/* What od-logs knows of files: cursors, tails, rows, times, rotated files. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/io.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define SOURCE	"web\t2\terr\t2-err.log"

static char directory[32];
static struct source s;

/* The log directory is descriptor 4, as it is in the actor. */
static void
set_up(void)
{
	int fd;

	strcpy(directory, "/tmp/od-logs.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (fd != OD_FD_DIRECTORY) {
		ck_assert_int_eq(dup3(fd, OD_FD_DIRECTORY, O_CLOEXEC),
		    OD_FD_DIRECTORY);
		close(fd);
	}
	ck_assert_int_eq(source_parse(&s, SOURCE), 0);
}

static void
tear_down(void)
{
	char command[64];

	source_release(&s);
	close(OD_FD_DIRECTORY);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void
put(const char *name, const char *text)
{
	int fd = openat(OD_FD_DIRECTORY, name,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void
put_mark(const char *name, uint64_t offset, uint64_t ms)
{
	struct log_mark m = { offset, ms };
	uint8_t bytes[LOG_MARK_BYTES];
	int fd = openat(OD_FD_DIRECTORY, name,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	log_mark_put(bytes, &m);
	ck_assert_int_eq(write_all(fd, bytes, sizeof(bytes)), 0);
	close(fd);
}

static void
expect_row(const char *want, int64_t ms)
{
	ck_assert_msg(source_peek(&s), "no row, not '%s'", want);
	ck_assert_uint_eq(s.row, strlen(want));
	ck_assert_mem_eq(buffer_bytes(&s.in), want, s.row);
	ck_assert_int_eq(s.line_ms, ms);
	source_consume(&s);
}

START_TEST(a_source_is_taken_apart_or_refused)
{
	static const char *const bad[] = { "", "web", "web\t1", "web\tx\tout\tp",
	    "web\t1\tin\tp", "web\t1\tout\t", "\t1\tout\tp", "web\t-1\tout\tp",
	    "web\t99999\tout\tp", "web\t\tout\tp" };
	struct source other;

	ck_assert_str_eq(s.name, "web");
	ck_assert_int_eq(s.instance, 2);
	ck_assert_str_eq(s.stream, "err");
	ck_assert_str_eq(s.path, "2-err.log");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(source_parse(&other, bad[i]) == -EINVAL,
		    "'%s'", bad[i]);
}
END_TEST

START_TEST(a_cursor_is_read_back_and_rubbish_is_refused)
{
	static const char *const bad[] = { "web/2/err ", "web/2/err 1",
	    "web/2/err 1.2", "web/2/err 1.2:", "web/2/err 1.2:3x",
	    "web/2/err -1.2:3", "web/2/err 1.2:-3", "web/2/err",
	    "web/2/err 1.2:9223372036854775808",
	    "web/2/err 18446744073709551616.2:3" };
	struct place p = { UINT64_MAX, 1234567890123456789, INT64_MAX }, back;
	char text[CURSOR_BYTES];

	cursor_format(text, &s, &p);
	ck_assert_str_eq(text, "web/2/err 18446744073709551615."
	    "1234567890123456789:9223372036854775807");
	ck_assert_int_eq(cursor_parse(&back, text, &s), 0);
	ck_assert(place_is_same(&p, &back));
	ck_assert_int_eq(back.offset, INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(cursor_parse(&back, bad[i], &s) == -EINVAL,
		    "'%s'", bad[i]);
	ck_assert_int_eq(cursor_parse(&back, "web/2/out 1.2:3", &s), -ENOENT);
	ck_assert_int_eq(cursor_parse(&back, "we/2/err 1.2:3", &s), -ENOENT);
	ck_assert_int_eq(cursor_parse(&back, "web/22/err 1.2:3", &s),
	    -ENOENT);
}
END_TEST

/* Against counting from the front, for every number of lines. */
START_TEST(the_tail_begins_where_counting_from_the_front_says)
{
	static const char *const texts[] = { "", "\n", "a", "a\n", "\n\n\n",
	    "a\nb\nc", "a\n\nb\n", "one line\nanother" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *t = texts[i];
		int64_t len = (int64_t)strlen(t), starts[16], total = 0;
		int fd = memfd_create("log", MFD_CLOEXEC);

		ck_assert_int_eq(write_all(fd, t, (size_t)len), 0);
		for (int64_t at = 0; at < len; at++)
			if (at == 0 || t[at - 1] == '\n')
				starts[total++] = at;
		for (int64_t want = 0; want <= total + 1; want++) {
			int64_t need = want;
			bool is_last = true;
			int64_t from = want == 0 ? len : want >= total ?
			    0 : starts[total - want];

			ck_assert_int_eq(tail_find(fd, len, &need, &is_last),
			    from);
			ck_assert_int_eq(want - need + (need > 0 && !is_last),
			    want < total ? want : total);
		}
		close(fd);
	}
}
END_TEST

START_TEST(a_tail_longer_than_a_block_is_found)
{
	char line[100], *text = malloc(100 * 1000);
	int fd = memfd_create("log", MFD_CLOEXEC);
	bool is_last = true;
	int64_t need = 777;

	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "%099d", i);
		memcpy(text + (size_t)i * 100, line, 99);
		text[i * 100 + 99] = '\n';
	}
	ck_assert_int_eq(write_all(fd, text, 100 * 1000), 0);
	ck_assert_int_eq(tail_find(fd, 100 * 1000, &need, &is_last),
	    (1000 - 777) * 100);
	free(text);
	close(fd);
}
END_TEST

START_TEST(lines_of_a_stretch_share_its_time)
{
	put("2-err.log", "a\nb\nc\nd\n");
	put_mark("2-err.idx", 2, 100);
	put_mark("2-err.idx", 4, 200);
	s.is_bounded = true;
	ck_assert_int_eq(source_tail(&s, 10), 4);
	expect_row("a", 100);		/* before the first mark */
	expect_row("b", 100);
	expect_row("c", 200);
	expect_row("d", 200);
	ck_assert(!source_peek(&s));
}
END_TEST

START_TEST(a_mark_that_comes_later_is_seen)
{
	put("2-err.log", "a\n");
	put_mark("2-err.idx", 0, 100);
	ck_assert_int_eq(source_tail(&s, 10), 1);
	expect_row("a", 100);
	ck_assert(!source_peek(&s));
	put_mark("2-err.idx", 2, 200);
	put("2-err.log", "b\n");
	expect_row("b", 200);
}
END_TEST

START_TEST(a_rotated_file_is_read_to_its_end_first)
{
	put("2-err.log", "a\n");
	put_mark("2-err.idx", 0, 100);
	ck_assert_int_eq(source_tail(&s, 10), 1);
	expect_row("a", 100);
	ck_assert_int_eq(renameat(OD_FD_DIRECTORY, "2-err.log",
	    OD_FD_DIRECTORY, "2-err.log.000001"), 0);
	/* No successor yet: what comes still goes into the old one. */
	ck_assert(!source_peek(&s));
	put("2-err.log.000001", "b\nhal");
	expect_row("b", 100);
	ck_assert(!source_peek(&s));
	ck_assert_int_eq(renameat(OD_FD_DIRECTORY, "2-err.idx",
	    OD_FD_DIRECTORY, "2-err.idx.000001"), 0);
	put_mark("2-err.idx", 0, 200);
	put("2-err.log", "ves\nc\n");
	expect_row("halves", 100);
	expect_row("c", 200);
	ck_assert(!s.has_gap);
}
END_TEST

START_TEST(several_rotations_between_two_looks_are_no_gap)
{
	put("2-err.log", "1\n");
	ck_assert_int_eq(source_tail(&s, 10), 1);
	ck_assert(source_peek(&s));
	source_consume(&s);
	ck_assert_int_eq(renameat(OD_FD_DIRECTORY, "2-err.log",
	    OD_FD_DIRECTORY, "2-err.log.000001"), 0);
	put("2-err.log.000002", "2\n");
	put("2-err.log.000003", "3\n");
	put("2-err.log", "4\n");
	for (char c = '2'; c <= '4'; c++) {
		ck_assert(source_peek(&s));
		ck_assert_int_eq(*buffer_bytes(&s.in), c);
		source_consume(&s);
	}
	ck_assert(!s.has_gap);
}
END_TEST

START_TEST(a_file_that_is_missing_in_between_is_a_gap)
{
	put("2-err.log", "1\n");
	ck_assert_int_eq(source_tail(&s, 10), 1);
	ck_assert(source_peek(&s));
	source_consume(&s);
	ck_assert_int_eq(renameat(OD_FD_DIRECTORY, "2-err.log",
	    OD_FD_DIRECTORY, "2-err.log.000001"), 0);
	put("2-err.log.000003", "3\n");
	put("2-err.log", "4\n");
	ck_assert(source_peek(&s));
	ck_assert_int_eq(*buffer_bytes(&s.in), '3');
	ck_assert(s.has_gap);
}
END_TEST

START_TEST(a_cursor_finds_its_file_under_any_name)
{
	struct place p;

	put("2-err.log", "1\n2\n");
	ck_assert_int_eq(source_tail(&s, 10), 2);
	ck_assert(source_peek(&s));
	source_after(&s, &p);
	source_consume(&s);
	ck_assert_int_eq(p.offset, 2);
	source_release(&s);
	ck_assert_int_eq(renameat(OD_FD_DIRECTORY, "2-err.log",
	    OD_FD_DIRECTORY, "2-err.log.000005"), 0);
	put("2-err.log", "3\n");
	ck_assert_int_eq(source_parse(&s, SOURCE), 0);
	ck_assert_int_eq(source_resume(&s, &p), 0);
	for (char c = '2'; c <= '3'; c++) {
		ck_assert(source_peek(&s));
		ck_assert_int_eq(*buffer_bytes(&s.in), c);
		source_consume(&s);
	}
	ck_assert(!source_peek(&s));
}
END_TEST

START_TEST(a_file_that_was_emptied_is_read_from_its_beginning)
{
	put("2-err.log", "a long line\nhalf a l");
	ck_assert_int_eq(source_tail(&s, 10), 2);
	ck_assert(source_peek(&s));
	source_consume(&s);
	ck_assert(!source_peek(&s));
	close(openat(OD_FD_DIRECTORY, "2-err.log",
	    O_WRONLY | O_TRUNC | O_CLOEXEC));
	put("2-err.log", "new\n");
	ck_assert(source_peek(&s));
	ck_assert_uint_eq(s.row, 3);
	ck_assert_mem_eq(buffer_bytes(&s.in), "new", 3);
	ck_assert(s.was_cut);
}
END_TEST

START_TEST(only_regular_files_beneath_are_read)
{
	struct source other;

	ck_assert_int_eq(mkfifoat(OD_FD_DIRECTORY, "2-err.log", 0600), 0);
	ck_assert_int_lt(source_tail(&s, 10), 0);
	ck_assert_int_eq(source_parse(&other, "a\t0\tout\t/etc/passwd"), 0);
	ck_assert_int_lt(source_tail(&other, 10), 0);
	source_release(&other);
	ck_assert_int_eq(source_parse(&other, "a\t0\tout\t../passwd"), 0);
	ck_assert_int_lt(source_tail(&other, 10), 0);
	source_release(&other);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("logs");
	TCase *t = tcase_create("logs");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_source_is_taken_apart_or_refused);
	tcase_add_test(t, a_cursor_is_read_back_and_rubbish_is_refused);
	tcase_add_test(t,
	    the_tail_begins_where_counting_from_the_front_says);
	tcase_add_test(t, a_tail_longer_than_a_block_is_found);
	tcase_add_test(t, lines_of_a_stretch_share_its_time);
	tcase_add_test(t, a_mark_that_comes_later_is_seen);
	tcase_add_test(t, a_rotated_file_is_read_to_its_end_first);
	tcase_add_test(t, several_rotations_between_two_looks_are_no_gap);
	tcase_add_test(t, a_file_that_is_missing_in_between_is_a_gap);
	tcase_add_test(t, a_cursor_finds_its_file_under_any_name);
	tcase_add_test(t, a_file_that_was_emptied_is_read_from_its_beginning);
	tcase_add_test(t, only_regular_files_beneath_are_read);
	suite_add_tcase(suite, t);
	return suite;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
