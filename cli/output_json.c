/* Rows as JSON: the message that arrived, and what the view adds. */
/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <stdlib.h>

#include "protocol/json.h"

#define FORM	(JSON_COMPACT | JSON_REAL_PRECISION(15))

static int
print_object(const struct view *view, const struct message *m,
    struct error *e)
{
	json_t *object = message_to_json(m);
	int r = 0;

	if (object == NULL || (view->refine != NULL &&
	    view->refine(object, m) < 0) ||
	    json_dumpf(object, stdout, FORM) == -1)
		r = fail(e, CLI_FAILED, "cannot print JSON");
	json_decref(object);
	return r;
}

int
output_json(const struct view *view, const struct rows *rows, bool is_array,
    struct error *e)
{
	int r;

	if (is_array)
		putchar('[');
	for (size_t i = 0; i < rows->count; i++) {
		if (i > 0)
			fputs(",\n ", stdout);
		if ((r = print_object(view, &rows->messages[i], e)) < 0)
			return r;
	}
	if (is_array)
		putchar(']');
	putchar('\n');
	return 0;
}

int
output_line(const struct view *view, const struct message *m,
    struct error *e)
{
	int r = print_object(view, m, e);

	putchar('\n');
	return r;
}
