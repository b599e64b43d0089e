/*
 * Where rows go: a table for people, JSON for programs, or names alone.
 * A command describes its rows by a view; how they look is decided here.
 */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/cli.h"
#include "protocol/message.h"

enum column_flag {
	COLUMN_RIGHT	= 1 << 0,
	COLUMN_CUTS	= 1 << 1,	/* gives way on a narrow terminal */
	COLUMN_IF_ANY	= 1 << 2,	/* shown only if a row has something */
};

struct column {
	const char	*head;		/* NULL ends the columns */
	const char	*head_utf8;	/* where it can be shown, or NULL */
	int		 flags;
	/* Write the cell of rows->messages[i]; leave it alone if empty. */
	void		(*print)(FILE *, const struct rows *, size_t i);
	/* A colour of terminal-colors.d(5), or NULL for none; may be NULL. */
	const char	*(*colour)(const struct message *);
};

struct view {
	const struct column	*columns;
	const char		*(*name)(const struct message *);
	/* Add to, or take from, what message_to_json() made; may be NULL. */
	int			(*refine)(json_t *, const struct message *);
};

/* Print all rows to standard output: as a table, a JSON array, or names.
 * 0 or an error. */
int	output_rows(const struct cli *, const struct view *,
	    const struct rows *, struct error *);

/* The same of rows about which there is much to say: a column becomes a line
 * "head: cell", and an empty line parts the rows. */
int	output_facts(const struct cli *, const struct view *,
	    const struct rows *, struct error *);

/* One thing by nature, whose JSON is an object. */
int	output_one(const struct cli *, const struct view *,
	    const struct message *, struct error *);

/* The same, for things that come one by one for ever: an object a line. */
int	output_line(const struct view *, const struct message *,
	    struct error *);

/* The ways to print a whole; output.c chooses. */
int	output_text(const struct view *, const struct rows *, bool colours,
	    struct error *);
int	output_lines(const struct view *, const struct rows *,
	    struct error *);
int	output_json(const struct view *, const struct rows *, bool is_array,
	    struct error *);

/* True if standard output is a terminal that takes colours. */
bool	output_has_colours(const struct cli *);

#endif
