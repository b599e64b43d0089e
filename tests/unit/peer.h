/* A test that plays the supervisor to one actor. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "protocol/channel.h"
#include "protocol/codec.h"

#define PEER_WAIT_MS	10000

struct peer {
	pid_t		 pid;		/* the actor; 0: it has been waited for */
	int		 log;		/* what it writes on standard error */
	struct channel	 channel;
};

/* What arrived: a message (to be released), or a frame without one. */
struct heard {
	enum frame_type	 type;
	uint32_t	 id;
	struct message	 m;
	int		 fd;		/* the caller's, or -1 */
};

/* Run the program of the build tree with the channel on 3 and dir (unless it
 * is -1) on 4. Fails the test if it cannot. */
void	peer_start(struct peer *, const char *program, int dir);

/* The same with the handshake done. */
void	peer_welcome(struct peer *, const char *program, int dir);

void	peer_send(struct peer *, enum frame_type, uint32_t id,
	    const struct message *);

/* Raw bytes, however wrong. */
void	peer_send_raw(struct peer *, const void *, size_t);

/* The next frame: true, or false at the end of the connection. The test fails
 * when nothing comes for PEER_WAIT_MS. */
bool	peer_hear(struct peer *, struct heard *);

/* The next frame must be this message; released by the caller. */
void	peer_expect(struct peer *, enum message_type, struct heard *);

/* Close our end, unless it is closed, wait for the actor and return its wait
 * status. */
int	peer_end(struct peer *);

/* Read the log until it has the text; the test fails if it ends before. */
void	peer_expect_log(struct peer *, const char *text);

#endif
