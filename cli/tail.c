/* Log lines, read from od-logs through the descriptor the supervisor gives. */
/* SPDX-License-Identifier: MIT */
#include "cli/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

#define TRIES		100	/* readers lost without a line between */
#define NOT_YET_MS	50

/* Where each source goes on: the last cursor of each, by the source. */
struct cursors {
	struct place {
		char	*name, *stream;
		int64_t	 instance;
	}	*places;
	char	**list;		/* of cursors; NULL ends it */
	size_t	 count;
};

static void
cursors_release(struct cursors *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->places[i].name);
		free(c->places[i].stream);
		free(c->list[i]);
	}
	free(c->places);
	free(c->list);
}

static struct place *
add_place(struct cursors *c, const struct log_line *l)
{
	struct place *places;
	char **list;

	places = reallocarray(c->places, c->count + 1, sizeof(*places));
	if (places == NULL)
		return NULL;
	c->places = places;
	list = reallocarray(c->list, c->count + 2, sizeof(*list));
	if (list == NULL)
		return NULL;
	c->list = list;
	list[c->count] = list[c->count + 1] = NULL;
	places[c->count].name = strdup(l->name);
	places[c->count].stream = strdup(l->stream);
	places[c->count].instance = l->instance;
	return &places[c->count++];
}

static int
remember(struct cursors *c, const struct log_line *l)
{
	struct place *p;
	char *cursor;

	for (p = c->places; p < c->places + c->count; p++)
		if (p->instance == l->instance &&
		    strcmp(p->name, l->name) == 0 &&
		    strcmp(p->stream, l->stream) == 0)
			break;
	if (p == c->places + c->count && (p = add_place(c, l)) == NULL)
		return -ENOMEM;
	if (p->name == NULL || p->stream == NULL ||
	    (cursor = strdup(l->cursor)) == NULL)
		return -ENOMEM;
	free(c->list[p - c->places]);
	c->list[p - c->places] = cursor;
	return 0;
}

/* The stream that answers m; NULL and *r. */
static struct od_client *
open_stream(struct cli *cli, const struct message *m, int *r,
    struct error *e)
{
	struct od_client *stream = NULL;
	struct message row;
	int64_t id;
	int fd = -1;

	if ((*r = cli_connect(cli, e)) < 0)
		return NULL;
	od_client_timeout(cli->client, cli->timeout_ms >= 0 ?
	    cli->timeout_ms : READ_MS);
	id = od_client_ask(cli->client, m, e);
	*r = id < 0 ? (int)id : od_client_next(cli->client, id, &row, &fd, e);
	if (*r <= 0) {
		if (*r == 0)
			*r = fail(e, CLI_FAILED, "the daemon gave no logs");
		return NULL;
	}
	message_release(&row);
	if (fd == -1 || (stream = od_client_attach(fd)) == NULL)
		*r = fail(e, CLI_FAILED, "the daemon gave no stream of logs");
	return stream;
}

/* All lines of one stream; *any becomes true at the first. */
static int
read_lines(struct od_client *stream, struct cursors *c,
    int (*on_line)(void *, const struct message *), void *arg, bool *any,
    struct error *e)
{
	struct message m;
	int fd, r;

	od_client_timeout(stream, -1);
	while ((r = od_client_next(stream, 0, &m, &fd, e)) > 0) {
		close_fd(&fd);
		if (m.type == MSG_log_line) {
			*any = true;
			r = on_line(arg, &m);
			if (r == 0 && remember(c, &m.log_line) < 0)
				r = fail(e, -ENOMEM, "out of memory");
		}
		message_release(&m);
		if (r < 0)
			break;
	}
	return r;
}

/*
 * Either end may be replaced at any moment: the supervisor (then the control
 * connection is lost) or od-logs (then the stream is). With the cursors the
 * next stream begins exactly behind the last line that came whole.
 */
int
tail(struct cli *cli, const struct message *m,
    int (*on_line)(void *, const struct message *), void *arg,
    struct error *e)
{
	struct message ask = *m;
	struct cursors c = { 0 };
	struct od_client *stream;
	bool any, is_lost, was_open = false;
	int r, tries = TRIES;

	do {
		any = false;
		is_lost = false;
		ask.logs_tail.cursors = (field_list)c.list;
		stream = open_stream(cli, &ask, &r, e);
		if (stream != NULL) {
			r = read_lines(stream, &c, on_line, arg, &any, e);
			is_lost = r == -ECONNRESET && od_client_is_lost(stream);
		} else if (r == -ECONNRESET && cli->client != NULL &&
		    od_client_is_lost(cli->client)) {
			is_lost = true;
		}
		od_client_free(stream);
		/* od-logs is being replaced, too. */
		if (stream == NULL && r == -EAGAIN && was_open && tries > 0) {
			od_client_wait(cli->client, NOT_YET_MS, NULL);
			is_lost = true;
		}
		was_open |= stream != NULL;
		if (is_lost && od_client_is_lost(cli->client) &&
		    (r = od_client_reopen(cli->client, RECONNECT_MS, e)) < 0)
			break;
		tries = any ? TRIES : tries - 1;
	} while (is_lost && tries > 0);
	cursors_release(&c);
	return r;
}
