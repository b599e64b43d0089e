/* signal: send a signal to the main process of apps. */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"
#include "cli/text.h"

static int
send_signal(struct cli *cli, const struct args *a, struct error *e)
{
	int sig = text_to_signal(a->operands[0]);
	struct message m = { .type = MSG_process_signal,
	    .process_signal = { .targets = a->operands + 1, .signal = sig } };
	struct rows rows;
	int r;

	if (sig < 0)
		return fail(e, CLI_USAGE, "'%.64s' is no signal: give a name "
		    "such as HUP or USR1, or a number", a->operands[0]);
	r = cli_ask(cli, &m, ONCE, READ_MS, &rows, e);
	rows_release(&rows);
	return r;
}

const struct command cmd_signal = {
	.name	  = "signal",
	.usage	  = "signal app ...",
	.summary  = "send a signal to apps",
	.details  =
"Send the signal, a name with or without SIG or a number, to the main process\n"
"of each app. What the app makes of it is its own affair: one that ends by it\n"
"is restarted as after any other end; to stop an app, use stop.",
	.examples =
"od signal HUP web\t"	"make web read its configuration, if it does so",
	.operands = OPERANDS_SIGNAL,
	.least	  = 2,
	.run	  = send_signal,
};
