/* reset: count restarts from zero again, and forget failures. */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

static int
reset(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_process_reset,
	    .process_reset = { .targets = a->operands } };

	return process_act(cli, &m, AGAIN, READ_MS, e);
}

const struct command cmd_reset = {
	.name	  = "reset",
	.usage	  = "app ...",
	.summary  = "count restarts from zero again",
	.details  =
"Set the counters of each app to zero: the restarts that list shows, and the\n"
"failures from which the pause before the next restart is computed.",
	.examples = "od reset all",
	.operands = OPERANDS_APPS,
	.least	  = 1,
	.run	  = reset,
};
