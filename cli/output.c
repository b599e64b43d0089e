/* Decides how rows are printed. */
/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"

bool
output_has_colours(const struct cli *cli)
{
	const char *term = getenv("TERM");

	return !cli->is_plain && isatty(STDOUT_FILENO) && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

/* Instances of one app follow each other and have one name. */
static int
print_names(const struct view *view, const struct rows *rows)
{
	const char *name, *last = "";

	for (size_t i = 0; i < rows->count; i++) {
		name = view->name(&rows->messages[i]);
		if (strcmp(name, last) != 0) {
			text_print_safely(stdout, name);
			putchar('\n');
		}
		last = name;
	}
	return 0;
}

int
output_rows(const struct cli *cli, const struct view *view,
    const struct rows *rows, struct error *e)
{
	if (cli->is_json)
		return output_json(view, rows, true, e);
	if (cli->is_quiet)
		return print_names(view, rows);
	return output_text(view, rows, output_has_colours(cli), e);
}

int
output_facts(const struct cli *cli, const struct view *view,
    const struct rows *rows, struct error *e)
{
	if (cli->is_json)
		return output_json(view, rows, true, e);
	if (cli->is_quiet)
		return print_names(view, rows);
	return output_lines(view, rows, e);
}

int
output_one(const struct cli *cli, const struct view *view,
    const struct message *m, struct error *e)
{
	struct rows one = { .messages = (struct message *)m, .count = 1 };

	if (cli->is_json)
		return output_json(view, &one, false, e);
	if (cli->is_quiet)
		return print_names(view, &one);
	return output_lines(view, &one, e);
}
