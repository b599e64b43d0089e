/*
 * What an actor links against: a process that the supervisor starts, that
 * speaks frames on descriptor 3 and does one job.
 *
 * Descriptors of an actor: 0 /dev/null, 1 and 2 its log, 3 the channel, 4 the
 * directory it was promised (if its reach has one), and no others.
 */
/* SPDX-License-Identifier: MIT */
#ifndef OPENDAEMON_ACTOR_H
#define OPENDAEMON_ACTOR_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/message.h"

#define OD_FD_CHANNEL	3
#define OD_FD_DIRECTORY	4

/* What it may touch, enforced by seccomp and Landlock before the loop. */
enum od_reach {
	OD_REACH_NONE,			/* its channel and what comes over it */
	OD_REACH_READ_DIRECTORY,	/* read beneath descriptor 4 */
	OD_REACH_WRITE_DIRECTORY,	/* anything beneath descriptor 4 */
};

struct od_actor;

struct od_handler {
	enum message_type type;		/* MSG_none ends the table */
	/* 0, or a negative errno: the supervisor is told by failed (of a
	 * request), and it is logged; the actor goes on. */
	int	(*on)(struct od_actor *, const struct message *);
};

struct od_actor {
	const char		*name;
	enum od_reach		 reach;
	const struct od_handler	*handlers;	/* of requests and notifications,
						 * events too */
	void			*state;		/* yours */

	/* All may be NULL. Non-zero from open or begin ends the process. */
	int	(*open)(struct od_actor *);	/* before the jail closes */
	int	(*begin)(struct od_actor *);	/* welcomed; the loop is next */
	void	(*orphaned)(struct od_actor *);	/* the supervisor is gone; NULL:
						 * exit. The channel is closed */
	void	(*drained)(struct od_actor *);	/* what waited to be sent is sent */
	/* True: events are acknowledged by od_seen(), else as soon as their
	 * handler has returned. */
	bool			 acknowledges;

	/* Filled in by od_actor_main(). */
	struct ev_loop		*loop;
	struct od_private	*private;
};

/*
 * Handshake, open, jail, begin, loop: the life of an actor. Returns its exit
 * status.
 */
int	od_actor_main(struct od_actor *);

/* Send a notification; fd is -1 or rides along (the caller keeps it). */
int	od_send(struct od_actor *, const struct message *, int fd);

/* Answer the request with that id: a row, done, failed. */
int	od_reply(struct od_actor *, uint32_t id, const struct message *, int fd);

/*
 * Both return 0, -ENOBUFS (4 MiB wait to be sent already), -EPIPE (the
 * supervisor is gone) or what else channel_send() does. Who sends a lot looks
 * at od_queued(), the bytes that wait, and goes on when drained is called.
 */
size_t	od_queued(const struct od_actor *);

/* Inside a handler: the id of the request (0: a notification), and the
 * descriptor that came with it, which then belongs to the caller, or -1. */
uint32_t	od_request_id(const struct od_actor *);
int		od_take_fd(struct od_actor *);

/* All events up to seq are done with. */
void	od_seen(struct od_actor *, int64_t seq);

/* Leave the loop; od_actor_main() returns status. */
void	od_stop(struct od_actor *, int status);

/* One line into the actor's own log. */
void	od_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
