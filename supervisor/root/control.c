/* The control socket: accepting, reading requests, answering them. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/log.h"
#include "protocol/codec.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/daemon.h"
#include "supervisor/root/route.h"

#define QUEUE_BYTES	(8 * 1024 * 1024)	/* a client that does not read */
#define ACCEPTS_A_TURN	16

static void	on_connect(struct ev_loop *, struct ev_io *, int);
static void	on_peer(struct ev_loop *, struct ev_io *, int);
static void	on_accept_again(struct ev_loop *, struct ev_timer *, int);

int
control_listen(struct supervisor *s, struct error *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[PATH_BYTES + 32];
	int dir = -1, fd = -1, r = 0;

	/* Through the directory's descriptor: a home may be deeper than the
	 * 108 bytes of an address. */
	snprintf(path, sizeof(path), "%s/control.sock", s->layout.run);
	dir = open(s->layout.run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dir == -1 || fd == -1) {
		r = fail(e, -errno, "cannot open '%s': %s", s->layout.run,
		    strerror(errno));
		goto out;
	}
	snprintf(sun.sun_path, sizeof(sun.sun_path),
	    "/proc/self/fd/%d/control.sock", dir);
	/* Ours: the lock says that no other daemon has this home. */
	if (unlink(path) == -1 && errno != ENOENT)
		log_warn("cannot remove '%s': %s", path, strerror(errno));
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, 128) == -1) {
		r = fail(e, -errno, "cannot listen on '%s': %s", path,
		    strerror(errno));
		goto out;
	}
	if (s->operator_gid != NO_GID &&
	    chown(path, (uid_t)-1, s->operator_gid) == -1)
		log_warn("cannot give '%s' to its group: %s", path,
		    strerror(errno));
	if (chmod(path, 0660) == -1)
		log_warn("cannot set the mode of '%s': %s", path,
		    strerror(errno));
	refuse_fds(fd);
	s->control_fd = fd;
	fd = -1;
out:
	close_fd(&dir);
	close_fd(&fd);
	return r;
}

void
control_start(struct supervisor *s)
{
	ev_io_init(&s->control_io, on_connect, s->control_fd, EV_READ);
	s->control_io.data = s;
	ev_init(&s->accept_timer, on_accept_again);
	s->accept_timer.data = s;
	ev_io_start(s->loop, &s->control_io);
}

static void
pause_accepting(struct supervisor *s)
{
	ev_io_stop(s->loop, &s->control_io);
	ev_timer_set(&s->accept_timer, 0.2, 0.0);
	ev_timer_start(s->loop, &s->accept_timer);
}

static void
on_accept_again(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;

	(void)revents;
	ev_io_start(loop, &s->control_io);
}

/* ---- who is it ---- */

static unsigned int
role_of(const struct supervisor *s, const struct peer *p)
{
	/* Our own actors have no business here. */
	if (actor_owns_uid(s, p->uid))
		return 0;
	if (p->uid == 0 || p->uid == geteuid())
		return FROM_OWNER;
	if (s->operator_gid == NO_GID)
		return 0;
	if (p->gid == s->operator_gid)
		return FROM_OPERATOR;
	for (int i = 0; i < p->ngroups; i++)
		if (p->groups[i] == s->operator_gid)
			return FROM_OPERATOR;
	return 0;
}

static int
identify(struct supervisor *s, struct peer *p, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -errno;
	p->pid = cred.pid;
	p->uid = cred.uid;
	p->gid = cred.gid;
	len = sizeof(p->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &len) == 0)
		p->ngroups = (int)(len / sizeof(gid_t));
	p->role = role_of(s, p);
	return p->role != 0 ? 0 : -EACCES;
}

static void
watch(struct peer *p)
{
	int events = EV_READ | (channel_wants_write(&p->channel) ?
	    EV_WRITE : 0);

	if (p->is_broken || (ev_is_active(&p->io) && p->io.events == events))
		return;
	ev_io_stop(p->s->loop, &p->io);
	ev_io_set(&p->io, p->channel.fd, events);
	ev_io_start(p->s->loop, &p->io);
}

void
control_wake(struct peer *p)
{
	watch(p);
}

