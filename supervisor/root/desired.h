/*
 * What was asked for: records by key in a memfd that outlives the supervisor
 * (the keeper holds it), the same records that od-journal has on disk. It is
 * a log: a later record of a key replaces the earlier one, one without data
 * deletes the key. When half of it is dead, it is written anew.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_DESIRED_H
#define ROOT_DESIRED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"

#define DESIRED_ROOM	(256 * 1024 * 1024)	/* address space, not memory */

/* Kinds of keys: kind << 40 | number. */
#define DESIRED_KEY(kind, number)	((uint64_t)(kind) << 40 | (number))
#define DESIRED_KIND(key)		((unsigned int)((key) >> 40))
#define DESIRED_NUMBER(key)		((key) & ((1ULL << 40) - 1))
enum desired_kind {
	DESIRED_META = 1,	/* counters */
	DESIRED_APP,		/* an app's definition: a packed process_define */
	DESIRED_WANT,		/* struct desired_want, by app */
	DESIRED_RUN,		/* struct desired_run, by unit id */
};

/* Not to be copied: its list points back into it. */
struct desired {
	int	 fd;		/* the memfd, owned */
	uint8_t	*base;
	size_t	 used;		/* bytes of log, committed in the memfd's header */
	size_t	 live;		/* of them, bytes of records that count */
	uint64_t seq;		/* of the latest record */
	struct desired_entry *entries;	/* hash by key (uthash), owned */
	/* private to desired.c */
	TAILQ_HEAD(desired_order, desired_entry) order;	/* them, by seq */
	size_t	 backed;	/* the file has memory up to here */
};

/* The latest record of a key. */
struct desired_record {
	uint64_t	 seq;
	uint64_t	 key;
	const void	*data;	/* valid until the next put or compaction;
				 * aligned for any struct */
	size_t		 len;	/* 0: deleted */
};

int	desired_create(struct desired *, struct error *);

/* Map a predecessor's memfd and read it; takes fd over in either case.
 * -EBADMSG if a committed part is damaged. */
int	desired_map(struct desired *, int fd, struct error *);
void	desired_release(struct desired *);

/* Append a record with the next seq: 0, or -ENOMEM, -ENOSPC or -EMSGSIZE,
 * which change nothing. len 0 deletes. */
int	desired_put(struct desired *, uint64_t key, const void *, size_t len);

/* Append one that comes from disk and has its seq already. Does nothing if a
 * record of that key is at least as new. */
int	desired_restore(struct desired *, uint64_t seq, uint64_t key,
	    const void *, size_t len);

/* Raise seq, if it is lower. */
void	desired_skip_to(struct desired *, uint64_t seq);

/* 1 and the live record of key, or 0. */
int	desired_get(const struct desired *, uint64_t key,
	    struct desired_record *);

/* Call on for each live record with a seq beyond after, in the order of seq;
 * with deleted ones too (len 0) as long as the log still has them. on may not
 * put. */
void	desired_each(const struct desired *, uint64_t after,
	    void (*on)(void *, const struct desired_record *), void *arg);

/* True when it pays to compact. */
int	desired_is_sparse(const struct desired *);

/*
 * Write the live records into a new memfd, and deletions newer than durable
 * too. On 0 *d is the new one and *old_fd the former memfd, to be closed by
 * the caller once the keeper holds the new one.
 */
int	desired_compact(struct desired *, uint64_t durable, int *old_fd,
	    struct error *);

#endif
