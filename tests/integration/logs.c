/* od-logs, run as the supervisor runs it: every line once, and in order. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/logfile.h"
#include "tests/integration/driver.h"
#include "tests/integration/lines.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define OUT	"web\t0\tout\tweb/0-out.log"
#define ERR	"web\t0\terr\tweb/0-err.log"

static struct driver capture, logs;

static void
set_up(void)
{
	driver_init(&capture);
	ck_assert_int_eq(mkdirat(capture.dir, "web", 0755), 0);
	memset(&logs, 0, sizeof(logs));
	logs.dir = capture.dir;
	driver_start(&logs, "od-logs");
}

static void
tear_down(void)
{
	if (logs.pid != 0)
		driver_kill(&logs);
	driver_release(&capture);
}

/* A client's connection; only its channel is used. */
static void
view(struct driver *client, const char *const *sources, int64_t lines,
    bool follow, const char *const *cursors)
{
	struct message m = { .type = MSG_logs_serve, .logs_serve = {
	    .sources = sources, .lines = lines, .follow = follow,
	    .cursors = cursors } };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	driver_send(&logs, &m, pair[1]);
	close(pair[1]);
	channel_init(&client->channel, pair[0], FRAME_BYTES, 1 << 16, false);
}

static void
append(const char *name, const char *bytes, size_t n)
{
	int fd = openat(capture.dir, name,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	ck_assert_msg(fd != -1, "%s: %s", name, strerror(errno));
	ck_assert_int_eq(write_all(fd, bytes, n), 0);
	close(fd);
}

static void
append_text(const char *name, const char *text)
{
	append(name, text, strlen(text));
}

static void
mark(const char *index, uint64_t offset, uint64_t ms)
{
	struct log_mark m = { offset, ms };
	uint8_t bytes[LOG_MARK_BYTES];

	log_mark_put(bytes, &m);
	append(index, (const char *)bytes, sizeof(bytes));
}

/* The next row of text, written as "stream time text", '+' for partial. */
static void
expect_line(struct driver *client, const char *want)
{
	struct message m;
	char is[512];

	driver_expect(client, MSG_log_line, &m, NULL);
	ck_assert_str_eq(m.log_line.name, "web");
	snprintf(is, sizeof(is), "%s %lld %.*s%s", m.log_line.stream,
	    (long long)m.log_line.time_ms, (int)m.log_line.text.len,
	    (const char *)m.log_line.text.data,
	    m.log_line.partial ? "+" : "");
	ck_assert_str_eq(is, want);
	message_release(&m);
}

static void
expect_done(struct driver *client)
{
	struct message m;

	ck_assert_int_eq(driver_next(client, &m, NULL, 10000), 1);
	ck_assert_int_eq(m.type, MSG_done);
	ck_assert_int_eq(driver_next(client, &m, NULL, 10000), -1);
	channel_release(&client->channel);
}

START_TEST(the_last_lines_of_all_come_in_the_order_of_time)
{
	const char *sources[] = { OUT, ERR, NULL };
	struct driver client;

	append_text("web/0-out.log", "a\nb\nc\n");
	mark("web/0-out.idx", 0, 100);
	mark("web/0-out.idx", 2, 300);
	append_text("web/0-err.log", "x\ny\n");
	mark("web/0-err.idx", 0, 200);
	mark("web/0-err.idx", 2, 400);
	view(&client, sources, 3, false, NULL);
	expect_line(&client, "out 300 b");
	expect_line(&client, "out 300 c");
	expect_line(&client, "err 400 y");
	expect_done(&client);
}
END_TEST

START_TEST(lines_go_on_across_rotated_files)
{
	const char *sources[] = { OUT, NULL };
	struct driver client;

	append_text("web/0-out.log.000009", "never shown\none\ntw");
	mark("web/0-out.idx.000009", 0, 100);
	append_text("web/0-out.log.000010", "o\nthr");
	mark("web/0-out.idx.000010", 0, 200);
	append_text("web/0-out.log", "ee\nfour\n");
	mark("web/0-out.idx", 0, 300);
	view(&client, sources, 4, false, NULL);
	expect_line(&client, "out 100 one");
	expect_line(&client, "out 100 two");
	expect_line(&client, "out 200 three");
	expect_line(&client, "out 300 four");
	expect_done(&client);
}
END_TEST

START_TEST(a_line_without_end_is_partial_and_empty_files_are_fine)
{
	const char *sources[] = { OUT, ERR, NULL };
	struct driver client;

	append_text("web/0-out.log", "whole\n\nha");
	mark("web/0-out.idx", 0, 100);
	append_text("web/0-err.log", "");
	view(&client, sources, 100, false, NULL);
	expect_line(&client, "out 100 whole");
	expect_line(&client, "out 100 ");
	expect_line(&client, "out 100 ha+");
	expect_done(&client);
	view(&client, sources, 1, false, NULL);
	expect_line(&client, "out 100 ha+");
	expect_done(&client);
	view(&client, sources, 0, false, NULL);
	expect_done(&client);
}
END_TEST

START_TEST(any_bytes_pass_and_long_lines_come_in_parts)
{
	const char *sources[] = { OUT, NULL };
	static char bytes[150001], back[150001];
	struct driver client;
	struct message m;
	size_t n = 0;
	int parts = 0;

	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		bytes[i] = (char)(i % 256 == '\n' ? 0 : i % 256);
	bytes[sizeof(bytes) - 1] = '\n';
	append("web/0-out.log", bytes, sizeof(bytes));
	view(&client, sources, 1, false, NULL);
	do {
		driver_expect(&client, MSG_log_line, &m, NULL);
		ck_assert_uint_le(n + m.log_line.text.len, sizeof(back));
		memcpy(back + n, m.log_line.text.data, m.log_line.text.len);
		n += m.log_line.text.len;
		parts++;
		message_release(&m);
	} while (n < sizeof(bytes) - 1);
	ck_assert_int_eq(parts, 3);
	ck_assert_mem_eq(bytes, back, sizeof(bytes) - 1);
	expect_done(&client);
}
END_TEST

START_TEST(a_follower_sees_files_come_and_unfinished_lines_in_silence)
{
	const char *sources[] = { "new\t3\tout\tnew/3-out.log", OUT, NULL };
	struct driver client;
	struct message m;

	view(&client, sources, 10, true, NULL);
	append_text("web/0-out.log", "first\n");
	mark("web/0-out.idx", 0, 5);
	driver_expect(&client, MSG_log_line, &m, NULL);
	ck_assert_str_eq(m.log_line.name, "web");
	message_release(&m);
	ck_assert_int_eq(mkdirat(capture.dir, "new", 0755), 0);
	append_text("new/3-out.log", "begun");
	driver_expect(&client, MSG_log_line, &m, NULL);
	ck_assert_str_eq(m.log_line.name, "new");
	ck_assert_int_eq(m.log_line.instance, 3);
	ck_assert(m.log_line.partial);
	ck_assert_mem_eq(m.log_line.text.data, "begun", 5);
	message_release(&m);
	append_text("new/3-out.log", " ended\n");
	driver_expect(&client, MSG_log_line, &m, NULL);
	ck_assert(!m.log_line.partial);
	ck_assert_mem_eq(m.log_line.text.data, " ended", 6);
	message_release(&m);
	channel_release(&client.channel);
}
END_TEST

START_TEST(what_was_deleted_is_said_and_the_oldest_comes_next)
{
	const char *sources[] = { OUT, NULL };
	const char *cursors[] = { "other/1/out 3.4:5", "web/0/out 1.1:0",
	    NULL };
	struct driver client;
	struct message m;

	append_text("web/0-out.log.000007", "oldest\n");
	append_text("web/0-out.log", "newest\n");
	view(&client, sources, 0, false, cursors);
	driver_expect(&client, MSG_warning, &m, NULL);
	message_release(&m);
	driver_expect(&client, MSG_log_line, &m, NULL);
	ck_assert_mem_eq(m.log_line.text.data, "oldest", 6);
	message_release(&m);
	driver_expect(&client, MSG_log_line, &m, NULL);
	ck_assert_mem_eq(m.log_line.text.data, "newest", 6);
	message_release(&m);
	expect_done(&client);
}
END_TEST

START_TEST(who_does_not_read_holds_nobody_up)
{
	const char *sources[] = { OUT, NULL };
	static char block[1 << 20];
	struct driver idle[100], client;
	struct message m;
	long lines = 0;

	memset(block, 'x', sizeof(block));
	for (size_t i = 99; i < sizeof(block); i += 100)
		block[i] = '\n';
	for (int i = 0; i < 8; i++)
		append("web/0-out.log", block, sizeof(block));
	for (int i = 0; i < 100; i++)
		view(&idle[i], sources, 1000000, i % 2 == 0, NULL);
	view(&client, sources, 1000000, false, NULL);
	for (;;) {
		ck_assert_int_eq(driver_next(&client, &m, NULL, 30000), 1);
		if (m.type == MSG_done)
			break;
		ck_assert_int_eq(m.type, MSG_log_line);
		lines += !m.log_line.partial;
		message_release(&m);
	}
	ck_assert_int_ge(lines, (long)(8 * sizeof(block) / 100) - 10);
	for (int i = 0; i < 100; i++)
		channel_release(&idle[i].channel);
	channel_release(&client.channel);
}
END_TEST

/* Rows until number last was seen, or some have come; the newest cursor. */
static bool
take_rows(struct driver *client, struct line_count *count, long last,
    long enough, char *cursor)
{
	struct message m;

	while (count->next <= last && enough-- > 0) {
		ck_assert_int_eq(driver_next(client, &m, NULL, 10000), 1);
		ck_assert_int_ne(m.type, MSG_warning);
		if (m.type == MSG_log_cursor)
			strcpy(cursor, m.log_cursor.cursor);
		if (m.type == MSG_log_line) {
			strcpy(cursor, m.log_line.cursor);
			lines_count(count, m.log_line.text.data,
			    m.log_line.text.len);
			if (!m.log_line.partial)
				lines_count(count, "\n", 1);
		}
		message_release(&m);
	}
	return count->next > last;
}

START_TEST(a_follower_loses_nothing_over_rotations_and_deaths)
{
	const struct message file = { .type = MSG_capture_file,
	    .capture_file = { .stream = 1, .path = "web/0-out.log",
	    .rotate_size = 10000, .rotate_keep = 100000 } };
	const struct message feed = { .type = MSG_capture_pipe,
	    .capture_pipe = { .stream = 1, .pipe = 1 } };
	const char *sources[] = { OUT, ERR, NULL };
	const char *cursors[] = { NULL, NULL };
	struct line_count count = { .next = 1 };
	char cursor[256] = "";
	struct driver client;
	const long last = 60000;
	int ends[2], deaths = 0;
	pid_t app;

	driver_start(&capture, "od-capture");
	driver_send(&capture, &file, -1);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	driver_send(&capture, &feed, ends[0]);
	close(ends[0]);
	view(&client, sources, 1000, true, NULL);
	app = lines_write(ends[1], 1, last, 500);
	close(ends[1]);
	while (!take_rows(&client, &count, last,
	    deaths < 20 ? 500 + random() % 2000 : last, cursor)) {
		ck_assert_int_lt(deaths++, 20);
		driver_kill(&logs);
		channel_release(&client.channel);
		driver_start(&logs, "od-logs");
		cursors[0] = cursor;
		view(&client, sources, 0, true, cursors);
	}
	ck_assert_int_ge(deaths, 20);
	ck_assert_int_eq(waitpid(app, NULL, 0), app);
	channel_release(&client.channel);
}
END_TEST

START_TEST(with_the_supervisor_it_ends_whoever_follows)
{
	const char *sources[] = { OUT, ERR, NULL };
	struct driver client;
	struct message m;

	append_text("web/0-out.log", "one\n");
	view(&client, sources, 1, true, NULL);
	driver_expect(&client, MSG_log_line, &m, NULL);
	message_release(&m);
	ck_assert_int_eq(driver_hang_up(&logs), 0);
	ck_assert_int_eq(driver_next(&client, &m, NULL, 10000), -1);
	channel_release(&client.channel);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("logs");
	TCase *t = tcase_create("logs");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_last_lines_of_all_come_in_the_order_of_time);
	tcase_add_test(t, lines_go_on_across_rotated_files);
	tcase_add_test(t,
	    a_line_without_end_is_partial_and_empty_files_are_fine);
	tcase_add_test(t, any_bytes_pass_and_long_lines_come_in_parts);
	tcase_add_test(t,
	    a_follower_sees_files_come_and_unfinished_lines_in_silence);
	tcase_add_test(t, what_was_deleted_is_said_and_the_oldest_comes_next);
	tcase_add_test(t, who_does_not_read_holds_nobody_up);
	tcase_add_test(t, with_the_supervisor_it_ends_whoever_follows);
	tcase_add_test(t, a_follower_loses_nothing_over_rotations_and_deaths);
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
