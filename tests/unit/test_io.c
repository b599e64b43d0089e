/* Input, output, checksums, log lines and the passing of descriptors. */
/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/run.h"

START_TEST(crc32c_is_castagnolis)
{
	uint8_t bytes[32];

	/* RFC 3720, B.4 */
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(crc32c(0, bytes, 32), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	ck_assert_uint_eq(crc32c(0, bytes, 32), 0x46dd794e);
	ck_assert_uint_eq(crc32c(0, NULL, 0), 0);
}
END_TEST

START_TEST(crc32c_goes_on_where_it_stopped)
{
	unsigned int whole = crc32c(0, "123456789", 9);

	for (size_t n = 0; n <= 9; n++)
		ck_assert_uint_eq(crc32c(crc32c(0, "123456789", n),
		    (const char *)"123456789" + n, 9 - n), whole);
}
END_TEST

START_TEST(all_is_written_and_read)
{
	char got[16];
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write_all(fds[1], "first", 5), 0);
	ck_assert_int_eq(write_all(fds[1], "second", 6), 0);
	ck_assert_int_eq(read_all(fds[0], got, 8), 8);
	ck_assert_mem_eq(got, "firstsec", 8);
	close_fd(&fds[1]);
	ck_assert_int_eq(fds[1], -1);
	ck_assert_int_eq(read_all(fds[0], got, sizeof(got)), 3);
	ck_assert_int_eq(read_all(fds[0], got, sizeof(got)), 0);
	close_fd(&fds[0]);
	close_fd(&fds[0]);
	ck_assert_int_eq(write_all(-1, "x", 1), -EBADF);
	ck_assert_int_eq(read_all(-1, got, 1), -EBADF);
}
END_TEST

START_TEST(a_full_pipe_does_not_block_when_told)
{
	static char bytes[1 << 20];
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(set_nonblocking(fds[1]), 0);
	ck_assert_int_eq(write_all(fds[1], bytes, sizeof(bytes)), -EAGAIN);
	ck_assert_int_eq(set_nonblocking(-1), -EBADF);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(descriptors_arrive_closed_on_exec)
{
	int sv[2], sent[4] = { 0, 1, 2, 0 }, got[4], n;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    sv), 0);
	ck_assert_int_eq(recv_fds(sv[1], &byte, 1, got, 4, &n), -EAGAIN);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(send_fds(sv[0], "x", 1, sent, 4), 1);
	ck_assert_int_eq(recv_fds(sv[1], &byte, 1, got, 4, &n), 1);
	ck_assert_int_eq(n, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(got[i]);
	}
	close(sv[0]);
	ck_assert_int_eq(recv_fds(sv[1], &byte, 1, got, 4, &n), 0);
	close(sv[1]);
}
END_TEST

START_TEST(descriptors_that_do_not_fit_are_not_left_open)
{
	int sv[2], sent[3] = { 0, 1, 2 }, got[1], n, next, after;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	next = dup(0);
	close(next);
	ck_assert_int_eq(send_fds(sv[0], "x", 1, sent, 3), 1);
	ck_assert_int_eq(recv_fds(sv[1], &byte, 1, got, 1, &n), 1);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(got[0], next);
	close(got[0]);
	after = dup(0);
	ck_assert_int_eq(after, next);
	close(after);
	close(sv[0]);
	close(sv[1]);
}
END_TEST

START_TEST(more_descriptors_than_the_kernel_passes_are_refused)
{
	int fds[300] = { 0 }, n;
	char byte;

	ck_assert_int_eq(send_fds(0, "x", 1, fds, 254), -EINVAL);
	ck_assert_int_eq(send_fds(0, "x", 1, fds, -1), -EINVAL);
	ck_assert_int_eq(recv_fds(0, &byte, 1, fds, 254, &n), -EINVAL);
}
END_TEST

START_TEST(a_closed_peer_is_an_error_and_no_signal)
{
	int sv[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	close(sv[1]);
	ck_assert_int_eq(send_fds(sv[0], "x", 1, NULL, 0), -EPIPE);
	close(sv[0]);
}
END_TEST

/* Standard error of this process into a pipe; the read end. */
static int
catch_stderr(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	return fds[0];
}

static void
check_logged(int fd, const char *wanted)
{
	char got[2048];
	ssize_t n = read(fd, got, sizeof(got) - 1);

	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, wanted);
}

START_TEST(a_log_line_is_one_line)
{
	int fd = catch_stderr();

	log_init("od-test");
	log_info("%s %d", "hello", 1);
	check_logged(fd, "od-test: hello 1\n");
	log_warn("two\nlines \x1b[1m");
	check_logged(fd, "od-test: warning: two lines ?[1m\n");
}
END_TEST

START_TEST(a_long_log_line_is_cut_and_ends)
{
	static char much[5000], wanted[1025] = "od-test: ";
	int fd = catch_stderr();

	memset(much, 'a', sizeof(much) - 1);
	memset(wanted + 9, 'a', 1022 - 9);
	wanted[1022] = '\n';
	log_init("od-test");
	log_info("%s", much);
	check_logged(fd, wanted);
}
END_TEST

START_TEST(a_full_pipe_loses_the_line_and_nobody_waits)
{
	static char much[1000];
	int fd = catch_stderr();

	memset(much, 'a', sizeof(much) - 1);
	for (int i = 0; i < 1000; i++)
		log_info("%s", much);
	close(fd);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		crc32c_is_castagnolis,
		crc32c_goes_on_where_it_stopped,
		all_is_written_and_read,
		a_full_pipe_does_not_block_when_told,
		descriptors_arrive_closed_on_exec,
		descriptors_that_do_not_fit_are_not_left_open,
		more_descriptors_than_the_kernel_passes_are_refused,
		a_closed_peer_is_an_error_and_no_signal,
		a_log_line_is_one_line,
		a_long_log_line_is_cut_and_ends,
		a_full_pipe_loses_the_line_and_nobody_waits,
		NULL
	};

	return run_tests("io", tests);
}
