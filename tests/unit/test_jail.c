/* The jail: what each reach can do, and what none can. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "sdk/actor/jail.h"
#include "tests/unit/scratch.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define JAIL_FAILED	250

enum { NONE = 1, READ = 2, WRITE = 4, FILES = READ | WRITE, ALL = 7 };

static struct scratch scratch;
static int pair[2];

/* An act returns 0, or -1 and errno, like the calls it makes. */

static int
open_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 ? -1 : 0;
}

static int
open_passwd_beneath(void)
{
	return openat(4, "../../../../../../etc/passwd",
	    O_RDONLY | O_CLOEXEC) == -1 ? -1 : 0;
}

static int
list_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1 ? -1 : 0;
}

static int
write_to_tmp(void)
{
	return open("/tmp/od-test-jail", O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600) == -1 ? -1 : 0;
}

static int
socket_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? -1 : 0;
}

static int
socket_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) == -1 ? -1 : 0;
}

static int
socket_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int
kill_parent(void)
{
	return kill(getppid(), 0);
}

static int
tgkill_parent(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int
own_the_parent(void)
{
	return fcntl(pair[0], F_SETOWN, getppid());
}

static int
trace_parent(void)
{
	return (int)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static int
read_parent(void)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)&scratch, 1 };

	return (int)process_vm_readv(getppid(), &to, 1, &from, 1, 0);
}

static int
pidfd_of_parent(void)
{
	return (int)syscall(SYS_pidfd_open, getppid(), 0);
}

static int
steal_descriptor(void)
{
	return (int)syscall(SYS_pidfd_getfd, pair[0], 0, 0);
}

static int
limit_parent(void)
{
	struct rlimit r = { 0, 0 };

	return prlimit(getppid(), RLIMIT_NOFILE, &r, NULL);
}

static int
execute(void)
{
	char *argv[] = { NULL };

	return execve("/bin/true", argv, argv);
}

static int
fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid == -1 ? -1 : 0;
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int
new_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
io_uring(void)
{
	char params[256] = { 0 };

	return (int)syscall(425, 8, params);	/* io_uring_setup */
}

static int
unknown_call(void)
{
	return (int)syscall(1999);
}

