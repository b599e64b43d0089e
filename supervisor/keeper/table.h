/*
 * The entries that the keeper holds: found by key and by pid, listed in the
 * order of keys. Everything lies in one static object that is valid when all
 * zero, so that pages which were never needed are never touched.
 */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_TABLE_H
#define KEEPER_TABLE_H

#include "keeper.h"

#include <stdbool.h>
#include <stdint.h>

#define TABLE_PIDS	32768	/* heads of the pid index; a power of two */

/* Links are an entry's number plus one; 0 is none. */
struct entry {
	uint64_t	key;
	int32_t		pid;
	int32_t		slot;
	int32_t		status;		/* of the pid, once it has ended */
	uint32_t	len;
	int		fds[KEEPER_FDS];
	uint8_t		nfds;
	bool		is_used;
	bool		has_ended;	/* ... and nobody confirmed that yet */
	bool		is_confirmed;	/* the end is known to the supervisor */
	bool		is_in_flight;	/* ITEM sent, GOT not yet received */
	bool		is_queued;	/* EXIT is to be sent */
	uint16_t	next_pid;	/* same head; or the next free entry */
	uint16_t	prev_exit, next_exit;
	uint8_t		blob[KEEPER_BLOB];
};

struct table {
	uint32_t	count;		/* entries in use */
	uint32_t	high;		/* entries ever used */
	uint16_t	free;		/* those given back */
	uint16_t	first_exit, last_exit;
	uint16_t	order[KEEPER_ENTRIES];	/* their numbers, by key */
	uint16_t	pids[TABLE_PIDS];
	struct entry	entries[KEEPER_ENTRIES];
};

struct entry	*table_find(struct table *, uint64_t key);

/* The entry with the smallest key that is not below this one, or NULL. */
struct entry	*table_from(struct table *, uint64_t key);

/* Make an entry, empty but for its key, which must be new; NULL: full. */
struct entry	*table_add(struct table *, uint64_t key);

/* Forget an entry; its descriptors are the caller's to close. */
void	table_remove(struct table *, struct entry *);

/* Let the entry be found by this pid (0: by none). */
void	table_set_pid(struct table *, struct entry *, int32_t pid);

/* An entry with this pid that has not ended, or NULL. */
struct entry	*table_running(struct table *, int32_t pid);

/* The queue of ends that are to be told, in the order they happened. */
void	table_queue_exit(struct table *, struct entry *);
void	table_unqueue_exit(struct table *, struct entry *);
struct entry	*table_first_exit(struct table *);

#endif
