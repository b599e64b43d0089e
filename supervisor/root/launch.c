/* Making a process for a unit, up to the moment when its program runs. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/exec/exec.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/app.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/plan.h"
#include "supervisor/root/run.h"
#include "supervisor/root/run_private.h"
#include "supervisor/root/spawn.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/unit.h"

#define PIPE_ROOT	(256 * 1024)
#define LAUNCH_MS	60000	/* from clone to exec, at most */
#define PIPE_USER	(16 * 1024)	/* od-capture widens what is loud */

/* What is made for the child, and closed here once it has it. */
struct birth {
	int	write_ends[RUN_PIPES];
	int	go;
	int	plan;
	int	procs;		/* cgroup.procs */
};

static void
birth_release(struct birth *b)
{
	for (int i = 0; i < RUN_PIPES; i++)
		close_fd(&b->write_ends[i]);
	close_fd(&b->go);
	close_fd(&b->plan);
	close_fd(&b->procs);
}

static int
make_pipes(struct run *r, struct birth *b, struct error *e)
{
	struct unit *u = r->unit;
	struct log_stream *streams[RUN_PIPES] = { u->out, u->err };
	int n = u->err != NULL ? 2 : 1, fds[2], rc;

	for (int i = 0; i < n; i++) {
		if ((rc = sys_pipe(fds, O_CLOEXEC | O_NONBLOCK)) < 0)
			return fail(e, rc, "cannot make a pipe for its log: "
			    "%s", strerror(-rc));
		/* The app's own end is an ordinary one. */
		fcntl(fds[1], F_SETFL, 0);
		/* A refusal (the user's pipe pages are used up) is no harm. */
		fcntl(fds[0], F_SETPIPE_SZ, r->s->is_root ? PIPE_ROOT :
		    PIPE_USER);
		r->pipes[i] = (struct run_pipe){ .fd = fds[0],
		    .number = observed_counters(&r->s->observed)->next_pipe++,
		    .stream_id = streams[i]->id, .stream = streams[i] };
		r->npipes++;
		stream_pipe_new(r->s, streams[i]);
		b->write_ends[i] = fds[1];
	}
	return 0;
}

static void
app_plan(const struct unit *u, struct plan *p, gid_t *groups)
{
	const struct process_define *d = &u->app->def.process_define;

	p->argv = d->argv;
	p->env = d->env;
	p->cwd = d->cwd;
	if (!u->s->is_root) {
		p->flags = EXEC_KEEP_IDS;
		return;
	}
	p->uid = (uid_t)d->uid;
	p->gid = (gid_t)d->gid;
	for (size_t i = 0; d->groups != NULL && d->groups[i] != NULL &&
	    i < EXEC_GROUPS_MAX; i++)
		groups[p->ngroups++] = (gid_t)strtoul(d->groups[i], NULL, 10);
	p->groups = groups;
}

/* OD_APP and its like, for one unit; text holds the numbers. */
static void
own_env(const struct unit *u, uint64_t run, char text[4][24],
    const char *env[20])
{
	size_t n = 0;

	snprintf(text[0], 24, "%d", u->instance);
	snprintf(text[1], 24, "%d", u->app->count);
	snprintf(text[2], 24, "%lld", (long long)u->id);
	snprintf(text[3], 24, "%llu", (unsigned long long)run);
	env[n++] = "OD_APP";		env[n++] = u->name;
	env[n++] = "OD_NAMESPACE";	env[n++] = app_namespace(u->app);
	env[n++] = "OD_INSTANCE";	env[n++] = text[0];
	env[n++] = "OD_WORKER_ID";	env[n++] = text[0];
	env[n++] = "NODE_APP_INSTANCE";	env[n++] = text[0];
	env[n++] = "OD_INSTANCES";	env[n++] = text[1];
	env[n++] = "OD_ID";		env[n++] = text[2];
	env[n++] = "OD_RUN";		env[n++] = text[3];
	env[n++] = "OD_HOME";		env[n++] = u->s->layout.home;
	env[n] = NULL;
}

static int
make_plan(struct run *r, struct birth *b, struct error *e)
{
	struct unit *u = r->unit;
	char text[4][24];
	const char *env[20] = { NULL };
	gid_t groups[EXEC_GROUPS_MAX];
	struct plan p = { .cgroup_fd = -1, .own_env = env };

	if (u->kind == UNIT_APP) {
		app_plan(u, &p, groups);
		own_env(u, r->number, text, env);
	} else {
		actor_plan(u, &p);
	}
	if (b->procs != -1)
		p.cgroup_fd = EXEC_FD_PASSED + p.npassed;
	b->plan = plan_memfd(&p, e);
	return b->plan < 0 ? b->plan : p.npassed;
}

/* A cgroup of its own for each run of an app; without one, its descendants
 * are found by walking /proc. */