static int
create_file(void)
{
	int fd = openat(4, "made", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	return fd == -1 ? -1 : close(fd);
}

static int
truncate_file(void)
{
	int fd = openat(4, "file", O_RDONLY | O_TRUNC | O_CLOEXEC);

	return fd == -1 ? -1 : close(fd);
}

static int
remove_file(void)
{
	return unlinkat(4, "file", 0);
}

static int
rename_file(void)
{
	return renameat(4, "file", 4, "file.1");
}

static int
write_by_openat2(void)
{
	struct { uint64_t flags, mode, resolve; } how = { O_WRONLY, 0, 0 };
	int fd = (int)syscall(437, 4, "file", &how, sizeof(how));

	return fd == -1 ? -1 : close(fd);
}

static int
make_socket_file(void)
{
	return mknodat(4, "socket", S_IFSOCK | 0600, 0);
}

static int
make_link(void)
{
	return symlinkat("/etc/passwd", 4, "link");
}

static const struct {
	unsigned int	 reach;
	int		(*act)(void);
	int		 error;		/* 0: EPERM, or EACCES by Landlock */
	const char	*name;
} refused[] = {
#define REFUSED(reach, act, error)	{ reach, act, error, #act }
	REFUSED(ALL, open_passwd, 0),
	REFUSED(ALL, open_passwd_beneath, 0),
	REFUSED(ALL, list_root, 0),
	REFUSED(ALL, write_to_tmp, 0),
	REFUSED(ALL, socket_inet, EPERM),
	REFUSED(ALL, socket_unix, EPERM),
	REFUSED(ALL, socket_pair, EPERM),
	REFUSED(ALL, kill_parent, EPERM),
	REFUSED(ALL, tgkill_parent, EPERM),
	REFUSED(ALL, own_the_parent, EPERM),
	REFUSED(ALL, trace_parent, EPERM),
	REFUSED(ALL, read_parent, EPERM),
	REFUSED(ALL, pidfd_of_parent, EPERM),
	REFUSED(ALL, steal_descriptor, EPERM),
	REFUSED(ALL, limit_parent, EPERM),
	REFUSED(ALL, execute, EPERM),
	REFUSED(ALL, fork_one, EPERM),
	REFUSED(ALL, map_code, EPERM),
	REFUSED(ALL, make_code, EPERM),
	REFUSED(ALL, become_dumpable, EPERM),
	REFUSED(ALL, new_namespace, EPERM),
	REFUSED(ALL, io_uring, EPERM),
	REFUSED(ALL, unknown_call, ENOSYS),
	REFUSED(ALL, make_socket_file, EPERM),
	REFUSED(ALL, make_link, EPERM),
	REFUSED(NONE | READ, create_file, EPERM),
	REFUSED(NONE | READ, truncate_file, EPERM),
	REFUSED(NONE | READ, remove_file, EPERM),
	REFUSED(NONE | READ, rename_file, EPERM),
	REFUSED(NONE | READ, write_by_openat2, 0),
};

static int
use_memory(void)
{
	size_t size = 8 << 20;
	char *p = malloc(size);

	if (p == NULL)
		return -1;
	memset(p, 1, size);
	p = realloc(p, 2 * size);
	free(p);
	return p == NULL ? -1 : 0;
}

static int
use_memfd(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p;

	if (fd == -1 || ftruncate(fd, 4096) == -1)
		return -1;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == -1 ||
	    munmap(p, 4096) == -1 ? -1 : close(fd);
}

static int
use_pipes(void)
{
	int a[2], b[2], waiting, file;

	file = memfd_create("file", MFD_CLOEXEC);
	if (pipe2(a, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    pipe2(b, O_CLOEXEC) == -1 ||
	    fcntl(a[1], F_SETPIPE_SZ, 65536) == -1 ||
	    write(a[1], "hello", 5) != 5 ||
	    ioctl(a[0], FIONREAD, &waiting) == -1 || waiting != 5 ||
	    tee(a[0], b[1], 5, 0) != 5 ||
	    splice(a[0], NULL, file, NULL, 5, 0) != 5)
		return -1;
	return 0;
}

static int
use_events(void)
{
	struct itimerspec in = { .it_value = { 0, 1000 } };
	struct epoll_event e = { .events = EPOLLIN };
	int poll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int event = eventfd(0, EFD_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	if (poll == -1 || timer == -1 || event == -1 ||
	    signalfd(-1, &none, SFD_CLOEXEC) == -1 ||
	    timerfd_settime(timer, 0, &in, NULL) == -1 ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &e) == -1)
		return -1;
	return epoll_wait(poll, &e, 1, 5000) == 1 ? 0 : -1;
}

static int
use_time(void)
{
	struct timespec now, little = { 0, 1000 };
	char bytes[16];

	return clock_gettime(CLOCK_REALTIME, &now) == -1 ||
	    nanosleep(&little, NULL) == -1 ||
	    syscall(SYS_getrandom, bytes, sizeof(bytes), 0) !=
	    sizeof(bytes) ? -1 : 0;
}

static int
pass_descriptor(void)
{
	char byte;
	int fd = 2, got, n;

	if (send_fds(pair[0], "x", 1, &fd, 1) != 1 ||
	    recv_fds(pair[1], &byte, 1, &got, 1, &n) != 1 || n != 1)
		return -1;
	return close(got);
}

static int
use_stdio(void)
{
	struct stat st;

	return fstat(2, &st) == -1 || prctl(PR_SET_NAME, "x") == -1 ? -1 : 0;
}

static int
read_beneath(void)
{
	char buf[16];
	struct stat st;
	int fd = openat(4, "file", O_RDONLY | O_CLOEXEC);

	if (fd == -1 || read(fd, buf, sizeof(buf)) != 4 ||
	    fstatat(4, "file", &st, 0) == -1)
		return -1;
	return close(fd);
}

static int
list_beneath(void)
{
	return scratch_count(&(struct scratch){ .dir = 4 }, "file") == 1 ?
	    0 : -1;
}

static int
follow_beneath(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int watch = inotify_add_watch(fd, "/proc/self/fd/4", IN_MODIFY);

	return fd == -1 || watch == -1 ? -1 : inotify_rm_watch(fd, watch);
}

static int
write_beneath(void)
{
	int fd = openat(4, "new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "x", 1) != 1 || ftruncate(fd, 10) == -1 ||
	    fallocate(fd, 0, 0, 100) == -1 || fdatasync(fd) == -1 ||
	    fsync(4) == -1 || renameat(4, "new", 4, "newer") == -1 ||
	    unlinkat(4, "newer", 0) == -1 || mkdirat(4, "dir", 0700) == -1 ||
	    unlinkat(4, "dir", AT_REMOVEDIR) == -1)
		return -1;
	return close(fd);
}

static const struct {
	unsigned int	 reach;
	int		(*act)(void);
	const char	*name;
} allowed[] = {
#define ALLOWED(reach, act)	{ reach, act, #act }
	ALLOWED(ALL, use_memory),
	ALLOWED(ALL, use_memfd),
	ALLOWED(ALL, use_pipes),
	ALLOWED(ALL, use_events),
	ALLOWED(ALL, use_time),
	ALLOWED(ALL, use_stdio),
	ALLOWED(ALL, pass_descriptor),
	ALLOWED(FILES, read_beneath),
	ALLOWED(FILES, list_beneath),
	ALLOWED(FILES, follow_beneath),
	ALLOWED(WRITE, write_beneath),
	ALLOWED(WRITE, truncate_file),
	ALLOWED(WRITE, rename_file),
};

static const enum od_reach reaches[] = { OD_REACH_NONE,
    OD_REACH_READ_DIRECTORY, OD_REACH_WRITE_DIRECTORY };

static void
set_up(void)
{
	scratch_make(&scratch);
	scratch_write(&scratch, "file", "text", 4);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
}

static void
tear_down(void)
{
	scratch_remove(&scratch);
	close(pair[0]);
	close(pair[1]);
}

/* Do it in the jail: the wait status of the process that did. */
static int
in_jail(enum od_reach reach, int (*act)(void))
{
	struct error e = { 0 };
	int status, high;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		high = fcntl(pair[0], F_DUPFD_CLOEXEC, 20);
		pair[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 20);
		dup3(fcntl(scratch.dir, F_DUPFD_CLOEXEC, 20), 4, O_CLOEXEC);
		pair[0] = high;
		jail_prepare();
		if (jail_enter(reach, &e) < 0)
			_exit(JAIL_FAILED);
		errno = 0;
		_exit(act() == 0 ? 0 : errno == 0 ? 255 : errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(!WIFEXITED(status) || WEXITSTATUS(status) != JAIL_FAILED,
	    "the jail cannot be entered");
	return status;
}

START_TEST(what_is_not_of_the_reach_is_refused)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		int status, error = refused[i].error;

		if ((refused[i].reach & (1U << _i)) == 0)
			continue;
		status = in_jail(reaches[_i], refused[i].act);
		ck_assert_msg(WIFEXITED(status), "%s ended with status %d",
		    refused[i].name, status);
		status = WEXITSTATUS(status);
		ck_assert_msg(error != 0 ? status == error :
		    status == EPERM || status == EACCES, "%s gave %s",
		    refused[i].name, strerror(status));
	}
}
END_TEST

START_TEST(what_is_of_the_reach_works)
{
	for (size_t i = 0; i < COUNT(allowed); i++) {
		int status;

		if ((allowed[i].reach & (1U << _i)) == 0)
			continue;
		status = in_jail(reaches[_i], allowed[i].act);
		ck_assert_msg(status == 0, "%s: %s", allowed[i].name,
		    strerror(WEXITSTATUS(status)));
	}
}
END_TEST

static int
give_up(void)
{
	abort();
}

START_TEST(abort_is_seen_as_what_it_is)
{
	int status = in_jail(reaches[_i], give_up);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert(!WCOREDUMP(status));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("jail");
	TCase *t = tcase_create("reaches");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, what_is_not_of_the_reach_is_refused, 0, 3);
	tcase_add_loop_test(t, what_is_of_the_reach_works, 0, 3);
	tcase_add_loop_test(t, abort_is_seen_as_what_it_is, 0, 3);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
