/* od-logs: shows what apps printed, merged, and goes on showing it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/logs/logs.h"

static int
on_logs_serve(struct od_actor *self, const struct message *m)
{
	int fd = od_take_fd(self);

	if (fd == -1)
		return -EBADF;
	return client_new(self->state, &m->logs_serve, fd);
}

static int
on_logs_file(struct od_actor *self, const struct message *m)
{
	int fd = od_take_fd(self);

	/* The client may have hung up already. */
	client_fetch(self->state, m->logs_file.source, fd);
	return 0;
}

static int
open_watches(struct od_actor *self)
{
	struct rlimit files;

	/* A client that follows keeps a file and an index open per source. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Inotify wants paths; from here, those of the sources are. */
	if (fchdir(OD_FD_DIRECTORY) == -1)
		return -errno;
	return watches_init(self->state);
}

static void
orphaned(struct od_actor *self)
{
	clients_release(self->state);
	od_stop(self, EXIT_SUCCESS);
}

static const struct od_handler handlers[] = {
	{ MSG_logs_serve, on_logs_serve },
	{ MSG_logs_file, on_logs_file },
	{ MSG_none, NULL },
};

int
main(void)
{
	struct logs state = { .inotify = -1 };
	struct od_actor logs = {
		.name	  = "logs",
		.reach	  = OD_REACH_READ_DIRECTORY,
		.handlers = handlers,
		.state	  = &state,
		.open	  = open_watches,
		.orphaned = orphaned,
	};

	LIST_INIT(&state.clients);
	state.actor = &logs;
	return od_actor_main(&logs);
}
