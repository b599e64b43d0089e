/*
 * Log files under paths that users give: who opens them, and which od-capture
 * writes them. Those on the log directory's file system are written by
 * od-capture itself; each other file system has an od-capture of its own, so
 * that one that hangs stops the logs on it and no others.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_OUTSIDE_H
#define ROOT_OUTSIDE_H

#include "supervisor/root/actor.h"
#include "supervisor/root/opener.h"
#include "supervisor/root/streams.h"

struct outside {
	struct supervisor *s;
	struct log_stream *stream;
	struct identity	 who;
	bool		 has_host;	/* stream->host writes it */
	bool		 is_open;	/* and has a file */
	bool		 is_wanted;	/* a file is to be fetched */
	bool		 is_fetching;	/* the host has the socket */
	struct opener	*opener;	/* od-open at work, or NULL */
	bool		 is_stale;	/* what it opens is not wanted any more */
	int		 sock;		/* for the host, or -1 */
	uint64_t	 device, inode;	/* of what is to be rotated */
	struct ev_timer	 retry;
	double		 pause;		/* before the next */
};

struct outside	*outside_new(struct supervisor *, struct log_stream *,
	    const struct identity *);
void	outside_free(struct outside *);

/* A pipe will flow into it: now is a time to try. */
void	outside_begin(struct outside *);
/* None does any more: close it. */
void	outside_end(struct outside *);
/* Its od-capture is another: it has to be opened anew. */
void	outside_again(struct outside *);

/* Give the host the socket; 0, or a negative errno if it takes none now. */
int	outside_hand_over(struct outside *);
void	outside_fetched(struct outside *, const char *text);
void	outside_full(struct outside *, int64_t device, int64_t inode);

/* End those od-captures that nothing flows through, in a while. */
void	outside_look_for_idle(struct supervisor *);

#endif
