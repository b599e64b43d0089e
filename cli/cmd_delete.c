/* delete: stop apps and forget them; their logs stay. */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

static int
delete(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_process_delete,
	    .process_delete = { .targets = a->operands,
	    .wait = !args_has(a, "no-wait") } };

	return process_act(cli, &m, AGAIN, -1, e);
}

static const struct option options[] = {
	{ "no-wait", '\0', OPTION_FLAG, NULL,
	    "do not wait until they have ended", NULL },
	{ 0 },
};

const struct command cmd_delete = {
	.name	  = "delete",
	.aliases  = "rm del",
	.usage	  = "app ...",
	.summary  = "stop apps and forget them",
	.details  =
"Stop each app as stop does, then forget its definition. Its log files stay\n"
"where they are.",
	.examples = "od delete web",
	.options  = options,
	.operands = OPERANDS_APPS,
	.least	  = 1,
	.run	  = delete,
};
