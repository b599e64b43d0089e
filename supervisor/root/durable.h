/* The desired state on its way to the disk: the supervisor's side of
 * od-journal. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_DURABLE_H
#define ROOT_DURABLE_H

#include "supervisor/root/supervisor.h"

struct request;

/* Change a record (len 0: delete it), and have it written. 0, -ENOMEM or
 * -ENOSPC, which change nothing. */
int	durable_put(struct supervisor *, uint64_t key, const void *, size_t);

/*
 * Let the request wait until all that was put so far is on disk. Where it is
 * not within two seconds, the answer carries a warning: what was asked was
 * done all the same.
 */
void	durable_wait(struct supervisor *, struct request *);

/* Give the keeper the memfd of the desired state, or note that it has it. */
void	durable_guard(struct supervisor *, bool is_held);

/* A new od-journal: ask it what it has. */
void	durable_begin(struct supervisor *);

/* It has gone. */
void	durable_lost(struct supervisor *);

/* Send what it has not got; when its channel has room again. */
void	durable_pump(struct supervisor *);

/* What od-journal says; false: not a message of its. */
bool	durable_on_message(struct supervisor *, const struct message *);

#endif
