/* restart: stop and start again, with the definition as it is now. */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

static int
restart(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_process_restart,
	    .process_restart = { .targets = a->operands,
	    .wait = !args_has(a, "no-wait") } };

	return process_act(cli, &m, ONCE, -1, e);
}

static const struct option options[] = {
	{ "no-wait", '\0', OPTION_FLAG, NULL,
	    "do not wait until they are online", NULL },
	{ 0 },
};

const struct command cmd_restart = {
	.name	  = "restart",
	.usage	  = "app ...",
	.summary  = "stop apps and start them again",
	.details  =
"Stop each app as stop does, then start it. One that is stopped is started.\n"
"The app runs with its definition, not with the environment of this command;\n"
"to change the definition, start it again with other options.",
	.examples =
"od restart web\t"	"all instances of web\n"
"od restart all\t"	"everything",
	.options  = options,
	.operands = OPERANDS_APPS,
	.least	  = 1,
	.run	  = restart,
};
