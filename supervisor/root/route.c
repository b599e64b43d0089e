/* All that the supervisor will do for anyone, and for whom. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/route.h"

#include <errno.h>

#include "base/clock.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/daemon.h"
#include "supervisor/root/process.h"

#define OPERATES	(FROM_OWNER | FROM_OPERATOR)

/* clang-format off */
static const struct route {
	enum message_type type;
	unsigned int	  from;
	bool		  needs_state;	/* refused until it is loaded */
	int		(*serve)(struct request *, const struct message *,
			    struct error *);
} routes[] = {
	{ MSG_process_define,	OPERATES,    true,  process_define },
	{ MSG_process_start,	OPERATES,    true,  process_start },
	{ MSG_process_stop,	OPERATES,    true,  process_stop },
	{ MSG_process_restart,	OPERATES,    true,  process_restart },
	{ MSG_process_delete,	OPERATES,    true,  process_delete },
	{ MSG_process_reset,	OPERATES,    true,  process_reset },
	{ MSG_process_signal,	OPERATES,    true,  process_signal },
	{ MSG_process_list,	OPERATES,    true,  process_list },
	{ MSG_process_info,	OPERATES,    true,  process_info },
	{ MSG_logs_tail,	OPERATES,    true,  process_logs },
	{ MSG_plugin_list,	OPERATES,    false, plugin_list },
	{ MSG_plugin_restart,	OPERATES,    false, plugin_restart },
	{ MSG_plugin_stop,	OPERATES,    false, plugin_stop },
	{ MSG_plugin_start,	OPERATES,    false, plugin_start },
	{ MSG_daemon_status,	OPERATES,    false, daemon_status },
	{ MSG_daemon_stop,	FROM_OWNER,  false, daemon_stop },
	{ MSG_daemon_ping,	OPERATES,    false, daemon_ping },
	{ MSG_events_subscribe,	OPERATES,    false, events_subscribe },
};
/* clang-format on */

int
route(struct request *q, const struct message *m, struct error *e)
{
	const struct supervisor *s = q->peer->s;
	const struct message_info *info = message_info(m->type);

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].type != m->type)
			continue;
		if ((routes[i].from & q->peer->role) == 0)
			return fail(e, -EPERM, "not permitted: '%s' is for %s",
			    info->method, routes[i].from == FROM_OWNER ?
			    "root and the daemon's own user" :
			    "root, the daemon's own user and the group "
			    "'opendaemon'");
		if (routes[i].needs_state && !s->is_adopted)
			return fail(e, -EAGAIN, "the daemon has not read its "
			    "state yet: %s", s->not_recording[0] != '\0' ?
			    s->not_recording : "try again");
		if (s->is_stopping && routes[i].needs_state)
			return fail(e, -ESHUTDOWN, "the daemon is stopping");
		return routes[i].serve(q, m, e);
	}
	return fail(e, -ENOTSUP, "'%s' is not a request", info->method[0] !=
	    '\0' ? info->method : info->name);
}
