/* The command line: which daemon, which command, and how it ended. */
/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/aside.h"
#include "cli/text.h"
#include "protocol/codec.h"

/* The exit statuses that scripts rely on. */
enum {
	EXIT_DONE	  = 0,
	EXIT_FAILED	  = 1,
	EXIT_USAGE	  = 2,
	EXIT_NO_DAEMON	  = 3,
	EXIT_NOT_FOUND	  = 4,
	EXIT_NOT_ALLOWED  = 5,
	EXIT_TIMED_OUT	  = 6,
};

static int
exit_status(int r)
{
	switch (r) {
	case 0:
		return EXIT_DONE;
	case CLI_USAGE:
		return EXIT_USAGE;
	case CLI_NO_DAEMON:
		return EXIT_NO_DAEMON;
	case CLI_NOT_FOUND:
	case -ENOENT:
		return EXIT_NOT_FOUND;
	case -EPERM:
	case -EACCES:
		return EXIT_NOT_ALLOWED;
	case -ETIMEDOUT:
		return EXIT_TIMED_OUT;
	default:
		return EXIT_FAILED;
	}
}

/* What the daemon says is passed on as it is; where the cure is always the
 * same, it is added. */
static int
complain(const struct cli *cli, const char *command, int r,
    const struct error *e)
{
	fprintf(stderr, "%s%s%s: ", cli->program, *command == '\0' ? "" : " ",
	    command);
	text_print_safely(stderr, e->text);
	if (r == -ENOENT)
		fprintf(stderr, "; see: %s list", cli->program);
	else if (r == -EPERM)
		fputs("; root and the daemon's owner may", stderr);
	putc('\n', stderr);
	return exit_status(r);
}

static void
read_globals(struct cli *cli, const struct args *a)
{
	if (args_has(a, "home"))
		cli->home_option = args_text(a, "home");
	cli->is_system |= args_has(a, "system");
	cli->is_json |= args_has(a, "json");
	cli->is_quiet |= args_has(a, "quiet");
	cli->is_plain |= args_has(a, "no-color");
	cli->timeout_ms = args_number(a, "timeout", cli->timeout_ms);
}

static int
check_encoding(int argc, char *const *argv, struct error *e)
{
	for (int i = 1; i < argc; i++)
		if (!is_utf8(argv[i], strlen(argv[i])))
			return fail(e, CLI_USAGE, "argument %d is not UTF-8: "
			    "'%.64s'", i, argv[i]);
	return 0;
}

static int
unknown_word(struct cli *cli, char *const *argv, struct error *e)
{
	const char *best;

	if (command_is_group(argv[0])) {
		help_group(cli, stderr, argv[0]);
		return argv[1] == NULL ?
		    fail(e, CLI_USAGE, "'%s' needs one of these words",
		    argv[0]) :
		    fail(e, CLI_USAGE, "'%s' knows no '%.64s'", argv[0],
		    argv[1]);
	}
	if ((best = command_suggest(argv[0])) != NULL)
		return fail(e, CLI_USAGE, "unknown command '%.64s'; did you "
		    "mean '%s'?", argv[0], best);
	return fail(e, CLI_USAGE, "unknown command '%.64s'; see: %s help",
	    argv[0], cli->program);
}

/* argv[0..argc) is what follows the command word. */
static int
run_command(struct cli *cli, const struct command *c, int argc, char **argv,
    struct error *e)
{
	struct args a = { .tables = { c->options, global_options } };
	int r;

	if ((r = args_parse(&a, argc, argv, false, e)) < 0)
		goto out;
	read_globals(cli, &a);
	if (args_has(&a, "help")) {
		help_command(cli, c);
		r = 0;
	} else if (a.noperands < c->least ||
	    (a.noperands > c->most && c->most > 0) ||
	    (a.noperands > 0 && c->operands == OPERANDS_NONE) ||
	    (a.rest != NULL && !c->takes_rest)) {
		r = usage(c, e);
	} else {
		r = c->run(cli, &a, e);
	}
out:
	args_release(&a);
	return r;
}

/* The name of the command goes into *name once it is known. */
static int
run(struct cli *cli, int argc, char **argv, const char **name,
    struct error *e)
{
	struct args a = { .tables = { NULL, global_options } };
	const struct command *c = NULL;
	int at, words, r;

	if ((r = check_encoding(argc, argv, e)) < 0 ||
	    (r = args_parse(&a, argc - 1, argv + 1, true, e)) < 0)
		goto out;
	read_globals(cli, &a);
	at = r + 1;
	r = 0;
	if (args_has(&a, "version")) {
		r = cmd_version.run(cli, &a, e);
	} else if (args_has(&a, "help")) {
		help_overview(cli, stdout);
	} else if (at == argc) {
		help_overview(cli, stderr);
		r = fail(e, CLI_USAGE, "which command?");
	} else if ((c = command_find(argc - at, argv + at, &words)) == NULL) {
		r = unknown_word(cli, argv + at, e);
	} else {
		*name = c->name;
		r = run_command(cli, c, argc - at - words, argv + at + words,
		    e);
	}
out:
	args_release(&a);
	return r;
}

int
main(int argc, char **argv)
{
	struct cli cli = { .program = "od", .timeout_ms = -1 };
	const char *name = "", *base;
	struct error e = { 0 };
	int r;

	base = argc > 0 && strrchr(argv[0], '/') != NULL ?
	    strrchr(argv[0], '/') + 1 : argc > 0 ? argv[0] : "od";
	if (strcmp(base, "opendaemon") == 0)
		cli.program = "opendaemon";
	else if (aside_is_meant(argc, argv))
		aside_exec(argv);
	setlocale(LC_ALL, "");
	/* A reader that went away ends us by EPIPE, said or not. */
	signal(SIGPIPE, SIG_IGN);
	if (getenv("NO_COLOR") != NULL && *getenv("NO_COLOR") != '\0')
		cli.is_plain = true;

	r = run(&cli, argc, argv, &name, &e);
	if (r == 0 && (fflush(stdout) == EOF || ferror(stdout)))
		r = fail(&e, CLI_FAILED, "cannot write the output: %s",
		    strerror(errno));
	od_client_free(cli.client);
	free(cli.home);
	return r == 0 ? EXIT_DONE : complain(&cli, name, r, &e);
}
