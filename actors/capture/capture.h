/*
 * od-capture: sinks (a log file each; "stream" in the messages), the feeds
 * that flow into them (the read end of a pipe each), and the lock that makes
 * this process the only writer.
 *
 * Bytes move from feed to sink by splice(2) and by nothing else, so at no
 * moment do they exist only in this process.
 */
/* SPDX-License-Identifier: MIT */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <bsd/sys/queue.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/error.h"
#include "opendaemon/actor.h"

#define CAPTURE_TURN	(1024 * 1024)	/* bytes one feed may move per turn */

struct sink;

struct feed {
	int64_t		 number;
	int		 fd;		/* the pipe's read end */
	int		 room;		/* bytes the pipe holds */
	struct sink	*sink;
	struct ev_io	 readable;
	bool		 is_held;	/* resting, to let bytes gather */
	int64_t		 due_us;	/* until then */
	int64_t		 rest_us;	/* how long the last rest was */
	int64_t		 drained_us;	/* when it was last looked at */
	int		 times_full;
	bool		 is_polled;	/* once is for ever */
	int		 looks;		/* that found nothing */
	LIST_ENTRY(feed) of_sink;
	LIST_ENTRY(feed) of_held;
};

struct sink {
	int64_t		 number;
	char		*path;		/* beneath the log directory; or absolute:
					 * od-open opens it (fetch.c) */
	int		 fd;		/* -1: not open */
	int64_t		 offset;	/* of fd */
	bool		 is_regular;
	int64_t		 rotate_size;	/* 0: never */
	int64_t		 rotate_keep;
	int64_t		 last_number;	/* of a rotated file; -1: not known */
	int64_t		 moved_number;	/* the open file has this number's name
					 * already, its successor is not open */
	int64_t		 moving_at_ms;	/* not to be tried again before */
	int		 index;		/* -1: none */
	int64_t		 marked_ms;	/* the index's last mark, wall clock */
	char		*note;		/* lines that wait to be written, or NULL */
	bool		 is_attached;	/* has been looked at under the lock */
	bool		 is_blocked;
	bool		 is_forgotten;	/* to be freed when its feeds have ended */
	bool		 is_rotation_due;
	bool		 is_asked;	/* the next file is on its way */
	int		 fetch;		/* the socket it comes over, or -1 */
	struct ev_io	 fetched;
	unsigned int	 trouble;	/* crc32c of what the supervisor was
						 * told last; of "" at first: 0 */
	struct ev_timer	 retry;
	double		 pause;		/* seconds until the next retry */
	LIST_HEAD(, feed) feeds;
	struct capture	*capture;
	UT_hash_handle	 hh;
};

struct capture {
	struct od_actor	*actor;
	int		 number;	/* 0; others write elsewhere, see main.c */
	struct sink	*sinks;
	int		 feeds;		/* how many there are */
	int64_t		 feed_bytes;	/* room that was added to them */
	bool		 is_writer;	/* has the lock */
	bool		 is_orphan;
	bool		 is_unheard;	/* the last message found no room */
	int		 lock;
	struct ev_timer	 lock_retry;
	double		 lock_pause;
	int		 clock;		/* timerfd of the held feeds */
	int64_t		 clock_us;	/* what it is set to; INT64_MAX: not */
	struct ev_io	 clock_due;
	LIST_HEAD(, feed) held;
};

/* main.c: tell the supervisor; fd is -1 or rides along. */
void	capture_say(struct capture *, const struct message *, int fd);

/* lock.c: try to become the writer, now and whenever it may succeed. */
void	capture_lock(struct capture *);

/* file.c: open log files and indexes, and look after them. */

/* Open path beneath the log directory as a log: a regular file with one name,
 * made if need be. The descriptor, or a negative errno. */
int	log_open(const char *path, struct error *);
/* Make the descriptor fit for splicing and put its offset to the end. */
int	log_adopt(struct sink *, int fd, struct error *);
/* The same, before each drain: somebody may have cut or deleted the file. */
int	log_check(struct sink *, struct stat *);
void	index_open(struct sink *);
void	index_mark(struct sink *);

/* rotate.c */

/* Give the open file its number's name and open the next one. Where that
 * fails, writing into the old one goes on. 1 if it was done, else 0. */
int	sink_rotate(struct sink *);
/* The open file no longer is the one that path names. */
int	sink_follow_path(struct sink *);
/* True if path names the file that fd is. */
bool	sink_is_at_path(const struct sink *);

/* fetch.c: files whose path a user gave. */
bool	sink_is_outside(const struct sink *);
/* Ask for the file that path names; the present one is to be renamed before,
 * if it is the one. Once until it comes. */
void	sink_ask(struct sink *);
/* It will come over this socket, which is taken over. */
void	sink_fetch(struct sink *, int sock);
void	sink_stop_fetching(struct sink *);

/* sink.c */
struct sink	*sink_find(struct capture *, int64_t number);
struct sink	*sink_new(struct capture *, int64_t number, const char *path);
/* Open the file, or look at the one that is open, and let the feeds flow. */
void	sink_attach(struct sink *);
/* Nothing can be written: stop the feeds, say why, try again later. */
void	sink_block(struct sink *, const char *why);
/* Something was said about it, or time has passed: try again now. */
void	sink_retry(struct sink *);
int	sink_note(struct sink *, const char *text);
/* Write what notes wait; 0 or a negative errno. */
int	sink_write_note(struct sink *);
/* Free it if it is forgotten and nothing flows into it any more. */
void	sink_settle(struct sink *);
/* What it owns, and itself; it is in no list and on no watch any more. */
void	sink_free(struct sink *);
bool	sink_is_open(const struct sink *);

/* feed.c */
int	feeds_init(struct capture *);
/* Takes fd over. */
int	feed_new(struct sink *, int64_t number, int fd);
void	feed_start(struct feed *);
void	feed_stop(struct feed *);
/* Move what is there. It may free the feed, never the stream. */
void	feed_drain(struct feed *);

#endif
