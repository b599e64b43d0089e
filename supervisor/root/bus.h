/*
 * Events: laid into the ring in shared memory, then sent to those who listen.
 * The ring is everybody's queue; who falls behind it gets a gap.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_BUS_H
#define ROOT_BUS_H

#include "supervisor/root/supervisor.h"

struct channel;
struct unit;

struct subscriber {
	struct channel	*channel;
	uint32_t	 id;		/* of the request; 0: notifications */
	int64_t		 next_seq;	/* the first that it has not got */
	bool		 keep_only;	/* only what goes to disk */
	bool		 is_finite;	/* done once it has all there is */
	bool		 is_done;
	size_t		 npatterns;	/* 0: all */
	char		**patterns;	/* owned, NULL behind the last */
	void		(*wake)(struct subscriber *);	/* bytes were queued */
	void		(*broken)(struct subscriber *);	/* cannot be sent to */
	void		*owner;
	TAILQ_ENTRY(subscriber) list;
};

/* Give the event its number and time, and lay it into the ring. It is sent
 * at the end of the loop's turn, when it is committed. */
void	bus_emit(struct supervisor *, struct message *);

/* plugin:online of that actor. */
void	bus_plugin_online(struct unit *);

/* Commit what is pending and send everybody what he has not got. */
void	bus_deliver(struct supervisor *);

/* A subscriber that begins behind since (-1: with what comes). The patterns
 * are copied; the caller fills in channel, wake, broken, owner. NULL when
 * memory is short. */
struct subscriber	*bus_subscribe(struct supervisor *, field_list patterns,
	    int64_t since);
void	bus_unsubscribe(struct supervisor *, struct subscriber *);

/* True if the name matches: "process:online", "process:*", "*". */
bool	bus_matches(const char *pattern, const char *name);

#endif
