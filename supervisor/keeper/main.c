/*
 * od-keeper: holds what must not be lost, and sees to it that there is a
 * supervisor. It decides nothing about apps.
 */
/* SPDX-License-Identifier: MIT */
#include "cells.h"
#include "child.h"
#include "keeper.h"
#include "peer.h"
#include "say.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATE_MS		1000	/* our own loop is late: count nothing */
#define RETRY_MS	100	/* a send failed for want of memory */
#define CLOSED_MS	1000	/* from a closed socket to SIGKILL */
#define SPARE_FDS	8	/* descriptors that no entry may take */

struct keeper {
	struct table	table;
	struct cells	cells;
	struct peer	peer;
	struct child	child;
	int		signals;	/* a signalfd */
	int		owed_signal;	/* to be forwarded once it said hello */
	int64_t		closed_at;	/* when the supervisor closed its socket */
};

static struct keeper keeper;

static void
usage(void)
{
	say_and_die("usage: od-keeper --home DIR | --system --libexec DIR "
	    "--cold | --adopt");
}

/* Returns true for --adopt. */
static bool
read_arguments(struct child *c, int argc, char **argv)
{
	bool is_system = false, is_cold = false, is_adopt = false;
	int n;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--system") == 0)
			is_system = true;
		else if (strcmp(argv[i], "--cold") == 0)
			is_cold = true;
		else if (strcmp(argv[i], "--adopt") == 0)
			is_adopt = true;
		else if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
			c->home = argv[++i];
		else if (strcmp(argv[i], "--libexec") == 0 && i + 1 < argc)
			c->libexec = argv[++i];
		else
			usage();
	}
	if (is_cold == is_adopt || is_system == (c->home != NULL) ||
	    c->libexec == NULL)
		usage();
	n = snprintf(c->path, sizeof(c->path), "%s/opendaemon-supervisor",
	    c->libexec);
	if (n < 0 || (size_t)n >= sizeof(c->path))
		say_and_die("'%s' is too long", c->libexec);
	return is_adopt;
}

/* Keep 0-2, and of the others those that we were promised. */
static void
set_up_descriptors(bool is_adopt)
{
	unsigned int after = KEEPER_FD_LOCK + 1;
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			say_and_die("cannot open '/dev/null': %s",
			    strerror(errno));
	} while (fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	close(fd);
	if (fcntl(KEEPER_FD_LOCK, F_SETFD, FD_CLOEXEC) == -1)
		say_and_die("the lock is missing on descriptor %d",
		    KEEPER_FD_LOCK);
	if (is_adopt) {
		if (fcntl(KEEPER_FD_PEER, F_SETFD, FD_CLOEXEC) == -1)
			say_and_die("the supervisor is missing on "
			    "descriptor %d", KEEPER_FD_PEER);
	} else {
		close(KEEPER_FD_PEER);
		fcntl(KEEPER_FD_READY, F_SETFD, FD_CLOEXEC);
		after = KEEPER_FD_READY + 1;
	}
	syscall(SYS_close_range, after, ~0U, 0);
}

static void
set_up_process(struct keeper *k)
{
	struct rlimit *nofile = &k->child.nofile, all;
	sigset_t set;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		say_and_die("cannot become subreaper: %s", strerror(errno));
	getrlimit(RLIMIT_NOFILE, nofile);
	all = *nofile;
	all.rlim_cur = all.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &all) == -1)
		all = *nofile;
	k->peer.fd_limit = (int)(all.rlim_cur < INT_MAX ? all.rlim_cur :
	    INT_MAX) - SPARE_FDS;

	/* Blocked, no signal but SIGKILL and SIGSTOP does anything to us. */
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* An ignored SIGCHLD (some start their children so) loses statuses. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals == -1)
		say_and_die("cannot make a signalfd: %s", strerror(errno));
}

static void
write_pid(void)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(KEEPER_FD_LOCK, 0) == -1 ||
	    pwrite(KEEPER_FD_LOCK, text, (size_t)n, 0) != n)
		say("cannot write the pid into the lock: %s",
		    strerror(errno));
}

static void
start_supervisor(struct keeper *k, int64_t now)
{
	int fd, error;

	if ((error = child_start(&k->child, &fd, now)) < 0) {
		say("cannot start the supervisor: %s", strerror(-error));
		return;
	}
	peer_open(&k->peer, fd, false, now);
}

