/* Taking over what runs already. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/observed.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/unit.h"

#define CAPTURE_MS	2000	/* for a killed od-capture to be gone */

static bool	adopt_process(struct supervisor *, struct unit *, uint64_t,
		    pid_t, uint64_t);

static struct unit *
unit_by_key(struct supervisor *s, uint64_t key)
{
	struct unit *u;

	HASH_FIND(hh, s->units, &key, sizeof(key), u);
	return u;
}

/* ---- from the keeper ---- */

void
adopt_handed(struct supervisor *s, const struct run_blob *b, pid_t pid,
    const int *fds)
{
	struct unit *u = unit_by_key(s, b->unit_key);
	bool is_present = u != NULL && u->now.run == b->number;
	struct run_found f = { .number = b->number, .unit_key = b->unit_key,
	    .slot = b->slot, .pid = pid, .start_ticks = b->start_ticks,
	    .npipes = b->npipes, .in_keeper = true };

	for (int i = 0; i < 1 + b->npipes; i++)
		f.fds[i] = fds[i];
	for (int i = 0; i < b->npipes; i++) {
		f.pipe_numbers[i] = b->pipe_numbers[i];
		f.streams[i] = b->streams[i];
	}
	/* Its end was recorded, or acted upon: only the rest is to be done. */
	f.has_ended = !is_present || u->now.pid != pid ||
	    u->now.exit_recorded;
	run_adopt(s, &f, is_present ? u : NULL);
}

/* A unit whose run has ended, as far as that was recorded. */
static void
go_on_ended(struct unit *u)
{
	struct run *r = u->run;

	if (u->now.exit_recorded) {
		unit_run_ended(u);
		return;
	}
	switch (unit_state(u)) {
	case STATE_stopping:
	case STATE_killing:
		unit_clear(u);
		break;
	default:
		/* The unit has gone on; the run clears up behind itself. */
		if (r == NULL)
			break;
		u->run = NULL;
		r->unit = NULL;
		run_clear(r, true, false);
		break;
	}
}

/* Its process was in the slot, and the keeper does not know it. */
static void
lose(struct unit *u)
{
	u->now.exit_source = SOURCE_unknown;
	u->now.exit_status = 0;
	u->now.exit_ms = clock_wall_ms();
	u->now.exit_recorded = 1;
	unit_run_ended(u);
}

static void
go_on_app(struct unit *u)
{
	if (u->run == NULL && u->now.pid != 0 && !u->now.exit_recorded) {
		/* It may live all the same: a second must not be. */
		if (!adopt_process(u->s, u, u->now.run, u->now.pid,
		    u->now.start_ticks))
			lose(u);
		return;
	}
	if (u->now.exit_recorded || (u->run != NULL && u->run->has_ended))
		go_on_ended(u);
	else if (u->run != NULL)
		run_check_exit(u->run);
	if (u->run != NULL && !u->run->has_ended &&
	    unit_state(u) == STATE_starting &&
	    (u->now.wake_mono_ms == 0 || u->now.phase < PHASE_EXECUTED))
		unit_set_timer(u, 1000);
	if (u->run != NULL || u->is_queued) {
		unit_resume_timer(u);
		return;
	}
	if (unit_state(u) == STATE_starting)
		unit_begin(u);
	else if (unit_state(u) == STATE_stopping ||
	    unit_state(u) == STATE_killing)
		unit_gone(u);
	else
		unit_resume_timer(u);
}

/* Actors do not outlive their supervisor: the survivors are ended, and
 * followed by others. */
static void
go_on_actor(struct unit *u)
{
	struct run *r = u->run;

	u->now.exit_recorded = 0;
	if (!u->now.wanted) {
		u->now.state = STATE_stopped;
		if (r != NULL)
			run_signal(r, SIGKILL);
		return;
	}
	u->now.state = STATE_stopping;
	if (r != NULL && !r->has_ended) {
		run_signal(r, SIGKILL);
		unit_commit(u);
		run_check_exit(r);
		return;
	}
	u->now.pid = 0;
	unit_gone(u);
}

void
adopt_go_on(struct supervisor *s)
{
	struct unit *u, *tmp;
	struct run *r, *next;

	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_ACTOR)
			go_on_actor(u);
	HASH_ITER(hh, s->units, u, tmp)
		if (u->kind == UNIT_APP)
			go_on_app(u);
	for (r = TAILQ_FIRST(&s->runs); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		if (r->unit == NULL && r->has_ended &&
		    r->clearing == CLEAR_NOT)
			run_clear(r, true, false);
	}
}

/* ---- cold ---- */

