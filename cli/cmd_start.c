/*
 * start: from a script, a command line or the name of an app to something
 * that runs and stays up. The daemon is started too if none runs: this is the
 * first command that anybody types.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/definition.h"
#include "cli/process.h"
#include "cli/tail.h"
#include "cli/text.h"

#define LAST_LINES	10

/* clang-format off */
static const struct option options[] = {
	{ "name", 'n', OPTION_TEXT, "NAME",
	    "call it so, not as its file is called", NULL },
	{ "instances", 'i', OPTION_TEXT, "N",
	    "run so many of it; max: one for each core", "max" },
	{ "cwd", '\0', OPTION_TEXT, "DIR",
	    "run it in DIR, not in the current directory", "@directory" },
	{ "env", '\0', OPTION_LIST, "NAME=VALUE",
	    "set a variable; NAME alone takes its value from here", NULL },
	{ "interpreter", '\0', OPTION_TEXT, "PROGRAM",
	    "what runs the script; none: the script itself", NULL },
	{ "namespace", '\0', OPTION_TEXT, "NS",
	    "put it into the namespace NS", NULL },
	{ "user", '\0', OPTION_TEXT, "USER",
	    "run it as USER (root only)", "@user" },
	{ "group", '\0', OPTION_TEXT, "GROUP",
	    "run it with GROUP (root only)", "@group" },
	{ "restart", '\0', OPTION_TEXT, "WHEN",
	    "always, on-failure or never", "always on-failure never" },
	{ "restart-delay", '\0', OPTION_DURATION, "DUR",
	    "wait so long before each restart", NULL },
	{ "stop-signal", '\0', OPTION_TEXT, "SIGNAL",
	    "ask it to end with SIGNAL, not TERM", "@signal" },
	{ "stop-timeout", '\0', OPTION_DURATION, "DUR",
	    "kill it if it has not ended after DUR", NULL },
	{ "log-out", '\0', OPTION_TEXT, "FILE",
	    "write its standard output to FILE", "@file" },
	{ "log-err", '\0', OPTION_TEXT, "FILE",
	    "write its standard error to FILE", "@file" },
	{ "combined", '\0', OPTION_FLAG, NULL,
	    "write both into one log, in exact order", NULL },
	{ "no-autostart", '\0', OPTION_FLAG, NULL,
	    "define it, but do not start it", NULL },
	{ "priority", '\0', OPTION_TEXT, "N",
	    "higher ones start first when many do at once", NULL },
	{ "no-wait", '\0', OPTION_FLAG, NULL,
	    "do not wait until it is online", NULL },
	{ 0 },
};
/* clang-format on */

struct last_lines {
	const char	*program;
	bool		 any;
};

static int
print_last(void *arg, const struct message *m)
{
	const struct log_line *l = &m->log_line;
	struct last_lines *last = arg;

	if (!last->any)
		fprintf(stderr, "%s start: its last lines were:\n",
		    last->program);
	last->any = true;
	fprintf(stderr, "  %s:%d | ", l->name, (int)l->instance);
	fwrite(l->text.data, 1, l->text.len, stderr);
	putc('\n', stderr);
	return 0;
}

/* What it said before it failed is most of the explanation; that there are
 * no lines to be had is not the news. */
static void
show_last_lines(struct cli *cli, field_list targets)
{
	struct message m = { .type = MSG_logs_tail, .logs_tail = {
	    .targets = targets, .lines = LAST_LINES, .out = true,
	    .err = true } };
	struct last_lines last = { .program = cli->program };

	fflush(stdout);
	tail(cli, &m, print_last, &last, NULL);
}

/*
 * An app that is not to be restarted may have ended before it was ready. That
 * is as it should be if it ended well; the rows do not tell, the details do.
 */
static int
judge_ends(struct cli *cli, field_list targets, struct error *e)
{
	struct message m = { .type = MSG_process_info,
	    .process_info = { .targets = targets } };
	const struct process_detail *d;
	struct rows rows;
	int r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);

	for (size_t i = 0; i < rows.count && r == 0; i++) {
		d = &rows.messages[i].process_detail;
		if (strcmp(d->status, "stopped") == 0 && d->has_exited &&
		    d->exit_code != 0)
			r = fail(e, CLI_FAILED, "'%s' ended before it was "
			    "ready: %s", d->name, d->exit_reason);
	}
	rows_release(&rows);
	return r;
}

static bool
any_stopped(const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->messages[i].process_row.status, "stopped") ==
		    0)
			return true;
	return false;
}

static int
run_targets(struct cli *cli, const struct args *a, field_list targets,
    struct error *e)
{
	struct message m = { .type = MSG_process_start, .process_start = {
	    .targets = targets, .wait = !args_has(a, "no-wait") } };
	struct error ignored = { 0 };
	struct rows rows;
	int r = cli_ask(cli, &m, AGAIN, -1, &rows, e);

	process_sort(&rows);
	if (r == 0)
		r = output_rows(cli, &process_view, &rows, e);
	else if (rows.count > 0)
		output_rows(cli, &process_view, &rows, &ignored);
	if (r == 0 && m.process_start.wait && any_stopped(&rows))
		r = judge_ends(cli, targets, e);
	rows_release(&rows);
	if (r < 0 && r != -ENOENT && r != -EPERM && r != -ETIMEDOUT &&
	    r != CLI_NO_DAEMON && m.process_start.wait)
		show_last_lines(cli, targets);
	return r;
}

static int
define_and_run(struct cli *cli, const struct args *a, const char *file,
    struct error *e)
{
	const char *targets[] = { NULL, NULL };
	struct message look;
	struct definition d;
	struct rows rows;
	int r;

