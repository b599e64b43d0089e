/*
 * The events that are kept, in files "events.N" of at most 1 MiB, of which the
 * last ten are kept. A record's key is the message's number, its data the
 * message as it crosses the channel; a message gap stands for what found no
 * room. After a failed write a stretch may be there twice: readers skip what
 * is not younger than what they have.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ACTORS_JOURNAL_EVENTS_H
#define ACTORS_JOURNAL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/journal/notes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "protocol/message.h"

#define EVENTS_FILE_BYTES	(1024 * 1024)
#define EVENTS_FILES		10
#define EVENTS_WAITING_BYTES	(1024 * 1024)	/* while the disk is full */

struct events {
	int		 dir;		/* borrowed */
	int		 fd;		/* of events.<number>, or -1 */
	uint64_t	 number;
	size_t		 size;
	struct buffer	 batch;		/* not yet written */
	int64_t		 seq;		/* the last one that was added */
	int64_t		 written;	/* the last one in a file */
	int64_t		 gap_from, gap_to;	/* not added for want of room */
	bool		 is_unsynced;
};

/* Find the last event. Bad files are set aside, and notes says so. */
int	events_open(struct events *, int dir, struct notes *, struct error *);
void	events_release(struct events *);

/* Add one, unless it has been added before. 0, -ENOMEM, or what
 * message_pack() says. */
int	events_add(struct events *, const struct message *);

/* Write what was added; after an error it still waits. */
int	events_write(struct events *, struct error *);

/* Wait until what was written is on disk. */
int	events_sync(struct events *, struct error *);

#endif
