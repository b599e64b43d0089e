/* Starting and ending the supervisor's process. */
/* SPDX-License-Identifier: MIT */
#include "child.h"

#include "keeper.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RETRY_MS	100	/* no process or descriptor to be had */

/* In the new process: leave nothing of ours but 0, 1, 2, the socket, the lock
 * and (at --cold) the ready pipe. All others are CLOEXEC. */
static void
become_supervisor(const struct child *c, int peer_fd, bool is_safe)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	char *argv[8];
	sigset_t none;
	int n = 0;

	argv[n++] = (char *)(uintptr_t)"opendaemon-supervisor";
	argv[n++] = (char *)(uintptr_t)(c->home != NULL ? "--home" :
	    "--system");
	if (c->home != NULL)
		argv[n++] = (char *)(uintptr_t)c->home;
	argv[n++] = (char *)(uintptr_t)"--libexec";
	argv[n++] = (char *)(uintptr_t)c->libexec;
	argv[n++] = (char *)(uintptr_t)(c->is_cold ? "--cold" : "--resume");
	if (is_safe)
		argv[n++] = (char *)(uintptr_t)"--safe";
	argv[n] = NULL;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_NOFILE, &c->nofile);
	if (peer_fd == KEEPER_FD_PEER)
		fcntl(peer_fd, F_SETFD, 0);
	else
		dup2(peer_fd, KEEPER_FD_PEER);
	fcntl(KEEPER_FD_LOCK, F_SETFD, 0);
	if (c->is_cold)
		fcntl(KEEPER_FD_READY, F_SETFD, 0);
	execv(c->path, argv);
	say("cannot execute '%s': %s", c->path, strerror(errno));
}

int
child_start(struct child *c, int *peer_fd, int64_t now)
{
	int pair[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		c->start_at = now + RETRY_MS;
		return -errno;
	}
	/* fork, not vfork: an exec that hangs with its disk is not our wait. */
	if ((pid = fork()) == 0) {
		become_supervisor(c, pair[1],
		    policy_is_safe(&c->policy, now));
		_exit(127);
	}
	error = errno;
	close(pair[1]);
	if (pid == -1) {
		close(pair[0]);
		c->start_at = now + RETRY_MS;
		return -error;
	}
	c->pid = pid;
	c->is_ours = true;
	c->was_killed = false;
	*peer_fd = pair[0];
	return 0;
}

void
child_adopt(struct child *c, pid_t pid, int pidfd)
{
	if (c->pidfd != -1)
		close(c->pidfd);
	c->pid = pid;
	c->pidfd = pidfd;
	c->is_ours = false;
}

void
child_signal(struct child *c, int sig)
{
	if (c->pid == 0)
		return;
	/* A child's pid is its own until we reap it. */
	if (c->is_ours)
		kill(c->pid, sig);
	else if (c->pidfd != -1)
		syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0);
}

void
child_kill(struct child *c, const char *why)
{
	if (c->pid == 0 || c->was_killed)
		return;
	say("supervisor (pid %d) %s: killing it", (int)c->pid, why);
	c->was_killed = true;
	child_signal(c, SIGKILL);
}

static void
describe(const struct child *c, int status)
{
	if (status == -1)
		say("supervisor (pid %d) is gone", (int)c->pid);
	else if (WIFSIGNALED(status))
		say("supervisor (pid %d) was killed by signal %d",
		    (int)c->pid, WTERMSIG(status));
	else
		say("supervisor (pid %d) exited with status %d",
		    (int)c->pid, WEXITSTATUS(status));
}

void
child_gone(struct child *c, int status, int64_t now)
{
	int delay;

	describe(c, status);
	if (status != -1 && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGKILL && !c->was_killed)
		delay = policy_killed(&c->policy, now);
	else
		delay = policy_failed(&c->policy, now);
	if (c->pidfd != -1)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	c->start_at = now + delay;
}
