/* Plays the supervisor for one actor: starts it, speaks with it, kills it. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_INTEGRATION_DRIVER_H
#define TESTS_INTEGRATION_DRIVER_H

#include <sys/types.h>

#include "protocol/channel.h"

struct driver {
	pid_t		pid;
	struct channel	channel;
	char		directory[64];	/* a private one, descriptor 4 */
	int		dir;
};

/* Make the private directory; the actor is not started yet. */
void	driver_init(struct driver *);
void	driver_release(struct driver *);	/* removes it all */

/* Start libexec/<program> of the build and shake hands with it. */
void	driver_start(struct driver *, const char *program);
/* The same without the handshake, for an actor that is not to get so far. */
void	driver_spawn(struct driver *, const char *program);
void	driver_welcome(struct driver *);

/* SIGKILL, and its end. */
void	driver_kill(struct driver *);
/* Close its channel, and the status it exits with. */
int	driver_hang_up(struct driver *);

void	driver_send(struct driver *, const struct message *, int fd);

/* The next message within ms: 1, 0 if there was none, -1 at the end. *fd may
 * be NULL: what came along is closed. */
int	driver_next(struct driver *, struct message *, int *fd, int ms);

/* Skip to the next message of that type, within 10 s. */
void	driver_expect(struct driver *, enum message_type, struct message *,
	    int *fd);

#endif
