/* version: of this program; that of the daemon is in its status. */
/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"

static int
version(struct cli *cli, const struct args *a, struct error *e)
{
	json_t *o;

	(void)a;
	if (!cli->is_json) {
		printf("opendaemon %s\n", PACKAGE_VERSION);
		return 0;
	}
	o = json_pack("{s:s, s:i}", "version", PACKAGE_VERSION, "protocol",
	    PROTOCOL_VERSION);
	if (o == NULL || json_dumpf(o, stdout, JSON_COMPACT) == -1) {
		json_decref(o);
		return fail(e, CLI_FAILED, "cannot print JSON");
	}
	json_decref(o);
	putchar('\n');
	return 0;
}

const struct command cmd_version = {
	.name	 = "version",
	.usage	 = "",
	.summary = "print the version of this program",
	.details = "Print the version of this program. That of the daemon, "
	    "which may be another\nafter an upgrade, is told by: od daemon "
	    "status",
	.run	 = version,
};
