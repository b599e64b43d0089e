/* help: of all commands, or of one. */
/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

static int
help(struct cli *cli, const struct args *a, struct error *e)
{
	const struct command *c;
	int words;

	if (args_has(a, "mdoc")) {
		help_mdoc(args_text(a, "mdoc"));
		return 0;
	}
	if (a->noperands == 0) {
		help_overview(cli, stdout);
		return 0;
	}
	c = command_find((int)a->noperands, (char *const *)a->operands, &words);
	if (c == NULL && command_is_group(a->operands[0])) {
		help_group(cli, stdout, a->operands[0]);
		return 0;
	}
	if (c == NULL)
		return fail(e, CLI_USAGE, "no command '%.64s'%s%s%s",
		    a->operands[0], command_suggest(a->operands[0]) == NULL ?
		    "" : "; did you mean '", command_suggest(a->operands[0]) ==
		    NULL ? "" : command_suggest(a->operands[0]),
		    command_suggest(a->operands[0]) == NULL ? "" : "'?");
	help_command(cli, c);
	return 0;
}

static const struct option options[] = {
	{ "mdoc", '\0', OPTION_TEXT, "PART",
	    "print what the manual has of the tables",
	    "globals commands" },
	{ 0 },
};

const struct command cmd_help = {
	.name	  = "help",
	.usage	  = "[command]",
	.summary  = "explain the commands, or one of them",
	.details  = "Without an argument, list all commands; with one, explain "
	    "that command.",
	.examples = "od help start",
	.options  = options,
	.operands = OPERANDS_COMMANDS,
	.most	  = 2,
	.run	  = help,
};
