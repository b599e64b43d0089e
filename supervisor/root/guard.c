/* What the keeper is to hold, and the keeper's own life. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/connector.h"
#include "supervisor/root/hash.h"
#include "supervisor/root/retry.h"
#include "supervisor/root/run.h"
#include "supervisor/root/spawn.h"

#define SILENT_MS	(KEEPER_PING_MS + KEEPER_OWED_MS)
#define STORM		10	/* replacements a second ... */
#define STORM_MS	50	/* ... beyond which they are so far apart */

enum entry_state {
	ENTRY_TO_PUT,
	ENTRY_PUT,		/* not acknowledged */
	ENTRY_HELD,
	ENTRY_REFUSED,		/* for want of something: put again later */
	ENTRY_TO_DROP,
	ENTRY_DROPPED,		/* not acknowledged */
};

struct guard_entry {
	uint64_t	 key;
	struct guard_item item;
	void		*blob;		/* owned */
	enum entry_state state;
	uint32_t	 seq;		/* of the record in flight */
	bool		 is_queued;
	bool		 was_refused;	/* and that was said */
	TAILQ_ENTRY(guard_entry) queue;	/* to be sent, or in flight */
	UT_hash_handle	 hh;
};

TAILQ_HEAD(entry_queue, guard_entry);

struct guard {
	int		 sock;
	bool		 has_refused;	/* entries that are to be put again */
	pid_t		 keeper;
	int		 pidfd;		/* the keeper's, or -1 */
	bool		 is_ours;	/* our child: we reap it */
	bool		 is_ending;
	bool		 is_new;	/* it has not been told everything yet */
	uint32_t	 seq;
	int		 in_flight;
	bool		 owes_hello;
	bool		 owes_pong;	/* unanswered, it would kill us */
	struct keeper_message ping;
	struct guard_entry *entries;
	struct entry_queue to_send, sent;
	struct ev_io	 io, exit_io;
	struct ev_timer	 silence, again;
	int64_t		 storm_from_ms;
	int		 storm_count;
	int64_t		 owed_from_ms;	/* the last sign of life */
};

static void	on_readable(struct ev_loop *, struct ev_io *, int);
static void	on_keeper_exit(struct ev_loop *, struct ev_io *, int);
static void	on_silence(struct ev_loop *, struct ev_timer *, int);
static void	on_again(struct ev_loop *, struct ev_timer *, int);
static void	keeper_lost(struct supervisor *, const char *why);

static void
attach(struct supervisor *s, int sock, pid_t keeper, int pidfd)
{
	struct guard *g = s->guard;

	g->sock = sock;
	g->keeper = keeper;
	g->pidfd = pidfd;
	ev_io_set(&g->io, sock, EV_READ);
	if (pidfd != -1)
		ev_io_set(&g->exit_io, pidfd, EV_READ);
}

int
guard_init(struct supervisor *s, int sock, pid_t keeper, struct error *e)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return fail(e, -ENOMEM, "out of memory");
	s->guard = g;
	TAILQ_INIT(&g->to_send);
	TAILQ_INIT(&g->sent);
	ev_init(&g->io, on_readable);
	ev_init(&g->exit_io, on_keeper_exit);
	ev_init(&g->again, on_again);
	ev_timer_init(&g->silence, on_silence, 0.0, SILENT_MS / 1000.0);
	g->io.data = g->exit_io.data = g->again.data = g->silence.data = s;
	set_nonblocking(sock);
	attach(s, sock, keeper, sys_pidfd_open(keeper));
	if (g->pidfd < 0)
		g->pidfd = -1;
	return 0;
}

void
guard_watch(struct supervisor *s)
{
	struct guard *g = s->guard;

	ev_io_start(s->loop, &g->io);
	if (g->pidfd != -1)
		ev_io_start(s->loop, &g->exit_io);
	ev_timer_again(s->loop, &g->silence);
}

bool
guard_is_whole(const struct supervisor *s)
{
	return s->guard->sock != -1 && !s->guard->is_new;
}

pid_t
guard_keeper_pid(const struct supervisor *s)
{
	return s->guard->keeper;
}

/* ---- records on their way ---- */

static int
send_record(struct guard *g, const struct keeper_message *m, const int *fds,
    int nfds)
{
	ssize_t n;

	if (g->sock == -1)
		return -EPIPE;
	n = send_fds(g->sock, m, sizeof(*m), fds, nfds);
	return n < 0 ? (int)n : 0;
}