static int
welcome(struct supervisor *s, int fd)
{
	struct peer *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL) {
		close(fd);
		return -ENOMEM;
	}
	p->s = s;
	LIST_INIT(&p->requests);
	if ((r = identify(s, p, fd)) < 0) {
		struct channel c;

		channel_init(&c, fd, FRAME_BYTES, FRAME_BYTES, false);
		channel_send(&c, FRAME_RESPONSE, 1, &(struct message){
		    .type = MSG_failed, .failed = { .code = r, .text =
		    "not permitted: this daemon answers root, its own user and "
		    "members of the group 'opendaemon'" } }, -1);
		channel_release(&c);
		free(p);
		return 0;
	}
	channel_init(&p->channel, fd, FRAME_BYTES_BIG, QUEUE_BYTES, false);
	ev_init(&p->io, on_peer);
	p->io.data = p;
	TAILQ_INSERT_TAIL(&s->peers, p, list);
	watch(p);
	return 0;
}

static void
break_off(struct peer *p)
{
	p->is_broken = true;
	ev_io_stop(p->s->loop, &p->io);
}

static bool
has_room(const struct supervisor *s)
{
	const struct peer *p;
	int n = 0;

	TAILQ_FOREACH(p, &s->peers, list)
		n += !p->is_broken;
	return n < PEERS_MAX;
}

/* Who has been here longest and waits for nothing makes room: a leak of
 * connections somewhere must not keep the operator out. */
static bool
make_room(struct supervisor *s)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, list)
		if (!p->is_broken && LIST_EMPTY(&p->requests)) {
			break_off(p);
			return true;
		}
	return false;
}

static void
on_connect(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct supervisor *s = w->data;
	int fd;

	(void)loop;
	(void)revents;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		if (!has_room(s)) {
			/* Only the first is known to be there. */
			if (i > 0)
				return;
			if (!make_room(s)) {
				pause_accepting(s);
				return;
			}
		}
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			/* Out of descriptors: the next may free some. */
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOMEM || errno == ENOBUFS)
				pause_accepting(s);
			return;
		}
		welcome(s, fd);
	}
}

/* ---- requests ---- */

static void
send_to(struct peer *p, uint32_t id, const struct message *m, int fd)
{
	if (p->is_broken)
		return;
	if (channel_send(&p->channel, FRAME_RESPONSE, id, m, fd) < 0) {
		break_off(p);
		return;
	}
	watch(p);
}

void
request_row(struct request *q, const struct message *m, int fd)
{
	if (q->peer != NULL)
		send_to(q->peer, q->id, m, fd);
}

void
request_holds(struct request *q)
{
	q->holds++;
}

static void
answer(struct request *q)
{
	if (q->error.code != 0) {
		request_row(q, &(struct message){ .type = MSG_failed,
		    .failed = { .code = q->error.code,
		    .text = q->error.text } }, -1);
		return;
	}
	if (q->warning[0] != '\0')
		request_row(q, &(struct message){ .type = MSG_warning,
		    .warning = { .text = q->warning } }, -1);
	request_row(q, &(struct message){ .type = MSG_done }, -1);
}

void
request_drops(struct request *q)
{
	if (--q->holds > 0)
		return;
	if (q->subscriber != NULL)
		return;			/* goes on until he hangs up */
	answer(q);
	if (q->peer != NULL)
		LIST_REMOVE(q, of_peer);
	free(q);
}

void
request_fail(struct request *q, int code, const char *fmt, ...)
{
	va_list ap;

	if (q->error.code != 0)
		return;
	q->error.code = code;
	va_start(ap, fmt);
	vsnprintf(q->error.text, sizeof(q->error.text), fmt, ap);
	va_end(ap);
}

void
request_warn(struct request *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->warning, sizeof(q->warning), fmt, ap);
	va_end(ap);
}

void
request_settled(struct request *q, struct unit *u, bool ok)
{
	struct message row;

	if (u->kind == UNIT_ACTOR)
		plugin_row(u->actor, &row);
	else
		unit_row(u, &row);
	request_row(q, &row, -1);
	if (!ok)
		request_fail(q, -ECHILD, "'%s' is not up: %s", u->name,
		    u->trouble != NULL ? unit_problem(u) :
		    state_name(unit_state(u)));
	request_drops(q);
}

void
control_forget_unit(struct unit *u)
{
	struct waiter *w;

	while ((w = LIST_FIRST(&u->waiters)) != NULL) {
		LIST_REMOVE(w, of_unit);
		if (w->kind != WAIT_STOPPED)
			request_fail(w->request, -ECANCELED,
			    "'%s' was deleted", u->name);
		request_drops(w->request);
		free(w);
	}
}

