/* The supervisor's state, all of it. Read route.c and lifecycle.c with it. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_SUPERVISOR_H
#define ROOT_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sys/queue.h>

#include "base/error.h"
#include "protocol/message.h"
#include "supervisor/root/cgroup.h"
#include "supervisor/root/desired.h"
#include "supervisor/root/groups.h"
#include "supervisor/root/observed.h"

struct actor;
struct app;
struct guard;
struct log_stream;
struct peer;
struct run;
struct unit;

TAILQ_HEAD(unit_queue, unit);
TAILQ_HEAD(run_list, run);
TAILQ_HEAD(peer_list, peer);
TAILQ_HEAD(subscriber_list, subscriber);
TAILQ_HEAD(durable_list, durable);

/* Where things are; absolute, no trailing slash. */
struct layout {
	const char	*home;		/* "" with the system layout */
	char		 run[PATH_BYTES + 1];
	char		 state[PATH_BYTES + 1];
	char		 log[PATH_BYTES + 1];
	char		 libexec[PATH_BYTES + 1];
};

#define NO_GID ((gid_t)-1)

enum start_mode {
	START_COLD,		/* nothing was there before */
	START_RESUME,		/* the keeper has what a predecessor left */
};

struct supervisor {
	struct ev_loop	*loop;
	struct layout	 layout;
	enum start_mode	 mode;
	bool		 is_root;
	gid_t		 operator_gid;	/* the run directory's group, or NO_GID */
	bool		 is_safe;	/* safe mode: starts nothing new */
	bool		 is_foreground;
	bool		 is_loaded;	/* the desired state is known */
	bool		 is_adopted;	/* and so is what runs of it */
	bool		 is_resuming;	/* what fails must leave all as it was */
	int		 ready_fd;	/* who waits for our first answer, or -1 */
	int64_t		 started_ms;	/* CLOCK_MONOTONIC */

	int		 null_fd;	/* /dev/null */
	int		 exec_fd;	/* od-exec, held */
	int		 sweep_fd;	/* od-sweep, held */
	int		 open_fd;	/* od-open, held */
	int		 log_dir_fd, state_dir_fd;
	int		 captures_fd;	/* what all but the first lock */
	uint64_t	 log_device;	/* of the log directory */
	char		 boot_id[40];

	struct observed	 observed;
	struct desired	 desired;
	struct cgroups	 cgroups;
	struct groups	 groups;
	bool		 can_join_cgroup;	/* a process can be born there */
	char		 no_cgroup[128];	/* why there are none, or "" */
	struct guard	*guard;

	struct app	*apps;		/* hash by name */
	struct app	*apps_by_number;
	struct unit	*units;		/* hash by key */
	struct unit	*slots[OBSERVED_SLOTS];	/* the same, by slot */
	struct run_list	 runs;		/* all that are not done with */
	bool		 has_done_runs;	/* runs_sweep() has something to do */
	struct run	*runs_by_number;
	struct run	*runs_by_pid;
	struct log_stream *streams;	/* hash by id */
	bool		 unattached;	/* some pipes od-capture has not got */
	struct actor	*actors;	/* ACTOR_COUNT of them */
	struct ev_timer	 idle_timer;	/* for those without work */
	struct ev_timer	 owed_timer;	/* for answers to heartbeats */
	int64_t		 owed_due_ms;

	struct unit_queue start_queue;	/* wait for a place between clone and
					 * exec, the most urgent first */
	bool		 is_launching;	/* the queue is being worked off */
	int		 launching;	/* places taken ... */
	int		 launch_limit;	/* ... of these */
	int64_t		 pressing_from_ms; /* since when some are taken */
	struct ev_timer	 pressing_timer;

	struct peer_list peers;
	struct subscriber_list subscribers;
	struct durable_list undurable;	/* answers that wait for the disk */
	uint64_t	 durable_seq;	/* all up to here is on disk */
	uint64_t	 journal_sent_seq;	/* the present od-journal has */
	bool		 journal_has_loaded;
	bool		 disk_is_silent;	/* somebody waited for it in vain */
	int		 journal_rows;	/* and warnings, of this loading */
	char		 not_recording[256];	/* why, or "" */

	int		 connector_fd;	/* process events, 0: none */
	struct ev_io	 connector_io;
	int		 control_fd;
	struct ev_io	 control_io;
	bool		 control_paused;
	struct ev_io	 signal_io;
	struct ev_prepare prepare;
	struct ev_timer	 accept_timer;
	struct ev_timer	 retry;

	bool		 has_done;	/* a subscriber has all he wanted */
	bool		 has_doomed;	/* app_sweep() has something to do */
	bool		 is_stopping;	/* daemon stop is under way */
	bool		 keep_apps;
	bool		 stop_is_late;	/* the disk had its chance */
	bool		 is_ended;
	struct ev_timer	 stop_timer;
	char		 warnings[4][256];	/* of the start, for daemon status */
	int		 exit_status;
};

#endif
