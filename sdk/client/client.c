/* A connection to the daemon's control socket: ask, and read the answer. */
/* SPDX-License-Identifier: MIT */
#include "opendaemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "protocol/channel.h"
#include "protocol/codec.h"

#define ANSWER_MS	10000
#define KEPT_MAX	4096	/* messages of other answers */

/* A message of an answer that nobody has asked for yet. */
struct kept {
	STAILQ_ENTRY(kept)	 entry;
	uint32_t		 id;
	struct message		 message;
	int			 fd;
};

struct od_client {
	struct channel		 channel;
	char			*home;		/* NULL: attached */
	uint32_t		 last_id;
	int64_t			 timeout_ms;
	bool			 lost;
	STAILQ_HEAD(, kept)	 kept;
	size_t			 kept_count;
};

static struct od_client *
client_new(const char *home)
{
	struct od_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->channel.fd = -1;
	c->timeout_ms = ANSWER_MS;
	c->lost = true;
	STAILQ_INIT(&c->kept);
	if (home != NULL && (c->home = strdup(home)) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

static void
forget(struct od_client *c)
{
	struct kept *k;

	while ((k = STAILQ_FIRST(&c->kept)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->kept, entry);
		message_release(&k->message);
		close_fd(&k->fd);
		free(k);
	}
	c->kept_count = 0;
}

static void
disconnect(struct od_client *c)
{
	forget(c);
	if (c->channel.fd != -1)
		channel_release(&c->channel);
	c->channel.fd = -1;
	c->lost = true;
}

void
od_client_free(struct od_client *c)
{
	if (c == NULL)
		return;
	disconnect(c);
	free(c->home);
	free(c);
}

void
od_client_timeout(struct od_client *c, int64_t ms)
{
	c->timeout_ms = ms;
}

bool
od_client_is_lost(const struct od_client *c)
{
	return c->lost;
}

int
od_client_fd(const struct od_client *c)
{
	return c->channel.fd;
}

static void
run_directory(const char *home, char *path)
{
	if (*home == '\0')
		snprintf(path, PATH_MAX, "/run/opendaemon");
	else
		snprintf(path, PATH_MAX, "%s/run", home);
}

static int64_t
left_ms(int64_t deadline)
{
	int64_t left = deadline - clock_ms();

	return deadline < 0 ? -1 : left < 0 ? 0 : left;
}

static int64_t
deadline_of(int64_t ms)
{
	return ms < 0 ? -1 : clock_ms() + ms;
}

/*
 * A home may be deeper than the 107 bytes of a socket's address, so the
 * socket is reached through a descriptor of its directory. connect(2) waits
 * while the backlog is full; SO_SNDTIMEO bounds that.
 */
static int
connect_control(const char *home, int64_t ms, struct error *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	char run[PATH_MAX];
	int dir = -1, s = -1, r = 0;

	run_directory(home, run);
	dir = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1) {
		r = fail(e, -errno, "cannot open '%s': %s", run,
		    strerror(errno));
		goto out;
	}
	snprintf(to.sun_path, sizeof(to.sun_path),
	    "/proc/self/fd/%d/control.sock", dir);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s == -1 || (ms > 0 && setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv,
	    sizeof(tv)) == -1)) {
		r = fail(e, -errno, "cannot make a socket: %s",
		    strerror(errno));
		goto out;
	}
	if (connect(s, (struct sockaddr *)&to, sizeof(to)) == -1) {
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		fail(e, r, "cannot connect to '%s/control.sock': %s", run,
		    strerror(-r));
	}
out:
	close_fd(&dir);
	if (r < 0) {
		close_fd(&s);
		return r;
	}
	return s;
}

/* Wait for the peer, at most until deadline: 0, -ETIMEDOUT or -errno. */
static int
wait_for_peer(struct od_client *c, int64_t deadline, struct error *e)
{
	struct pollfd p = { .fd = c->channel.fd, .events = POLLIN };
	int64_t left = left_ms(deadline);
	int n;

	if (channel_wants_write(&c->channel))
		p.events |= POLLOUT;
	n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	if (n == 0 && left <= INT_MAX)
		return fail(e, -ETIMEDOUT, "no answer in time");
	if (n == -1 && errno != EINTR)
		return fail(e, -errno, "cannot wait: %s", strerror(errno));
	return 0;
}