static int
send_entry(struct guard *g, struct guard_entry *x)
{
	struct keeper_message m = {
		.type = x->state == ENTRY_TO_PUT ? KEEPER_PUT : KEEPER_DEL,
		.seq = ++g->seq,
		.key = x->key,
		.pid = x->item.pid,
		.slot = x->item.slot,
		.len = (uint32_t)x->item.len,
	};

	if (m.type == KEEPER_DEL)
		return send_record(g, &m, NULL, 0);
	if (x->item.len > 0)
		memcpy(m.blob, x->blob, x->item.len);
	return send_record(g, &m, x->item.fds, x->item.nfds);
}

static bool
is_gone(int error)
{
	return error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN;
}

static int
send_hello(struct guard *g)
{
	struct keeper_message hello = { .type = KEEPER_HELLO,
	    .seq = ++g->seq, .pid = getpid(), .slot = -1,
	    .status = KEEPER_VERSION };
	int self = sys_pidfd_open(getpid());
	int r = send_record(g, &hello, &self, self >= 0 ? 1 : 0);

	if (self >= 0)
		close(self);
	if (r < 0)
		return r;
	g->owes_hello = false;
	g->in_flight++;			/* it is acknowledged, too */
	return 0;
}

static int
send_pong(struct guard *g)
{
	int r;

	g->ping.type = KEEPER_PONG;
	if ((r = send_record(g, &g->ping, NULL, 0)) == 0)
		g->owes_pong = false;
	return r;
}

/* Send as much as the window allows. */
void
guard_pump(struct supervisor *s)
{
	struct guard *g = s->guard;
	struct guard_entry *x;
	int r;

	if (g->owes_pong && (r = send_pong(g)) < 0 && !is_gone(r)) {
		retry_soon(s);
		return;
	}
	while (g->in_flight < KEEPER_WINDOW && (g->owes_hello ||
	    !TAILQ_EMPTY(&g->to_send))) {
		x = g->owes_hello ? NULL : TAILQ_FIRST(&g->to_send);
		r = x == NULL ? send_hello(g) : send_entry(g, x);
		if (r < 0) {
			/* A keeper that is gone is followed by another; else
			 * an ACK may bring us back, or not. */
			if (!is_gone(r))
				retry_soon(s);
			return;
		}
		if (x == NULL)
			continue;
		x->seq = g->seq;
		x->state = x->state == ENTRY_TO_PUT ? ENTRY_PUT :
		    ENTRY_DROPPED;
		TAILQ_REMOVE(&g->to_send, x, queue);
		TAILQ_INSERT_TAIL(&g->sent, x, queue);
		g->in_flight++;
	}
}

static void
unqueue(struct guard *g, struct guard_entry *x)
{
	if (!x->is_queued)
		return;
	if (x->state == ENTRY_PUT || x->state == ENTRY_DROPPED)
		TAILQ_REMOVE(&g->sent, x, queue);
	else
		TAILQ_REMOVE(&g->to_send, x, queue);
	x->is_queued = false;
}

/* What was in flight is answered all the same: its seq is no longer known. */
static void
enqueue(struct guard *g, struct guard_entry *x, enum entry_state state)
{
	unqueue(g, x);
	x->state = state;
	x->is_queued = true;
	TAILQ_INSERT_TAIL(&g->to_send, x, queue);
}

/* Whoever waits for it is told, once. */
static void
tell_holder(struct guard_entry *x, int result)
{
	void (*held)(void *, int) = x->item.held;

	x->item.held = NULL;
	if (held != NULL)
		held(x->item.arg, result);
}

static struct guard_entry *
entry_for(struct supervisor *s, const struct guard_item *item)
{
	struct guard *g = s->guard;
	struct guard_entry *x;

	void *blob = NULL;

	if (item->len > KEEPER_BLOB ||
	    (item->len > 0 && (blob = malloc(item->len)) == NULL))
		return NULL;
	HASH_FIND(hh, g->entries, &item->key, sizeof(item->key), x);
	if (x == NULL) {
		if ((x = calloc(1, sizeof(*x))) == NULL) {
			free(blob);
			return NULL;
		}
		x->key = item->key;
		x->state = ENTRY_HELD;
		HASH_ADD(hh, g->entries, key, sizeof(x->key), x);
	}
	tell_holder(x, -ECANCELED);
	if (blob != NULL)
		memcpy(blob, item->blob, item->len);
	free(x->blob);
	x->item = *item;
	x->item.blob = x->blob = blob;
	return x;
}

