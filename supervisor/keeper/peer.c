/* What the supervisor asks, and what it is told. */
/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "say.h"
#include "supervisor/root/observed_cells.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A record and the descriptors that came with it. */
struct request {
	struct keeper_message	m;
	int			fds[KEEPER_FDS];
	int			nfds;
	int			error;	/* it is not what a record should be */
};

union control {
	struct cmsghdr	header;
	char		room[CMSG_SPACE(sizeof(int) * KEEPER_FDS)];
};

static void
close_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* 0, or a negative errno: then what to wait for is noted, and nothing sent. */
static int
send_record(struct peer *p, const struct keeper_message *m, const int *fds,
    size_t nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m,
	    .iov_len = sizeof(*m) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;

	if (p->is_deaf)
		return 0;
	if (nfds > 0) {
		memset(&c, 0, sizeof(c));
		c.header.cmsg_level = SOL_SOCKET;
		c.header.cmsg_type = SCM_RIGHTS;
		c.header.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&c.header), fds, sizeof(int) * nfds);
		h.msg_control = &c;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	}
	if (sendmsg(p->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
		return 0;
	switch (errno) {
	case EAGAIN:
		p->waits_for_room = true;
		return -EAGAIN;
	case EPIPE:
	case ECONNRESET:
		p->is_deaf = true;
		return 0;
	default:
		/* ETOOMANYREFS, ENOBUFS, ENOMEM: somebody else's load. */
		p->waits_for_retry = true;
		return -errno;
	}
}

static void
answer(struct peer *p, const struct keeper_message *m, int status)
{
	if (m->seq == 0 && status == -EINVAL)
		return;
	memset(&p->ack, 0, sizeof(p->ack));
	p->ack.type = KEEPER_ACK;
	p->ack.seq = m->seq;
	p->ack.key = m->key;
	p->ack.slot = -1;
	p->ack.status = status;
	p->has_ack = send_record(p, &p->ack, NULL, 0) < 0;
}

/* An entry is about to go, or to be replaced. */
static void
forget_flight(struct peer *p, struct entry *e)
{
	if (e->is_in_flight) {
		e->is_in_flight = false;
		p->in_flight--;
	}
}

static void
drop_entry(struct peer *p, struct entry *e)
{
	if (e->key == KEEPER_KEY_OBSERVED)
		cells_release(p->cells);
	forget_flight(p, e);
	close_fds(e->fds, e->nfds);
	table_remove(p->table, e);
}

static int
on_hello(struct peer *p, struct request *r)
{
	if (r->m.status != KEEPER_VERSION) {
		say("supervisor (pid %d) speaks version %d, not %d",
		    (int)r->m.pid, (int)r->m.status, KEEPER_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (r->nfds > 0 && syscall(SYS_pidfd_send_signal, r->fds[0], 0, NULL,
	    0) == -1 && errno == EBADF)
		return -EINVAL;
	p->has_said_hello = true;
	if (r->nfds > 0) {
		if (p->pidfd != -1)
			close(p->pidfd);
		p->pidfd = r->fds[0];
		close_fds(r->fds + 1, r->nfds - 1);
		r->nfds = 0;
	}
	return 0;
}

/* Record in the memory that was just mapped what happened without it. */
static void
write_ended(struct peer *p)
{
	struct table *t = p->table;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct entry *e = &t->entries[t->order[i]];

		if (e->has_ended)
			cells_write(p->cells, e->slot, e->pid, e->status);
	}
}

static int
on_put(struct peer *p, struct request *r)
{
	const struct keeper_message *m = &r->m;
	struct entry *e;
	int error;

	if (m->len > KEEPER_BLOB || m->pid < 0 || m->slot < -1 ||
	    m->slot >= OBSERVED_SLOTS)
		return -EINVAL;
	if (m->key == KEEPER_KEY_OBSERVED && r->nfds == 0)
		return -EINVAL;
	e = table_find(p->table, m->key);
	if (e == NULL && p->table->count == KEEPER_ENTRIES)
		return -ENOSPC;
	if (m->key == KEEPER_KEY_OBSERVED) {
		if ((error = cells_map(p->cells, r->fds[0])) < 0)
			return error;
		write_ended(p);
	}
	if (e == NULL)
		e = table_add(p->table, m->key);
	close_fds(e->fds, e->nfds);
	if (e->pid != m->pid) {
		table_unqueue_exit(p->table, e);
		e->has_ended = e->is_confirmed = false;
		e->status = 0;
		table_set_pid(p->table, e, m->pid);
	}
	e->slot = m->slot;
	e->len = m->len;
	memcpy(e->blob, m->blob, sizeof(e->blob));
	memcpy(e->fds, r->fds, sizeof(e->fds));
	e->nfds = (uint8_t)r->nfds;
	r->nfds = 0;
	if (m->key == KEEPER_KEY_LOG && e->nfds == 2)
		dup2(e->fds[1], STDERR_FILENO);
	return 0;
}

static int
on_del(struct peer *p, struct request *r)
{
	struct entry *e = table_find(p->table, r->m.key);

	if (e != NULL)
		drop_entry(p, e);
	return 0;
}

static int
on_list(struct peer *p, struct request *r)
{
	if (p->is_listing || p->in_flight > 0)
		return -EBUSY;
	p->is_listing = true;
	p->is_list_at_end = false;
	p->list_from = 0;
	p->list_seq = r->m.seq;
	p->list_sent = 0;
	return 0;
}

/* EXIT is not sent while the ITEM of that key is in flight: GOT is clear. */
static void
on_got(struct peer *p, const struct keeper_message *m)
{
	struct entry *e = table_find(p->table, m->key);

	if (e == NULL)
		return;
	if (e->is_in_flight) {
		forget_flight(p, e);
	} else if (e->has_ended && !e->is_queued) {
		e->has_ended = false;
		e->is_confirmed = true;
	}
}

static int
on_stop(struct peer *p, struct request *r)
{
	struct entry *e;

	while ((e = table_from(p->table, 0)) != NULL)
		drop_entry(p, e);
	p->is_stopping = true;
	p->stop_status = r->m.status;
	return 0;
}

static const struct {
	enum keeper_type type;
	int		(*serve)(struct peer *, struct request *);
} requests[] = {
	{ KEEPER_HELLO, on_hello },
	{ KEEPER_PUT,	on_put },
	{ KEEPER_DEL,	on_del },
	{ KEEPER_LIST,	on_list },
	{ KEEPER_STOP,	on_stop },
};

static void
serve(struct peer *p, struct request *r)
{
	int status = -EINVAL;

	switch (r->error == 0 ? r->m.type : 0) {
	case KEEPER_GOT:
		on_got(p, &r->m);
		return;
	case KEEPER_PING:
		p->owes_pong = true;
		p->pong_seq = r->m.seq;
		return;
	case KEEPER_PONG:
		if (r->m.seq == p->ping_seq)
			p->is_asked = p->owes_ping = false;
		return;
	}
	for (size_t i = 0; r->error == 0 &&
	    i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].type == r->m.type)
			status = requests[i].serve(p, r);
	answer(p, &r->m, r->error != 0 ? r->error : status);
}

/* Take the descriptors out of a received message; a negative errno if some
 * are missing. */
static int
take_fds(struct peer *p, struct msghdr *h, struct request *r)
{
	struct cmsghdr *c;
	int n;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(r->fds, CMSG_DATA(c), sizeof(int) * (size_t)n);
		r->nfds = n;
	}
	if (h->msg_flags & MSG_CTRUNC)
		return r->nfds == KEEPER_FDS ? -EINVAL : -EMFILE;
	for (int i = 0; i < r->nfds; i++)
		if (r->fds[i] >= p->fd_limit)
			return -EMFILE;
	return 0;
}

