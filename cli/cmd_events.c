/* events: what happened to apps and to the daemon, and what happens next. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/output.h"
#include "cli/text.h"
#include "protocol/json.h"

#define TRIES	20		/* connections lost without an event between */

struct printer {
	bool	is_json;
	bool	is_array;
	bool	is_first;
	bool	follows;
	int64_t	seen;			/* the last seq, or -1 */
};

static void
print_value(json_t *value)
{
	const char *text = json_string_value(value);

	if (text != NULL) {
		putchar('\'');
		text_print_safely(stdout, text);
		putchar('\'');
	} else if (json_is_integer(value)) {
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else {
		fputs(json_is_true(value) ? "yes" : json_is_false(value) ?
		    "no" : "-", stdout);
	}
}

/* time event subject key=value ... */
static void
print_text(json_t *o)
{
	static const char *const first[] = { "time", "event", "subject" };
	const char *key;
	json_t *value;

	printf("%s  ", json_string_value(json_object_get(o, "time")));
	printf("%-18s ", json_string_value(json_object_get(o, "event")));
	text_print_safely(stdout,
	    json_string_value(json_object_get(o, "subject")));
	for (size_t i = 0; i < COUNT(first); i++)
		json_object_del(o, first[i]);
	json_object_del(o, "seq");
	json_object_foreach(o, key, value) {
		printf(" %s=", key);
		print_value(value);
	}
	putchar('\n');
}

static int
print_event(struct printer *p, const struct message *m, struct error *e)
{
	json_t *o = message_to_json(m);

	if (o == NULL)
		return fail(e, -ENOMEM, "out of memory");
	if (p->is_array)
		fputs(p->is_first ? "[" : ",\n ", stdout);
	p->is_first = false;
	if (p->is_json) {
		json_dumpf(o, stdout, JSON_COMPACT);
		if (!p->is_array)
			putchar('\n');
	} else {
		print_text(o);
	}
	json_decref(o);
	if ((p->follows && fflush(stdout) == EOF) || ferror(stdout))
		return -EPIPE;
	return 0;
}

/* One message of the answer. What comes again after a reconnection is known
 * by its number. */
static int
take(struct printer *p, const struct message *m, struct error *e)
{
	if (m->type == MSG_gap) {
		fprintf(stderr, "od events: %" PRIi64 " events are lost, from "
		    "%" PRIi64 " to %" PRIi64 "\n", m->gap.to - m->gap.from + 1,
		    m->gap.from, m->gap.to);
		if (m->gap.to > p->seen)
			p->seen = m->gap.to;
		return 0;
	}
	if (!message_is_event(m->type) || m->event.seq <= p->seen)
		return 0;
	p->seen = m->event.seq;
	return print_event(p, m, e);
}

static int
read_events(struct cli *cli, const struct message *ask, struct printer *p,
    bool *any, struct error *e)
{
	struct message m;
	int64_t id;
	int fd, r;

	if ((r = cli_connect(cli, e)) < 0)
		return r;
	od_client_timeout(cli->client, p->follows ? -1 :
	    cli->timeout_ms >= 0 ? cli->timeout_ms : READ_MS);
	if ((id = od_client_ask(cli->client, ask, e)) < 0)
		return (int)id;
	while ((r = od_client_next(cli->client, id, &m, &fd, e)) > 0) {
		close_fd(&fd);
		*any = true;
		r = take(p, &m, e);
		message_release(&m);
		if (r < 0)
			break;
	}
	return r;
}

/*
 * The number that the subscription starts from. Following from now on must
 * survive the loss of a supervisor before the first event, so "now" is a
 * number, too.
 */
static int
find_start(struct cli *cli, const struct args *a, struct printer *p,
    struct error *e)
{
	const struct message m = { .type = MSG_daemon_status };
	struct rows rows;
	int r = 0;

	p->seen = args_number(a, "since", p->follows ? -1 : 0);
	if (p->seen >= 0)
		return 0;
	r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);
	if (r == 0 && rows.count > 0 &&
	    rows.messages[0].type == MSG_daemon_row)
		p->seen = rows.messages[0].daemon_row.event_seq;
	rows_release(&rows);
	return r;
}

static int
events(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_events_subscribe,
	    .events_subscribe = { .patterns = a->operands,
	    .follow = args_has(a, "follow") } };
	struct printer p = { .is_json = cli->is_json, .is_first = true,
	    .follows = args_has(a, "follow"),
	    .is_array = cli->is_json && !args_has(a, "follow") };
	int r, tries = TRIES;
	bool any;

	if ((r = find_start(cli, a, &p, e)) < 0)
		return r;
	do {
		any = false;
		m.events_subscribe.since = p.seen;
		r = read_events(cli, &m, &p, &any, e);
		tries = any ? TRIES : tries - 1;
	} while (r == -ECONNRESET && od_client_is_lost(cli->client) &&
	    tries > 0 &&
	    (r = od_client_reopen(cli->client, RECONNECT_MS, e)) == 0);
	if (p.is_array && r == 0)
		puts(p.is_first ? "[]" : "]");
	if (r == -EPIPE && ferror(stdout)) {
		clearerr(stdout);
		r = 0;
	}
	return r;
}

/* clang-format off */
static const struct option options[] = {
	{ "follow", 'f', OPTION_FLAG, NULL,
	    "go on with what happens from now on", NULL },
	{ "since", '\0', OPTION_NUMBER, "SEQ",
	    "begin behind the event of that number", NULL },
	{ 0 },
};
/* clang-format on */

const struct command cmd_events = {
	.name	  = "events",
	.usage	  = "[pattern ...]",
	.summary  = "print what happened",
	.details  =
"Print the events that the daemon still holds, oldest first; with -f, those\n"
"from now on, or from --since on. A pattern is the name of an event, in which\n"
"* stands for anything: 'process:*', 'plugin:crashed'. Events have numbers; a\n"
"reader that lost his place says with --since what he saw last.\n"
"\n"
"With --json the events are one array, or, with -f, an object a line.",
	.examples =
"od events -f 'process:*'\t"	"watch apps\n"
"od events --since 4711 --json\t"	"what came after event 4711",
	.options  = options,
	.operands = OPERANDS_EVENTS,
	.run	  = events,
};