int
guard_put(struct supervisor *s, const struct guard_item *item)
{
	struct guard_entry *x = entry_for(s, item);

	if (x == NULL)
		return -ENOMEM;
	enqueue(s->guard, x, ENTRY_TO_PUT);
	guard_pump(s);
	return 0;
}

void
guard_note(struct supervisor *s, const struct guard_item *item)
{
	/* Unknown here, it would be neither dropped nor given to the next
	 * keeper. This is set-up: the next of us may find memory. */
	if (entry_for(s, item) == NULL)
		die("out of memory over what the keeper hands over");
}

void
guard_drop(struct supervisor *s, uint64_t key)
{
	struct guard *g = s->guard;
	struct guard_entry *x;

	HASH_FIND(hh, g->entries, &key, sizeof(key), x);
	if (x == NULL)
		return;
	tell_holder(x, -ECANCELED);
	x->item.nfds = 0;
	enqueue(g, x, ENTRY_TO_DROP);
	guard_pump(s);
}

/* Whoever waits for it undoes it; else it has to be held some time. */
static void
refused(struct supervisor *s, struct guard_entry *x, int error)
{
	if (!x->was_refused)
		log_warn("the keeper refuses an entry: %s", strerror(-error));
	x->was_refused = true;
	if (x->item.held != NULL || (error != -EMFILE && error != -ENFILE &&
	    error != -ENOMEM && error != -ENOSPC))
		return;
	x->state = ENTRY_REFUSED;
	s->guard->has_refused = true;
	retry_soon(s);
}

static void
acknowledged(struct supervisor *s, const struct keeper_message *m)
{
	struct guard *g = s->guard;
	struct guard_entry *x;

	if (g->in_flight > 0)
		g->in_flight--;
	TAILQ_FOREACH(x, &g->sent, queue)
		if (x->seq == m->seq)
			break;
	if (x == NULL)
		return;		/* it was replaced meanwhile */
	TAILQ_REMOVE(&g->sent, x, queue);
	x->is_queued = false;
	if (x->state == ENTRY_DROPPED) {
		HASH_DEL(g->entries, x);
		free(x->blob);
		free(x);
		return;
	}
	x->state = ENTRY_HELD;
	if (m->status < 0)
		refused(s, x, m->status);
	else
		x->was_refused = false;
	tell_holder(x, m->status);
}

void
guard_put_refused(struct supervisor *s)
{
	struct guard *g = s->guard;
	struct guard_entry *x, *tmp;

	if (!g->has_refused)
		return;
	g->has_refused = false;
	HASH_ITER(hh, g->entries, x, tmp)
		if (x->state == ENTRY_REFUSED)
			enqueue(g, x, ENTRY_TO_PUT);
	guard_pump(s);
}

static void
on_ping(struct supervisor *s, const struct keeper_message *m)
{
	s->guard->ping = *m;
	s->guard->owes_pong = true;
	guard_pump(s);
	/* The one clock of an idle daemon: actors are asked along with it. */
	actor_heartbeats(s);
}

static void
on_exit_told(struct supervisor *s, const struct keeper_message *m)
{
	struct keeper_message got = { .type = KEEPER_GOT, .key = m->key,
	    .pid = m->pid, .slot = -1 };
	uint64_t number = m->key & ~(15ULL << 60);
	struct run *r = NULL;

	if (IS_RUN_KEY(m->key))
		HASH_FIND(hh_number, s->runs_by_number, &number,
		    sizeof(number), r);
	if (r != NULL)
		run_check_exit(r);
	send_record(s->guard, &got, NULL, 0);
}

static void
receive(struct supervisor *s, const struct keeper_message *m)
{
	switch (m->type) {
	case KEEPER_ACK:
		acknowledged(s, m);
		guard_pump(s);
		if (TAILQ_EMPTY(&s->guard->to_send) &&
		    TAILQ_EMPTY(&s->guard->sent))
			s->guard->is_new = false;
		break;
	case KEEPER_EXIT:
		on_exit_told(s, m);
		break;
	case KEEPER_PING:
		on_ping(s, m);
		break;
	default:
		break;
	}
}

