/* plugin: the daemon's own processes, each a feature that may be replaced. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

static const struct plugin_row *
at(const struct rows *rows, size_t i)
{
	return &rows->messages[i].plugin_row;
}

static void
print_name(FILE *f, const struct rows *rows, size_t i)
{
	fputs(at(rows, i)->name, f);
}

static void
print_status(FILE *f, const struct rows *rows, size_t i)
{
	fputs(at(rows, i)->status, f);
}

static void
print_pid(FILE *f, const struct rows *rows, size_t i)
{
	if (at(rows, i)->pid == 0)
		putc('-', f);
	else
		fprintf(f, "%" PRIi64, at(rows, i)->pid);
}

static void
print_uid(FILE *f, const struct rows *rows, size_t i)
{
	if (at(rows, i)->uid < 0)
		putc('-', f);
	else
		fprintf(f, "%" PRIi64, at(rows, i)->uid);
}

static void
print_restarts(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, at(rows, i)->restarts);
}

static void
print_uptime(FILE *f, const struct rows *rows, size_t i)
{
	char buf[32];

	fputs(text_of_duration(at(rows, i)->uptime_ms, buf, sizeof(buf)), f);
}

static void
print_version(FILE *f, const struct rows *rows, size_t i)
{
	fputs(at(rows, i)->version, f);
}

static void
print_problem(FILE *f, const struct rows *rows, size_t i)
{
	fputs(at(rows, i)->problem, f);
}

static const char *
status_colour(const struct message *m)
{
	return strcmp(m->plugin_row.status, "online") == 0 ? "green" :
	    strcmp(m->plugin_row.status, "stopped") == 0 ? "darkgray" : "red";
}

static const struct column columns[] = {
	{ "name", NULL, COLUMN_CUTS, print_name, NULL },
	{ "status", NULL, 0, print_status, status_colour },
	{ "pid", NULL, COLUMN_RIGHT, print_pid, NULL },
	{ "uid", NULL, COLUMN_RIGHT, print_uid, NULL },
	{ "uptime", NULL, COLUMN_RIGHT, print_uptime, NULL },
	{ "restarts", "↺", COLUMN_RIGHT, print_restarts, NULL },
	{ "version", NULL, COLUMN_IF_ANY, print_version, NULL },
	{ "problem", NULL, COLUMN_CUTS | COLUMN_IF_ANY, print_problem, NULL },
	{ 0 },
};

static const char *
name_of(const struct message *m)
{
	return m->plugin_row.name;
}

static const struct view view = {
	.columns = columns,
	.name	 = name_of,
};

static int
list(struct cli *cli, const struct args *a, struct error *e)
{
	const struct message m = { .type = MSG_plugin_list };
	struct rows rows;
	int r;

	(void)a;
	r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);
	if (r == 0)
		r = output_rows(cli, &view, &rows, e);
	rows_release(&rows);
	return r;
}

/* Ask one of the three, whose only field is a name; there may be no rows. */
static int
act(struct cli *cli, struct message m, const char *name, enum again again,
    struct error *e)
{
	struct rows rows;
	int r;

	if (strncmp(name, "od-", 3) == 0)
		name += 3;
	m.plugin_start.name = name;
	r = cli_ask(cli, &m, again, -1, &rows, e);
	if (r == 0 && rows.count > 0)
		r = output_rows(cli, &view, &rows, e);
	rows_release(&rows);
	return r;
}

static int
restart(struct cli *cli, const struct args *a, struct error *e)
{
	return act(cli, (struct message){ .type = MSG_plugin_restart },
	    a->operands[0], ONCE, e);
}

static int
stop(struct cli *cli, const struct args *a, struct error *e)
{
	return act(cli, (struct message){ .type = MSG_plugin_stop },
	    a->operands[0], AGAIN, e);
}

static int
start(struct cli *cli, const struct args *a, struct error *e)
{
	return act(cli, (struct message){ .type = MSG_plugin_start },
	    a->operands[0], AGAIN, e);
}

const struct command cmd_plugin_list = {
	.name	 = "plugin list",
	.usage	 = "",
	.summary = "list the daemon's own processes",
	.details =
"Print a line for each process of which the daemon is made, besides its two\n"
"guards. Each is a feature of its own: it can be stopped, restarted and killed,\n"
"and neither apps nor other plugins notice.",
	.examples = "od plugin list",
	.run	 = list,
};

const struct command cmd_plugin_restart = {
	.name	  = "plugin restart",
	.usage	  = "plugin",
	.summary  = "stop a plugin and start it again",
	.details  = "Stop the plugin and start it again.",
	.examples = "od plugin restart logs",
	.operands = OPERANDS_PLUGINS,
	.least	  = 1,
	.most	  = 1,
	.run	  = restart,
};

const struct command cmd_plugin_stop = {
	.name	  = "plugin stop",
	.usage	  = "plugin",
	.summary  = "stop a plugin",
	.details  = "Stop the plugin; it stays stopped until it is started.",
	.examples = "od plugin stop logs",
	.operands = OPERANDS_PLUGINS,
	.least	  = 1,
	.most	  = 1,
	.run	  = stop,
};

const struct command cmd_plugin_start = {
	.name	  = "plugin start",
	.usage	  = "plugin",
	.summary  = "start a plugin, or try a quarantined one at once",
	.details  =
"Start a plugin that was stopped, or try at once one that failed so often that\n"
"it is started only now and then.",
	.examples = "od plugin start logs",
	.operands = OPERANDS_PLUGINS,
	.least	  = 1,
	.most	  = 1,
	.run	  = start,
};
