/*
 * The socket to the supervisor: its requests, and what it is told. Nothing
 * here waits. What does not fit into the socket stays where it is: an answer
 * in ack (and no further request is read until it is sent), an entry by its
 * flags.
 */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_PEER_H
#define KEEPER_PEER_H

#include "cells.h"
#include "table.h"

struct peer {
	struct table	*table;
	struct cells	*cells;
	int		 fd;		/* -1: none */
	int		 fd_limit;	/* descriptors from here on are ours */
	bool		 is_deaf;	/* it has closed: nothing can be sent */
	bool		 has_said_hello;
	int		 pidfd;		/* came with HELLO; its taker sets -1 */
	bool		 is_stopping;	/* STOP came: with that status */
	int		 stop_status;

	bool		 has_ack;	/* an answer waits for room */
	struct keeper_message ack;
	bool		 owes_pong;
	uint32_t	 pong_seq;
	bool		 owes_ping;	/* ours is not sent yet */
	uint32_t	 ping_seq;
	bool		 is_asked;	/* it owes us the answer since asked_at */
	int64_t		 asked_at, next_ping_at;

	bool		 is_listing;	/* ITEMs are being sent, from list_from */
	bool		 was_listed;	/* only then EXITs are of use to it */
	bool		 is_list_at_end;
	uint64_t	 list_from;
	uint32_t	 list_seq, list_sent;
	unsigned int	 in_flight;

	bool		 waits_for_room;	/* poll it for POLLOUT */
	bool		 waits_for_retry;	/* no event will tell: try later */
};

/* Begin with the socket of a new supervisor, which knows nothing yet, or (at
 * --adopt) of one that knows all. */
void	peer_open(struct peer *, int fd, bool knows_all, int64_t now);
void	peer_close(struct peer *);

/* Serve what it asks, as far as it can be answered; false: it has closed. */
bool	peer_serve(struct peer *);

/* Send what there is to send, as far as there is room. */
void	peer_flush(struct peer *);

/* Ask it for a sign of life when that is due; true: it is hung. */
bool	peer_is_hung(struct peer *, int64_t now);

/* Our own clock stood still: what it owes, it owes from now on. */
void	peer_grant(struct peer *, int64_t now);

/* The process of an entry has ended. */
void	peer_tell_exit(struct peer *, struct entry *);

#endif
