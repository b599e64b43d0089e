/* Control groups. What needs a writable cgroup v2 is left out without one. */
/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/root/cgroup.h"

#define RUN	7

static struct cgroups cg;
static int dirfd_;
static char why[256];

static void
setup(void)
{
	char name[32];

	snprintf(name, sizeof(name), "test-%d", (int)getpid());
	ck_assert_int_eq(cgroup_setup(&cg, name, why, sizeof(why)), 0);
	ck_assert_int_eq(cgroup_run_create(&cg, RUN, &dirfd_), 0);
}

/* Wait until nobody is in the group: its file says when to look. */
static void
wait_until_empty(int dirfd)
{
	struct pollfd p = { .fd = cgroup_events_fd(dirfd), .events = POLLPRI };

	ck_assert_int_ge(p.fd, 0);
	while (cgroup_is_empty(dirfd) == 0) {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		lseek(p.fd, 0, SEEK_SET);
		ck_assert_int_gt(read(p.fd, why, sizeof(why)), 0);
	}
	close(p.fd);
}

static void
teardown(void)
{
	cgroup_kill(dirfd_);
	while (waitpid(-1, NULL, 0) > 0)
		;
	wait_until_empty(dirfd_);
	close(dirfd_);
	ck_assert_int_eq(cgroup_remove(&cg, RUN), 0);
	cgroup_finish(&cg);
}

