/*
 * Finding and killing what a run left behind. A pidfd is opened before
 * anything is read about a process, so that what is signalled through it is
 * what was read: had it ended meanwhile, the signal would find nobody.
 */
/* SPDX-License-Identifier: MIT */
#include "hunt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FREEZE_MS	2000	/* a storm that outruns this is killed into */
#define DEATH_MS	5000	/* SIGKILL to death */
#define BATCH		256	/* deaths waited for at once */

int64_t
hunt_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int
pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == -1 ?
	    -errno : 0;
}

/* Also true of a zombie; but not while a thread of it lives. */
static bool
has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Where in the index a pid is, or where it would go. */
static uint16_t *
slot_of(struct hunt *h, pid_t pid)
{
	uint32_t at = (uint32_t)pid & (HUNT_INDEX - 1);

	while (h->index[at] != 0 &&
	    h->members[h->index[at] - 1].proc.pid != pid)
		at = (at + 1) & (HUNT_INDEX - 1);
	return &h->index[at];
}

static struct member *
find_member(struct hunt *h, pid_t pid)
{
	uint16_t *slot = slot_of(h, pid);

	return *slot == 0 ? NULL : &h->members[*slot - 1];
}

/* A pid that came back as another process takes the index from the first. */
static struct member *
add_member(struct hunt *h, const struct proc *p)
{
	struct member *m;

	if (h->nmembers == HUNT_MEMBERS)
		return NULL;
	m = &h->members[h->nmembers++];
	m->proc = *p;
	*slot_of(h, p->pid) = (uint16_t)h->nmembers;
	return m;
}

static bool
is_spared(const struct hunt *h, pid_t pid)
{
	for (int i = 0; i < h->nspared; i++)
		if (h->spared[i] == pid)
			return true;
	return pid <= 1;
}

/* Is the process with that pid, now, the one that was once read? */
static bool
is_still(pid_t pid, uint64_t start)
{
	struct proc now;

	return proc_read(pid, &now) == 0 && now.start == start;
}

/* A session keeps its number while it has members; only when none is left
 * can another process, and then its session, come by it. */
static bool
has_session(const struct hunt *h, const struct proc *p)
{
	struct proc leader;

	return p->session == h->main && (proc_read(h->main, &leader) < 0 ||
	    leader.start == h->start);
}

static bool
has_pipe(const struct hunt *h, pid_t pid)
{
	for (int i = 0; i < h->npipes; i++)
		if (proc_writes_to(pid, h->pipes[i]))
			return true;
	return false;
}

static bool
is_of_run(struct hunt *h, const struct proc *p)
{
	const struct member *parent;

	if (p->pid == h->main)
		return p->start == h->start;
	if (has_session(h, p))
		return true;
	parent = find_member(h, p->ppid);
	if (parent != NULL && is_still(p->ppid, parent->proc.start))
		return true;
	return proc_mark(p->pid, h->run) == PROC_MARK_OURS ||
	    has_pipe(h, p->pid);
}

/*
 * Orphans come to the keeper or the supervisor. What they start themselves
 * leads a session of its own, or is a helper of ours.
 */
static void
note_foreign(struct hunt *h, const struct proc *p)
{
	enum proc_mark mark;

	if (!is_spared(h, p->ppid) || p->ppid <= 1 || p->session == p->pid ||
	    strncmp(p->comm, "od-", 3) == 0 || h->nforeign == HUNT_FOREIGN)
		return;
	mark = proc_mark(p->pid, h->run);
	if (mark == PROC_MARK_UNKNOWN || mark == PROC_MARK_NONE)
		h->foreign[h->nforeign++] = *p;
}

/*
 * A signal to a group reaches all of it at once, and a fork under way is
 * either over or refused: this holds what can outrun every walk. It is for
 * groups of the run's own session alone, which nobody else can be in, and
 * while a process that we have just stopped keeps the group's number.
 */
static void
freeze_group(const struct hunt *h, const struct proc *p, int pidfd)
{
	if (p->group > 1 && has_session(h, p) && !has_ended(pidfd))
		kill(-p->group, SIGSTOP);
}

static bool
is_skipped(const struct hunt *h, pid_t pid)
{
	return pid < HUNT_SKIPPED && (h->skip[pid / 64] >> pid % 64 & 1) != 0;
}

static void
skip(struct hunt *h, pid_t pid)
{
	if (pid < HUNT_SKIPPED)
		h->skip[pid / 64] |= UINT64_C(1) << pid % 64;
}

static void
visit_open(struct hunt *h, pid_t pid, int pidfd)
{
	struct member *m;
	struct proc p;
	int r = 0;

	if (proc_read(pid, &p) < 0)
		return;
	m = find_member(h, pid);
	if (p.start < h->start || has_ended(pidfd) ||
	    (m != NULL && m->proc.start == p.start)) {
		skip(h, pid);
		return;
	}
	if (!is_of_run(h, &p)) {
		if (h->notes_foreign)
			note_foreign(h, &p);
		return;
	}
	h->nnew++;
	m = add_member(h, &p);
	if (m == NULL)
		/* More than can be remembered: not frozen, but killed. */
		pidfd_signal(pidfd, h->signal == SIGSTOP ? SIGKILL :
		    h->signal);
	else if (h->signal != 0)
		r = pidfd_signal(pidfd, h->signal);
	if (h->signal == SIGSTOP && r == 0)
		freeze_group(h, &p, pidfd);
	if (m != NULL && r == -EPERM)
		m->is_refused = true;
}

