/*
 * Options are declared in tables; parsing, --help, the manual and the
 * completions are made from them.
 */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_NUMBER,		/* 0 or more */
	OPTION_DURATION,	/* 500ms, 10s, 1h30m; a bare number is ms */
	OPTION_LIST,		/* text, as often as wanted */
};

struct option {
	const char	*name;		/* without dashes; NULL ends a table */
	char		 letter;	/* '\0': none */
	enum option_kind kind;
	const char	*metavar;
	const char	*help;
	const char	*words;		/* what it may be, for completions: words,
					 * or @file @directory */
};

/* What was given on a command line. All pointers are into argv. */
struct args {
	const struct option	*tables[2];	/* either may be NULL */
	struct given {
		const struct option	*option;
		const char		*text;
		int64_t			 number;
	}			*given;
	size_t			 ngiven;
	const char		**operands;	/* NULL ends them */
	size_t			 noperands;
	const char		**rest;		/* behind "--"; NULL: no "--" */
	size_t			 nrest;
};

/*
 * Sort argv[0..argc) into *args, which the caller must args_release().
 * Options and operands may be mixed. With up_to_operand it stops before the
 * first operand. Returns how many arguments were taken, or CLI_USAGE.
 */
int	args_parse(struct args *, int argc, char *const *argv,
	    bool up_to_operand, struct error *);
void	args_release(struct args *);

/* The option of that name must be in one of the tables. */
bool		 args_has(const struct args *, const char *name);
const char	*args_text(const struct args *, const char *name);	/* or NULL */
int64_t		 args_number(const struct args *, const char *name,
		    int64_t otherwise);

/* The n-th text of an OPTION_LIST, or NULL. */
const char	*args_item(const struct args *, const char *name, size_t n);

/* The option that argv[i] would be read as, or NULL. */
const struct option	*option_find(const struct option *const tables[2],
			    const char *word);

#endif
