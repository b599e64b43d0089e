/* The log of keeper and supervisor. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/ownlog.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"
#include "supervisor/root/run_private.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/unit.h"

#define OWN_KEY		UNIT_KEY(3, 0)	/* of no unit */
#define ROTATE_SIZE	(1024 * 1024)
#define ROTATE_KEEP	3
#define DEV_NULL	makedev(1, 3)

/* Started in the foreground, or by systemd, it has a reader. */
static bool
is_read_by_somebody(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 &&
	    !(S_ISCHR(st.st_mode) && st.st_rdev == DEV_NULL);
}

/* A run without a process: only its pipe is of interest. */
static int
attach(struct supervisor *s, int read_end)
{
	struct run *r = run_alloc(s, NULL, 0);
	struct log_stream *t = stream_get(s, &(struct stream_spec){
	    .id = STREAM_ID(OWN_KEY, 0), .path = "opendaemon/supervisor.log",
	    .name = "supervisor", .rotate_size = ROTATE_SIZE,
	    .rotate_keep = ROTATE_KEEP });

	if (r == NULL || t == NULL) {
		free(r);
		return -1;
	}
	r->is_actor = r->has_ended = true;
	r->unit_key = OWN_KEY;
	r->pipes[r->npipes++] = (struct run_pipe){ .fd = read_end,
	    .number = observed_counters(&s->observed)->next_pipe++,
	    .stream_id = t->id, .stream = t };
	t->npipes++;
	TAILQ_INSERT_HEAD(&s->runs, r, list);
	HASH_ADD(hh_number, s->runs_by_number, number, sizeof(r->number), r);
	s->unattached = true;
	return 0;
}

static void
use(struct supervisor *s, const int fds[2], bool is_held)
{
	struct guard_item item = { .key = KEEPER_KEY_LOG, .slot = -1,
	    .fds = { fds[0], fds[1] }, .nfds = 2 };

	if (attach(s, fds[0]) < 0) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	dup2(fds[1], STDOUT_FILENO);
	dup2(fds[1], STDERR_FILENO);
	if (is_held)
		guard_note(s, &item);
	else
		guard_put(s, &item);
}

void
ownlog_begin(struct supervisor *s)
{
	int fds[2];

	if (is_read_by_somebody() ||
	    sys_pipe(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	use(s, fds, false);
}

void
ownlog_take(struct supervisor *s, const int fds[2])
{
	use(s, fds, true);
}
