/*
 * od-exec: makes of itself what its plan says, waits for "go", and becomes
 * the program. It is on the way of every start, so it is static, and touches
 * few pages: the plan is used where it lies.
 */
/* SPDX-License-Identifier: MIT */
#include "exec.h"
#include "plan.h"
#include "search.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALL_FDS_CLOEXEC	(1U << 2)	/* CLOSE_RANGE_CLOEXEC */
#define CAP_VERSION_3	0x20080522	/* of capset(2) */

/* Pointers into the plan: argv, NULL, environment, NULL. */
static char *strings[EXEC_STRINGS_MAX + 2];

static int go = EXEC_FD_GO;

/* Who ends here was never an app: its death says so, and nothing ran. */
static void
wait_for_go(void)
{
	static bool has_come;
	char byte;
	ssize_t n;

	if (has_come)
		return;
	do {
		n = read(go, &byte, 1);
	} while (n == -1 && errno == EINTR);
	if (n != 1) {
		kill(getpid(), EXEC_NEVER_BEGAN);
		_exit(EXEC_FAILED);
	}
	has_come = true;
}

/* "go" is read even so: a socket that closes with words unread says
 * ECONNRESET at the other end, in front of the report. */
static void
give_up(struct exec_report report)
{
	wait_for_go();
	send(go, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(EXEC_FAILED);
}

static void
need(enum exec_step step, bool is_done)
{
	if (!is_done)
		give_up((struct exec_report){ (int32_t)step, errno });
}

static const struct exec_plan *
read_plan(void)
{
	struct stat st;
	void *map = MAP_FAILED;
	int error;

	need(EXEC_STEP_plan, fstat(EXEC_FD_PLAN, &st) == 0);
	map = mmap(NULL, st.st_size > 0 ? (size_t)st.st_size : 1, PROT_READ,
	    MAP_PRIVATE, EXEC_FD_PLAN, 0);
	need(EXEC_STEP_plan, map != MAP_FAILED);
	error = st.st_size <= 0 ? -EBADMSG :
	    exec_plan_check(map, (size_t)st.st_size);
	errno = -error;
	need(EXEC_STEP_plan, error == 0);
	return map;
}

static void
join_cgroup(const struct exec_plan *p)
{
	if (p->cgroup_fd != -1)
		need(EXEC_STEP_cgroup, write(p->cgroup_fd, "0", 1) == 1);
}

/* A session of its own, and no signal blocked or ignored: exec keeps both. */
static void
start_session(void)
{
	/* The kernel's struct sigaction, whose zeros are SIG_DFL. Libc keeps
	 * some signals to itself and does not reset those. */
	static const unsigned char dfl[64];
	sigset_t none;

	need(EXEC_STEP_session, setsid() != -1);
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, dfl, NULL, (size_t)(_NSIG / 8));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
set_limits(const struct exec_plan *p)
{
	struct rlimit r;

	umask(p->umask_plus_1 == 0 ? 022 : (mode_t)p->umask_plus_1 - 1);
	if (p->nice != 0)
		need(EXEC_STEP_limits,
		    setpriority(PRIO_PROCESS, 0, p->nice) == 0);
	if (p->nofile != 0) {
		need(EXEC_STEP_limits, getrlimit(RLIMIT_NOFILE, &r) == 0);
		r.rlim_cur = p->nofile;
		if (r.rlim_max < r.rlim_cur)
			r.rlim_max = r.rlim_cur;
		need(EXEC_STEP_limits, setrlimit(RLIMIT_NOFILE, &r) == 0);
	}
}

/*
 * All but 0-2 are closed by the exec, except what is passed on. Those, and
 * the socket, first go where no target is: a number may be both the place
 * where one lies and that to which another has to come.
 */
static void
arrange_fds(const struct exec_plan *p)
{
	int above = EXEC_FD_PASSED + (int)p->npassed;
	int moved[EXEC_PASSED_MAX];

	need(EXEC_STEP_fds, syscall(SYS_close_range, 3U, ~0U,
	    ALL_FDS_CLOEXEC) == 0);
	if (p->npassed == 0)
		return;
	for (uint32_t i = 0; i < p->npassed; i++)
		if (p->passed[i] >= above)
			above = p->passed[i] + 1;
	for (uint32_t i = 0; i < p->npassed; i++) {
		moved[i] = fcntl(EXEC_FD_PASSED + (int)i, F_DUPFD_CLOEXEC,
		    above);
		need(EXEC_STEP_fds, moved[i] != -1);
	}
	above = fcntl(go, F_DUPFD_CLOEXEC, above);
	need(EXEC_STEP_fds, above != -1);
	go = above;
	for (uint32_t i = 0; i < p->npassed; i++)
		need(EXEC_STEP_fds, dup2(moved[i], p->passed[i]) != -1);
}

/* The bounding set can only be emptied by who has capabilities still. */
static void
empty_bounding_set(const struct exec_plan *p)
{
	if ((p->flags & EXEC_NO_CAPS) == 0)
		return;
	for (unsigned long cap = 0;
	    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		continue;
	/* EINVAL: behind the last one. Without privilege there is none that
	 * a program could get back, but by set-user-ID programs. */
	need(EXEC_STEP_caps, errno == EINVAL ||
	    (errno == EPERM && (p->flags & EXEC_KEEP_IDS) != 0));
}

/* By system call: the C library would look for threads to take along. */
static void
become_user(const struct exec_plan *p)
{
	if ((p->flags & EXEC_KEEP_IDS) != 0)
		return;
	need(EXEC_STEP_groups,
	    syscall(SYS_setgroups, (size_t)p->ngroups, p->groups) == 0);
	need(EXEC_STEP_groups,
	    syscall(SYS_setresgid, p->gid, p->gid, p->gid) == 0);
	need(EXEC_STEP_ids,
	    syscall(SYS_setresuid, p->uid, p->uid, p->uid) == 0);
}

static void
drop_capabilities(const struct exec_plan *p)
{
	struct {
		uint32_t version;
		int	 pid;
	} header = { CAP_VERSION_3, 0 };
	uint32_t none[6] = { 0 };	/* two of effective, permitted,
					 * inheritable */

	if ((p->flags & EXEC_NO_CAPS) != 0) {
		need(EXEC_STEP_caps, syscall(SYS_capset, &header, none) == 0);
		need(EXEC_STEP_caps, prctl(PR_CAP_AMBIENT,
		    PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
	}
	if ((p->flags & EXEC_NO_NEW_PRIVS) != 0)
		need(EXEC_STEP_caps,
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

/* Point at count strings in a row; returns where the next list begins. */
static char **
point_at(char **list, const char *s, uint32_t count)
{
	while (count-- > 0) {
		*list++ = (char *)(uintptr_t)s;
		s += strlen(s) + 1;
	}
	*list++ = NULL;
	return list;
}

int
main(void)
{
	const struct exec_plan *p = read_plan();
	char **env;

	join_cgroup(p);
	start_session();
	set_limits(p);
	arrange_fds(p);
	empty_bounding_set(p);
	become_user(p);
	drop_capabilities(p);
	need(EXEC_STEP_cwd, chdir(exec_plan_string(p, p->cwd_at)) == 0);
	env = point_at(strings, exec_plan_string(p, p->argv_at), p->argc);
	point_at(env, exec_plan_string(p, p->env_at), p->envc);
	wait_for_go();
	give_up(search_and_exec(exec_plan_string(p, p->path_at), strings,
	    env));
}
