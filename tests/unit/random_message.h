/* Messages of random content within their bounds, and are two the same? */
/* SPDX-License-Identifier: MIT */
#ifndef UNIT_RANDOM_MESSAGE_H
#define UNIT_RANDOM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/message.h"

/* The same seed gives the same messages. */
struct random {
	uint64_t	state;
};

uint64_t	random_next(struct random *);

/* low to high, both included; the ends come up often. */
int64_t	random_between(struct random *, int64_t low, int64_t high);

/*
 * Fill *m with content for the message; plain: what JSON can carry both ways
 * (bytes that are UTF-8, keys of a map that differ, times before the year
 * 10000). It must be released by random_message_release().
 */
void	random_message(struct random *, struct message *m,
	    const struct message_info *, bool plain);
void	random_message_release(struct message *);

/* NULL if they are the same, else the key of the first field that differs. */
const char	*message_difference(const struct message *,
		    const struct message *);

#endif
