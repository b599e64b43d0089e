/* od-exec: becomes what its plan says, or names the step that failed. */
/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "supervisor/exec/exec.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

/* A plan under construction. */
static union {
	struct exec_plan p;
	char	bytes[8192];
} u;

static char said[8192];		/* what the program wrote */
static struct exec_report report;
static char directory[64];

static uint32_t
add(const char *s)
{
	uint32_t at = u.p.size;

	strcpy(u.bytes + at, s);
	u.p.size += (uint32_t)strlen(s) + 1;
	return at;
}

/* A plan that runs this program with these words in its environment. */
static void
plan(const char *path, const char *script, const char *env)
{
	memset(&u, 0, sizeof(u));
	u.p.magic = EXEC_MAGIC;
	u.p.size = sizeof(u.p);
	u.p.flags = EXEC_KEEP_IDS;
	u.p.cgroup_fd = -1;
	u.p.argv_at = add("argv0");
	u.p.argc = 1;
	if (script != NULL) {
		add("-c");
		add(script);
		u.p.argc = 3;
	}
	u.p.env_at = add(env);
	u.p.envc = 1;
	u.p.path_at = add(path);
	u.p.cwd_at = add("/tmp");
}

/* Run the plan; returns the status. A pass: /dev/null as EXEC_FD_PASSED. */
static int
run(bool says_go, bool passes)
{
	char path[512];
	int out[2], go[2], fd, status;
	ssize_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/libexec/od-exec", getenv("OD_BUILD"));
	fd = memfd_create("plan", MFD_CLOEXEC);
	ck_assert_int_eq(write(fd, &u, u.p.size), u.p.size);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    go), 0);
	if ((pid = fork()) == 0) {
		int high_fd = fcntl(fd, F_DUPFD_CLOEXEC, 50);
		int high_go = fcntl(go[1], F_DUPFD_CLOEXEC, 50);

		signal(SIGHUP, SIG_IGN);
		dup2(out[1], 1);
		dup2(high_fd, EXEC_FD_PLAN);
		dup2(high_go, EXEC_FD_GO);
		if (passes)
			dup2(open("/dev/null", O_RDWR | O_CLOEXEC),
			    EXEC_FD_PASSED);
		dup2(0, 30);	/* a leak that must not reach the program */
		execl(path, "od-exec", (char *)NULL);
		_exit(99);
	}
	close(fd);
	close(out[1]);
	close(go[1]);
	if (says_go)
		ck_assert_int_eq(send(go[0], "g", 1, MSG_NOSIGNAL), 1);
	else
		close_fd(&go[0]);
	n = read_all(out[0], said, sizeof(said) - 1);
	ck_assert_int_ge(n, 0);
	said[n] = '\0';
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	memset(&report, 0xff, sizeof(report));
	if (says_go && recv(go[0], &report, sizeof(report),
	    MSG_DONTWAIT) == 0)
		report.step = -1;
	close_fd(&go[0]);
	return status;
}

/* It must have failed in this step, for this reason. */
static void
fails(enum exec_step step, int error)
{
	int status = run(true, false);

	ck_assert_int_eq(report.step, (int)step);
	ck_assert_int_eq(report.error, error);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), EXEC_FAILED);
	ck_assert_str_eq(said, "");
}

static bool
says(const char *line)
{
	return strstr(said, line) != NULL;
}

