/* The control socket: who has connected, and what he waits for. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_CONTROL_H
#define ROOT_CONTROL_H

#include <ev.h>

#include "protocol/channel.h"
#include "supervisor/root/supervisor.h"
#include "supervisor/root/unit.h"

#define PEERS_MAX	256
#define PEER_GROUPS	64

/* Who may ask what: the roles of route.c. */
enum role {
	FROM_OWNER	= 1 << 0,	/* root, or the daemon's own user */
	FROM_OPERATOR	= 1 << 1,	/* group opendaemon */
};

struct peer {
	struct supervisor *s;
	struct channel	 channel;
	struct ev_io	 io;
	bool		 has_greeted;
	bool		 is_broken;	/* freed when the turn ends */
	unsigned int	 role;
	pid_t		 pid;
	uid_t		 uid;
	gid_t		 gid;
	gid_t		 groups[PEER_GROUPS];
	int		 ngroups;
	LIST_HEAD(, request) requests;
	TAILQ_ENTRY(peer) list;
};

/*
 * A request that is being answered. It ends when nobody holds it any longer:
 * with failed if something was wrong, else with done.
 */
struct request {
	LIST_ENTRY(request) of_peer;
	struct peer	*peer;		/* NULL: he has hung up */
	uint32_t	 id;
	int		 holds;
	bool		 is_answered;
	struct error	 error;		/* what failed, code 0: nothing */
	char		 warning[256];
	struct subscriber *subscriber;
};

/* Make the socket in the run directory and listen. */
int	control_listen(struct supervisor *, struct error *);
/* Begin to accept on control_fd. */
void	control_start(struct supervisor *);

/* Send a row; fd is -1 or rides along. */
void	request_row(struct request *, const struct message *, int fd);
void	request_holds(struct request *);
void	request_drops(struct request *);
/* Something went wrong with it; the first sentence is kept. */
void	request_fail(struct request *, int code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	request_warn(struct request *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* A unit it waited for has got there, or not. Drops one hold. */
void	request_settled(struct request *, struct unit *, bool ok);

/* Bytes were queued for him by somebody else. */
void	control_wake(struct peer *);

/* Nobody waits for that unit any longer: it is going to be freed. */
void	control_forget_unit(struct unit *);

/* Free those who are gone; once a turn, when nobody uses them. */
void	control_sweep(struct supervisor *);

#endif
