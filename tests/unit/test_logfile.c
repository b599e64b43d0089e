/* The names and the index of log files, and opening beneath a directory. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/logfile.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

static char directory[32];
static int dir;

static void
set_up(void)
{
	strcpy(directory, "/tmp/od-logfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static void
tear_down(void)
{
	char command[64];

	close(dir);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(only_our_own_names_are_rotated_files)
{
	static const struct {
		const char	*name;
		int64_t		 number;
		bool		 is_packed;
	} names[] = {
		{ "a.log.000001", 1, false },
		{ "a.log.000123.gz", 123, true },
		{ "a.log.1234567", 1234567, false },
		{ "a.log.0000001", 0, false },	/* has another spelling */
		{ "a.log.1", 0, false },
		{ "a.log.000000", 0, false },
		{ "a.log.000001.bak", 0, false },
		{ "a.log.00000x", 0, false },
		{ "a.log", 0, false },
		{ "a.logs.000001", 0, false },
		{ "b.log.000001", 0, false },
		{ "a.log.9999999999999999999", 0, false },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool is_packed = false;

		ck_assert_msg(log_rotated_number(names[i].name, "a.log",
		    &is_packed) == names[i].number, "%s", names[i].name);
		if (names[i].number != 0)
			ck_assert_int_eq(is_packed, names[i].is_packed);
	}
}
END_TEST

START_TEST(a_name_is_read_back_as_its_number)
{
	char name[64];

	for (int64_t n = 1; n < 1000000000000000; n = n * 7 + 1) {
		ck_assert_int_eq(log_rotated_name(name, sizeof(name), "x", n),
		    0);
		ck_assert_int_eq(log_rotated_number(name, "x", NULL), n);
	}
	ck_assert_int_eq(log_rotated_name(name, 7, "x", 1), -ENAMETOOLONG);
}
END_TEST

START_TEST(the_index_is_named_after_the_log)
{
	char name[32];

	ck_assert_int_eq(log_index_name(name, sizeof(name), "a/0-out.log"), 0);
	ck_assert_str_eq(name, "a/0-out.idx");
	ck_assert_int_eq(log_index_name(name, sizeof(name), "odd"), 0);
	ck_assert_str_eq(name, "odd.idx");
	ck_assert_int_eq(log_index_name(name, sizeof(name), ".log"), 0);
	ck_assert_str_eq(name, ".log.idx");
	ck_assert_int_eq(log_index_name(name, 5, "a.log"), -ENAMETOOLONG);
}
END_TEST

START_TEST(rotated_files_are_listed_by_their_numbers)
{
	static const char *const names[] = { "a.log.1000000", "a.log.000009",
	    "a.log.000010", "a.log.000011.gz", "a.log", "a.idx.000003" };
	int64_t *numbers;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		close(openat(dir, names[i], O_WRONLY | O_CREAT | O_CLOEXEC,
		    0600));
	/* Twice: the first must not have used the directory up. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(log_rotated_list(dir, "a.log", false,
		    &numbers), 3);
		ck_assert_int_eq(numbers[0], 9);
		ck_assert_int_eq(numbers[1], 10);
		ck_assert_int_eq(numbers[2], 1000000);
		free(numbers);
	}
	ck_assert_int_eq(log_rotated_list(dir, "a.log", true, &numbers), 4);
	free(numbers);
	ck_assert_int_eq(log_rotated_list(dir, "b.log", true, &numbers), 0);
	ck_assert_ptr_null(numbers);
}
END_TEST

START_TEST(the_mark_in_force_is_found)
{
	static const uint64_t offsets[] = { 0, 10, 10, 20, UINT64_MAX - 1 };
	uint8_t bytes[LOG_MARK_BYTES];
	int fd = memfd_create("index", MFD_CLOEXEC);
	struct log_mark m;

	for (uint64_t i = 0; i < 5; i++) {
		log_mark_put(bytes, &(struct log_mark){ offsets[i], i });
		log_mark_get(&m, bytes);
		ck_assert_uint_eq(m.offset, offsets[i]);
		ck_assert_uint_eq(m.time_ms, i);
		ck_assert_int_eq(write(fd, bytes, sizeof(bytes)),
		    sizeof(bytes));
	}
	ck_assert_int_eq(log_mark_find(fd, 5, 0), 1);
	ck_assert_int_eq(log_mark_find(fd, 5, 9), 1);
	ck_assert_int_eq(log_mark_find(fd, 5, 10), 3);	/* the later of two */
	ck_assert_int_eq(log_mark_find(fd, 5, 19), 3);
	ck_assert_int_eq(log_mark_find(fd, 5, 1000), 4);
	ck_assert_int_eq(log_mark_find(fd, 5, UINT64_MAX), 5);
	ck_assert_int_eq(log_mark_find(fd, 0, 10), 0);
	/* The index was cut after it was measured. */
	ck_assert_int_eq(log_mark_find(fd, 1000, 10), 3);
	close(fd);
	ck_assert_int_lt(log_mark_find(fd, 5, 0), 0);
}
END_TEST

