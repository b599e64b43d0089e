/*
 * What keeper and supervisor say to each other: fixed records in datagrams of
 * a SOCK_SEQPACKET pair, each with up to KEEPER_FDS descriptors.
 *
 * The keeper holds entries (key, record, descriptors) and understands of them
 * only pid and slot: when it reaps that pid, it writes the status into its
 * cell of that slot in the shared memory, and says EXIT until it is told that
 * the supervisor has it. A whole in three sentences:
 *
 *   supervisor dies   the keeper starts another, which asks LIST
 *   keeper dies       the supervisor starts another and PUTs all it holds
 *   an app starts     only after its PUT was acknowledged
 */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <stdint.h>

#define KEEPER_VERSION	1
#define KEEPER_FDS	4	/* descriptors of an entry */
#define KEEPER_BLOB	128	/* bytes of an entry that only the owner reads */
#define KEEPER_ENTRIES	16384
#define KEEPER_WINDOW	16	/* ITEMs in flight: 64 descriptors */

#define KEEPER_PING_MS	10000	/* each side asks this often */
#define KEEPER_OWED_MS	5000	/* a peer that owes an answer longer is hung */

/* Descriptors of a program that one of the two starts. */
#define KEEPER_FD_PEER	3	/* the socket to the other */
#define KEEPER_FD_LOCK	4	/* the daemon's lock, held by both */
#define KEEPER_FD_READY	5	/* at --cold, which is until the first HELLO:
				 * where the supervisor says "ok" */

enum keeper_type {
	/* supervisor to keeper; each is answered by ACK with its seq */
	KEEPER_HELLO = 1,	/* pid: its own, status: KEEPER_VERSION; one fd
				 * may ride: its own pidfd */
	KEEPER_PUT,		/* make or replace the entry of that key */
	KEEPER_DEL,		/* close it; without such a key: acknowledged too */
	KEEPER_LIST,		/* ITEM for each in the order of keys, then END */
	KEEPER_GOT,		/* an ITEM, or an EXIT, is safe (key); no ACK */
	KEEPER_STOP,		/* forget all and exit when this socket closes:
				 * status 0: the daemon ends */
	/* keeper to supervisor */
	KEEPER_ACK,		/* status: 0 or a negative errno */
	KEEPER_ITEM,
	KEEPER_END,		/* status: the count of ITEMs */
	KEEPER_EXIT,		/* key, pid, status as wait(2) has it */
	/* both */
	KEEPER_PING,
	KEEPER_PONG,
};

struct keeper_message {
	uint32_t	type;
	uint32_t	seq;		/* of the request; an ACK repeats it */
	uint64_t	key;
	int32_t		pid;		/* of the process this is about, or 0 */
	int32_t		slot;		/* its slot in the shared memory, or -1 */
	int32_t		status;
	uint32_t	len;		/* bytes of blob that are used */
	uint8_t		blob[KEEPER_BLOB];
};

/*
 * Keys sort in the order in which a new supervisor needs them. The keeper
 * maps the first descriptor of KEEPER_KEY_OBSERVED as supervisor/root's
 * struct observed (its cells part, observed_cells.h).
 */
#define KEEPER_KEY_OBSERVED	1	/* the memfd of observed state */
#define KEEPER_KEY_DESIRED	2	/* the memfd of desired state */
#define KEEPER_KEY_CONTROL	3	/* listening sockets: control, view */
#define KEEPER_KEY_LOG		4	/* a pipe; its second descriptor becomes
					 * the keeper's standard error */

#endif
