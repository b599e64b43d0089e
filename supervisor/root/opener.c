/* Starting od-open, and hearing what came of it. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/opener.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/spawn.h"

#define DEADLINE_S	10.0

struct opener {
	struct supervisor *s;
	pid_t		 pid;
	int		 pidfd;
	int		 talk;		/* -1: it has been heard */
	int		 sock;		/* the file's, until it is passed on */
	struct ev_io	 talk_io, exit_io;
	struct ev_timer	 deadline;
	void		(*told)(void *, const struct open_report *, int);
	void		(*ended)(void *);
	void		*arg;
};

void
identity_of(struct identity *i, const struct process_define *d)
{
	*i = (struct identity){ .uid = (uid_t)d->uid, .gid = (gid_t)d->gid };
	for (size_t n = 0; d->groups != NULL && d->groups[n] != NULL &&
	    n < OPEN_GROUPS_MAX; n++)
		i->groups[i->ngroups++] =
		    (gid_t)strtoul(d->groups[n], NULL, 10);
}

void
opener_words(const struct open_report *r, const char *path, char *buf,
    size_t size)
{
	static const char *const words[] = {
#define X(name, text) text,
		OPEN_STEPS(X)
#undef X
	};
	const char *what = r->step >= 0 && r->step < OPEN_STEP_COUNT ?
	    words[r->step] : "open it";

	/* These say themselves what is wrong. */
	if (r->step == OPEN_STEP_kind || r->step == OPEN_STEP_links ||
	    r->step == OPEN_STEP_place)
		snprintf(buf, size, "log '%.128s': will not %s", path, what);
	else
		snprintf(buf, size, "log '%.128s': cannot %s: %s", path, what,
		    r->error == ELOOP ? "it is a symbolic link" :
		    strerror(r->error));
}

static void
tell(struct opener *o, const struct open_report *r)
{
	int sock = -1;

	if (o->talk == -1)
		return;
	ev_io_stop(o->s->loop, &o->talk_io);
	close_fd(&o->talk);
	if (r->step == -1) {
		sock = o->sock;
		o->sock = -1;
	}
	if (o->told != NULL)
		o->told(o->arg, r, sock);
	else
		close_fd(&sock);
}

static void
on_talk(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct opener *o = w->data;
	struct open_report r;
	ssize_t n = recv(o->talk, &r, sizeof(r), MSG_DONTWAIT);

	(void)loop;
	(void)revents;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(r))
		r = (struct open_report){ .step = OPEN_STEP_open,
		    .error = ECANCELED };
	tell(o, &r);
}

static void
finish(struct opener *o)
{
	ev_io_stop(o->s->loop, &o->exit_io);
	ev_timer_stop(o->s->loop, &o->deadline);
	close_fd(&o->pidfd);
	close_fd(&o->sock);
	if (o->ended != NULL)
		o->ended(o->arg);
	free(o);
}

static void
on_exit_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct opener *o = w->data;
	struct sys_exit e = { 0 };

	if (sys_peek_pidfd(o->pidfd, &e) == 1)
		sys_reap(o->pid);	/* else somebody has done so */
	if (o->talk != -1)
		on_talk(loop, &o->talk_io, revents);
	/* Its last word may be in the socket still, but no later one is. */
	tell(o, &(struct open_report){ .step = OPEN_STEP_open,
	    .error = ECANCELED });
	finish(o);
}

/* It hangs in a file system, or nobody fetches what it has. */
static void
on_deadline(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct opener *o = t->data;

	(void)loop;
	(void)revents;
	sys_pidfd_signal(o->pidfd, SIGKILL);
	tell(o, &(struct open_report){ .step = OPEN_STEP_open,
	    .error = ETIMEDOUT });
}

static void
watch(struct opener *o)
{
	ev_io_init(&o->talk_io, on_talk, o->talk, EV_READ);
	ev_io_init(&o->exit_io, on_exit_io, o->pidfd, EV_READ);
	ev_now_update(o->s->loop);
	ev_timer_init(&o->deadline, on_deadline, DEADLINE_S, 0.0);
	o->talk_io.data = o->exit_io.data = o->deadline.data = o;
	ev_io_start(o->s->loop, &o->talk_io);
	ev_io_start(o->s->loop, &o->exit_io);
	ev_timer_start(o->s->loop, &o->deadline);
}

static int
send_request(const struct supervisor *s, int sock, const struct opening *w)
{
	static struct open_request q;	/* 4 KiB; sent before we return */

	memset(&q, 0, sizeof(q));
	q.magic = OPEN_MAGIC;
	q.flags = (s->is_root ? 0 : OPEN_KEEP_IDS) |
	    (w->to_read ? OPEN_TO_READ : 0);
	q.uid = w->who->uid;
	q.gid = w->who->gid;
	q.ngroups = (uint32_t)w->who->ngroups;
	for (int i = 0; i < w->who->ngroups; i++)
		q.groups[i] = w->who->groups[i];
	q.keep = (uint32_t)w->keep;
	q.device = w->device;
	q.inode = w->inode;
	if (strlen(w->path) >= sizeof(q.path))
		return -ENAMETOOLONG;
	strcpy(q.path, w->path);
	if (send(sock, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return -errno;
	return 0;
}

static int
give_birth(struct opener *o, int talk, int sock)
{
	static const char *const argv[] = { "od-open", NULL };
	int fds[5];

	fds[0] = fds[1] = o->s->null_fd;
	fds[2] = STDERR_FILENO;
	fds[OPEN_FD_TALK] = talk;
	fds[OPEN_FD_FILE] = sock;
	o->pid = spawn_process(&(struct spawn){ .exec_fd = o->s->open_fd,
	    .argv = argv, .fds = fds, .nfds = 5 }, &o->pidfd);
	return o->pid < 0 ? o->pid : 0;
}

struct opener *
opener_start(struct supervisor *s, const struct opening *w, struct error *e)
{
	struct opener *o = calloc(1, sizeof(*o));
	int talk[2] = { -1, -1 }, file[2] = { -1, -1 }, r = -ENOMEM;

	if (o == NULL)
		goto out;
	o->s = s;
	o->talk = o->sock = o->pidfd = -1;
	o->told = w->told;
	o->ended = w->ended;
	o->arg = w->arg;
	if ((r = sys_socketpair(SOCK_SEQPACKET, talk)) < 0 ||
	    (r = sys_socketpair(SOCK_STREAM, file)) < 0 ||
	    (r = send_request(s, talk[0], w)) < 0 ||
	    (r = give_birth(o, talk[1], file[1])) < 0)
		goto out;
	o->talk = talk[0];
	o->sock = file[0];
	talk[0] = file[0] = -1;
	watch(o);
out:
	close_fd(&talk[0]);
	close_fd(&talk[1]);
	close_fd(&file[0]);
	close_fd(&file[1]);
	if (r < 0) {
		fail(e, r, "log '%.128s': cannot start od-open: %s", w->path,
		    strerror(-r));
		free(o);
		return NULL;
	}
	return o;
}

int
opener_take(struct opener *o)
{
	int sock = o->sock;

	o->sock = -1;
	return sock;
}

void
opener_kill(struct opener *o)
{
	sys_pidfd_signal(o->pidfd, SIGKILL);
}

void
opener_cancel(struct opener *o)
{
	if (o == NULL)
		return;
	o->told = NULL;
	o->ended = NULL;
	opener_kill(o);
}