static void
make_file(const char *name, const char *text, mode_t mode, char *path)
{
	int fd;

	sprintf(path, "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void
set_up(void)
{
	strcpy(directory, "/tmp/od-exec-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void
tear_down(void)
{
	static const char *const names[] = { "script", "text", "plain" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

START_TEST(a_program_gets_what_was_planned_and_no_more)
{
	plan("sh", "pwd; umask; ulimit -n; env; echo argv $0; "
	    "cd /proc/self/fd; echo fds *; cat /proc/self/status; "
	    "read -r a b c d e f g </proc/$$/stat; echo session $((a - f))",
	    "PATH=/nowhere::/usr/bin:/bin");
	u.p.umask_plus_1 = 027 + 1;
	u.p.nofile = 77;
	u.p.npassed = 1;
	u.p.passed[0] = 9;
	ck_assert_int_eq(run(true, true), 0);
	ck_assert_int_eq(report.step, -1);
	ck_assert(says("/tmp\n"));
	ck_assert(says("0027\n"));
	ck_assert(says("\n77\n"));
	ck_assert(says("PATH=/nowhere::/usr/bin:/bin\n"));
	ck_assert(says("argv argv0\n") || says("argv sh\n") ||
	    says("argv -c\n"));
	ck_assert(!says(" 30") && !says("fds 0 1 2 3 4"));
	ck_assert(says(" 9"));
	ck_assert(says("SigIgn:\t0000000000000000"));
	ck_assert(says("SigBlk:\t0000000000000000"));
	ck_assert(says("session 0\n"));
}
END_TEST

START_TEST(root_becomes_the_user_without_a_way_back)
{
	if (geteuid() != 0)
		return;
	plan("/bin/sh", "cat /proc/self/status", "A=1");
	u.p.flags = EXEC_NO_CAPS | EXEC_NO_NEW_PRIVS;
	u.p.uid = 1234;
	u.p.gid = 2345;
	u.p.ngroups = 2;
	u.p.groups[0] = 5;
	u.p.groups[1] = 6;
	ck_assert_int_eq(run(true, false), 0);
	ck_assert(says("Uid:\t1234\t1234\t1234\t1234"));
	ck_assert(says("Gid:\t2345\t2345\t2345\t2345"));
	ck_assert(says("Groups:\t5 6"));
	ck_assert(says("NoNewPrivs:\t1"));
	ck_assert(says("CapEff:\t0000000000000000"));
	ck_assert(says("CapBnd:\t0000000000000000"));
}
END_TEST

START_TEST(without_go_nothing_is_executed)
{
	int status;

	plan("/bin/sh", "echo began", "A=1");
	status = run(false, false);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), EXEC_NEVER_BEGAN);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(the_step_that_failed_is_named)
{
	char path[128], env[256];

	plan("sh", "true", "PATH=/nowhere");
	fails(EXEC_STEP_find, ENOENT);
	plan("/no/such/program", NULL, "A=1");
	fails(EXEC_STEP_find, ENOENT);
	make_file("script", "#!/no/such/interpreter\n", 0755, path);
	snprintf(env, sizeof(env), "PATH=/nowhere:%s", directory);
	plan(path, NULL, "A=1");
	fails(EXEC_STEP_interp, ENOENT);
	plan("script", NULL, env);
	fails(EXEC_STEP_interp, ENOENT);
	make_file("text", "echo\n", 0755, path);
	plan("text", NULL, env);
	fails(EXEC_STEP_exec, ENOEXEC);
	make_file("plain", "#!/bin/sh\n", 0644, path);
	plan("plain", NULL, env);
	fails(EXEC_STEP_exec, EACCES);
	plan("/bin/sh", "true", "A=1");
	strcpy(u.bytes + u.p.cwd_at, "/..x");
	fails(EXEC_STEP_cwd, ENOENT);
	plan("/bin/sh", "true", "A=1");
	u.p.cgroup_fd = 30;	/* standard input */
	u.p.nice = 99;
	fails(EXEC_STEP_plan, EBADMSG);
	plan("/bin/sh", "true", "A=1");
	u.p.cgroup_fd = 40;	/* no such descriptor */
	fails(EXEC_STEP_cgroup, EBADF);
	plan("/bin/sh", "true", "A=1");
	u.p.npassed = 1;
	u.p.passed[0] = 9;	/* nothing was passed */
	fails(EXEC_STEP_fds, EBADF);
}
END_TEST

static Suite *
exec_suite(void)
{
	Suite *s = suite_create("exec");
	TCase *t = tcase_create("exec");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_program_gets_what_was_planned_and_no_more);
	tcase_add_test(t, root_becomes_the_user_without_a_way_back);
	tcase_add_test(t, without_go_nothing_is_executed);
	tcase_add_test(t, the_step_that_failed_is_named);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(exec_suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
