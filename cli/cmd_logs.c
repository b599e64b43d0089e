/*
 * logs: what apps wrote, merged in the order of time, and what they write
 * next. Lines are passed on as they are; only --format json changes them.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/tail.h"
#include "protocol/json.h"

#define LINES	15

enum format { FORMAT_TEXT, FORMAT_RAW, FORMAT_JSON };

struct printer {
	enum format	format;
	bool		has_colours;
	bool		follows;
	bool		is_array;	/* --json: one array, if it has an end */
	bool		is_first;
	bool		goes_on;	/* the line before was not whole */
};

/* The same app has the same colour in every call. */
static const char *
colour_of(const char *name)
{
	static const char *const colours[] = {
		"\033[32m", "\033[33m", "\033[34m", "\033[35m", "\033[36m",
		"\033[92m", "\033[93m", "\033[94m", "\033[95m", "\033[96m",
	};
	unsigned int hash = 5381;

	for (; *name != '\0'; name++)
		hash = hash * 33 + (unsigned char)*name;
	return colours[hash % COUNT(colours)];
}

static void
print_text(const struct printer *p, const struct log_line *l)
{
	if (p->format == FORMAT_TEXT && !p->goes_on)
		printf("%s%s:%" PRIi64 "%s %s| ", p->has_colours ?
		    colour_of(l->name) : "", l->name, l->instance,
		    p->has_colours ? "\033[0m" : "",
		    p->has_colours && strcmp(l->stream, "err") == 0 ?
		    "\033[31m!\033[0m" : "");
	fwrite(l->text.data, 1, l->text.len, stdout);
	if (!l->partial)
		putchar('\n');
}

static int
print_json(struct printer *p, const struct message *m)
{
	json_t *object = message_to_json(m);
	char when[32];
	int r = 0;

	if (p->is_array)
		fputs(p->is_first ? "[" : ",\n ", stdout);
	json_object_del(object, "time_ms");
	json_object_del(object, "cursor");
	if (object == NULL || json_object_set_new(object, "time",
	    json_string(rfc3339(m->log_line.time_ms, when))) < 0 ||
	    json_dumpf(object, stdout, JSON_COMPACT) == -1)
		r = -ENOMEM;
	if (!p->is_array)
		putchar('\n');
	json_decref(object);
	return r;
}

static int
on_line(void *arg, const struct message *m)
{
	struct printer *p = arg;
	int r = 0;

	if (p->format == FORMAT_JSON)
		r = print_json(p, m);
	else
		print_text(p, &m->log_line);
	p->is_first = false;
	p->goes_on = m->log_line.partial;
	/* Somebody waits for this line, or nobody reads any more. */
	if ((p->follows && fflush(stdout) == EOF) || ferror(stdout))
		r = -EPIPE;
	return r;
}

static int
find_format(const struct cli *cli, const char *text, enum format *format,
    struct error *e)
{
	static const char *const formats[] = { "text", "raw", "json" };

	*format = cli->is_json ? FORMAT_JSON : FORMAT_TEXT;
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < COUNT(formats); i++)
		if (strcmp(formats[i], text) == 0) {
			*format = (enum format)i;
			return 0;
		}
	return fail(e, CLI_USAGE, "--format is one of: raw, text, json");
}

static int
logs(struct cli *cli, const struct args *a, struct error *e)
{
	bool out = args_has(a, "out"), err = args_has(a, "err");
	struct message m = { .type = MSG_logs_tail, .logs_tail = {
	    .targets = a->operands,
	    .lines = args_number(a, "lines", LINES),
	    .out = out || !err, .err = err || !out } };
	struct printer p = { .is_first = true,
	    .has_colours = output_has_colours(cli) };
	int r;

	if ((r = find_format(cli, args_text(a, "format"), &p.format, e)) < 0)
		return r;
	p.follows = args_has(a, "follow") || (!args_has(a, "no-follow") &&
	    isatty(STDOUT_FILENO));
	p.is_array = cli->is_json && !p.follows;
	m.logs_tail.follow = p.follows;
	r = tail(cli, &m, on_line, &p, e);
	if (p.goes_on && p.format != FORMAT_JSON)
		putchar('\n');
	if (p.is_array && r == 0)
		puts(p.is_first ? "[]" : "]");
	/* The reader has seen enough: head, for example. */
	if (r == -EPIPE && ferror(stdout)) {
		clearerr(stdout);
		r = 0;
	}
	return r;
}

/* clang-format off */
static const struct option options[] = {
	{ "follow", 'f', OPTION_FLAG, NULL,
	    "go on with what is written from now on", NULL },
	{ "no-follow", '\0', OPTION_FLAG, NULL,
	    "print what there is, and end", NULL },
	{ "lines", 'n', OPTION_NUMBER, "N",
	    "begin with the last N lines of each log (15)", NULL },
	{ "out", '\0', OPTION_FLAG, NULL, "standard output only", NULL },
	{ "err", '\0', OPTION_FLAG, NULL, "standard error only", NULL },
	{ "format", '\0', OPTION_TEXT, "FORMAT",
	    "text (with names), raw, or json (an object a line)",
	    "text raw json" },
	{ 0 },
};
/* clang-format on */

const struct command cmd_logs = {
	.name	  = "logs",
	.usage	  = "[app ...]",
	.summary  = "print what apps wrote",
	.details  =
"Print the last lines of the logs of all apps, or of those named, in the order\n"
"in which they were written. On a terminal it goes on with new lines until it\n"
"is interrupted; in a pipe it ends, unless -f is given. Lines are passed on as\n"
"the app wrote them. No line is lost or printed twice when parts of the daemon\n"
"are replaced meanwhile.\n"
"\n"
"Of a log under a path of its own (od start --log-out), the present file is\n"
"printed and followed; those that were rotated before it are not looked at.\n"
"\n"
"With --json the lines are one array, or, with -f, an object a line.",
	.examples =
"od logs web\t"			"the last lines of web, and the next ones\n"
"od logs -n 1000 --err web | less\t"	"what went wrong\n"
"od logs -f --format json | jq -r .text\t"	"for a program",
	.options  = options,
	.operands = OPERANDS_APPS,
	.run	  = logs,
};