/* Bytes out and in; 0, or -ECONNRESET when the peer is gone. */
static int
move_bytes(struct od_client *c, struct error *e)
{
	long n;

	/* What the peer said before it went is still to be read, so a write
	 * that fails ends nothing: the read will. */
	if (channel_wants_write(&c->channel))
		channel_flush(&c->channel);
	n = channel_read(&c->channel);
	if (n > 0 || n == -EAGAIN || n == -EINTR)
		return 0;
	disconnect(c);
	return fail(e, -ECONNRESET, "the daemon closed the connection");
}

/*
 * The next message that is there, whatever it answers: 1, 0 if none has
 * arrived whole, or a negative errno.
 */
static int
receive(struct od_client *c, struct message *m, uint32_t *id, int *fd,
    struct error *e)
{
	struct frame f;
	int r;

	while ((r = channel_next(&c->channel, &f, fd)) > 0) {
		if (f.type == FRAME_HEARTBEAT)
			channel_send_frame(&c->channel, FRAME_HEARTBEAT, NULL,
			    0, -1);
		if (f.type == FRAME_RESPONSE || f.type == FRAME_NOTIFICATION) {
			r = message_unpack(m, id, NULL, f.payload, f.len, e);
			if (r == 0)
				return 1;
			if (r != -ENOTSUP)
				break;
			/* A newer daemon says more than we know. */
		}
		close_fd(fd);
	}
	if (r == 0)
		return 0;
	close_fd(fd);
	disconnect(c);
	return fail(e, -EPROTO, "the daemon said something that is no message"
	    " of ours");
}

static int
keep(struct od_client *c, uint32_t id, struct message *m, int fd,
    struct error *e)
{
	struct kept *k = NULL;

	if (c->kept_count < KEPT_MAX)
		k = malloc(sizeof(*k));
	if (k == NULL) {
		message_release(m);
		close_fd(&fd);
		return fail(e, -ENOBUFS, "too many answers wait to be read");
	}
	k->id = id;
	k->message = *m;
	k->fd = fd;
	STAILQ_INSERT_TAIL(&c->kept, k, entry);
	c->kept_count++;
	return 0;
}

static bool
take_kept(struct od_client *c, uint32_t id, struct message *m, int *fd)
{
	struct kept *k;

	STAILQ_FOREACH(k, &c->kept, entry) {
		if (k->id != id && id != 0)
			continue;
		*m = k->message;
		*fd = k->fd;
		STAILQ_REMOVE(&c->kept, k, kept, entry);
		c->kept_count--;
		free(k);
		return true;
	}
	return false;
}

/* done and failed end an answer; anything else is a row of it. */
static int
judge(struct message *m, int *fd, struct error *e)
{
	int code = -EPROTO;

	if (m->type != MSG_done && m->type != MSG_failed)
		return 1;
	if (m->type == MSG_failed) {
		if (m->failed.code < 0 && m->failed.code >= INT_MIN)
			code = (int)m->failed.code;
		fail(e, code, "%s", m->failed.text);
	} else {
		code = 0;
	}
	message_release(m);
	close_fd(fd);
	return code;
}

/* Keep at least one more message; 0, or a negative errno. */
static int
receive_more(struct od_client *c, int64_t deadline, struct error *e)
{
	struct message m;
	uint32_t id;
	int fd, r;

	if (c->lost)
		return fail(e, -ECONNRESET, "not connected");
	while ((r = receive(c, &m, &id, &fd, e)) == 0) {
		if ((r = wait_for_peer(c, deadline, e)) < 0 ||
		    (r = move_bytes(c, e)) < 0)
			return r;
	}
	return r < 0 ? r : keep(c, id, &m, fd, e);
}

int
od_client_wait(struct od_client *c, int64_t ms, struct error *e)
{
	int r = 0;

	if (STAILQ_EMPTY(&c->kept))
		r = receive_more(c, deadline_of(ms), e);
	return r == -ETIMEDOUT ? 0 : r < 0 ? r : 1;
}

int
od_client_next(struct od_client *c, int64_t id, struct message *row, int *fd,
    struct error *e)
{
	int64_t deadline = deadline_of(c->timeout_ms);
	int r;

	while (!take_kept(c, (uint32_t)id, row, fd))
		if ((r = receive_more(c, deadline, e)) < 0)
			return r;
	return judge(row, fd, e);
}

