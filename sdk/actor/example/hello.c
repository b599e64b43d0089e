/* hello: says so when a process ends. The smallest useful actor. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "opendaemon/actor.h"

static int
on_process_exited(struct od_actor *self, const struct message *m)
{
	unsigned int *seen = self->state;

	od_log("%s ended with %" PRIi64 " (%u so far)",
	    m->process_exited.subject, m->process_exited.code, ++*seen);
	return 0;
}

static const struct od_handler handlers[] = {
	{ MSG_process_exited, on_process_exited },
	{ MSG_none, NULL },
};

int
main(void)
{
	unsigned int seen = 0;
	struct od_actor hello = {
		.name	  = "hello",
		.reach	  = OD_REACH_NONE,
		.handlers = handlers,
		.state	  = &seen,
	};

	return od_actor_main(&hello);
}
