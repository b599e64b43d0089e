/* What clients may ask about the whole: plugins, events, the daemon. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_DAEMON_H
#define ROOT_DAEMON_H

#include "supervisor/root/control.h"

int	plugin_list(struct request *, const struct message *, struct error *);
int	plugin_restart(struct request *, const struct message *,
	    struct error *);
int	plugin_stop(struct request *, const struct message *, struct error *);
int	plugin_start(struct request *, const struct message *,
	    struct error *);
int	daemon_status(struct request *, const struct message *,
	    struct error *);
int	daemon_stop(struct request *, const struct message *, struct error *);
int	daemon_ping(struct request *, const struct message *, struct error *);
int	events_subscribe(struct request *, const struct message *,
	    struct error *);

/* Begin to stop: all apps (unless they are kept), then all plugins, then the
 * daemon itself. */
void	daemon_begin_stop(struct supervisor *, bool keep_apps, uid_t by);

/* Go on with a stop that is under way, as far as it can go; once a turn. */
void	daemon_go_on_stopping(struct supervisor *);

/* The row of plugin_list; its strings live as long as the actor. */
void	plugin_row(const struct actor *, struct message *);

#endif
