/* od-sweep: nothing that a run left behind survives, and nobody else dies. */
/* SPDX-License-Identifier: MIT */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sys.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define NOBODY	65534

static pid_t app;
static char report[65536];

/* Orphans come to the test and are reaped by the kernel. */
static void
set_up(void)
{
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	signal(SIGCHLD, SIG_IGN);
}

/* All that is left of a failed test is in the group of the app. */
static void
tear_down(void)
{
	if (app > 0)
		kill(-app, SIGKILL);
}

static void
become(uid_t uid)
{
	if (uid != 0 && (setgroups(0, NULL) == -1 || setgid(uid) == -1 ||
	    setuid(uid) == -1))
		_exit(99);
}

/* Start a forker as a run and wait until it has said as many children. */
static void
start_app(const char *how, const char *n, uid_t uid, int children)
{
	char path[512], text[4096] = { 0 };
	int out[2], said = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/tests/fixtures/forker",
	    getenv("OD_BUILD"));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	if ((app = fork()) == 0) {
		setsid();
		signal(SIGCHLD, SIG_DFL);
		become(uid);
		if (write(out[1], "begun\n", 6) != 6)
			_exit(98);
		dup2(out[1], 1);
		execve(path, (char *[]){ path, (char *)(uintptr_t)how,
		    (char *)(uintptr_t)n, NULL },
		    (char *[]){ (char *)(uintptr_t)"OD_RUN=sweep-1", NULL });
		_exit(97);
	}
	close(out[1]);
	while (said < children + 1) {
		got = read(out[0], text, sizeof(text));
		ck_assert_int_gt(got, 0);
		for (ssize_t i = 0; i < got; i++)
			said += text[i] == '\n';
	}
	close(out[0]);
}

/* Sweep the run; returns what "left" says. */
static int
sweep(const char *mode, const char *run, uid_t uid)
{
	char path[512], pid[16], start[24], spare[16];
	uint64_t ticks = 0;
	int out[2];
	ssize_t n;
	const char *left;

	ck_assert_int_eq(sys_proc_stat(app, &ticks, NULL, NULL), 0);
	snprintf(path, sizeof(path), "%s/libexec/od-sweep",
	    getenv("OD_BUILD"));
	snprintf(pid, sizeof(pid), "%d", (int)app);
	snprintf(start, sizeof(start), "%llu", (unsigned long long)ticks);
	snprintf(spare, sizeof(spare), "%d", (int)getpid());
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	if (fork() == 0) {
		dup2(out[1], 1);
		become(uid);
		execl(path, "od-sweep", "--run", run, "--pid", pid, "--start",
		    start, "--mode", mode, "--spare", spare, (char *)NULL);
		_exit(97);
	}
	close(out[1]);
	n = read_all(out[0], report, sizeof(report) - 1);
	ck_assert_int_gt(n, 0);
	report[n] = '\0';
	close(out[0]);
	left = strstr(report, "left ");
	ck_assert_ptr_nonnull(left);
	return atoi(left + 5);
}

static int
count(const char *word)
{
	int n = 0;

	for (const char *s = report; (s = strstr(s, word)) != NULL; s++)
		n++;
	return n;
}

static void
sweep_and_check(const char *how, const char *n, uid_t uid, int children)
{
	start_app(how, n, uid, children);
	ck_assert_int_eq(sweep("kill", "sweep-1", uid), 0);
	ck_assert_int_ge(count(" killed\n"), children + 1);
	ck_assert_int_eq(count(" alive\n"), 0);
	ck_assert_int_eq(kill(-app, 0), -1);
	app = 0;
}

START_TEST(what_forked_twice_or_left_the_session_is_killed)
{
	sweep_and_check("double", NULL, 0, 1);
	sweep_and_check("setsid", NULL, 0, 1);
}
END_TEST

START_TEST(a_storm_of_forks_does_not_get_away)
{
	sweep_and_check("storm", "20", 0, 0);
	if (geteuid() == 0)
		sweep_and_check("storm", "20", NOBODY, 0);
}
END_TEST

START_TEST(list_names_and_harms_nobody)
{
	start_app("setsid", NULL, 0, 1);
	ck_assert_int_eq(sweep("list", "sweep-1", 0), 2);
	ck_assert_int_eq(count(" forker alive\n"), 2);
	ck_assert_int_eq(kill(app, 0), 0);
	ck_assert_int_eq(sweep("kill", "sweep-1", 0), 0);
	ck_assert_int_eq(count(" forker killed\n"), 2);
	app = 0;
}
END_TEST

START_TEST(another_run_is_not_touched)
{
	pid_t other;

	start_app("setsid", NULL, 0, 1);
	other = app;
	start_app("double", NULL, 0, 1);
	/* The mark of neither: by its session and its parents alone. */
	ck_assert_int_eq(sweep("kill", "sweep-2", 0), 0);
	ck_assert_int_eq(count(" killed\n"), 2);
	app = other;
	ck_assert_int_eq(sweep("list", "sweep-1", 0), 2);
	ck_assert_int_eq(sweep("kill", "sweep-1", 0), 0);
	app = 0;
}
END_TEST

START_TEST(what_carries_nothing_of_ours_is_named)
{
	const char *line;

	start_app("closed", NULL, 0, 1);
	ck_assert_int_eq(sweep("kill", "sweep-1", 0), 0);
	app = 0;
	/* It becomes another program a moment after it has spoken: only until
	 * then it carries the mark. */
	if ((line = strstr(report, " foreign\n")) != NULL) {
		while (line > report && line[-1] != '\n')
			line--;
		ck_assert_int_eq(strncmp(line, "pid ", 4), 0);
		ck_assert_int_eq(kill(atoi(line + 4), SIGKILL), 0);
	} else {
		ck_assert_int_eq(count(" killed\n"), 2);
	}
}
END_TEST

static Suite *
sweep_suite(void)
{
	Suite *s = suite_create("sweep");
	TCase *t = tcase_create("sweep");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, what_forked_twice_or_left_the_session_is_killed);
	tcase_add_test(t, a_storm_of_forks_does_not_get_away);
	tcase_add_test(t, list_names_and_harms_nobody);
	tcase_add_test(t, another_run_is_not_touched);
	tcase_add_test(t, what_carries_nothing_of_ours_is_named);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(sweep_suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