static void
supervisor_gone(struct keeper *k, int status, int64_t now)
{
	peer_close(&k->peer);
	if (k->peer.is_stopping)
		exit(k->peer.stop_status & 0xff);
	child_gone(&k->child, status, now);
	/* Nothing was begun, nothing can be lost: who starts us is told. */
	if (k->child.is_cold && status != -1 && WIFEXITED(status))
		exit(WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

/* Serve the socket; a supervisor that closes it, but lives, has failed. */
static void
serve_supervisor(struct keeper *k, int64_t now)
{
	struct peer *p = &k->peer;

	if (p->fd == -1)
		return;
	peer_flush(p);
	if (!peer_serve(p)) {
		close(p->fd);
		p->fd = -1;
		k->closed_at = now;
	}
	if (p->has_said_hello && k->child.is_cold) {
		k->child.is_cold = false;
		close(KEEPER_FD_READY);
	}
	if (p->pidfd != -1 && !k->child.is_ours && k->child.pid != 0) {
		child_adopt(&k->child, k->child.pid, p->pidfd);
		p->pidfd = -1;
	}
	if (p->has_said_hello && k->owed_signal != 0) {
		child_signal(&k->child, k->owed_signal);
		k->owed_signal = 0;
	}
}

/* The supervisor that started us made the socket, so its pid is in it. */
static void
adopt_supervisor(struct keeper *k)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int pidfd;

	peer_open(&k->peer, KEEPER_FD_PEER, true, now_ms());
	if (getsockopt(KEEPER_FD_PEER, SOL_SOCKET, SO_PEERCRED, &cred,
	    &len) == -1)
		say_and_die("descriptor %d is no such socket: %s",
		    KEEPER_FD_PEER, strerror(errno));
	pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	if (pidfd == -1 && errno != ESRCH)
		say_and_die("cannot watch the supervisor: %s",
		    strerror(errno));
	if (pidfd != -1) {
		child_adopt(&k->child, cred.pid, pidfd);
	} else {
		/* It died at once, but what it said last is there. */
		serve_supervisor(k, now_ms());
		supervisor_gone(k, -1, now_ms());
	}
}

static int
wait_status(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return si->si_status | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void
record_end(struct keeper *k, pid_t pid, int status)
{
	struct entry *e = table_running(&k->table, pid);

	if (e == NULL) {
		/* Its PUT, and then its parent's end, may have come since. */
		serve_supervisor(k, now_ms());
		e = table_running(&k->table, pid);
	}
	for (; e != NULL; e = table_running(&k->table, pid)) {
		cells_write(&k->cells, e->slot, pid, status);
		e->status = status;
		e->has_ended = true;
		table_queue_exit(&k->table, e);
	}
}

/* Look, record, then reap: at no time is the status nowhere. */
static void
reap(struct keeper *k)
{
	siginfo_t si;
	int status;

	for (;;) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1 ||
		    si.si_pid == 0)
			return;
		status = wait_status(&si);
		record_end(k, si.si_pid, status);
		waitpid(si.si_pid, NULL, WNOHANG);
		if (si.si_pid == k->child.pid && k->child.is_ours) {
			serve_supervisor(k, now_ms());
			supervisor_gone(k, status, now_ms());
		}
	}
}

static void
read_signals(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo != SIGTERM && si.ssi_signo != SIGINT)
			continue;
		say("told to stop: the supervisor is asked to");
		k->owed_signal = SIGTERM;
	}
}

/* A process that dies closes its socket, too, a moment before it is gone. */
static int64_t
run_closed(struct keeper *k, int64_t now)
{
	struct peer *p = &k->peer;
	int64_t until = k->closed_at +
	    (p->is_stopping ? KEEPER_OWED_MS : CLOSED_MS);

	if (now < until)
		return until;
	if (p->is_stopping)
		exit(p->stop_status & 0xff);
	child_kill(&k->child, "closed its socket");
	return INT64_MAX;
}

/* What is due at this time; returns how long nothing else will be. */
static int
run_timers(struct keeper *k, int64_t now)
{
	struct peer *p = &k->peer;
	struct child *c = &k->child;
	int64_t next = INT64_MAX;

	if (c->pid == 0 && now >= c->start_at)
		start_supervisor(k, now);
	if (c->pid == 0)
		next = c->start_at;
	if (p->fd == -1 && c->pid != 0 && !c->was_killed)
		next = run_closed(k, now);
	if (peer_is_hung(p, now))
		child_kill(c, "does not answer");
	peer_flush(p);
	if (p->fd != -1 && !c->was_killed) {
		next = p->is_asked ? p->asked_at + KEEPER_OWED_MS :
		    p->next_ping_at;
	}
	if (p->waits_for_retry && next > now + RETRY_MS)
		next = now + RETRY_MS;
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now);
}

static void
loop(struct keeper *k)
{
	int64_t now, before = now_ms();
	int timeout = 0;

	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = k->signals, .events = POLLIN },
			{ .fd = k->peer.fd },
			{ .fd = k->child.pidfd, .events = POLLIN },
		};

		now = now_ms();
		if (timeout >= 0 && now - before > timeout + LATE_MS)
			peer_grant(&k->peer, now);
		before = now;
		timeout = run_timers(k, now);
		fds[1].fd = k->peer.fd;
		fds[1].events = (short)((k->peer.has_ack ? 0 : POLLIN) |
		    (k->peer.waits_for_room ? POLLOUT : 0));
		if (poll(fds, 3, timeout) == -1)
			continue;
		read_signals(k);
		serve_supervisor(k, now);
		reap(k);
		if (fds[2].revents != 0 && k->child.pidfd == fds[2].fd) {
			serve_supervisor(k, now);
			supervisor_gone(k, -1, now);
		}
	}
}

int
main(int argc, char **argv)
{
	struct keeper *k = &keeper;
	bool is_adopt = read_arguments(&k->child, argc, argv);

	k->peer.table = &k->table;
	k->peer.cells = &k->cells;
	k->peer.fd = k->peer.pidfd = k->child.pidfd = -1;
	k->child.is_cold = !is_adopt;
	set_up_descriptors(is_adopt);
	set_up_process(k);
	write_pid();
	if (is_adopt)
		adopt_supervisor(k);
	loop(k);
}
