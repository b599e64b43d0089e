/*
 * The system calls of the supervisor against the real kernel: how the end of a
 * process looks, to its parent and to others.
 */
/* SPDX-License-Identifier: MIT */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/run.h"

/* A child that waits until something is written to *go, or it is killed. */
static pid_t
a_child(int *go, int code)
{
	int fds[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(sys_pipe(fds, 0), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 1 ? code : 99);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

static void
wait_for(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
}

START_TEST(an_exit_is_peeked_then_reaped)
{
	struct sys_exit e = { 0 };
	uint64_t start = 0, again = 0;
	int go, pidfd, zombie = -1, status = -1;
	pid_t pid = a_child(&go, 7);

	pidfd = sys_pidfd_open(pid);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(sys_peek_pidfd(pidfd, &e), 0);
	ck_assert_int_eq(sys_peek_any(&e), 0);
	ck_assert_int_eq(sys_reap(pid), -EAGAIN);
	ck_assert_int_eq(sys_proc_stat(pid, &start, &zombie, &status), 0);
	ck_assert_int_eq(zombie, 0);
	ck_assert_uint_gt(start, 0);

	ck_assert_int_eq(sys_write(go, "x", 1), 1);
	wait_for(pidfd);
	for (int i = 0; i < 2; i++) {
		e = (struct sys_exit){ 0 };
		ck_assert_int_eq(i == 0 ? sys_peek_pidfd(pidfd, &e) :
		    sys_peek_any(&e), 1);
		ck_assert_int_eq(e.pid, pid);
		ck_assert(WIFEXITED(e.status));
		ck_assert_int_eq(WEXITSTATUS(e.status), 7);
	}
	ck_assert_int_eq(sys_proc_stat(pid, &again, &zombie, &status), 0);
	ck_assert_int_eq(zombie, 1);
	ck_assert_uint_eq(again, start);
	ck_assert_int_eq(status, 7 << 8);

	ck_assert_int_eq(sys_reap(pid), 0);
	ck_assert_int_eq(sys_reap(pid), -ECHILD);
	ck_assert_int_eq(sys_peek_pidfd(pidfd, &e), -ECHILD);
	ck_assert_int_eq(sys_peek_any(&e), 0);
	ck_assert_int_eq(sys_pidfd_signal(pidfd, SIGTERM), -ESRCH);
	ck_assert_int_eq(sys_proc_stat(pid, &again, NULL, NULL), -ESRCH);
	close(go);
	close(pidfd);
}
END_TEST

START_TEST(a_death_by_signal_looks_as_wait_has_it)
{
	struct sys_exit e = { 0 };
	int go, pidfd, status;
	pid_t pid = a_child(&go, 0);

	pidfd = sys_pidfd_open(pid);
	ck_assert_int_eq(sys_pidfd_signal(pidfd, SIGKILL), 0);
	wait_for(pidfd);
	ck_assert_int_eq(sys_peek_pidfd(pidfd, &e), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(e.status, status);
	ck_assert(WIFSIGNALED(e.status));
	close(go);
	close(pidfd);
}
END_TEST

/* Linux 6.15 tells it; where it does not, the call has to say so. */
START_TEST(the_status_of_what_was_reaped_is_told_or_refused)
{
	int go, pidfd, status = -1, r;
	pid_t pid = a_child(&go, 42);

	pidfd = sys_pidfd_open(pid);
	ck_assert_int_le(sys_pidfd_status(pidfd, &status), 0);
	ck_assert_int_eq(sys_write(go, "x", 1), 1);
	wait_for(pidfd);
	ck_assert_int_le(sys_pidfd_status(pidfd, &status), 0);
	ck_assert_int_eq(sys_reap(pid), 0);
	r = sys_pidfd_status(pidfd, &status);
	if (r == 1)
		ck_assert_int_eq(status, 42 << 8);
	else
		ck_assert_msg(r == -ENOTTY || r == -EINVAL || r == -ESRCH,
		    "%d", r);
	close(go);
	close(pidfd);
	ck_assert_int_eq(sys_pidfd_status(-1, &status), -EBADF);
}
END_TEST

/* The name is the program's own choice, and no parser must trip over it. */
START_TEST(a_name_full_of_brackets_does_not_hide_the_start_time)
{
	uint64_t before, after;
	int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(sys_proc_stat(getpid(), &before, NULL, NULL), 0);
	ck_assert_int_eq(sys_write(fd, ") Z 1 2) x\n", 10), 10);
	ck_assert_int_eq(sys_proc_stat(getpid(), &after, NULL, NULL), 0);
	ck_assert_uint_eq(after, before);
	close(fd);
}
END_TEST

START_TEST(every_descriptor_is_closed_on_exec)
{
	int fds[2], fd;
	struct stat st;

	ck_assert_int_eq(sys_pipe(fds, O_NONBLOCK), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_ne(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
		close(fds[i]);
	}
	ck_assert_int_eq(sys_socketpair(SOCK_SEQPACKET, fds), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		close(fds[i]);
	}
	fd = sys_memfd("test", 12345);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 12345);
	close(fd);
}
END_TEST

START_TEST(what_fails_says_how)
{
	struct sys_exit e;
	uint64_t start;
	int fds[2];

	ck_assert_int_eq(sys_pipe(fds, 0x40000000), -EINVAL);
	ck_assert_int_eq(sys_socketpair(77, fds), -EINVAL);
	ck_assert_int_eq(sys_pidfd_open(-1), -EINVAL);
	ck_assert_int_eq(sys_pidfd_signal(-1, SIGTERM), -EBADF);
	ck_assert_int_eq(sys_peek_pidfd(-1, &e), -EINVAL);
	ck_assert_int_eq(sys_proc_stat(-1, &start, NULL, NULL), -ESRCH);
	ck_assert_int_eq(sys_write(-1, "x", 1), -EBADF);
	ck_assert_int_lt(sys_memfd("test", SIZE_MAX), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		an_exit_is_peeked_then_reaped,
		a_death_by_signal_looks_as_wait_has_it,
		the_status_of_what_was_reaped_is_told_or_refused,
		a_name_full_of_brackets_does_not_hide_the_start_time,
		every_descriptor_is_closed_on_exec,
		what_fails_says_how,
		NULL
	};

	return run_tests("sys", tests);
}
