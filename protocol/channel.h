/*
 * One end of a connection that carries frames: bytes in, bytes out, and
 * descriptors. It owns its socket and knows no event loop: the owner watches
 * channel_fd() for reading, and for writing while channel_wants_write().
 *
 * A descriptor rides on the first byte of its frame, one a frame. Both queues
 * are bounded: a peer that does not read is cut off (-ENOBUFS), it is not
 * waited for.
 */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_CHANNEL_H
#define PROTOCOL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "protocol/frame.h"
#include "protocol/message.h"

#define CHANNEL_FDS	64	/* descriptors that wait for their frame */

struct channel {
	int		 fd;
	size_t		 frame_limit;	/* of payloads that arrive */
	size_t		 queue_limit;	/* bytes that wait to be written */
	bool		 takes_fds;	/* else none is let in */
	struct buffer	 in, out;
	uint64_t	 read_at, written_at;	/* bytes so far */
	/* descriptors, with the stream position of the byte they ride on */
	struct channel_fd {
		int	 fd;
		uint64_t at;
	} in_fds[CHANNEL_FDS], out_fds[CHANNEL_FDS];
	int		 in_count, out_count;
};

/* Takes fd over and makes it non-blocking. */
void	channel_init(struct channel *, int fd, size_t frame_limit,
	    size_t queue_limit, bool takes_fds);

/* Closes the socket and every descriptor that still waits. */
void	channel_release(struct channel *);

/*
 * Queue a message, and try to write at once. fd is -1, or a descriptor that
 * rides along: it is duplicated, the caller keeps his own. 0, -ENOBUFS (the
 * queue is full), -EPIPE/-ECONNRESET (the peer is gone), -EMSGSIZE, -ENOMEM,
 * -EILSEQ (a field that is not UTF-8), -EMFILE; a message that was refused
 * leaves no trace.
 */
int	channel_send(struct channel *, enum frame_type, uint32_t id,
	    const struct message *, int fd);

/* The same for a frame without a message (heartbeat, data). */
int	channel_send_frame(struct channel *, enum frame_type, const void *,
	    size_t, int fd);

/* Write what waits; 0 (also if some still waits), or a negative errno. */
int	channel_flush(struct channel *);

bool	channel_wants_write(const struct channel *);

/*
 * Read what is there, once, up to 64 KiB: the count, 0 at the end, -EAGAIN,
 * or a negative errno. Call channel_next() until it says 0, then read again
 * (-ENOBUFS: it was not called). A descriptor for which this process has no
 * room is lost: its frame comes without.
 */
long	channel_read(struct channel *);

/*
 * The next whole frame: 1 (payload valid until the next call on the channel;
 * *fd is -1, or a descriptor that now belongs to the caller), 0 if there is
 * none, or a negative errno: the peer broke the protocol and must be closed.
 */
int	channel_next(struct channel *, struct frame *, int *fd);

#endif
