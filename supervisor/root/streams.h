/*
 * Log streams, the supervisor's side of od-capture: which pipe flows into
 * which file. The descriptors of both are held here and in the keeper, so
 * that od-capture may die at any time.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_STREAMS_H
#define ROOT_STREAMS_H

#include "supervisor/root/hash.h"
#include "supervisor/root/run.h"
#include "supervisor/root/supervisor.h"

/* The two streams of a unit. */
#define STREAM_ID(unit_key, is_err)	((int64_t)((unit_key) << 1 | (is_err)))
/* A user's path, and whose it is, are in the id: another is another stream. */
#define STREAM_ID_MARK(mark)		((int64_t)((mark) & 0x7fff) << 44)
#define STREAM_ID_PLAIN(id)		((id) & (((int64_t)1 << 44) - 1))
#define FILE_KEEPER_KEY(stream)		(2ULL << 60 | (uint64_t)(stream))
#define IS_FILE_KEY(key)		((key) >> 60 == 2)

struct stream_spec {
	int64_t		 id;
	const char	*path;		/* relative to the log directory, or
					 * what a user gave */
	const char	*name;		/* for events */
	int		 instance;
	bool		 is_err;
	int64_t		 rotate_size;
	int		 rotate_keep;
	const struct process_define *def;	/* of an app's */
};

struct outside;

struct log_stream {
	int64_t		 id;
	char		*path;
	char		*name;
	int		 instance;
	bool		 is_err;
	int64_t		 rotate_size;
	int		 rotate_keep;
	int		 file_fd;	/* the open file, or -1 */
	bool		 is_announced;	/* the present od-capture knows it */
	bool		 is_forgotten;	/* freed with its last pipe */
	int		 npipes;
	char		*note;		/* to be written into it, or NULL */
	char		*trouble;	/* why nothing is, or NULL */
	int		 host;		/* the od-capture that writes it */
	struct outside	*outside;	/* of a path that a user gave */
	UT_hash_handle	 hh;
};

/* Find it, or make it; what differs is changed. NULL: out of memory. */
struct log_stream	*stream_get(struct supervisor *,
	    const struct stream_spec *);
struct log_stream	*stream_find(struct supervisor *, int64_t id);

/* No more pipes will come. */
void	stream_forget(struct supervisor *, struct log_stream *);

/* Before od-capture is known to run again, a line for the file. */
void	stream_note(struct supervisor *, struct log_stream *, const char *);

/* A pipe was made that flows into it. */
void	stream_pipe_new(struct supervisor *, struct log_stream *);

/* Why nothing can be written to it, or "": shown and told where it is new. */
void	stream_trouble(struct supervisor *, struct log_stream *, const char *);

/* It cannot be opened: of those who have ended, only the last few wait. */
void	stream_drop_lost(struct supervisor *, struct log_stream *);

/* True if what is in its pipes gets into its file, soon if not now. */
bool	stream_flows(const struct supervisor *, const struct log_stream *);

/* A new od-capture: it knows nothing. */
void	streams_begin(struct supervisor *, int host);

/* One of them hangs. */
void	streams_hang(struct supervisor *, int host, const char *why);

/* Tell each od-capture of every pipe it has not got, as far as its channel
 * takes them; goes on by itself when there is room. */
void	streams_pump(struct supervisor *);

/* The keeper handed over an open log file. */
void	stream_take_file(struct supervisor *, int64_t id, int fd);

/* One of its pipes has ended for good. */
void	stream_pipe_done(struct supervisor *, struct log_stream *);

/* What an od-capture says; false: not a message of its. */
bool	streams_on_message(struct supervisor *, int host,
	    const struct message *, int fd);

/* "name\tinstance\tout|err\tpath", allocated; NULL: out of memory. */
char	*stream_source(const struct log_stream *);

#endif
