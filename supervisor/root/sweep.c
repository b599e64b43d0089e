/* Starting od-sweep, and hearing what it found. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"
#include "supervisor/root/spawn.h"

#define OUTPUT_MAX	(512 * 1024)
#define DEADLINE_S	15.0
#define ARGS		32
#define GRACE_MS	2000	/* from SIGTERM to SIGKILL */

struct sweep {
	struct supervisor *s;
	struct run	*run;
	int		 pidfd, out;
	pid_t		 pid;
	struct ev_io	 out_io;
	struct ev_timer	 deadline;
	struct buffer	 said;
	void		(*done)(void *, int, const char *);
	void		(*found)(struct supervisor *,
			    const struct sweep_found *, size_t);
};

/* Its output has ended: so has it, or it will in a moment. */
static void
finish(struct sweep *w)
{
	struct sys_exit e = { 0 };
	struct supervisor *s = w->s;
	int left;

	ev_io_stop(s->loop, &w->out_io);
	ev_timer_stop(s->loop, &w->deadline);
	close_fd(&w->out);
	if (sys_peek_pidfd(w->pidfd, &e) == 1)
		sys_reap(w->pid);	/* else as any orphan */
	close_fd(&w->pidfd);
	if (w->found != NULL) {
		w->found(s, (const void *)buffer_bytes(&w->said),
		    w->said.len / sizeof(struct sweep_found));
	} else {
		left = w->said.len > 0;
		buffer_add(&w->said, "", 1);
		w->done(w->run, left, left ?
		    (const char *)buffer_bytes(&w->said) : "");
	}
	buffer_release(&w->said);
	free(w);
}

static void
on_output(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct sweep *w = io->data;
	char bytes[4096];
	ssize_t n;

	(void)loop;
	(void)revents;
	n = read(w->out, bytes, sizeof(bytes));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && w->said.len < OUTPUT_MAX &&
	    buffer_add(&w->said, bytes, (size_t)n) == 0)
		return;
	if (n > 0)
		return;
	finish(w);
}

/* It hangs in /proc: without it, what it was looking for stays. */
static void
on_deadline(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct sweep *w = t->data;

	(void)loop;
	(void)revents;
	log_warn("od-sweep does not come back: killed");
	sys_pidfd_signal(w->pidfd, SIGKILL);
	finish(w);
}

static struct sweep *
start(struct supervisor *s, const char *const *argv)
{
	struct sweep *w = calloc(1, sizeof(*w));
	int out[2], fds[3];

	if (w == NULL)
		return NULL;
	if (sys_pipe(out, O_CLOEXEC) < 0) {
		free(w);
		return NULL;
	}
	w->s = s;
	fds[0] = s->null_fd;
	fds[1] = out[1];
	fds[2] = STDERR_FILENO;
	w->pid = spawn_process(&(struct spawn){ .exec_fd = s->sweep_fd,
	    .argv = argv, .fds = fds, .nfds = 3 }, &w->pidfd);
	close(out[1]);
	if (w->pid < 0) {
		log_warn("cannot start od-sweep: %s", strerror(-w->pid));
		close(out[0]);
		free(w);
		return NULL;
	}
	w->out = out[0];
	set_nonblocking(w->out);
	ev_io_init(&w->out_io, on_output, w->out, EV_READ);
	ev_timer_init(&w->deadline, on_deadline, DEADLINE_S, 0.0);
	w->out_io.data = w->deadline.data = w;
	ev_io_start(s->loop, &w->out_io);
	ev_timer_start(s->loop, &w->deadline);
	return w;
}

/* Arguments with their numbers as text. */
struct args {
	const char	*argv[ARGS];
	char		 text[ARGS][24];
	size_t		 n;
};

static void
add(struct args *a, const char *word)
{
	if (a->n + 1 < ARGS)
		a->argv[a->n++] = word;
}

static void
add_number(struct args *a, const char *option, unsigned long long v)
{
	if (a->n + 2 >= ARGS)
		return;
	add(a, option);
	snprintf(a->text[a->n], sizeof(a->text[0]), "%llu", v);
	add(a, a->text[a->n]);
}

struct sweep *
sweep_start(struct supervisor *s, struct run *r, bool kill,
    void (*done)(void *, int, const char *))
{
	struct args a = { .n = 0 };
	struct sweep *w;
	struct stat st;

	add(&a, "od-sweep");
	add(&a, "--mode");
	add(&a, "stop");
	add_number(&a, "--grace", kill ? 0 : GRACE_MS);
	add_number(&a, "--run", r->number);
	add_number(&a, "--pid", (unsigned long long)r->pid);
	add_number(&a, "--start", r->start_ticks);
	for (int i = 0; i < r->npipes; i++)
		if (fstat(r->pipes[i].fd, &st) == 0)
			add_number(&a, "--pipe", st.st_ino);
	add_number(&a, "--spare", (unsigned long long)getpid());
	add_number(&a, "--spare",
	    (unsigned long long)guard_keeper_pid(s));
	if ((w = start(s, a.argv)) == NULL)
		return NULL;
	w->run = r;
	w->done = done;
	return w;
}

struct sweep *
sweep_find(struct supervisor *s, void (*done)(struct supervisor *,
    const struct sweep_found *, size_t))
{
	struct args a = { .n = 0 };
	struct sweep *w;

	add(&a, "od-sweep");
	add(&a, "--mode");
	add(&a, "find");
	add(&a, "--home");
	add(&a, s->layout.home);
	if ((w = start(s, a.argv)) != NULL)
		w->found = done;
	return w;
}