static void
on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct supervisor *s = w->data;
	struct guard *g = s->guard;
	struct keeper_message m;
	int nfds;
	ssize_t n;

	(void)revents;
	while (g->sock != -1) {
		n = recv_fds(g->sock, &m, sizeof(m), NULL, 0, &nfds);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n <= 0) {
			keeper_lost(s, n == 0 ? "it ended" : strerror((int)-n));
			return;
		}
		ev_timer_again(loop, &g->silence);
		if (n == (ssize_t)sizeof(m))
			receive(s, &m);
	}
}

/* ---- the keeper's life ---- */

static void
on_keeper_exit(struct ev_loop *loop, struct ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	keeper_lost(w->data, "it ended");
}

/* There was no descriptor for its pidfd, perhaps: as long as it is our parent,
 * its pid is nobody else's. */
static void
end_keeper(const struct guard *g)
{
	if (g->pidfd != -1)
		sys_pidfd_signal(g->pidfd, SIGKILL);
	else if (getppid() == g->keeper)
		kill(g->keeper, SIGKILL);
}

/* It has said nothing for a ping and an answer: hung. Its death brings the
 * next one. */
static void
on_silence(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;
	struct guard *g = s->guard;

	(void)revents;
	/* Were we the ones who were stopped, its pings lie in our socket. */
	if (recv(g->sock, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		ev_timer_again(loop, w);
		return;
	}
	log_warn("the keeper (pid %d) does not answer: killed", g->keeper);
	end_keeper(g);
}

static int
by_key(struct guard_entry *a, struct guard_entry *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}

/* Everything has to be said again, in the order of keys. */
static void
requeue_all(struct guard *g)
{
	struct guard_entry *x, *tmp;

	HASH_SORT(g->entries, by_key);
	HASH_ITER(hh, g->entries, x, tmp) {
		bool dropped = x->state == ENTRY_TO_DROP ||
		    x->state == ENTRY_DROPPED;

		unqueue(g, x);
		if (dropped) {
			HASH_DEL(g->entries, x);
			free(x->blob);
			free(x);
			continue;
		}
		enqueue(g, x, ENTRY_TO_PUT);
	}
	g->in_flight = 0;
}

static int
start_keeper(struct supervisor *s, int *pidfd, int *sock)
{
	char path[PATH_BYTES + 32];
	const char *argv[8];
	int fds[5], pair[2], r, n = 0;

	snprintf(path, sizeof(path), "%s/od-keeper", s->layout.libexec);
	argv[n++] = "od-keeper";
	argv[n++] = s->layout.home[0] != '\0' ? "--home" : "--system";
	if (s->layout.home[0] != '\0')
		argv[n++] = s->layout.home;
	argv[n++] = "--libexec";
	argv[n++] = s->layout.libexec;
	argv[n++] = "--adopt";
	argv[n] = NULL;
	if ((r = sys_socketpair(SOCK_SEQPACKET | SOCK_NONBLOCK, pair)) < 0)
		return r;
	fds[0] = s->null_fd;
	fds[1] = STDOUT_FILENO;
	fds[2] = STDERR_FILENO;
	fds[KEEPER_FD_PEER] = pair[1];
	fds[KEEPER_FD_LOCK] = KEEPER_FD_LOCK;
	r = spawn_process(&(struct spawn){ .exec_fd = -1, .path = path,
	    .argv = argv, .fds = fds, .nfds = 5 }, pidfd);
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	else
		*sock = pair[0];
	return r;
}

void
guard_hello(struct supervisor *s)
{
	s->guard->owes_hello = true;
	guard_pump(s);
}

static void
replace_keeper(struct supervisor *s)
{
	struct guard *g = s->guard;
	int pidfd = -1, sock = -1;
	pid_t pid = start_keeper(s, &pidfd, &sock);

	if (pid < 0) {
		log_warn("cannot start a keeper: %s; trying again",
		    strerror(-pid));
		ev_timer_set(&g->again, 0.1, 0.0);
		ev_timer_start(s->loop, &g->again);
		return;
	}
	attach(s, sock, pid, pidfd);
	g->is_ours = true;
	g->owes_pong = false;
	g->is_new = true;
	requeue_all(g);
	guard_watch(s);
	guard_hello(s);
	connector_prepare(s);
	log_info("the keeper was replaced: pid %d", pid);
	bus_emit(s, &(struct message){ .type = MSG_daemon_recovered,
	    .daemon_recovered = { .subject = "daemon", .what = "keeper",
	    .detail = "the keeper was lost and another has taken over" } });
}

static void
on_again(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	replace_keeper(w->data);
}

static void
keeper_lost(struct supervisor *s, const char *why)
{
	struct guard *g = s->guard;
	struct sys_exit end;
	int64_t now = clock_ms();

	ev_io_stop(s->loop, &g->io);
	ev_io_stop(s->loop, &g->exit_io);
	ev_timer_stop(s->loop, &g->silence);
	close_fd(&g->sock);
	/* Its socket may be closed while it lives: two keepers must not be. */
	end_keeper(g);
	if (g->pidfd != -1 && g->is_ours &&
	    sys_peek_pidfd(g->pidfd, &end) == 1)
		sys_reap(end.pid);
	close_fd(&g->pidfd);
	if (g->is_ending)
		return;
	log_warn("the keeper (pid %d) is lost: %s", g->keeper, why);
	if (now - g->storm_from_ms > 1000) {
		g->storm_from_ms = now;
		g->storm_count = 0;
	}
	if (++g->storm_count > STORM) {
		ev_timer_set(&g->again, STORM_MS / 1000.0, 0.0);
		ev_timer_start(s->loop, &g->again);
		return;
	}
	replace_keeper(s);
}

void
guard_stop(struct supervisor *s)
{
	struct keeper_message m = { .type = KEEPER_STOP, .seq = ++s->guard->seq,
	    .slot = -1 };

	s->guard->is_ending = true;
	send_record(s->guard, &m, NULL, 0);
}

/* ---- taking over ---- */

/*
 * Memory may be short for a moment. Without what the keeper has, we would
 * begin from the disk and look for what runs: that is worth a second.
 */
static bool
is_worth_another(int error, int *tries)
{
	if ((error != -EAGAIN && error != -ENOMEM && error != -ENOBUFS &&
	    error != -ETOOMANYREFS && error != -EINTR) || ++*tries > 100)
		return false;
	poll(NULL, 0, 10);
	return true;
}

static int
send_surely(struct guard *g, const struct keeper_message *m)
{
	int r, tries = 0;

	do
		r = send_record(g, m, NULL, 0);
	while (r < 0 && is_worth_another(r, &tries));
	return r;
}

/* One record within the time in which a keeper has to answer. */
static ssize_t
await_record(struct guard *g, struct keeper_message *m, int *fds, int *nfds)
{
	struct pollfd p = { .fd = g->sock, .events = POLLIN };
	int tries = 0;
	ssize_t n;

	for (;;) {
		n = recv_fds(g->sock, m, sizeof(*m), fds, KEEPER_FDS, nfds);
		if (n >= 0)
			return n;
		if (n == -EAGAIN || n == -EINTR) {
			if (poll(&p, 1, KEEPER_OWED_MS) == 0)
				return -ETIMEDOUT;
		} else if (!is_worth_another((int)n, &tries)) {
			return n;
		}
	}
}

int
guard_list(struct supervisor *s, void (*item)(struct supervisor *,
    const struct keeper_message *, int *fds, int nfds))
{
	struct guard *g = s->guard;
	struct keeper_message m = { .type = KEEPER_LIST, .seq = ++g->seq,
	    .slot = -1 };
	int fds[KEEPER_FDS], nfds, r;
	ssize_t n;

	if ((r = send_surely(g, &m)) < 0)
		return r;
	for (;;) {
		n = await_record(g, &m, fds, &nfds);
		if (n <= 0)
			return n == 0 ? -EPIPE : (int)n;
		if (n != (ssize_t)sizeof(m))
			continue;
		if (m.type == KEEPER_END)
			return 0;
		if (m.type == KEEPER_PING)
			on_ping(s, &m);
		if (m.type != KEEPER_ITEM)
			continue;
		item(s, &m, fds, nfds);
		m = (struct keeper_message){ .type = KEEPER_GOT,
		    .key = m.key, .slot = -1 };
		if ((r = send_surely(g, &m)) < 0)
			return r;
	}
}
