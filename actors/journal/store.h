/*
 * The desired state as od-journal keeps it: key -> record, in memory and in
 * two kinds of files. "snapshot.N" has all records as they were when
 * generation N began, "journal.N" what was put since. Generation N-1 is kept
 * beside N, so that one bad file loses nothing.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ACTORS_JOURNAL_STORE_H
#define ACTORS_JOURNAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "actors/journal/format.h"
#include "actors/journal/notes.h"
#include "base/buffer.h"
#include "base/error.h"

#define STORE_COMPACT_BYTES	(1024 * 1024)
#define STORE_ASIDE_MAX		16

struct row {
	uint64_t	 key;
	uint64_t	 seq;
	size_t		 len;
	UT_hash_handle	 hh;
	uint8_t		 data[];
};

struct store {
	int		 dir;		/* borrowed */
	int		 fd;		/* of journal.<gen>, or -1 */
	uint64_t	 gen;		/* the last number in use */
	size_t		 size;		/* of the journal */
	size_t		 compact_at;
	size_t		 live;		/* what all records take */
	struct row	*rows;
	struct buffer	 batch;		/* records for the journal */
	uint64_t	 seq, synced;	/* last put, last that is on disk */
	bool		 is_trusted;	/* the journal may be appended to */
	/* Files that were used although they are damaged: set aside once a
	 * new generation has what could be read of them. */
	struct store_aside {
		char		 name[64];
		const char	*why;
	} aside[STORE_ASIDE_MAX];
	int		 aside_count;
};

/*
 * Read what there is in the directory; notes gets a sentence for everything
 * that is not as it should be. An error is one of reading (the files may be
 * good), and the store must not be used.
 */
int	store_open(struct store *, int dir, struct notes *, struct error *);
void	store_release(struct store *);

/* Keep a record; no data deletes the key. It is on disk after store_sync().
 * 0 or -ENOMEM, which changes nothing. */
int	store_put(struct store *, uint64_t seq, uint64_t key, const void *,
	    size_t);

/* There is something for store_sync() to do. */
bool	store_is_dirty(const struct store *);

/*
 * Write what was put, and wait until it is on disk. After an error it is all
 * still in memory, and the next call writes all of it into a new generation.
 */
int	store_sync(struct store *, struct error *);

/* Forget all rows. */
void	store_clear(struct store *);

/* Bring the rows into the order of seq. */
void	store_sort(struct store *);

/*
 * Apply the records of a file's bytes, as far as they are good; for a
 * snapshot, -EBADMSG unless it is whole. Else 0 or -ENOMEM.
 */
int	store_replay(struct store *, const uint8_t *, size_t, enum format_kind,
	    struct format_walk *);

#endif