static void
visit(void *arg, pid_t pid)
{
	struct hunt *h = arg;
	int pidfd;

	if (is_skipped(h, pid) || is_spared(h, pid) ||
	    (pidfd = pidfd_open(pid)) == -1)
		return;
	visit_open(h, pid, pidfd);
	close(pidfd);
}

/*
 * Only a pass that looked at everybody proves that there is none: a pid that
 * needed no second look may be another process by now. The passes before it
 * are quick, because what forks all the time has to be outrun.
 */
void
hunt_find(struct hunt *h, int signal, int64_t until_ms)
{
	bool is_whole;

	h->signal = signal;
	do {
		is_whole = h->nnew == 0;
		if (is_whole)
			memset(h->skip, 0, sizeof(h->skip));
		h->nnew = 0;
		if (proc_each(visit, h) < 0)
			return;
	} while ((h->nnew > 0 || !is_whole) && hunt_now_ms() < until_ms);
}

void
hunt_note_foreign(struct hunt *h)
{
	memset(h->skip, 0, sizeof(h->skip));
	h->notes_foreign = true;
	h->signal = 0;
	proc_each(visit, h);
	h->notes_foreign = false;
}

/* A pidfd of exactly this member, or -1: it is gone, and that is noted. */
static int
open_member(struct member *m)
{
	int pidfd = pidfd_open(m->proc.pid);

	if (pidfd != -1 && is_still(m->proc.pid, m->proc.start) &&
	    !has_ended(pidfd))
		return pidfd;
	if (pidfd != -1)
		close(pidfd);
	m->is_gone = true;
	return -1;
}

void
hunt_terminate(struct hunt *h)
{
	for (int i = 0; i < h->nmembers; i++) {
		struct member *m = &h->members[i];
		int pidfd = m->proc.pid == h->main ? -1 : open_member(m);

		if (pidfd == -1)
			continue;
		if (pidfd_signal(pidfd, SIGTERM) == -EPERM)
			m->is_refused = true;
		pidfd_signal(pidfd, SIGCONT);
		close(pidfd);
	}
}

/* Returns how many were sent SIGKILL. */
static int
kill_members(struct hunt *h)
{
	int n = 0;

	for (int i = 0; i < h->nmembers; i++) {
		struct member *m = &h->members[i];
		int pidfd;

		if (m->is_gone || m->is_stuck ||
		    (pidfd = open_member(m)) == -1)
			continue;
		if (pidfd_signal(pidfd, SIGKILL) == -EPERM) {
			m->is_refused = m->is_stuck = true;
		} else {
			m->is_refused = false;
			n++;
		}
		close(pidfd);
	}
	return n;
}

/* Wait until all of these have ended, or until then. */
static void
wait_batch(struct member **batch, struct pollfd *fds, int n, int64_t until)
{
	int left = n;

	while (left > 0) {
		int64_t ms = until - hunt_now_ms();

		if (poll(fds, (nfds_t)n, ms < 0 ? 0 : (int)ms) == 0 && ms <= 0)
			break;
		for (int i = 0; i < n; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0) {
				close(fds[i].fd);
				fds[i].fd = -1;
				batch[i]->is_gone = true;
				left--;
			}
	}
	for (int i = 0; i < n; i++)
		if (fds[i].fd >= 0) {
			close(fds[i].fd);
			batch[i]->is_stuck = true;
		}
}

static void
wait_members(struct hunt *h, int64_t ms)
{
	struct member *batch[BATCH];
	struct pollfd fds[BATCH];
	int64_t until = hunt_now_ms() + ms;
	int n = 0;

	for (int i = 0; i < h->nmembers; i++) {
		struct member *m = &h->members[i];
		int pidfd;

		if (m->is_gone || m->is_stuck ||
		    (pidfd = open_member(m)) == -1)
			continue;
		batch[n] = m;
		fds[n++] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
		if (n == BATCH) {
			wait_batch(batch, fds, n, until);
			n = 0;
		}
	}
	wait_batch(batch, fds, n, until);
}

void
hunt_wait(struct hunt *h, int64_t ms)
{
	wait_members(h, ms);
	for (int i = 0; i < h->nmembers; i++)
		h->members[i].is_stuck = false;
}

/*
 * While they are frozen nobody can fork, and nobody loses his parent: the
 * tree stands still until it is known. Only then are they killed.
 */
void
hunt_kill(struct hunt *h, int64_t until_ms)
{
	do {
		int64_t freeze_until = hunt_now_ms() + FREEZE_MS;

		hunt_find(h, SIGSTOP, freeze_until < until_ms ? freeze_until :
		    until_ms);
		if (kill_members(h) == 0 && h->nnew == 0)
			break;
		wait_members(h, DEATH_MS);
	} while (hunt_now_ms() < until_ms);
}