/* 1: a record, 0: it has closed, -EAGAIN: nothing there. */
static int
receive(struct peer *p, struct request *r)
{
	struct iovec iov = { .iov_base = &r->m, .iov_len = sizeof(r->m) };
	union control c;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &c, .msg_controllen = sizeof(c) };
	struct pollfd hup = { .fd = p->fd };
	int queued = 0;
	ssize_t n;

	memset(&r->m, 0, sizeof(r->m));
	r->nfds = 0;
	do {
		/* A peer that died with our words unread leaves ECONNRESET in
		 * front of its own last ones. */
		n = recvmsg(p->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1)
		return errno == EAGAIN ? -EAGAIN : 0;
	r->error = take_fds(p, &h, r);
	if (n != (ssize_t)sizeof(r->m) || (h.msg_flags & MSG_TRUNC)) {
		r->error = -EINVAL;
		if (n < (ssize_t)offsetof(struct keeper_message, key))
			r->m.seq = 0;
	}
	/* An empty datagram looks like the end, but the end also hangs up. */
	if (n == 0 && poll(&hup, 1, 0) == 1 && (hup.revents & POLLHUP) &&
	    ioctl(p->fd, FIONREAD, &queued) == 0 && queued == 0)
		return 0;
	return 1;
}

bool
peer_serve(struct peer *p)
{
	struct request r;
	int got = -EAGAIN;

	while (!p->has_ack && (got = receive(p, &r)) == 1) {
		serve(p, &r);
		close_fds(r.fds, r.nfds);
	}
	return got != 0;
}