int64_t
od_client_ask(struct od_client *c, const struct message *m, struct error *e)
{
	uint32_t id;
	int r;

	if (c->lost)
		return fail(e, -ECONNRESET, "not connected");
	/* 0 is nobody's, and an id of long ago has been answered. */
	if ((id = ++c->last_id) == 0)
		id = ++c->last_id;
	r = channel_send(&c->channel, FRAME_REQUEST, id, m, -1);
	if (r == -EMSGSIZE) {
		struct buffer b = { 0 };

		/* Once more, for the words: which field it is. */
		if (message_pack(&b, m, id, e) == 0)
			fail(e, r, "the request is too long");
		buffer_release(&b);
		return r;
	}
	if (r == -EPIPE || r == -ECONNRESET) {
		/* An answer may have come before the peer went. */
		return id;
	}
	if (r < 0)
		return fail(e, r, "cannot ask the daemon: %s", strerror(-r));
	return id;
}

static int
shake_hands(struct od_client *c, struct error *e)
{
	struct message m = { .type = MSG_hello,
	    .hello = { .version = PROTOCOL_VERSION, .name = "od" } };
	int64_t id, version = 0;
	int fd, r;

	if ((id = od_client_ask(c, &m, e)) < 0)
		return (int)id;
	if ((r = od_client_next(c, id, &m, &fd, e)) < 0)
		return r;
	if (r > 0) {
		version = m.type == MSG_hello ? m.hello.version : 0;
		message_release(&m);
		close_fd(&fd);
	}
	if (version < PROTOCOL_VERSION_MIN)
		return fail(e, -EPROTO, "the daemon speaks another protocol "
		    "than this program: end it with the program it came with");
	return 0;
}

static int
open_once(struct od_client *c, int64_t ms, struct error *e)
{
	int64_t asked = c->timeout_ms;
	int s, r;

	disconnect(c);
	if ((s = connect_control(c->home, ms, e)) < 0)
		return s;
	channel_init(&c->channel, s, FRAME_BYTES_BIG, 2 * FRAME_BYTES_BIG,
	    true);
	c->lost = false;
	c->last_id = 0;
	c->timeout_ms = ms;
	if ((r = shake_hands(c, e)) < 0)
		disconnect(c);
	c->timeout_ms = asked;
	return r;
}

/* Errors that the next moment may cure: nobody there yet, or just gone. */
static bool
may_come(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET ||
	    r == -EPIPE;
}

/*
 * The directory's inotify tells when a socket appears; that somebody listens
 * on one that is there already has no event, hence the bound.
 */
static int
watch_run(const char *home)
{
	char run[PATH_MAX];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	run_directory(home, run);
	if (fd != -1)
		inotify_add_watch(fd, run, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
	return fd;
}

int
od_client_reopen(struct od_client *c, int64_t ms, struct error *e)
{
	int64_t deadline = deadline_of(ms), left, pause = 10;
	char events[4096];
	struct pollfd p = { .fd = -1, .events = POLLIN };
	int r;

	if (c->home == NULL)
		return fail(e, -EINVAL, "a stream cannot be opened again");
	p.fd = watch_run(c->home);
	for (;;) {
		left = left_ms(deadline);
		r = open_once(c, left, e);
		if (!may_come(r) || (left = left_ms(deadline)) == 0)
			break;
		poll(&p, 1, (int)(left < 0 || pause < left ? pause : left));
		if (p.revents & POLLIN)
			while (read(p.fd, events, sizeof(events)) > 0)
				;
		pause = pause < 250 ? pause * 2 : 500;
	}
	close_fd(&p.fd);
	return r;
}

struct od_client *
od_client_open(const char *home, struct error *e)
{
	struct od_client *c = client_new(home);

	if (c == NULL)
		fail(e, -ENOMEM, "out of memory");
	else if (open_once(c, ANSWER_MS, e) < 0) {
		od_client_free(c);
		c = NULL;
	}
	return c;
}

struct od_client *
od_client_open_within(const char *home, int64_t ms, struct error *e)
{
	struct od_client *c = client_new(home);

	if (c == NULL)
		fail(e, -ENOMEM, "out of memory");
	else if (od_client_reopen(c, ms, e) < 0) {
		od_client_free(c);
		c = NULL;
	}
	return c;
}

struct od_client *
od_client_attach(int fd)
{
	struct od_client *c = client_new(NULL);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	channel_init(&c->channel, fd, FRAME_BYTES_BIG, FRAME_BYTES, false);
	c->lost = false;
	return c;
}
