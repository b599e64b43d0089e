/* info: everything that is known of an app, its last end above all. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "cli/output.h"
#include "cli/process.h"
#include "cli/text.h"
#include "protocol/json.h"

static const struct process_detail *
at(const struct rows *rows, size_t i)
{
	return &rows->messages[i].process_detail;
}

/* Facts that are one field. */
#define TEXT_FACT(field)						\
static void								\
print_##field(FILE *f, const struct rows *rows, size_t i)		\
{									\
	fputs(at(rows, i)->field, f);					\
}

#define NUMBER_FACT(field)						\
static void								\
print_##field(FILE *f, const struct rows *rows, size_t i)		\
{									\
	fprintf(f, "%" PRIi64, at(rows, i)->field);			\
}

TEXT_FACT(namespace)
TEXT_FACT(mode)
TEXT_FACT(cwd)
TEXT_FACT(log_out)
TEXT_FACT(log_err)
TEXT_FACT(restart)
TEXT_FACT(problem)
TEXT_FACT(tree)
NUMBER_FACT(id)
NUMBER_FACT(restarts)

static void
print_name(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%s:%" PRIi64, at(rows, i)->name, at(rows, i)->instance);
	if (at(rows, i)->instances > 1)
		fprintf(f, " of %" PRIi64, at(rows, i)->instances);
}

static void
print_status(FILE *f, const struct rows *rows, size_t i)
{
	const struct process_detail *d = at(rows, i);

	fprintf(f, "%s%s", d->status, d->wanted ? "" : " (not wanted)");
}

static void
print_pid(FILE *f, const struct rows *rows, size_t i)
{
	if (at(rows, i)->pid > 0)
		fprintf(f, "%" PRIi64, at(rows, i)->pid);
}

static void
print_uptime(FILE *f, const struct rows *rows, size_t i)
{
	const struct process_detail *d = at(rows, i);
	char buf[32], since[32];

	if (d->uptime_ms >= 0)
		fprintf(f, "%s, since %s",
		    text_of_duration(d->uptime_ms, buf, sizeof(buf)),
		    rfc3339(d->started_ms, since));
}

static void
print_use(FILE *f, const struct rows *rows, size_t i)
{
	struct process_use use;
	char buf[32];

	if (at(rows, i)->pid > 0 &&
	    process_use((pid_t)at(rows, i)->pid, &use))
		fprintf(f, "cpu %.1f%%, memory %s", use.cpu_percent,
		    text_of_size(use.memory_bytes, buf, sizeof(buf)));
}

static void
print_next(FILE *f, const struct rows *rows, size_t i)
{
	char buf[32];

	if (at(rows, i)->next_restart_ms >= 0)
		fprintf(f, "in %s", text_of_duration(
		    at(rows, i)->next_restart_ms, buf, sizeof(buf)));
}

/* So that it can be read as words: what has blanks gets quotes. */
static void
print_argv(FILE *f, const struct rows *rows, size_t i)
{
	field_list argv = at(rows, i)->argv;

	for (size_t n = 0; argv != NULL && argv[n] != NULL; n++) {
		bool plain = *argv[n] != '\0' &&
		    strpbrk(argv[n], " \t\n'\"\\$`*?[]{}()<>|&;~#!") == NULL;

		fprintf(f, "%s%s%s%s", n == 0 ? "" : " ", plain ? "" : "'",
		    argv[n], plain ? "" : "'");
	}
}

static void
print_user(FILE *f, const struct rows *rows, size_t i)
{
	if (at(rows, i)->uid >= 0)
		fprintf(f, "uid %" PRIi64 ", gid %" PRIi64, at(rows, i)->uid,
		    at(rows, i)->gid);
}

static void
print_stop(FILE *f, const struct rows *rows, size_t i)
{
	const struct process_detail *d = at(rows, i);
	const char *name = sigabbrev_np((int)d->stop_signal);
	char buf[32];

	fprintf(f, "SIG%s, killed after %s", name == NULL ? "?" : name,
	    text_of_duration(d->stop_timeout_ms, buf, sizeof(buf)));
}

static void
print_exit(FILE *f, const struct rows *rows, size_t i)
{
	const struct process_detail *d = at(rows, i);
	const char *name = sigabbrev_np((int)d->exit_signal);
	char when[32];

	if (!d->has_exited)
		return;
	if (d->exit_code >= 0)
		fprintf(f, "with status %" PRIi64, d->exit_code);
	else if (d->exit_signal > 0)
		fprintf(f, "by signal %" PRIi64 " (SIG%s)", d->exit_signal,
		    name == NULL ? "?" : name);
	else
		fputs("nobody saw how", f);
	fprintf(f, ", %s", rfc3339(d->exit_time_ms, when));
	if (*d->exit_reason != '\0')
		fprintf(f, ": %s", d->exit_reason);
}

