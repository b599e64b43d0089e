/* Trying again what want of memory or descriptors has left undone. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/retry.h"

#include "supervisor/root/durable.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"
#include "supervisor/root/streams.h"

#define RETRY_S	0.1

/* Each of them knows what it still has to do. Events are delivered at the end
 * of every turn, which this is one. */
static void
on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;

	(void)loop;
	(void)revents;
	guard_put_refused(s);
	guard_pump(s);
	streams_pump(s);
	durable_pump(s);
	run_clear_again(s);
}

void
retry_soon(struct supervisor *s)
{
	if (ev_is_active(&s->retry))
		return;
	ev_timer_init(&s->retry, on_retry, RETRY_S, 0.0);
	s->retry.data = s;
	ev_timer_start(s->loop, &s->retry);
}
