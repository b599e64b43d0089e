/*
 * list: what runs, at a glance. It only looks: where no daemon runs it says
 * so, and starts none.
 */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

static int
list(struct cli *cli, const struct args *a, struct error *e)
{
	struct message m = { .type = MSG_process_list,
	    .process_list = { .targets = a->operands } };

	return process_act(cli, &m, AGAIN, READ_MS, e);
}

const struct command cmd_list = {
	.name	  = "list",
	.aliases  = "ls ps status",
	.usage	  = "[app ...]",
	.summary  = "list apps and how they are",
	.details  =
"Print a line for each instance of each app, or of those that are named.\n"
"An app is named by its name, name:instance, id, namespace:NS, /regex/, or\n"
"all. The cpu column is an average since the process was started, in percent\n"
"of one core; the memory column is what is resident.",
	.examples =
"od list\t"		"all apps\n"
"od list -q\t"		"their names only\n"
"od list --json | jq '.[] | select(.status != \"online\")'\t"
			"what is not online, for a program",
	.operands = OPERANDS_APPS,
	.run	  = list,
};
