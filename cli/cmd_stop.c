/*
 * stop: end apps and keep them defined. What was stopped stays stopped, over
 * restarts of the daemon too, until it is started.
 */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

static int
stop(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_process_stop,
	    .process_stop = { .targets = a->operands,
	    .wait = !args_has(a, "no-wait") } };

	return process_act(cli, &m, AGAIN, -1, e);
}

static const struct option options[] = {
	{ "no-wait", '\0', OPTION_FLAG, NULL,
	    "do not wait until they have ended", NULL },
	{ 0 },
};

const struct command cmd_stop = {
	.name	  = "stop",
	.usage	  = "app ...",
	.summary  = "stop apps; they stay defined",
	.details  =
"Send each its stop signal, wait for its end up to its stop timeout, then end\n"
"whatever is left of it. A stopped app stays in the list and stays stopped,\n"
"also when the daemon or the machine is started anew.",
	.examples =
"od stop web\t"			"all instances of web\n"
"od stop web:0 worker\t"	"one instance of web, and worker\n"
"od stop namespace:shop\t"	"everything in the namespace shop",
	.options  = options,
	.operands = OPERANDS_APPS,
	.least	  = 1,
	.run	  = stop,
};