/* A process in that group, that has joined when this returns. */
static pid_t
child_in(int dirfd)
{
	int procs = cgroup_procs_fd(dirfd), ready[2];
	pid_t child;
	char c;

	ck_assert_int_ge(procs, 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		/* Check's handlers would end the test, too. */
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		if (write(procs, "0", 1) != 1 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(procs);
	close(ready[1]);
	ck_assert_msg(read(ready[0], &c, 1) == 1, "a child cannot join");
	close(ready[0]);
	return child;
}

static int
ended_by(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int
sub_group(int dirfd, const char *name)
{
	int fd;

	ck_assert_int_eq(mkdirat(dirfd, name, 0755), 0);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* ---- with groups ---- */

START_TEST(a_new_group_is_empty_and_private)
{
	ck_assert_int_eq(fcntl(dirfd_, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(cgroup_is_empty(dirfd_), 1);
	ck_assert_str_eq(why, "cgroup v2");
}
END_TEST

START_TEST(a_kill_takes_all_with_it)
{
	int sub = sub_group(dirfd_, "made-by-the-app");
	pid_t one = child_in(dirfd_), two = child_in(sub);

	ck_assert_int_eq(cgroup_is_empty(dirfd_), 0);
	ck_assert_int_eq(cgroup_remove(&cg, RUN), -EBUSY);
	ck_assert_int_eq(cgroup_kill(dirfd_), 0);
	ck_assert_int_eq(ended_by(one), SIGKILL);
	ck_assert_int_eq(ended_by(two), SIGKILL);
	wait_until_empty(dirfd_);
	close(sub);
}
END_TEST

START_TEST(the_rest_is_signalled_and_the_one_is_not)
{
	int sub = sub_group(dirfd_, "a"), deep = sub_group(sub, "b");
	pid_t main_ = child_in(dirfd_), one = child_in(dirfd_),
	    two = child_in(deep);

	ck_assert_int_eq(cgroup_signal_rest(dirfd_, main_, SIGTERM), 2);
	ck_assert_int_eq(ended_by(one), SIGTERM);
	ck_assert_int_eq(ended_by(two), SIGTERM);
	ck_assert_int_eq(waitpid(main_, NULL, WNOHANG), 0);
	ck_assert_int_eq(cgroup_signal_rest(dirfd_, 0, SIGINT), 1);
	ck_assert_int_eq(ended_by(main_), SIGINT);
	close(sub);
	close(deep);
}
END_TEST

START_TEST(more_than_a_batch_is_signalled)
{
	pid_t children[150];

	for (int i = 0; i < 150; i++)
		children[i] = child_in(dirfd_);
	ck_assert_int_eq(cgroup_signal_rest(dirfd_, children[149], SIGTERM),
	    149);
	for (int i = 0; i < 149; i++)
		ck_assert_int_eq(ended_by(children[i]), SIGTERM);
}
END_TEST

START_TEST(groups_the_app_made_are_removed_too)
{
	int fd = dirfd_, next, other;

	for (int i = 0; i < 20; i++) {
		next = sub_group(fd, "deeper");
		close(sub_group(fd, "aside"));
		if (fd != dirfd_)
			close(fd);
		fd = next;
	}
	close(fd);
	ck_assert_int_eq(cgroup_remove(&cg, RUN), 0);
	ck_assert_int_eq(cgroup_run_open(&cg, RUN, &other), -ENOENT);
	ck_assert_int_eq(cgroup_remove(&cg, RUN), 0);
	close(dirfd_);
	ck_assert_int_eq(cgroup_run_create(&cg, RUN, &dirfd_), 0);
}
END_TEST

START_TEST(a_left_over_group_is_made_anew)
{
	struct stat before, after;
	int again;

	ck_assert_int_eq(fstat(dirfd_, &before), 0);
	ck_assert_int_eq(cgroup_run_create(&cg, RUN, &again), 0);
	ck_assert_int_eq(fstat(again, &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	close(dirfd_);
	dirfd_ = again;
	/* But never the one that somebody is in. */
	child_in(dirfd_);
	ck_assert_int_eq(cgroup_run_create(&cg, RUN, &again), -EBUSY);
}
END_TEST

static uint64_t found;

static void
on_run(void *arg, uint64_t run)
{
	ck_assert_ptr_eq(arg, &found);
	found |= 1ULL << run;
}

START_TEST(the_groups_of_earlier_runs_are_found)
{
	int fd;

	found = 0;
	ck_assert_int_eq(cgroup_run_create(&cg, 40, &fd), 0);
	close(fd);
	close(sub_group(cg.fd, "other"));
	close(sub_group(cg.fd, "r07"));
	ck_assert_int_eq(cgroup_runs_each(&cg, on_run, &found), 0);
	ck_assert_uint_eq(found, 1ULL << RUN | 1ULL << 40);
	ck_assert_int_eq(cgroup_remove(&cg, 40), 0);
	unlinkat(cg.fd, "other", AT_REMOVEDIR);
	unlinkat(cg.fd, "r07", AT_REMOVEDIR);
}
END_TEST

START_TEST(a_fresh_group_after_a_kill_takes_newcomers)
{
	pid_t child = child_in(dirfd_);

	ck_assert_int_eq(cgroup_kill(dirfd_), 0);
	ck_assert_int_eq(ended_by(child), SIGKILL);
	wait_until_empty(dirfd_);
	close(dirfd_);
	ck_assert_int_eq(cgroup_run_create(&cg, RUN, &dirfd_), 0);
	child = child_in(dirfd_);
	ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0);
}
END_TEST

/* ---- without ---- */

START_TEST(without_a_tree_all_is_refused)
{
	struct cgroups none = { .fd = -1 };
	int fd;

	ck_assert_int_eq(cgroup_run_create(&none, 1, &fd), -ENOTSUP);
	ck_assert_int_eq(cgroup_run_open(&none, 1, &fd), -ENOTSUP);
	ck_assert_int_eq(cgroup_remove(&none, 1), -ENOTSUP);
	ck_assert_int_eq(cgroup_runs_each(&none, on_run, NULL), -ENOTSUP);
	cgroup_finish(&none);
}
END_TEST

/* As nobody, who may write no group. */
START_TEST(the_reason_is_said_in_words)
{
	bool is_root = geteuid() == 0;
	struct cgroups none;
	int r;

	if (is_root)
		ck_assert_int_eq(seteuid(65534), 0);
	r = cgroup_setup(&none, "test", why, sizeof(why));
	if (is_root) {
		ck_assert_int_eq(seteuid(0), 0);
		prctl(PR_SET_DUMPABLE, 1);	/* for a leak checker */
	}
	if (r == 0) {		/* an ordinary user with a delegated tree */
		ck_assert(!is_root);
		ck_assert_str_eq(why, "cgroup v2");
		cgroup_finish(&none);
		return;
	}
	ck_assert(!none.available);
	ck_assert_int_eq(none.fd, -1);
	ck_assert_ptr_nonnull(strstr(why, "cgroup"));
	ck_assert_ptr_nonnull(strstr(why, "walking /proc"));
	ck_assert_uint_lt(strlen(why), 128);	/* daemon_row.tree */
}
END_TEST

START_TEST(our_own_group_is_the_line_of_v2)
{
	char hybrid[] = "3:cpu:/x\n1:name=systemd:/y\n0::/user.slice/a b\n";
	char v1[] = "3:cpu:/x\n10::/no\n", empty[] = "", cut[] = "0::";

	ck_assert_str_eq(cgroup_find_own(hybrid), "/user.slice/a b");
	ck_assert_ptr_null(cgroup_find_own(v1));
	ck_assert_ptr_null(cgroup_find_own(empty));
	ck_assert_ptr_null(cgroup_find_own(cut));
}
END_TEST

START_TEST(the_mount_point_is_found_and_unescaped)
{
	char *root = NULL;
	char text[] =
	    "24 1 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
	    "25 24 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	    "26 24 0:24 /part /mnt/c\\040g\\0542 rw - cgroup2 none rw\n";
	char none[] = "24 1 0:22 / /sys rw - sysfs cgroup2 rw\n";
	char cut[] = "26 24 - cgroup2 \n26 - cgroup2 ";

	ck_assert_str_eq(cgroup_find_mount(text, &root), "/mnt/c g,2");
	ck_assert_str_eq(root, "/part");
	ck_assert_ptr_null(cgroup_find_mount(none, &root));
	ck_assert_ptr_null(cgroup_find_mount(cut, &root));
}
END_TEST

static bool
can_make_groups(void)
{
	bool can = cgroup_setup(&cg, "probe", why, sizeof(why)) == 0;

	cgroup_finish(&cg);
	if (!can)
		fprintf(stderr, "# without groups: %s\n", why);
	return can;
}

static TCase *
groups(void)
{
	TCase *tcase = tcase_create("groups");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_new_group_is_empty_and_private);
	tcase_add_test(tcase, a_kill_takes_all_with_it);
	tcase_add_test(tcase, the_rest_is_signalled_and_the_one_is_not);
	tcase_add_test(tcase, more_than_a_batch_is_signalled);
	tcase_add_test(tcase, groups_the_app_made_are_removed_too);
	tcase_add_test(tcase, a_left_over_group_is_made_anew);
	tcase_add_test(tcase, the_groups_of_earlier_runs_are_found);
	tcase_add_test(tcase, a_fresh_group_after_a_kill_takes_newcomers);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("cgroup");
	TCase *tcase = tcase_create("without");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, without_a_tree_all_is_refused);
	tcase_add_test(tcase, the_reason_is_said_in_words);
	tcase_add_test(tcase, our_own_group_is_the_line_of_v2);
	tcase_add_test(tcase, the_mount_point_is_found_and_unescaped);
	if (can_make_groups())
		suite_add_tcase(suite, groups());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
