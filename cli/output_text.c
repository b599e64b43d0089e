/* Rows as a table, cut to the width of the terminal and never wrapped. */
/* SPDX-License-Identifier: MIT */
#include <libsmartcols.h>

#include "cli/output.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"

static bool
has_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int
add_columns(struct libscols_table *t, const struct column *columns)
{
	struct libscols_column *made;
	int flags;

	for (const struct column *c = columns; c->head != NULL; c++) {
		flags = (c->flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0) |
		    (c->flags & COLUMN_CUTS ? SCOLS_FL_TRUNC : 0);
		made = scols_table_new_column(t, c->head_utf8 != NULL &&
		    has_utf8() ? c->head_utf8 : c->head, 0, flags);
		if (made == NULL)
			return -1;
	}
	return 0;
}

/* The text of one cell; the caller must free it. NULL: out of memory. */
static char *
cell_text(const struct column *c, const struct rows *rows, size_t i)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	c->print(f, rows, i);
	if (fclose(f) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

static int
add_line(struct libscols_table *t, const struct view *view,
    const struct rows *rows, size_t i, bool *filled)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	const struct column *c;
	const char *colour;
	char *text;

	for (size_t n = 0; (c = &view->columns[n])->head != NULL; n++) {
		if (line == NULL || (text = cell_text(c, rows, i)) == NULL)
			return -1;
		filled[n] |= *text != '\0';
		/* The line takes the text over. */
		if (scols_line_refer_data(line, n, text) != 0) {
			free(text);
			return -1;
		}
		colour = c->colour == NULL ? NULL :
		    c->colour(&rows->messages[i]);
		if (colour != NULL)
			scols_cell_set_color(scols_line_get_cell(line, n),
			    colour);
	}
	return 0;
}

static void
hide_empty(struct libscols_table *t, const struct column *columns,
    const bool *filled)
{
	for (size_t n = 0; columns[n].head != NULL; n++) {
		struct libscols_column *c = scols_table_get_column(t, n);

		if ((columns[n].flags & COLUMN_IF_ANY) != 0 && !filled[n])
			scols_column_set_flags(c,
			    scols_column_get_flags(c) | SCOLS_FL_HIDDEN);
	}
}

int
output_lines(const struct view *view, const struct rows *rows,
    struct error *e)
{
	int width = 0;
	char *text;

	for (const struct column *c = view->columns; c->head != NULL; c++)
		if ((int)strlen(c->head) > width)
			width = (int)strlen(c->head);
	for (size_t i = 0; i < rows->count; i++) {
		if (i > 0)
			putchar('\n');
		for (const struct column *c = view->columns; c->head != NULL;
		    c++) {
			if ((text = cell_text(c, rows, i)) == NULL)
				return fail(e, CLI_FAILED, "out of memory");
			if (*text != '\0' || (c->flags & COLUMN_IF_ANY) == 0) {
				printf("%-*s  ", width, c->head);
				text_print_safely(stdout, text);
				putchar('\n');
			}
			free(text);
		}
	}
	return 0;
}

#define COLUMNS_MAX	32

int
output_text(const struct view *view, const struct rows *rows, bool colours,
    struct error *e)
{
	struct libscols_table *t = scols_new_table();
	bool filled[COLUMNS_MAX] = { false };
	int r = 0;

	if (t == NULL || add_columns(t, view->columns) < 0) {
		r = fail(e, CLI_FAILED, "out of memory");
		goto out;
	}
	scols_table_enable_colors(t, colours);
	scols_table_set_column_separator(t, "  ");
	for (size_t i = 0; i < rows->count && r == 0; i++)
		if (add_line(t, view, rows, i, filled) < 0)
			r = fail(e, CLI_FAILED, "out of memory");
	if (r < 0)
		goto out;
	hide_empty(t, view->columns, filled);
	/* An empty table prints nothing, not even its heads: say them. */
	if (rows->count == 0) {
		for (const struct column *c = view->columns; c->head != NULL;
		    c++)
			if ((c->flags & COLUMN_IF_ANY) == 0)
				printf("%s%s", c == view->columns ? "" : " ",
				    c->head);
		putchar('\n');
	} else if (scols_print_table(t) != 0) {
		r = fail(e, CLI_FAILED, "cannot print the table");
	}
out:
	scols_unref_table(t);
	return r;
}