static int
open_pipe_end(pid_t pid, int fd)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 6 || memcmp(link, "pipe:[", 6) != 0)
		return -1;
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void
reopen_pipes(struct supervisor *s, struct unit *u, struct run_found *f)
{
	struct log_stream *streams[RUN_PIPES] = { u->out, u->err };
	int n = u->err != NULL ? 2 : 1;

	for (int i = 0; i < n; i++) {
		int fd = open_pipe_end(f->pid, 1 + i);

		if (fd == -1)
			continue;
		f->fds[1 + f->npipes] = fd;
		f->pipe_numbers[f->npipes] =
		    observed_counters(&s->observed)->next_pipe++;
		f->streams[f->npipes++] = streams[i]->id;
		stream_note(s, streams[i], "[opendaemon was lost and found "
		    "this process again; output may be missing here]");
	}
}

/* True if that very process lives and was taken over. */
static bool
adopt_process(struct supervisor *s, struct unit *u, uint64_t number,
    pid_t pid, uint64_t start_ticks)
{
	struct run_found f = { .number = number, .unit_key = u->key,
	    .slot = u->index, .pid = pid, .start_ticks = start_ticks };
	uint64_t ticks = 0;
	int zombie = 0, pidfd;

	if (u->run != NULL || (pidfd = sys_pidfd_open(pid)) < 0)
		return false;
	/* The pidfd first: what /proc says then is said of it, or of nobody. */
	if (sys_proc_stat(pid, &ticks, &zombie, NULL) < 0 || zombie ||
	    ticks != start_ticks) {
		close(pidfd);
		return false;
	}
	f.fds[0] = pidfd;
	reopen_pipes(s, u, &f);
	u->now.run = number;
	u->now.pid = pid;
	u->now.start_ticks = start_ticks;
	u->now.phase = PHASE_EXECUTED;
	u->now.started_ms = clock_wall_ms();
	u->now.started_mono_ms = clock_ms();
	u->now.ready_mono_ms = clock_ms();
	u->now.state = STATE_online;
	unit_commit(u);
	if (run_adopt(s, &f, u) == NULL)
		return false;
	log_info("found %s:%d running as pid %d", u->name, u->instance, pid);
	bus_emit(s, &(struct message){ .type = MSG_log_gap,
	    .log_gap = { .subject = u->name, .instance = u->instance,
	    .reason = "the daemon was lost; the process was found again" } });
	/* What was not wanted any more is not wanted now. */
	if (!u->now.wanted)
		unit_step(u, EVENT_stop);
	return true;
}

static void
adopt_record(void *arg, const struct desired_record *r)
{
	struct supervisor *s = arg;
	struct desired_run d;
	struct unit *u;

	if (DESIRED_KIND(r->key) != DESIRED_RUN || r->len != sizeof(d))
		return;
	memcpy(&d, r->data, sizeof(d));
	u = unit_by_key(s, UNIT_KEY(UNIT_APP, DESIRED_NUMBER(r->key)));
	if (u == NULL || memcmp(d.boot_id, s->boot_id, sizeof(d.boot_id)) != 0)
		return;
	adopt_process(s, u, d.number, d.pid, d.start_ticks);
}

void
adopt_found(struct supervisor *s, const struct sweep_found *found, size_t n)
{
	struct unit *u;

	desired_each(&s->desired, 0, adopt_record, s);
	for (size_t i = 0; i < n; i++) {
		u = unit_by_key(s, UNIT_KEY(UNIT_APP, found[i].id));
		if (u != NULL)
			adopt_process(s, u, found[i].run, found[i].pid,
			    found[i].start_ticks);
	}
}

/* Whoever holds a lock in the range that begins at start; len 0: to the end.
 * False if nobody does. */
static bool
end_holder(int fd, off_t start, off_t len)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = start, .l_len = len };
	struct flock again = lock;
	int pidfd;

	if (fcntl(fd, F_GETLK, &lock) == -1 || lock.l_type == F_UNLCK ||
	    lock.l_pid <= 1 || (pidfd = sys_pidfd_open(lock.l_pid)) < 0)
		return false;
	/* The pid may have gone to another between the two. */
	if (fcntl(fd, F_GETLK, &again) == 0 && again.l_type != F_UNLCK &&
	    again.l_pid == lock.l_pid) {
		log_info("an earlier od-capture (pid %d) is ended",
		    lock.l_pid);
		sys_pidfd_signal(pidfd, SIGKILL);
		poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1,
		    CAPTURE_MS);
	}
	close(pidfd);
	return true;
}

void
adopt_end_capture(struct supervisor *s)
{
	int fd = openat(s->log_dir_fd, ".capture.lock",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd != -1) {
		end_holder(fd, 0, 0);
		close(fd);
	}
	for (int n = 2; n < 2 + ACTOR_COUNT - ACTOR_capture_2; n++)
		end_holder(s->captures_fd, n, 1);
}
