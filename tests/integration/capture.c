/* od-capture, run as the supervisor runs it: no byte is lost or doubled. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/logfile.h"
#include "tests/integration/driver.h"
#include "tests/integration/lines.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define LOG	"web/0-out.log"
#define INDEX	"web/0-out.idx"

static struct driver d;

static void
set_up(void)
{
	driver_init(&d);
}

static void
tear_down(void)
{
	driver_release(&d);
}

static void
say_file(int64_t size, int64_t keep, int held)
{
	struct message m = { .type = MSG_capture_file, .capture_file = {
	    .stream = 7, .path = LOG, .rotate_size = size,
	    .rotate_keep = keep } };

	driver_send(&d, &m, held);
}

static void
say_pipe(int64_t number, int fd)
{
	struct message m = { .type = MSG_capture_pipe, .capture_pipe = {
	    .stream = 7, .pipe = number } };

	driver_send(&d, &m, fd);
}

static void
say_note(const char *text)
{
	struct message m = { .type = MSG_capture_note, .capture_note = {
	    .stream = 7, .text = text } };

	driver_send(&d, &m, -1);
}

/* The file's descriptor, as the keeper would hold it from now on. */
static int
opened(void)
{
	struct message m;
	int fd;

	driver_expect(&d, MSG_capture_opened, &m, &fd);
	ck_assert_int_eq(m.capture_opened.stream, 7);
	ck_assert_int_ge(fd, 0);
	message_release(&m);
	return fd;
}

static void
ended(int64_t pipe_number)
{
	struct message m;

	driver_expect(&d, MSG_capture_ended, &m, NULL);
	ck_assert_int_eq(m.capture_ended.stream, 7);
	ck_assert_int_eq(m.capture_ended.pipe, pipe_number);
	message_release(&m);
}

/* What it is blocked by; to be freed. */
static char *
blocked(void)
{
	struct message m;
	char *text;

	driver_expect(&d, MSG_capture_blocked, &m, NULL);
	text = strdup(m.capture_blocked.text);
	message_release(&m);
	return text;
}