static void
greet(struct peer *p, uint32_t id, const struct message *m)
{
	if (m->hello.version < PROTOCOL_VERSION_MIN) {
		send_to(p, id, &(struct message){ .type = MSG_failed,
		    .failed = { .code = -EPROTO, .text = "this client is too "
		    "old for the daemon" } }, -1);
		return;
	}
	p->has_greeted = true;
	send_to(p, id, &(struct message){ .type = MSG_hello, .hello = {
	    .version = PROTOCOL_VERSION, .name = "supervisor" } }, -1);
}

static void
serve(struct peer *p, uint32_t id, const struct message *m)
{
	struct request *q = calloc(1, sizeof(*q));
	struct error e = { 0 };
	int r;

	if (q == NULL) {
		send_to(p, id, &(struct message){ .type = MSG_failed,
		    .failed = { .code = -ENOMEM, .text = "out of memory" } },
		    -1);
		return;
	}
	q->peer = p;
	q->id = id;
	q->holds = 1;
	LIST_INSERT_HEAD(&p->requests, q, of_peer);
	if ((r = route(q, m, &e)) < 0)
		request_fail(q, r, "%s", e.text);
	request_drops(q);
}

/* One frame; false if he broke the rules and is to be closed. */
static bool
take_frame(struct peer *p, const struct frame *f)
{
	struct error e = { 0 };
	struct message m;
	uint32_t id = 0;
	int r;

	if (f->type == FRAME_HEARTBEAT)
		return channel_send_frame(&p->channel, FRAME_HEARTBEAT, NULL,
		    0, -1) == 0;
	if (f->type != FRAME_REQUEST)
		return false;
	if ((r = message_unpack(&m, &id, NULL, f->payload, f->len, &e)) < 0) {
		send_to(p, id, &(struct message){ .type = MSG_failed,
		    .failed = { .code = r, .text = e.text } }, -1);
		/* Without an id, nobody knows what was refused. */
		return id != 0;
	}
	if (m.type == MSG_hello)
		greet(p, id, &m);
	else if (!p->has_greeted)
		send_to(p, id, &(struct message){ .type = MSG_failed,
		    .failed = { .code = -EPROTO, .text =
		    "say 'hello' first" } }, -1);
	else
		serve(p, id, &m);
	message_release(&m);
	return true;
}

static void
on_peer(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct peer *p = w->data;
	struct frame f;
	int fd, r = 0;
	long n;

	(void)loop;
	if ((revents & EV_WRITE) != 0 && channel_flush(&p->channel) < 0) {
		break_off(p);
		return;
	}
	if ((revents & EV_READ) != 0) {
		n = channel_read(&p->channel);
		if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR)) {
			break_off(p);
			return;
		}
		while (!p->is_broken &&
		    (r = channel_next(&p->channel, &f, &fd)) > 0)
			if (!take_frame(p, &f)) {
				r = -EPROTO;
				break;
			}
		if (r < 0) {
			channel_flush(&p->channel);
			break_off(p);
			return;
		}
	}
	watch(p);
}

/* Who wanted the events there were has got them: the request is over, though
 * he may ask for more. */
static void
end_subscriptions(struct supervisor *s)
{
	struct request *q, *next;
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, list)
		for (q = LIST_FIRST(&p->requests); q != NULL; q = next) {
			next = LIST_NEXT(q, of_peer);
			if (q->subscriber == NULL || !q->subscriber->is_done)
				continue;
			bus_unsubscribe(s, q->subscriber);
			LIST_REMOVE(q, of_peer);
			free(q);
		}
	s->has_done = false;
}

void
control_sweep(struct supervisor *s)
{
	struct peer *p, *next;
	struct request *q;

	if (s->has_done)
		end_subscriptions(s);
	for (p = TAILQ_FIRST(&s->peers); p != NULL; p = next) {
		next = TAILQ_NEXT(p, list);
		if (!p->is_broken)
			continue;
		while ((q = LIST_FIRST(&p->requests)) != NULL) {
			LIST_REMOVE(q, of_peer);
			q->peer = NULL;
			if (q->subscriber == NULL)
				continue;	/* its holders free it */
			bus_unsubscribe(s, q->subscriber);
			free(q);
		}
		/* The bus breaks one off without knowing of its watcher. */
		ev_io_stop(s->loop, &p->io);
		TAILQ_REMOVE(&s->peers, p, list);
		/* Whoever found it broken need not have stopped it. */
		ev_io_stop(s->loop, &p->io);
		channel_release(&p->channel);
		free(p);
	}
}