static void
make_cgroup(struct run *r, struct birth *b)
{
	if (r->unit->kind != UNIT_APP || !r->s->cgroups.available)
		return;
	if (cgroup_run_create(&r->s->cgroups, r->number, &r->cgroup_fd) < 0)
		return;
	if (r->s->can_join_cgroup)
		return;
	b->procs = cgroup_procs_fd(r->cgroup_fd);
	if (b->procs < 0) {
		b->procs = -1;
		close_fd(&r->cgroup_fd);
		cgroup_remove(&r->s->cgroups, r->number);
	}
}

static int
give_birth(struct run *r, struct birth *b, int npassed, struct error *e)
{
	static const char *const argv[] = { "od-exec", NULL };
	struct supervisor *s = r->s;
	int fds[SPAWN_FDS], n = EXEC_FD_PASSED;

	fds[0] = s->null_fd;
	fds[1] = b->write_ends[0];
	fds[2] = b->write_ends[r->npipes - 1];
	fds[EXEC_FD_PLAN] = b->plan;
	fds[EXEC_FD_GO] = b->go;
	if (npassed > 0)
		n += actor_passed_fds(r->unit, fds + n);
	if (b->procs != -1)
		fds[n++] = b->procs;
	r->pid = spawn_process(&(struct spawn){ .exec_fd = s->exec_fd,
	    .argv = argv, .fds = fds, .nfds = n, .cgroup_fd =
	    s->can_join_cgroup && r->cgroup_fd > 0 ? r->cgroup_fd : 0 },
	    &r->pidfd);
	if (r->pid < 0)
		return fail(e, r->pid, "cannot make a process: %s",
		    r->pid == -EAGAIN ? "the limit of processes is reached" :
		    strerror(-r->pid));
	return 0;
}

/* Everything that a run holds is undone where no process came of it. */
static void
abandon(struct run *r)
{
	r->pid = 0;
	for (int i = 0; i < r->npipes; i++) {
		close_fd(&r->pipes[i].fd);
		stream_pipe_done(r->s, r->pipes[i].stream);
	}
	if (r->cgroup_fd != -1) {
		close_fd(&r->cgroup_fd);
		cgroup_remove(&r->s->cgroups, r->number);
	}
	close_fd(&r->go_fd);
	free(r);
}

static void	on_held(void *, int);
static void	on_go(struct ev_loop *, struct ev_io *, int);

int
run_to_keeper(struct run *r, bool is_held)
{
	struct run_blob blob;
	struct guard_item item = { .key = RUN_KEEPER_KEY(r->number),
	    .pid = r->pid, .slot = r->slot, .blob = &blob,
	    .len = sizeof(blob), .arg = r, .fds = { r->pidfd },
	    .nfds = 1 };

	run_blob_of(r, &blob);
	for (int i = 0; i < r->npipes; i++)
		item.fds[item.nfds++] = r->pipes[i].fd;
	if (r->go_fd != -1)
		item.held = on_held;
	if (!is_held)
		return guard_put(r->s, &item);
	guard_note(r->s, &item);
	return 0;
}

/* The process exists: from here on, it is known to all. */
static void
enter(struct run *r)
{
	struct supervisor *s = r->s;
	struct unit *u = r->unit;

	sys_proc_stat(r->pid, &r->start_ticks, NULL, NULL);
	u->run = r;
	u->now.run = r->number;
	u->now.pid = r->pid;
	u->now.start_ticks = r->start_ticks;
	u->now.phase = PHASE_PREPARED;
	u->now.exit_recorded = 0;
	u->now.failed_step = 0;
	u->trouble_is_old = true;
	u->now.started_ms = clock_wall_ms();
	u->now.started_mono_ms = clock_ms();
	u->now.ready_mono_ms = 0;
	observed_cell_clear(&s->observed, u->index);
	if (u->kind == UNIT_APP)
		bus_emit(s, &(struct message){ .type = MSG_process_starting,
		    .process_starting = { .subject = u->name,
		    .instance = u->instance, .run = (int64_t)r->number,
		    .pid = r->pid } });
	else
		bus_emit(s, &(struct message){ .type = MSG_plugin_starting,
		    .plugin_starting = { .subject = u->name,
		    .pid = r->pid } });
	unit_commit(u);
	run_register(r);
	ev_io_init(&r->go_io, on_go, r->go_fd, EV_READ);
	r->go_io.data = r;
	ev_io_start(s->loop, &r->go_io);
	r->is_launching = true;
	if (s->launching++ == 0)
		s->pressing_from_ms = u->now.started_mono_ms;
	s->unattached = true;
	/* Its directory or program may lie on a disk that hangs. */
	unit_set_timer(u, LAUNCH_MS);
}

