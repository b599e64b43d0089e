/*
 * What a client of the daemon links against: a connection to its control
 * socket that asks, and waits for the answer's rows.
 */
/* SPDX-License-Identifier: MIT */
#ifndef OPENDAEMON_CLIENT_H
#define OPENDAEMON_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "protocol/message.h"

struct od_client;

/*
 * Connect to home's control socket and shake hands; home "" is the host's
 * daemon. NULL and *e on failure: -ENOENT/-ECONNREFUSED no daemon there,
 * -EACCES not permitted, -EPROTO not one we understand, -ETIMEDOUT. The
 * caller owns the client.
 */
struct od_client	*od_client_open(const char *home, struct error *e);
void	od_client_free(struct od_client *);

/*
 * A client of what a stream message brought: no handshake, and messages carry
 * no id that matters (ask od_client_next() for id 0). Takes fd over; NULL
 * when memory is short, and fd is closed.
 */
struct od_client	*od_client_attach(int fd);

/*
 * Connect again, as after -ECONNRESET, to the supervisor's successor: keep
 * trying for ms milliseconds. What was asked before is forgotten, and has to
 * be asked again. 0 or what od_client_open() would say.
 */
int	od_client_reopen(struct od_client *, int64_t ms, struct error *e);

/* The same for a first connection, to a daemon that is about to come up. */
struct od_client	*od_client_open_within(const char *home, int64_t ms,
			    struct error *e);

/* Milliseconds that one wait for an answer may last; -1 for ever (the
 * default is 10 s, longer for what may take longer is up to the caller). */
void	od_client_timeout(struct od_client *, int64_t ms);

/*
 * Send a request. Returns its id, or a negative errno.
 */
int64_t	od_client_ask(struct od_client *, const struct message *, struct error *);

/*
 * The next message of the answer to id, waiting for it: 1 and *row (to be
 * released by the caller; *fd is -1 or a descriptor that belongs to him), 0
 * when done came, or a negative errno: failed came (its code and text are in
 * *e), -ETIMEDOUT (it may be called again), or -ECONNRESET when the
 * supervisor was lost. Answers to other ids are kept until they are asked for.
 */
int	od_client_next(struct od_client *, int64_t id, struct message *row,
	    int *fd, struct error *);

/*
 * Wait until od_client_next() need not: 1 when a message is there, 0 after ms
 * milliseconds (-1: for ever), or a negative errno, as above.
 */
int	od_client_wait(struct od_client *, int64_t ms, struct error *e);

/* True once the connection is gone, to tell a failed from a lost one. */
bool	od_client_is_lost(const struct od_client *);

/* The socket, for a caller that has to poll(2) something else, too. */
int	od_client_fd(const struct od_client *);

#endif