	if ((r = definition_make(&d, a, file, e)) < 0 ||
	    (r = cli_connect_or_start(cli, e)) < 0)
		goto out;
	r = cli_ask(cli, &d.message, AGAIN, -1, &rows, e);
	rows_release(&rows);
	if (r < 0)
		goto out;
	targets[0] = d.name;
	if (d.message.process_define.autostart) {
		r = run_targets(cli, a, targets, e);
	} else {
		look = (struct message){ .type = MSG_process_list,
		    .process_list = { .targets = targets } };
		r = process_act(cli, &look, AGAIN, READ_MS, e);
	}
out:
	definition_release(&d);
	return r;
}

/* Options that say what an app is, which start of an existing one is not. */
static bool
defines(const struct args *a)
{
	for (const struct option *o = options; o->name != NULL; o++)
		if (strcmp(o->name, "no-wait") != 0 && args_has(a, o->name))
			return true;
	return a->rest != NULL;
}

/* Whether word is a target of some kind, rather than a path. */
static bool
is_app(struct cli *cli, const char *word)
{
	const char *targets[] = { word, NULL };
	struct message m = { .type = MSG_process_list,
	    .process_list = { .targets = targets } };
	struct rows rows;
	bool found = cli_ask(cli, &m, AGAIN, READ_MS, &rows, NULL) == 0 &&
	    rows.count > 0;

	rows_release(&rows);
	return found;
}

static int
nothing_of_that_name(struct cli *cli, const char *word, struct error *e)
{
	const struct message m = { .type = MSG_process_list };
	struct suggestion s;
	struct rows rows;

	if (strchr(word, '/') != NULL || strchr(word, '.') != NULL)
		return fail(e, CLI_FAILED, "cannot start '%.256s': %s", word,
		    strerror(ENOENT));
	if (strchr(word, ' ') != NULL)
		return fail(e, CLI_FAILED, "there is no file '%.128s'; a "
		    "command is started with: %s start -n NAME -- command "
		    "argument ...", word, cli->program);
	suggestion_begin(&s, word);
	if (cli_ask(cli, &m, AGAIN, READ_MS, &rows, NULL) == 0)
		for (size_t i = 0; i < rows.count; i++)
			suggestion_offer(&s, rows.messages[i].process_row.name);
	fail(e, CLI_NOT_FOUND, "there is no app and no file '%.128s'%s%s%s; "
	    "see: %s list", word, s.best == NULL ? "" : "; did you mean '",
	    s.best == NULL ? "" : s.best, s.best == NULL ? "" : "'",
	    cli->program);
	rows_release(&rows);
	return CLI_NOT_FOUND;
}

/*
 * A word may be an app or a file. With a slash, or options that define, it is
 * a file; else an app of that name goes before a file of that name: it was
 * most likely made from it.
 */
static int
start_operand(struct cli *cli, const struct args *a, const char *word,
    struct error *e)
{
	const char *targets[] = { word, NULL };
	bool exists = access(word, F_OK) == 0;
	struct error ignored = { 0 };

	if (exists && (strchr(word, '/') != NULL || defines(a)))
		return define_and_run(cli, a, word, e);
	if (!defines(a) && cli_connect(cli, &ignored) == 0 &&
	    is_app(cli, word))
		return run_targets(cli, a, targets, e);
	if (exists)
		return define_and_run(cli, a, word, e);
	return nothing_of_that_name(cli, word, e);
}

static int
start(struct cli *cli, const struct args *a, struct error *e)
{
	int r = 0;

	if (a->noperands == 0 && a->rest == NULL)
		return usage(&cmd_start, e);
	if (a->noperands > 1 && (args_has(a, "name") || a->rest != NULL))
		return fail(e, CLI_USAGE, "a name and arguments are for one "
		    "app, but there are %zu; an app's own options stand behind "
		    "'--'", a->noperands);
	if (a->noperands == 0)
		return define_and_run(cli, a, NULL, e);
	for (size_t i = 0; i < a->noperands && r == 0; i++)
		r = start_operand(cli, a, a->operands[i], e);
	return r;
}

const struct command cmd_start = {
	.name	  = "start",
	.usage	  = "script|app ... [-- argument ...]",
	.summary  = "start scripts, commands or apps",
	.details  =
"Start a script, keep it up, and give it a name by which the other commands\n"
"know it. A script that is not executable, or does not begin with #!, is run\n"
"by the interpreter that its extension stands for: .py python3, .js .mjs .cjs\n"
".ts node, .sh sh, .rb ruby, .pl perl, .php php.\n"
"\n"
"Without a script, what stands behind -- is the command to run. Behind a\n"
"script, it is the script's arguments. A word that is the name of an app\n"
"starts that app, as it was defined.\n"
"\n"
"A name that is in use gets the new definition, and what changed is restarted.\n"
"An app sees PATH, HOME, LANG, TZ, USER, SHELL and TERM as they are here, and\n"
"what --env adds. The daemon is started if none runs. start returns when the\n"
"app is online; if it did not get there, with status 1, the reason, and the\n"
"last lines of its log.",
	.examples =
"od start app.js\t"			"run app.js by node, as app\n"
"od start api.py -n api -i 4 -- --verbose\t"
				"four of them, each with --verbose\n"
"od start -n redis -- redis-server --port 0\t"	"a command\n"
"od start api\t"			"an app that was stopped",
	.options  = options,
	.operands = OPERANDS_FILES,
	.takes_rest = true,
	.run	  = start,
};