/* clang-format off */
static const struct column facts[] = {
	{ "name",	  NULL, 0, print_name, NULL },
	{ "id",		  NULL, 0, print_id, NULL },
	{ "namespace",	  NULL, 0, print_namespace, NULL },
	{ "status",	  NULL, 0, print_status, NULL },
	{ "problem",	  NULL, COLUMN_IF_ANY, print_problem, NULL },
	{ "pid",	  NULL, COLUMN_IF_ANY, print_pid, NULL },
	{ "uptime",	  NULL, COLUMN_IF_ANY, print_uptime, NULL },
	{ "takes",	  NULL, COLUMN_IF_ANY, print_use, NULL },
	{ "mode",	  NULL, 0, print_mode, NULL },
	{ "restarts",	  NULL, 0, print_restarts, NULL },
	{ "next restart", NULL, COLUMN_IF_ANY, print_next, NULL },
	{ "last exit",	  NULL, COLUMN_IF_ANY, print_exit, NULL },
	{ "command",	  NULL, 0, print_argv, NULL },
	{ "directory",	  NULL, 0, print_cwd, NULL },
	{ "runs as",	  NULL, COLUMN_IF_ANY, print_user, NULL },
	{ "restart",	  NULL, 0, print_restart, NULL },
	{ "stop",	  NULL, 0, print_stop, NULL },
	{ "descendants",  NULL, COLUMN_IF_ANY, print_tree, NULL },
	{ "output log",	  NULL, COLUMN_IF_ANY, print_log_out, NULL },
	{ "error log",	  NULL, COLUMN_IF_ANY, print_log_err, NULL },
	{ 0 },
};
/* clang-format on */

static const char *
name_of(const struct message *m)
{
	return m->process_detail.name;
}

/* The flat exit_* fields become one object, or null. */
static int
fold_exit(json_t *object, const struct message *m)
{
	static const char *const flat[] = {
		"has_exited", "exit_code", "exit_signal", "exit_time_ms",
		"exit_reason", "exit_source",
	};
	const struct process_detail *d = &m->process_detail;
	const char *name = sigabbrev_np((int)d->exit_signal);
	char when[32], sig[16];
	json_t *last = json_null();

	snprintf(sig, sizeof(sig), "SIG%s", name == NULL ? "?" : name);
	if (d->has_exited)
		last = json_pack("{s:o, s:o, s:s, s:s, s:s}",
		    "code", d->exit_code < 0 ? json_null() :
		    json_integer(d->exit_code),
		    "signal", d->exit_signal == 0 ? json_null() :
		    json_string(sig),
		    "time", rfc3339(d->exit_time_ms, when),
		    "reason", d->exit_reason, "source", d->exit_source);
	for (size_t i = 0; i < COUNT(flat); i++)
		json_object_del(object, flat[i]);
	return json_object_set_new(object, "last_exit", last);
}

static int
refine(json_t *object, const struct message *m)
{
	struct process_use use;
	bool known = m->process_detail.pid > 0 &&
	    process_use((pid_t)m->process_detail.pid, &use);

	if (process_add_use(object, known ? &use : NULL) < 0)
		return -1;
	return fold_exit(object, m);
}

static const struct view view = {
	.columns = facts,
	.name	 = name_of,
	.refine	 = refine,
};

static int
info(struct cli *cli, const struct args *a, struct error *e)
{
	const struct message m = { .type = MSG_process_info,
	    .process_info = { .targets = a->operands } };
	struct rows rows;
	int r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);

	if (r == 0)
		r = output_facts(cli, &view, &rows, e);
	rows_release(&rows);
	return r;
}

const struct command cmd_info = {
	.name	  = "info",
	.aliases  = "show describe",
	.usage	  = "app ...",
	.summary  = "tell all that is known of apps",
	.details  =
"Print the definition of each app and what it does now: how it last ended,\n"
"when it is started again, where its logs are, how its descendants are found.",
	.examples =
"od info web\n"
"od info web --json | jq '.[0].last_exit'\t"	"how web last ended",
	.operands = OPERANDS_APPS,
	.least	  = 1,
	.run	  = info,
};