static void
make_pipe(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

/* A whole file as a string; to be freed. */
static char *
content(const char *name)
{
	int fd = openat(d.dir, name, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 1 << 16);
	ssize_t n;

	ck_assert_msg(fd != -1, "%s: %s", name, strerror(errno));
	n = read(fd, text, (1 << 16) - 1);
	ck_assert_int_ge(n, 0);
	close(fd);
	return text;
}

static void
assert_content(const char *name, const char *want)
{
	char *is = content(name);

	ck_assert_str_eq(is, want);
	free(is);
}

/* Write bytes through a pipe of their own, until its end is told. */
static void
pass(int64_t number, const char *bytes)
{
	int ends[2];

	make_pipe(ends);
	say_pipe(number, ends[0]);
	close(ends[0]);
	ck_assert_int_eq(write_all(ends[1], bytes, strlen(bytes)), 0);
	close(ends[1]);
	ended(number);
}

START_TEST(bytes_reach_the_file_and_the_end_is_told)
{
	struct stat st;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	pass(1, "one\ntwo\n");
	assert_content(LOG, "one\ntwo\n");
	ck_assert_int_eq(fstatat(d.dir, LOG, &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(fstatat(d.dir, "web", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0750);
}
END_TEST

START_TEST(the_index_says_when_a_drain_began)
{
	uint8_t marks[4 * LOG_MARK_BYTES];
	int64_t before = clock_wall_ms();
	struct log_mark m;
	int fd;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	pass(1, "one\n");
	fd = openat(d.dir, INDEX, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, marks, sizeof(marks)), LOG_MARK_BYTES);
	close(fd);
	log_mark_get(&m, marks);
	ck_assert_uint_eq(m.offset, 0);
	ck_assert_int_ge((int64_t)m.time_ms, before);
	ck_assert_int_le((int64_t)m.time_ms, clock_wall_ms());
}
END_TEST

START_TEST(a_file_that_was_there_is_continued)
{
	int fd;

	ck_assert_int_eq(mkdirat(d.dir, "web", 0750), 0);
	fd = openat(d.dir, LOG, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	ck_assert_int_eq(write_all(fd, "before\n", 7), 0);
	close(fd);
	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	pass(1, "after\n");
	assert_content(LOG, "before\nafter\n");
}
END_TEST

START_TEST(a_held_file_is_used_as_it_is)
{
	int fd;

	ck_assert_int_eq(mkdirat(d.dir, "web", 0750), 0);
	fd = openat(d.dir, LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0640);
	ck_assert_int_eq(write_all(fd, "before\n", 7), 0);
	driver_start(&d, "od-capture");
	say_file(0, 0, fd);
	pass(1, "after\n");
	assert_content(LOG, "before\nafter\n");
	/* One open file description: it is our offset, too. */
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 13);
	close(fd);
}
END_TEST

START_TEST(a_file_that_was_cut_gets_no_hole)
{
	int fd;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	fd = opened();
	pass(1, "a long line before\n");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	pass(2, "in life\n");
	assert_content(LOG, "in life\n");
	driver_kill(&d);
	ck_assert_int_eq(ftruncate(fd, 3), 0);
	driver_start(&d, "od-capture");
	say_file(0, 0, fd);
	pass(3, "after\n");
	assert_content(LOG, "in after\n");
	close(fd);
}
END_TEST

START_TEST(a_file_that_was_deleted_is_made_anew)
{
	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	pass(1, "gone\n");
	ck_assert_int_eq(unlinkat(d.dir, LOG, 0), 0);
	pass(2, "here\n");
	assert_content(LOG, "here\n");
}
END_TEST

START_TEST(what_cannot_be_opened_is_told_and_tried_again)
{
	static const char *const what[] = { "fifo", "directory", "link",
	    "two names" };
	struct stat st;
	int ends[2], i = _i;
	char *text;

	ck_assert_int_eq(mkdirat(d.dir, "web", 0750), 0);
	close(openat(d.dir, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_assert_int_eq(i == 0 ? mkfifoat(d.dir, LOG, 0600) :
	    i == 1 ? mkdirat(d.dir, LOG, 0700) :
	    i == 2 ? symlinkat("../other", d.dir, LOG) :
	    linkat(d.dir, "other", d.dir, LOG, 0), 0);
	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	make_pipe(ends);
	say_pipe(1, ends[0]);
	close(ends[0]);
	ck_assert_int_eq(write_all(ends[1], "kept\n", 5), 0);
	close(ends[1]);
	text = blocked();
	ck_assert_msg(strstr(text, LOG) != NULL, "%s: %s", what[i], text);
	free(text);
	ck_assert_int_eq(unlinkat(d.dir, LOG, i == 1 ? AT_REMOVEDIR : 0), 0);
	text = blocked();
	ck_assert_str_eq(text, "");
	free(text);
	ended(1);
	assert_content(LOG, "kept\n");
	ck_assert_int_eq(fstatat(d.dir, "other", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(a_full_file_stops_its_pipe_and_loses_nothing)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };
	struct line_count count = { .next = 1 };
	int ends[2], status;
	pid_t app;
	char *text;

	driver_start(&d, "od-capture");
	ck_assert_int_eq(prlimit(d.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	say_file(0, 0, -1);
	close(opened());
	make_pipe(ends);
	app = lines_write(ends[1], 1, 5000, 0);
	close(ends[1]);
	say_pipe(1, ends[0]);
	close(ends[0]);
	text = blocked();
	ck_assert_str_eq(text, "cannot write '" LOG "': File too large");
	free(text);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(prlimit(d.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	text = blocked();
	ck_assert_str_eq(text, "");
	free(text);
	ended(1);
	ck_assert_int_eq(waitpid(app, &status, 0), app);
	ck_assert_int_eq(status, 0);
	lines_count_files(&count, d.dir, LOG);
	ck_assert_int_eq(count.next, 5001);
}
END_TEST

START_TEST(a_note_is_a_line_of_its_own)
{
	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	pass(1, "half a line");
	say_note("-- some output is missing here --");
	say_note("-- and here --");
	pass(2, "whole\n");
	assert_content(LOG, "half a line\n-- some output is missing here --\n"
	    "-- and here --\nwhole\n");
}
END_TEST

START_TEST(a_thousand_rotations_lose_and_double_no_line)
{
	struct line_count count = { .next = 1 };
	int64_t numbers = 0;
	struct message m;
	int ends[2];
	pid_t app;

	driver_start(&d, "od-capture");
	say_file(2000, 100000, -1);
	close(opened());
	make_pipe(ends);
	app = lines_write(ends[1], 1, 60000, 0);
	close(ends[1]);
	say_pipe(1, ends[0]);
	close(ends[0]);
	for (;;) {
		ck_assert_int_eq(driver_next(&d, &m, NULL, 10000), 1);
		if (m.type == MSG_capture_ended)
			break;
		if (m.type == MSG_capture_rotated) {
			numbers++;
			ck_assert_int_eq(log_rotated_number(
			    m.capture_rotated.path, LOG, NULL), numbers);
			ck_assert_int_eq(m.capture_rotated.size, 2000);
		}
		message_release(&m);
	}
	ck_assert_int_eq(waitpid(app, NULL, 0), app);
	ck_assert_int_ge(numbers, 1000);
	ck_assert_int_eq(lines_count_files(&count, d.dir, LOG), numbers + 1);
	ck_assert_int_eq(count.next, 60001);
}
END_TEST

START_TEST(old_files_beyond_the_limit_are_deleted)
{
	int64_t *numbers;
	int dir, fd;

	ck_assert_int_eq(mkdirat(d.dir, "web", 0750), 0);
	fd = openat(d.dir, LOG ".000041.gz", O_WRONLY | O_CREAT | O_CLOEXEC,
	    0640);
	close(fd);
	driver_start(&d, "od-capture");
	say_file(10, 2, -1);
	close(opened());
	pass(1, "one line..\ntwo line..\nthree line\nfour line\n");
	dir = openat(d.dir, "web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(log_rotated_list(dir, "0-out.log", true, &numbers),
	    2);
	/* They go on from the highest number that was there. */
	ck_assert_int_eq(numbers[0], 44);
	ck_assert_int_eq(numbers[1], 45);
	free(numbers);
	ck_assert_int_eq(log_rotated_list(dir, "0-out.idx", true, &numbers),
	    2);
	free(numbers);
	close(dir);
}
END_TEST

START_TEST(a_rotation_can_be_asked_for)
{
	struct message m = { .type = MSG_capture_rotate,
	    .capture_rotate = { .stream = 7 } };

	driver_start(&d, "od-capture");
	say_file(0, 5, -1);
	close(opened());
	pass(1, "old\n");
	driver_send(&d, &m, -1);
	driver_expect(&d, MSG_capture_rotated, &m, NULL);
	ck_assert_str_eq(m.capture_rotated.path, LOG ".000001");
	message_release(&m);
	pass(2, "new\n");
	assert_content(LOG ".000001", "old\n");
	assert_content(LOG, "new\n");
}
END_TEST

/* The supervisor's part in the two tests that follow: everything that is
 * said is taken, files are held. Until the pipe has ended, or ms are over. */
static bool
play_until(int *held, int ms)
{
	int64_t end = clock_ms() + ms;
	struct message m;
	bool is_end = false;
	int fd;

	while (!is_end && driver_next(&d, &m, &fd,
	    (int)(end - clock_ms())) == 1) {
		if (m.type == MSG_capture_opened) {
			close_fd(held);
			*held = fd;
			fd = -1;
		}
		ck_assert_int_ne(m.type, MSG_capture_blocked);
		is_end = m.type == MSG_capture_ended;
		close_fd(&fd);
		message_release(&m);
	}
	return is_end;
}

START_TEST(two_hundred_kills_while_rotating_lose_and_double_no_line)
{
	struct line_count count = { .next = 1 };
	int ends[2], held = -1, kills = 0, status;
	const long last = 400000;
	bool is_end = false;
	pid_t app;

	srandom((unsigned int)(20240 + _i));
	make_pipe(ends);
	app = lines_write(ends[1], 1, last, _i == 0 ? 300 : 0);
	close(ends[1]);
	while (!is_end) {
		driver_start(&d, "od-capture");
		say_file(_i == 0 ? 20000 : 5000, 100000, held);
		say_pipe(1, ends[0]);
		is_end = play_until(&held, kills < 200 ?
		    (int)(random() % 8) : 20000);
		if (is_end)
			break;
		ck_assert_int_lt(kills, 200);
		kills++;
		kill(d.pid, SIGKILL);
		/* What it had said before its end has been said. Now and then
		 * even that is lost, as if we had died, too. */
		if (random() % 4 != 0)
			is_end = play_until(&held, 1000);
		driver_kill(&d);
	}
	close(ends[0]);
	close_fd(&held);
	ck_assert_int_eq(waitpid(app, &status, 0), app);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ge(kills, _i == 0 ? 200 : 20);
	ck_assert_int_ge(lines_count_files(&count, d.dir, LOG), 100);
	ck_assert_int_eq(count.next, last + 1);
	ck_assert_uint_eq(count.len, 0);
}
END_TEST

START_TEST(an_orphan_drains_on_and_its_successor_waits)
{
	struct line_count count = { .next = 1 };
	struct driver old;
	int ends[2], held, status;
	pid_t app;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	held = opened();
	make_pipe(ends);
	say_pipe(1, ends[0]);
	ck_assert_int_eq(write_all(ends[1], "", 0), 0);
	channel_release(&d.channel);
	app = lines_write(ends[1], 1, 3000, 0);
	ck_assert_int_eq(waitpid(app, &status, 0), app);
	/* 130 KB have gone through a pipe of 64: somebody drained it. */
	ck_assert_int_eq(status, 0);

	old = d;
	driver_start(&d, "od-capture");
	say_file(0, 0, held);
	say_pipe(1, ends[0]);
	kill(old.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(old.pid, &status, WUNTRACED), old.pid);
	app = lines_write(ends[1], 3001, 3010, 0);
	ck_assert_int_eq(waitpid(app, &status, 0), app);
	close(ends[1]);
	/* It must not touch them while the other lives, stopped as it is. */
	ck_assert(!play_until(&held, 400));
	kill(old.pid, SIGKILL);
	ck_assert_int_eq(waitpid(old.pid, &status, 0), old.pid);
	ended(1);
	close(ends[0]);
	close_fd(&held);
	lines_count_files(&count, d.dir, LOG);
	ck_assert_int_eq(count.next, 3011);
}
END_TEST

START_TEST(an_orphan_without_pipes_exits)
{
	int ends[2];

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	make_pipe(ends);
	say_pipe(1, ends[0]);
	close(ends[0]);
	ck_assert_int_eq(write_all(ends[1], "last\n", 5), 0);
	close(ends[1]);
	ck_assert_int_eq(driver_hang_up(&d), 0);
	assert_content(LOG, "last\n");
}
END_TEST

/* How often it has slept so far: each wake-up is one. */
static long
sleeps(void)
{
	char path[64], line[256];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d.pid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	fclose(f);
	ck_assert_int_ge(n, 0);
	return n;
}

START_TEST(a_quiet_pipe_costs_no_wake_up)
{
	struct message m;
	int ends[2];
	long before;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	close(opened());
	make_pipe(ends);
	say_pipe(1, ends[0]);
	ck_assert_int_eq(write_all(ends[1], "a\n", 2), 0);
	pass(2, "b\n");
	/* Let it come to rest, then watch it rest. */
	ck_assert_int_eq(driver_next(&d, &m, NULL, 500), 0);
	before = sleeps();
	ck_assert_int_eq(driver_next(&d, &m, NULL, 500), 0);
	ck_assert_int_eq(sleeps(), before);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_loud_pipe_starves_nobody)
{
	int loud[2];
	pid_t app;

	driver_start(&d, "od-capture");
	say_file(1000000, 2, -1);
	close(opened());
	make_pipe(loud);
	app = fork();
	if (app == 0) {
		static char block[65536];

		dup2(loud[1], 1);
		close_range(3, ~0U, 0);
		memset(block, 'x', sizeof(block));
		for (;;)
			write_all(1, block, sizeof(block));
	}
	close(loud[1]);
	say_pipe(1, loud[0]);
	close(loud[0]);
	for (int i = 2; i < 50; i++)
		pass(i, "quiet\n");
	kill(app, SIGKILL);
	ck_assert_int_eq(waitpid(app, NULL, 0), app);
	ended(1);
}
END_TEST

START_TEST(a_forgotten_stream_ends_with_its_pipes)
{
	struct message m = { .type = MSG_capture_forget,
	    .capture_forget = { .stream = 7 } };
	char path[64], target[4096];
	int ends[2], held;
	ssize_t n;

	driver_start(&d, "od-capture");
	say_file(0, 0, -1);
	held = opened();
	make_pipe(ends);
	say_pipe(1, ends[0]);
	close(ends[0]);
	driver_send(&d, &m, -1);
	ck_assert_int_eq(write_all(ends[1], "last\n", 5), 0);
	close(ends[1]);
	ended(1);
	assert_content(LOG, "last\n");
	/* A new one of that number gets a file of its own. */
	say_file(0, 0, -1);
	close(opened());
	close(held);
	for (int fd = 5; fd < 20; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)d.pid,
		    fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0)
			ck_assert_ptr_null(strstr(target, "pipe:"));
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("capture");
	TCase *t = tcase_create("capture");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, bytes_reach_the_file_and_the_end_is_told);
	tcase_add_test(t, the_index_says_when_a_drain_began);
	tcase_add_test(t, a_file_that_was_there_is_continued);
	tcase_add_test(t, a_held_file_is_used_as_it_is);
	tcase_add_test(t, a_file_that_was_cut_gets_no_hole);
	tcase_add_test(t, a_file_that_was_deleted_is_made_anew);
	tcase_add_loop_test(t, what_cannot_be_opened_is_told_and_tried_again,
	    0, 4);
	tcase_add_test(t, a_full_file_stops_its_pipe_and_loses_nothing);
	tcase_add_test(t, a_note_is_a_line_of_its_own);
	tcase_add_test(t, a_thousand_rotations_lose_and_double_no_line);
	tcase_add_test(t, old_files_beyond_the_limit_are_deleted);
	tcase_add_test(t, a_rotation_can_be_asked_for);
	tcase_add_loop_test(t,
	    two_hundred_kills_while_rotating_lose_and_double_no_line, 0, 2);
	tcase_add_test(t, an_orphan_drains_on_and_its_successor_waits);
	tcase_add_test(t, an_orphan_without_pipes_exits);
	tcase_add_test(t, a_quiet_pipe_costs_no_wake_up);
	tcase_add_test(t, a_loud_pipe_starves_nobody);
	tcase_add_test(t, a_forgotten_stream_ends_with_its_pipes);
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