START_TEST(nothing_leads_out_of_the_directory)
{
	static const char *const bad[] = { "/etc/passwd", "../x", "a/../../x",
	    "link", "up/x", "a/link" };
	int fd;

	ck_assert_int_eq(make_parents_beneath(dir, "a/b/c", 0700), 0);
	fd = open_beneath(dir, "a/b/c", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	ck_assert_int_eq(symlinkat("/etc/passwd", dir, "link"), 0);
	ck_assert_int_eq(symlinkat("b/c", dir, "a/link"), 0);
	ck_assert_int_eq(symlinkat("/tmp", dir, "up"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = open_beneath(dir, bad[i], O_RDONLY, 0);
		ck_assert_msg(fd == -EXDEV || fd == -ELOOP, "%s: %d", bad[i],
		    fd);
	}
	ck_assert_int_lt(make_parents_beneath(dir, "up/x/y", 0700), 0);
	ck_assert_int_eq(make_parents_beneath(dir, "/x/y", 0700), -EXDEV);
	ck_assert_int_eq(make_parents_beneath(dir, "../x/y", 0700), -EXDEV);
}
END_TEST

START_TEST(the_parent_and_the_last_component_are_told_apart)
{
	const char *base;
	struct stat a, b;
	int fd;

	ck_assert_int_eq(make_parents_beneath(dir, "a/b", 0700), 0);
	ck_assert_int_eq(fstatat(dir, "a", &a, 0), 0);
	fd = open_parent_beneath(dir, "a/b", &base);
	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(base, "b");
	ck_assert_int_eq(fstat(fd, &b), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	close(fd);
	fd = open_parent_beneath(dir, "plain", &base);
	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(base, "plain");
	close(fd);
	ck_assert_int_eq(open_parent_beneath(dir, "a/..", &base), -EISDIR);
	ck_assert_int_eq(open_parent_beneath(dir, "a/", &base), -EISDIR);
	ck_assert_int_eq(open_parent_beneath(dir, "/x", &base), -EXDEV);
	ck_assert_int_eq(open_parent_beneath(dir, "c/x", &base), -ENOENT);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("logfile");
	TCase *t = tcase_create("logfile");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, only_our_own_names_are_rotated_files);
	tcase_add_test(t, a_name_is_read_back_as_its_number);
	tcase_add_test(t, the_index_is_named_after_the_log);
	tcase_add_test(t, rotated_files_are_listed_by_their_numbers);
	tcase_add_test(t, the_mark_in_force_is_found);
	tcase_add_test(t, nothing_leads_out_of_the_directory);
	tcase_add_test(t, the_parent_and_the_last_component_are_told_apart);
	suite_add_tcase(s, t);
	return s;
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
