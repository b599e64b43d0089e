/*
 * od-logs: reads log files for clients, merged in the order of time.
 *
 * A client's connection carries, as responses with the id 1:
 *	log_line	a line, or a part of one (partial: it goes on in the
 *			next row of its source)
 *	log_cursor	where a source goes on of which no line was shown yet
 *	warning		lines are missing, or a source cannot be read
 *	done		the end; never comes while following
 *
 * A cursor is "name/instance/stream inode.birth:offset": the source, the file
 * by its inode and the nanosecond it was made (inodes are used again), and
 * the offset there of the first byte that was not shown. Rotated files keep
 * both, so the cursor holds whatever name the file has by then.
 */
/* SPDX-License-Identifier: MIT */
#ifndef LOGS_LOGS_H
#define LOGS_LOGS_H

#include <bsd/sys/queue.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/logfile.h"
#include "opendaemon/actor.h"
#include "protocol/channel.h"

#define LOGS_ID		1		/* of every response */
#define LOGS_LINE	64000		/* longer lines come in parts */
#define CURSOR_BYTES	256

struct place {
	uint64_t	inode;
	uint64_t	birth;		/* 0: the file system does not say */
	int64_t		offset;
};

/* What times the bytes of the open file have. */
struct times {
	int		fd;		/* the index, or -1 */
	int64_t		next_at;	/* the mark after the one in force */
	struct log_mark	now;
	bool		is_set;
	int64_t		fallback_ms;	/* where there is no index */
};

struct client;

/* One file that grows, with the rotated files before it. */
struct source {
	char		*name, *stream, *path;
	int64_t		 instance;

	/* the file that is read */
	int		 fd;		/* -1: none yet */
	struct place	 at;		/* its identity; offset: read so far */
	int64_t		 number;	/* of a rotated file; 0: it is path, or
					 * was when it was opened */
	struct times	 times;
	bool		 has_gap;	/* files were deleted before they could
					 * be read; the client is to know */
	bool		 was_cut;

	/* where to end, if the end is not to be followed */
	struct place	 stop;
	bool		 is_bounded;

	/* what was read and not shown */
	struct buffer	 in;
	size_t		 scanned;	/* of it, without a newline */
	int64_t		 line_ms;	/* of its first byte */
	bool		 is_timed;

	/* the row that is ready */
	bool		 is_ready, is_partial;
	size_t		 row;		/* its bytes, without the newline */

	/* following */
	bool		 is_dirty;	/* there may be something to read */
	bool		 is_flushing;	/* do not wait for the newline */
	size_t		 held;		/* bytes that wait for one */
	int		 watch;		/* inotify's; -1: none */
	bool		 is_watched_near; /* its own directory, no ancestor */

	/* of a path that a user gave (outside.c) */
	struct client	*client;
	bool		 is_pending;	/* not fetched yet */
	bool		 is_resumed;	/* from where a cursor says; */
	struct place	 from;		/* inode 0: none did, from the start */
	bool		 was_moved;	/* what follows is in another file */
	int		 given;		/* the file, or -1 */
	int		 sock;		/* it comes over it; then an inotify */
	struct ev_io	 io;
};

struct client {
	struct channel	 channel;
	struct ev_io	 readable, writable;
	struct ev_timer	 silence;
	struct source	*sources;
	size_t		 count;
	bool		 follow;
	int64_t		 skip;		/* rows too many, before the first */
	int64_t		 lines;		/* that were asked for */
	int		 pending;	/* sources that are yet to be fetched */
	bool		 has_begun;
	bool		 is_done;
	struct logs	*logs;
	LIST_ENTRY(client) of_logs;
};

struct watch;

struct logs {
	struct od_actor	*actor;
	int		 inotify;
	struct ev_io	 changed;
	struct watch	*watches;
	LIST_HEAD(, client) clients;
	struct client	*latest;	/* whose files are handed to us */
};

/* cursor.c */
/* to has room for CURSOR_BYTES. */
void	cursor_format(char *to, const struct source *, const struct place *);
/* 0; -ENOENT: it is of another source; -EINVAL: it is none. */
int	cursor_parse(struct place *, const char *text, const struct source *);

/* source.c */
/* "name\tinstance\tout|err\tpath": 0, -EINVAL, -ENOMEM. */
int	source_parse(struct source *, const char *text);
void	source_release(struct source *);
/* Its path is one that a user gave. */
bool	source_is_outside(const struct source *);
/* Begin with the last lines; how many there are, or a negative errno. */
int64_t	source_tail(struct source *, int64_t lines);
/* Begin where the cursor says; -ENOENT: that file is gone, and it begins with
 * the oldest there is. NULL: with the oldest. */
int	source_resume(struct source *, const struct place *);
/* True if a row is ready; is_ready and what follows it are set. */
bool	source_peek(struct source *);
/* Where it goes on after the row that is ready. */
void	source_after(const struct source *, struct place *);
/* The row was used. */
void	source_consume(struct source *);

/* outside.c: the path is absolute, the file is sent to us. */
void	outside_fetch(struct source *, int sock);
void	outside_release(struct source *);

/* chain.c: the rotated files of a path, in order. */
void	place_of(struct place *, int fd);
bool	place_is_same(const struct place *, const struct place *);
/* Open a file of the source: number, or 0 for path itself. */
int	chain_open(const struct source *, int64_t number);
/* The rotated files' numbers, lowest first; count or a negative errno. */
long	chain_list(const struct source *, int64_t **numbers);
/* Our number, if the file that was opened by its path is among the rotated;
 * its place in the list, or n. */
long	chain_learn(struct source *, const int64_t *numbers, long n);
/* The file after the one that is read: its descriptor and *number, -EAGAIN if
 * there is none yet, or another negative errno. *gap: files between the two
 * are gone. */
int	chain_next(struct source *, int64_t *number, bool *gap);
/* The file with that identity, and its number. */
int	chain_find(const struct source *, const struct place *,
	    int64_t *number);

/* times.c */
void	times_open(struct source *);
void	times_close(struct times *);
/* When the byte at offset came. */
int64_t	times_at(struct times *, int64_t offset);

/* tail.c: the offset where the last lines before end begin. *need counts
 * down; *is_last: no byte after end, so that a newline there ends a line. */
int64_t	tail_find(int fd, int64_t end, int64_t *need, bool *is_last);

/* client.c */
/* The socket over which the source of that number comes; -1: it does not. */
int	client_fetch(struct logs *, int64_t source, int sock);
/* It has come, or it will not. */
void	client_has_file(struct client *, struct source *);
int	client_new(struct logs *, const struct logs_serve *, int fd);
void	clients_release(struct logs *);
/* May free it. */
void	client_pump(struct client *);

/* watch.c */
int	watches_init(struct logs *);
int	watch_add(struct logs *, struct source *);
void	watch_remove(struct logs *, struct source *);

#endif