int
run_launch(struct unit *u, struct error *e)
{
	struct supervisor *s = u->s;
	struct birth b = { { -1, -1 }, -1, -1, -1 };
	struct run *r = run_alloc(s, u,
	    observed_counters(&s->observed)->next_run++);
	int pair[2], rc, npassed, held;

	if (r == NULL)
		return fail(e, -ENOMEM, "out of memory");
	r->is_actor = u->kind == UNIT_ACTOR;
	if (r->is_actor && (rc = actor_prepare(u, e)) < 0)
		goto out;
	if ((rc = make_pipes(r, &b, e)) < 0)
		goto out;
	if ((rc = sys_socketpair(SOCK_STREAM, pair)) < 0) {
		fail(e, rc, "cannot make a socket: %s", strerror(-rc));
		goto out;
	}
	r->go_fd = pair[0];
	b.go = pair[1];
	make_cgroup(r, &b);
	if ((rc = npassed = make_plan(r, &b, e)) < 0 ||
	    (rc = give_birth(r, &b, npassed, e)) < 0)
		goto out;
	rc = 0;
	/* The keeper is on its way to the acknowledgement while the rest is
	 * written down. */
	held = run_to_keeper(r, false);
	enter(r);
	if (held < 0)
		/* It dies of the closed socket, having executed nothing. */
		run_abort_launch(r);
out:
	birth_release(&b);
	if (u->kind == UNIT_ACTOR)
		actor_launched(u, rc == 0);
	if (rc < 0)
		abandon(r);
	return rc;
}

/* The keeper has it: go. */
static void
on_held(void *arg, int result)
{
	struct run *r = arg;
	struct unit *u = r->unit;

	if (r->go_fd == -1)
		return;
	if (result < 0 ||
	    send(r->go_fd, "g", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
		run_abort_launch(r);
		return;
	}
	if (u == NULL || u->run != r)
		return;
	u->now.phase = PHASE_GONE;
	unit_commit(u);
}

void
run_abort_launch(struct run *r)
{
	if (r->go_fd == -1)
		return;
	ev_io_stop(r->s->loop, &r->go_io);
	close_fd(&r->go_fd);
	if (!r->is_launching)
		return;
	r->is_launching = false;
	r->s->launching--;
	unit_run_queue(r->s);
}

static const char *
step_words(int step)
{
	static const char *const words[] = {
#define X(name, text) text,
		EXEC_STEPS(X)
#undef X
	};

	return step >= 0 && step < EXEC_STEP_COUNT ? words[step] : "start";
}

/* What an operator can do about it; "" where the sentence says it already. */
static const char *
remedy(const struct exec_report *report)
{
	static const struct {
		enum exec_step	 step;
		int		 error;
		const char	*words;
	} known[] = {
		{ EXEC_STEP_cwd, ENOENT, "make it again, or start the app with "
		    "another --cwd" },
		{ EXEC_STEP_cwd, EACCES, "let the app's user enter it and all "
		    "above it, or choose another with --cwd" },
		{ EXEC_STEP_find, ENOENT, "it is nowhere in the app's PATH: "
		    "install it, or give its whole path" },
		{ EXEC_STEP_exec, ENOENT, "it is not there any more" },
		{ EXEC_STEP_exec, EACCES, "it has to be a file that the app's "
		    "user may execute: chmod +x it, and look at the "
		    "directories above it" },
		{ EXEC_STEP_exec, ENOEXEC, "it is no program for this machine, "
		    "and has no '#!' line: say what runs it with "
		    "--interpreter" },
		{ EXEC_STEP_exec, ETXTBSY, "it is being written" },
		{ EXEC_STEP_exec, E2BIG, "its arguments and environment are "
		    "too long for this system" },
		{ EXEC_STEP_interp, ENOENT, "its first line names a program "
		    "that is not installed" },
		{ EXEC_STEP_interp, EACCES, "its first line names what the "
		    "app's user may not execute" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((int)known[i].step == report->step &&
		    known[i].error == report->error)
			return known[i].words;
	return "";
}

static void
note_report(struct run *r, const struct exec_report *report)
{
	struct unit *u = r->unit;
	const struct process_define *d = u->kind == UNIT_APP ?
	    &u->app->def.process_define : NULL;
	const char *what = d != NULL ? d->argv[0] : u->name;
	const char *cwd = report->step == EXEC_STEP_cwd && d != NULL ?
	    d->cwd : "", *quote = *cwd != '\0' ? "'" : "";
	const char *hint = d != NULL ? remedy(report) : "";

	u->now.failed_step = (uint8_t)(report->step + 1);
	u->now.failed_errno = report->error;
	unit_trouble(u, "'%.128s' could not %s%s%s%.160s%s: %s%s%s", what,
	    step_words(report->step), *quote != '\0' ? " " : "", quote, cwd,
	    quote, strerror(report->error), *hint != '\0' ? "; " : "", hint);
	unit_commit(u);
}

/* What od-exec says before it is the program: nothing, or what went wrong. */
void
run_read_go(struct run *r)
{
	struct exec_report report;
	struct unit *u = r->unit;
	ssize_t n;

	if (r->go_fd == -1)
		return;
	n = recv(r->go_fd, &report, sizeof(report), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (u != NULL && u->run == r) {
		if (n == (ssize_t)sizeof(report))
			note_report(r, &report);
		else if (u->now.phase == PHASE_GONE)
			unit_executed(u);
	}
	run_abort_launch(r);
}

static void
on_go(struct ev_loop *loop, struct ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	run_read_go(w->data);
}
