/* One end of a connection that carries frames and descriptors. */
/* SPDX-License-Identifier: MIT */
#include "protocol/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "protocol/codec.h"

#define READ_BYTES	(64 * 1024)
#define KEEP_BYTES	(128 * 1024)	/* of an empty queue */

void
channel_init(struct channel *c, int fd, size_t frame_limit,
    size_t queue_limit, bool takes_fds)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->frame_limit = frame_limit;
	c->queue_limit = queue_limit;
	c->takes_fds = takes_fds;
	set_nonblocking(fd);
	if (!takes_fds)
		refuse_fds(fd);
}

void
channel_release(struct channel *c)
{
	for (int i = 0; i < c->in_count; i++)
		close_fd(&c->in_fds[i].fd);
	for (int i = 0; i < c->out_count; i++)
		close_fd(&c->out_fds[i].fd);
	c->in_count = c->out_count = 0;
	buffer_release(&c->in);
	buffer_release(&c->out);
	close_fd(&c->fd);
}

/* Do not keep what one big frame once needed. */
static void
shrink(struct buffer *b)
{
	if (b->len == 0 && b->room > KEEP_BYTES)
		buffer_release(b);
}

static void
forget_first(struct channel_fd *fds, int *count)
{
	--*count;
	memmove(fds, fds + 1, (size_t)*count * sizeof(fds[0]));
}

/* Give what waits a chance before something is refused for want of room. */
static int
make_room(struct channel *c)
{
	if (c->out.len > c->queue_limit / 2 || c->out_count == CHANNEL_FDS)
		return channel_flush(c);
	return 0;
}

/* Let fd ride on the frame that begins after the first before bytes. */
static int
attach_fd(struct channel *c, size_t before, int fd)
{
	struct channel_fd *slot = &c->out_fds[c->out_count];

	if (fd == -1)
		return 0;
	if (c->out_count == CHANNEL_FDS)
		return -ENOBUFS;
	slot->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (slot->fd == -1)
		return -errno;
	slot->at = c->written_at + before;
	c->out_count++;
	return 0;
}

/*
 * Take over the frame that lies behind the first before bytes of the queue,
 * or drop it again.
 */
static int
commit(struct channel *c, size_t before, int fd)
{
	int r;

	if (c->out.len > c->queue_limit)
		r = -ENOBUFS;
	else
		r = attach_fd(c, before, fd);
	if (r < 0) {
		c->out.len = before;
		return r;
	}
	/* Behind others it would not get through now: the owner waits for
	 * room already. */
	return before == 0 ? channel_flush(c) : 0;
}

int
channel_send(struct channel *c, enum frame_type type, uint32_t id,
    const struct message *m, int fd)
{
	static const uint8_t blank[FRAME_HEADER];
	size_t before, size;
	int r;

	if ((r = make_room(c)) < 0)
		return r;
	before = c->out.len;
	if ((r = buffer_add(&c->out, blank, sizeof(blank))) < 0)
		return r;
	r = message_pack(&c->out, m, id, NULL);
	size = c->out.len - before - FRAME_HEADER;
	if (r == 0 && size > FRAME_BYTES_BIG)
		r = -EMSGSIZE;
	if (r < 0) {
		c->out.len = before;
		return r;
	}
	frame_header(c->out.data + c->out.head + before, type, size);
	return commit(c, before, fd);
}

int
channel_send_frame(struct channel *c, enum frame_type type,
    const void *payload, size_t len, int fd)
{
	size_t before;
	int r;

	if (len > FRAME_BYTES_BIG)
		return -EMSGSIZE;
	if ((r = make_room(c)) < 0)
		return r;
	before = c->out.len;
	if ((r = frame_put(&c->out, type, payload, len)) < 0)
		return r;
	return commit(c, before, fd);
}

/*
 * How much one sendmsg may carry. With a descriptor that is its frame, from
 * the first byte and not beyond the last: the kernel never lets one recvmsg
 * go past bytes that carry descriptors, but it does let it begin before them.
 * So the receiver knows the frame by the last byte that came with it.
 */
static size_t
span(const struct channel *c, int *nfds)
{
	const uint8_t *front = buffer_bytes(&c->out);
	struct frame f;

	*nfds = 0;
	if (c->out_count == 0)
		return c->out.len;
	if (c->out_fds[0].at > c->written_at)
		return (size_t)(c->out_fds[0].at - c->written_at);
	*nfds = 1;
	return (size_t)frame_next(&f, front, c->out.len, UINT32_MAX);
}

int
channel_flush(struct channel *c)
{
	ssize_t n;
	int nfds;

	while (c->out.len > 0) {
		size_t len = span(c, &nfds);

		n = send_fds(c->fd, buffer_bytes(&c->out), len,
		    &c->out_fds[0].fd, nfds);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		/* It went along with the first byte, however few they were. */
		if (nfds > 0) {
			close_fd(&c->out_fds[0].fd);
			forget_first(c->out_fds, &c->out_count);
		}
		c->written_at += (uint64_t)n;
		buffer_drop(&c->out, (size_t)n);
	}
	shrink(&c->out);
	return 0;
}

bool
channel_wants_write(const struct channel *c)
{
	return c->out.len > 0;
}

long
channel_read(struct channel *c)
{
	int fds[2], nfds;
	ssize_t n;

	/* The owner has not taken the frames that are here. */
	if (c->in.len >= c->frame_limit + FRAME_HEADER)
		return -ENOBUFS;
	if (c->in_count == CHANNEL_FDS)
		return -EPROTO;
	if (buffer_reserve(&c->in, READ_BYTES) < 0)
		return -ENOMEM;
	/* Without room for descriptors the kernel drops them by itself. */
	n = recv_fds(c->fd, c->in.data + c->in.head + c->in.len, READ_BYTES,
	    fds, c->takes_fds ? 2 : 0, &nfds);
	if (n <= 0 || nfds > 1) {
		while (nfds > 0)
			close(fds[--nfds]);
		return n <= 0 ? n : -EPROTO;
	}
	c->read_at += (uint64_t)n;
	c->in.len += (size_t)n;
	if (nfds == 1)
		c->in_fds[c->in_count++] = (struct channel_fd){
		    .fd = fds[0], .at = c->read_at - 1 };
	return n;
}

int
channel_next(struct channel *c, struct frame *f, int *fd)
{
	uint64_t end = c->read_at - c->in.len;
	long n;

	*fd = -1;
	n = frame_next(f, buffer_bytes(&c->in), c->in.len, c->frame_limit);
	if (n <= 0) {
		shrink(&c->in);
		return (int)n;
	}
	end += (uint64_t)n;
	while (c->in_count > 0 && c->in_fds[0].at < end) {
		if (*fd != -1) {
			close_fd(fd);
			return -EPROTO;		/* one a frame */
		}
		*fd = c->in_fds[0].fd;
		forget_first(c->in_fds, &c->in_count);
	}
	buffer_drop(&c->in, (size_t)n);
	return 1;
}
