/* Runs: their exits, and what they leave behind. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/connector.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/recover.h"
#include "supervisor/root/retry.h"
#include "supervisor/root/run_private.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/sweep.h"
#include "supervisor/root/unit.h"

static void	on_exit_io(struct ev_loop *, struct ev_io *, int);

struct run *
run_alloc(struct supervisor *s, struct unit *u, uint64_t number)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->s = s;
	r->unit = u;
	r->number = number;
	r->pidfd = r->go_fd = r->cgroup_fd = r->events_fd = -1;
	r->slot = -1;
	if (u != NULL) {
		r->unit_key = u->key;
		r->slot = u->index;
	}
	return r;
}

void
run_register(struct run *r)
{
	struct supervisor *s = r->s;

	TAILQ_INSERT_TAIL(&s->runs, r, list);
	HASH_ADD(hh_number, s->runs_by_number, number, sizeof(r->number), r);
	if (r->has_ended)
		return;
	HASH_ADD(hh_pid, s->runs_by_pid, pid, sizeof(r->pid), r);
	ev_io_init(&r->exit_io, on_exit_io, r->pidfd, EV_READ);
	r->exit_io.data = r;
	ev_io_start(s->loop, &r->exit_io);
}

void
run_blob_of(const struct run *r, struct run_blob *b)
{
	*b = (struct run_blob){ .unit_key = r->unit_key, .number = r->number,
	    .start_ticks = r->start_ticks, .npipes = r->npipes,
	    .slot = r->slot };
	for (int i = 0; i < r->npipes; i++) {
		b->pipe_numbers[i] = r->pipes[i].number;
		b->streams[i] = r->pipes[i].stream_id;
	}
}

void
run_record(const struct run *r)
{
	struct desired_run d = { .number = r->number, .pid = r->pid,
	    .start_ticks = r->start_ticks };

	memcpy(d.boot_id, r->s->boot_id, sizeof(d.boot_id));
	durable_put(r->s, DESIRED_KEY(DESIRED_RUN,
	    UNIT_KEY_ID(r->unit_key)), &d, sizeof(d));
}

int
run_signal(struct run *r, int sig)
{
	return r->has_ended ? -ESRCH : sys_pidfd_signal(r->pidfd, sig);
}

/* ---- the end of its main process ---- */

/*
 * How it ended, from the first who knows: wait(2) for a child of ours; the
 * keeper's cell, if it was reaped there; the kernel, once its parent reaped
 * it; /proc, until then. The last two are asked in turns, because the reaping
 * may fall between them. False: it lives.
 */
static bool
find_status(struct run *r, int *status, enum exit_source *source)
{
	struct observed *o = &r->s->observed;
	struct sys_exit e;
	int32_t cell;
	int zombie = 0, rc;

	if ((rc = sys_peek_pidfd(r->pidfd, &e)) >= 0) {
		*status = e.status;
		*source = SOURCE_wait;
		return rc == 1;
	}
	if (poll(&(struct pollfd){ .fd = r->pidfd, .events = POLLIN }, 1,
	    0) != 1)
		return false;
	for (int turn = 0; turn < 2; turn++) {
		*source = SOURCE_keeper;
		if (r->slot >= 0 && observed_cell_status(o, r->slot, r->pid,
		    &cell)) {
			*status = cell;
			return true;
		}
		*source = SOURCE_pidfd;
		if (sys_pidfd_status(r->pidfd, status) == 1)
			return true;
		*source = SOURCE_proc;
		if (sys_proc_stat(r->pid, NULL, &zombie, status) == 0 &&
		    zombie)
			return true;
	}
	connector_read(r->s);
	*source = r->is_told ? SOURCE_connector : SOURCE_unknown;
	*status = r->told_status;
	return true;
}

static void
note_exit(struct run *r, int status, enum exit_source source)
{
	struct unit *u = r->unit;

	if (u == NULL || u->run != r)
		return;
	u->now.exit_status = status;
	u->now.exit_source = (uint8_t)source;
	u->now.exit_ms = clock_wall_ms();
	u->now.exit_recorded = 1;
	unit_commit(u);
}