/* Send a record without a body. */
static bool
send_short(struct peer *p, enum keeper_type type, uint32_t seq, int status)
{
	struct keeper_message m = { .type = type, .seq = seq, .slot = -1,
	    .status = status };

	return send_record(p, &m, NULL, 0) == 0;
}

static bool
send_entry(struct peer *p, enum keeper_type type, const struct entry *e)
{
	struct keeper_message m = { .type = type, .seq = p->list_seq,
	    .key = e->key, .pid = e->pid, .slot = e->slot };

	if (type == KEEPER_EXIT) {
		m.seq = 0;
		m.status = e->status;
		return send_record(p, &m, NULL, 0) == 0;
	}
	m.len = e->len;
	memcpy(m.blob, e->blob, sizeof(m.blob));
	return send_record(p, &m, e->fds, e->nfds) == 0;
}

/* The next ITEMs of a list, then its END and all ends known so far. */
static void
flush_list(struct peer *p)
{
	struct entry *e;

	while (p->is_listing && p->in_flight < KEEPER_WINDOW) {
		e = p->is_list_at_end ? NULL :
		    table_from(p->table, p->list_from);
		if (e == NULL) {
			if (!send_short(p, KEEPER_END, p->list_seq,
			    (int)p->list_sent))
				return;
			p->is_listing = false;
			p->was_listed = true;
			return;
		}
		if (!send_entry(p, KEEPER_ITEM, e))
			return;
		e->is_in_flight = true;
		p->in_flight++;
		p->list_sent++;
		p->list_from = e->key + 1;
		p->is_list_at_end = e->key == UINT64_MAX;
	}
}

static void
flush_exits(struct peer *p)
{
	struct entry *e;

	while (p->was_listed && !p->is_listing &&
	    (e = table_first_exit(p->table)) != NULL) {
		if (e->is_in_flight || !send_entry(p, KEEPER_EXIT, e))
			return;
		table_unqueue_exit(p->table, e);
	}
}

void
peer_flush(struct peer *p)
{
	p->waits_for_room = p->waits_for_retry = false;
	if (p->fd == -1)
		return;
	if (p->has_ack && send_record(p, &p->ack, NULL, 0) < 0)
		return;
	p->has_ack = false;
	if (p->owes_pong && !send_short(p, KEEPER_PONG, p->pong_seq, 0))
		return;
	p->owes_pong = false;
	if (p->owes_ping && !send_short(p, KEEPER_PING, p->ping_seq, 0))
		return;
	p->owes_ping = false;
	flush_list(p);
	if (!p->waits_for_room && !p->waits_for_retry)
		flush_exits(p);
}

/* It owes from the time at which we want to ask: one that does not read, so
 * that the question cannot even be sent, is as hung as one that is silent. */
bool
peer_is_hung(struct peer *p, int64_t now)
{
	if (p->fd == -1)
		return false;
	if (p->is_asked)
		return now - p->asked_at >= KEEPER_OWED_MS;
	if (now >= p->next_ping_at) {
		p->is_asked = p->owes_ping = true;
		p->ping_seq++;
		p->asked_at = now;
		p->next_ping_at = now + KEEPER_PING_MS;
	}
	return false;
}

void
peer_grant(struct peer *p, int64_t now)
{
	p->asked_at = now;
	p->next_ping_at = now + KEEPER_PING_MS;
}

void
peer_tell_exit(struct peer *p, struct entry *e)
{
	table_queue_exit(p->table, e);
}

void
peer_open(struct peer *p, int fd, bool knows_all, int64_t now)
{
	struct table *t = p->table;
	struct cells *c = p->cells;
	int limit = p->fd_limit;

	memset(p, 0, sizeof(*p));
	p->table = t;
	p->cells = c;
	p->fd_limit = limit;
	p->fd = fd;
	p->pidfd = -1;
	p->was_listed = knows_all;
	p->next_ping_at = now + KEEPER_PING_MS;
	/* What the one before was sent and did not confirm, this one gets. */
	for (uint32_t i = 0; i < t->count; i++) {
		struct entry *e = &t->entries[t->order[i]];

		e->is_in_flight = false;
		if (e->has_ended)
			table_queue_exit(t, e);
	}
}

void
peer_close(struct peer *p)
{
	if (p->fd != -1)
		close(p->fd);
	if (p->pidfd != -1)
		close(p->pidfd);
	p->fd = p->pidfd = -1;
	p->has_ack = false;
}
