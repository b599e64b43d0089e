/* Events, from the ring to those who listen. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "protocol/channel.h"
#include "protocol/codec.h"
#include "supervisor/root/retry.h"
#include "supervisor/root/unit.h"

/* What one subscriber may have waiting in its channel before the ring has to
 * hold the rest for it. */
#define ENOUGH_QUEUED	(128 * 1024)

void
bus_emit(struct supervisor *s, struct message *m)
{
	struct buffer b = { 0 };
	struct error e = { 0 };
	int64_t seq = s->observed.seq + 1;

	/* Until the recorded ones are known, it would get a number that one
	 * of them has. */
	if (!s->is_loaded)
		return;
	m->event.seq = seq;
	m->event.time_ms = clock_wall_ms();
	if (message_pack(&b, m, 0, &e) < 0) {
		/* An event that cannot be told is still counted as a gap. */
		log_warn("cannot tell of an event: %s", e.text);
		s->observed.seq = seq;
		buffer_release(&b);
		return;
	}
	observed_event(&s->observed, seq, buffer_bytes(&b), b.len);
	buffer_release(&b);
}

void
bus_plugin_online(struct unit *u)
{
	bus_emit(u->s, &(struct message){ .type = MSG_plugin_online,
	    .plugin_online = { .subject = u->name, .pid = u->now.pid } });
}

bool
bus_matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static bool
wants(const struct subscriber *b, const struct message_info *info)
{
	if (b->keep_only && info->class != CLASS_KEEP)
		return false;
	for (size_t i = 0; i < b->npatterns; i++)
		if (bus_matches(b->patterns[i], info->method))
			return true;
	return b->npatterns == 0;
}

static int
tell(struct subscriber *b, const struct message *m)
{
	return channel_send(b->channel,
	    b->id != 0 ? FRAME_RESPONSE : FRAME_NOTIFICATION, b->id, m, -1);
}

static int
tell_gap(struct subscriber *b, int64_t from, int64_t to)
{
	return tell(b, &(struct message){ .type = MSG_gap,
	    .gap = { .from = from, .to = to } });
}

/* Send the event at *seq or the next there is; 0 when there is none. */
static int
tell_next(struct supervisor *s, struct subscriber *b)
{
	int64_t seq = b->next_seq;
	struct message m;
	const void *data;
	uint32_t id;
	size_t len;
	int r = 0;

	if ((data = observed_event_at(&s->observed, &seq, &len)) == NULL)
		return 0;
	if (seq > b->next_seq && (r = tell_gap(b, b->next_seq, seq - 1)) < 0)
		return r;
	if ((r = message_unpack(&m, &id, NULL, data, len, NULL)) == 0) {
		if (wants(b, message_info(m.type)))
			r = tell(b, &m);
		message_release(&m);
	} else {
		r = tell_gap(b, seq, seq);
	}
	if (r < 0)
		return r;
	b->next_seq = seq + 1;
	return 1;
}

static void
deliver(struct supervisor *s, struct subscriber *b)
{
	int r = 0;

	while (b->channel->out.len < ENOUGH_QUEUED &&
	    (r = tell_next(s, b)) > 0)
		;
	if (r == -ENOMEM) {
		/* The ring still has it, for a while. */
		retry_soon(s);
		b->wake(b);
		return;
	}
	if (r < 0) {
		b->broken(b);
		return;
	}
	if (b->is_finite && !b->is_done && b->next_seq > s->observed.seq) {
		b->is_done = s->has_done = true;
		if (tell(b, &(struct message){ .type = MSG_done }) < 0) {
			b->broken(b);
			return;
		}
	}
	b->wake(b);
}

void
bus_deliver(struct supervisor *s)
{
	struct subscriber *b, *next;

	observed_commit_events(&s->observed);
	for (b = TAILQ_FIRST(&s->subscribers); b != NULL; b = next) {
		next = TAILQ_NEXT(b, list);
		if (!b->is_done && (b->is_finite ||
		    b->next_seq <= s->observed.seq))
			deliver(s, b);
	}
}

struct subscriber *
bus_subscribe(struct supervisor *s, field_list patterns, int64_t since)
{
	struct subscriber *b = calloc(1, sizeof(*b));
	size_t n = list_count(patterns);

	if (b == NULL)
		return NULL;
	b->next_seq = since < 0 ? s->observed.seq + 1 : since + 1;
	/* A number from another life of the daemon: all there is. */
	if (b->next_seq > s->observed.seq + 1)
		b->next_seq = 1;
	b->patterns = calloc(n + 1, sizeof(*b->patterns));
	for (size_t i = 0; b->patterns != NULL && i < n; i++) {
		if ((b->patterns[i] = strdup(patterns[i])) == NULL)
			break;
		b->npatterns++;
	}
	TAILQ_INSERT_TAIL(&s->subscribers, b, list);
	if (b->patterns == NULL || b->npatterns < n) {
		bus_unsubscribe(s, b);
		return NULL;
	}
	return b;
}

void
bus_unsubscribe(struct supervisor *s, struct subscriber *b)
{
	if (b == NULL)
		return;
	TAILQ_REMOVE(&s->subscribers, b, list);
	for (size_t i = 0; i < b->npatterns; i++)
		free(b->patterns[i]);
	free(b->patterns);
	free(b);
}