void
run_check_exit(struct run *r)
{
	enum exit_source source;
	struct unit *u = r->unit;
	int status;

	if (r->has_ended || !find_status(r, &status, &source))
		return;
	run_read_go(r);
	run_abort_launch(r);
	/* Recorded first, reaped then: whoever is killed in between leaves
	 * either a zombie or the record. */
	note_exit(r, status, source);
	if (source == SOURCE_wait)
		sys_reap(r->pid);
	ev_io_stop(r->s->loop, &r->exit_io);
	HASH_DELETE(hh_pid, r->s->runs_by_pid, r);
	r->has_ended = true;
	if (u != NULL && u->run == r)
		unit_run_ended(u);
	else
		run_finish(r);
}

static void
on_exit_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	run_check_exit(w->data);
}

/* ---- what it leaves behind ---- */

static void
clear_done(struct run *r)
{
	struct unit *u = r->unit;
	bool tell = r->tell_unit;

	r->clearing = CLEAR_DONE;
	r->tell_unit = false;
	/* The group itself goes with the run: that is nothing to wait for. */
	close_fd(&r->events_fd);
	if (tell && u != NULL && u->run == r)
		unit_gone(u);
	else
		run_finish(r);
}

void
run_check_group(struct run *r)
{
	if (r->cgroup_fd == -1 || r->clearing == CLEAR_NOT ||
	    r->clearing == CLEAR_DONE || !r->has_ended)
		return;
	if (cgroup_is_empty(r->cgroup_fd) == 1)
		clear_done(r);
}

static void
clear_group(struct run *r, bool kill)
{
	if (r->has_ended && cgroup_is_empty(r->cgroup_fd) == 1) {
		clear_done(r);
		return;
	}
	if (r->events_fd == -1) {
		r->events_fd = groups_watch(&r->s->groups, r->cgroup_fd,
		    r->number);
		if (r->events_fd < 0) {
			r->events_fd = -1;
			retry_soon(r->s);
		}
	}
	if (kill)
		cgroup_kill(r->cgroup_fd);
	else
		cgroup_signal_rest(r->cgroup_fd, r->pid, SIGTERM);
	run_check_group(r);
}

static void
on_swept(void *arg, int left, const char *names)
{
	struct run *r = arg;
	struct unit *u = r->unit;

	r->sweep = NULL;
	if (left > 0) {
		log_warn("run %llu left behind what cannot be killed: %s",
		    (unsigned long long)r->number, names);
		bus_emit(r->s, &(struct message){
		    .type = MSG_process_unkillable, .process_unkillable = {
		    .subject = u != NULL ? u->name : "",
		    .instance = u != NULL ? u->instance : 0,
		    .pid = r->pid, .reason = names } });
	}
	if (r->has_ended)
		clear_done(r);
}

static void
clear_by_walking(struct run *r, bool kill)
{
	/* A helper that has begun asks first and kills then, by itself. */
	if (r->sweep != NULL)
		return;
	r->sweep = sweep_start(r->s, r, kill, on_swept);
	if (r->sweep == NULL)
		retry_soon(r->s);
}

void
run_clear_again(struct supervisor *s)
{
	struct run *r, *next;

	for (r = TAILQ_FIRST(&s->runs); r != NULL; r = next) {
		bool kill = r->clearing == CLEAR_KILLING;

		next = TAILQ_NEXT(r, list);
		if (r->clearing != CLEAR_ASKED && !kill)
			continue;
		if (r->cgroup_fd == -1 && r->sweep == NULL)
			clear_by_walking(r, kill);
		else if (r->cgroup_fd != -1 && r->events_fd == -1)
			clear_group(r, kill);
	}
}

void
run_clear(struct run *r, bool kill, bool tell)
{
	r->tell_unit = tell;
	/* Two of an actor must not be: its end, which is on the way, brings
	 * us here again. */
	if (r->is_actor && !r->has_ended)
		return;
	if (r->clearing == CLEAR_DONE || r->is_actor) {
		clear_done(r);
		return;
	}
	r->clearing = kill ? CLEAR_KILLING : CLEAR_ASKED;
	if (r->cgroup_fd != -1)
		clear_group(r, kill);
	else
		clear_by_walking(r, kill);
}

void
run_give_up_clearing(struct run *r)
{
	clear_done(r);
}

void
run_pipe_ended(struct run *r, uint64_t number)
{
	for (int i = 0; i < r->npipes; i++) {
		struct run_pipe *p = &r->pipes[i];

		if (p->number != number || p->stream == NULL)
			continue;
		stream_pipe_done(r->s, p->stream);
		p->stream = NULL;
	}
	run_finish(r);
}

void
run_finish(struct run *r)
{
	struct supervisor *s = r->s;

	if (!r->has_ended || (r->unit != NULL && r->unit->run == r) ||
	    (r->clearing != CLEAR_DONE && r->clearing != CLEAR_NOT) ||
	    r->sweep != NULL)
		return;
	for (int i = 0; i < r->npipes; i++)
		if (r->pipes[i].stream != NULL)
			return;
	r->is_done = true;
	s->has_done_runs = true;
}

static void
run_free(struct run *r)
{
	struct supervisor *s = r->s;

	guard_drop(s, RUN_KEEPER_KEY(r->number));
	HASH_DELETE(hh_number, s->runs_by_number, r);
	TAILQ_REMOVE(&s->runs, r, list);
	close_fd(&r->pidfd);
	for (int i = 0; i < r->npipes; i++)
		close_fd(&r->pipes[i].fd);
	close_fd(&r->events_fd);
	if (r->cgroup_fd != -1) {
		close_fd(&r->cgroup_fd);
		cgroup_remove(&s->cgroups, r->number);
	}
	free(r);
}

void
runs_sweep(struct supervisor *s)
{
	struct run *r, *next;

	if (!s->has_done_runs)
		return;
	s->has_done_runs = false;
	for (r = TAILQ_FIRST(&s->runs); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		if (r->is_done)
			run_free(r);
	}
}

/* ---- taking over ---- */

struct run *
run_adopt(struct supervisor *s, const struct run_found *f, struct unit *u)
{
	struct run *r = run_alloc(s, u, f->number);

	if (r == NULL) {
		for (int i = 0; i < 1 + f->npipes; i++)
			close(f->fds[i]);
		return NULL;
	}
	r->unit_key = f->unit_key;
	r->is_actor = UNIT_KEY_KIND(f->unit_key) == UNIT_ACTOR;
	r->has_ended = f->has_ended;
	r->slot = f->slot;
	r->pid = f->pid;
	r->start_ticks = f->start_ticks;
	r->pidfd = f->fds[0];
	for (int i = 0; i < f->npipes && i < RUN_PIPES; i++) {
		struct log_stream *t = stream_find(s, f->streams[i]);

		/* Its path was another: the present one is better than none. */
		if (t == NULL && u != NULL)
			t = f->streams[i] & 1 && u->err != NULL ? u->err :
			    u->out;
		if (t == NULL) {
			close(f->fds[1 + i]);
			continue;
		}
		r->pipes[r->npipes++] = (struct run_pipe){
		    .fd = f->fds[1 + i], .number = f->pipe_numbers[i],
		    .stream_id = t->id, .stream = t };
		stream_pipe_new(s, t);
	}
	if (u != NULL)
		u->run = r;
	if (!r->is_actor && s->cgroups.available &&
	    cgroup_run_open(&s->cgroups, r->number, &r->cgroup_fd) < 0)
		r->cgroup_fd = -1;
	run_register(r);
	s->unattached = true;
	run_to_keeper(r, f->in_keeper);
	if (!r->has_ended)
		connector_need(s, r);
	return r;
}

const char *
run_words(const struct slot *n, char *buf, size_t size)
{
	int status = n->exit_status;

	if (n->exit_source == SOURCE_none)
		snprintf(buf, size, "never ran");
	else if (n->exit_source == SOURCE_unknown)
		snprintf(buf, size, "ended, nobody saw how");
	else if (WIFEXITED(status))
		snprintf(buf, size, "exited with %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by SIG%s%s",
		    sigabbrev_np(WTERMSIG(status)) != NULL ?
		    sigabbrev_np(WTERMSIG(status)) : "?",
		    WCOREDUMP(status) ? " (core dumped)" : "");
	else
		snprintf(buf, size, "ended with status %#x", status);
	return buf;
}
