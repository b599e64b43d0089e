/* Reads a command line by the tables of options. */
/* SPDX-License-Identifier: MIT */
#include "cli/option.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"

/* By length, because "--name=value" ends at the '='. */
static const struct option *
find_long(const struct option *const tables[2], const char *name, size_t len)
{
	for (int t = 0; t < 2; t++)
		for (const struct option *o = tables[t];
		    o != NULL && o->name != NULL; o++)
			if (strlen(o->name) == len &&
			    memcmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static const struct option *
find_letter(const struct option *const tables[2], char letter)
{
	for (int t = 0; t < 2; t++)
		for (const struct option *o = tables[t];
		    o != NULL && o->name != NULL; o++)
			if (o->letter == letter && letter != '\0')
				return o;
	return NULL;
}

const struct option *
option_find(const struct option *const tables[2], const char *word)
{
	if (word[0] != '-' || word[1] == '\0')
		return NULL;
	if (word[1] != '-')
		return find_letter(tables, word[1]);
	return find_long(tables, word + 2, strcspn(word + 2, "="));
}

static int
unknown_option(const struct args *a, const char *word, struct error *e)
{
	struct suggestion s;

	suggestion_begin(&s, word + 2);
	if (word[1] == '-')
		for (int t = 0; t < 2; t++)
			for (const struct option *o = a->tables[t];
			    o != NULL && o->name != NULL; o++)
				suggestion_offer(&s, o->name);
	if (s.best != NULL)
		return fail(e, CLI_USAGE,
		    "unknown option '%.64s'; did you mean '--%s'?", word,
		    s.best);
	return fail(e, CLI_USAGE, "unknown option '%.64s'", word);
}

static int
give(struct args *a, const struct option *o, const char *text,
    struct error *e)
{
	struct given *g = &a->given[a->ngiven];

	g->option = o;
	g->text = text;
	if (o->kind == OPTION_NUMBER &&
	    text_to_number(text, &g->number) < 0)
		return fail(e, CLI_USAGE,
		    "--%s needs a number, '%.64s' is none", o->name, text);
	if (o->kind == OPTION_DURATION &&
	    text_to_duration(text, &g->number) < 0)
		return fail(e, CLI_USAGE, "--%s needs a duration such as 500ms,"
		    " 10s or 1h30m, '%.64s' is none", o->name, text);
	a->ngiven++;
	return 0;
}

/* --name, --name=value, --name value: how many of argv it was. */
static int
parse_long(struct args *a, int argc, char *const *argv, struct error *e)
{
	const char *name = argv[0] + 2, *value = strchr(name, '=');
	const struct option *o = option_find(a->tables, argv[0]);
	int r;

	if (o == NULL)
		return unknown_option(a, argv[0], e);
	if (o->kind == OPTION_FLAG && value != NULL)
		return fail(e, CLI_USAGE, "--%s takes no value", o->name);
	if (o->kind == OPTION_FLAG || value != NULL) {
		r = give(a, o, value == NULL ? NULL : value + 1, e);
		return r < 0 ? r : 1;
	}
	if (argc < 2)
		return fail(e, CLI_USAGE, "--%s needs %s", o->name, o->metavar);
	r = give(a, o, argv[1], e);
	return r < 0 ? r : 2;
}

/* -f, -fq, -n5, -n 5: how many of argv it was. */
static int
parse_letters(struct args *a, int argc, char *const *argv, struct error *e)
{
	const struct option *o;
	int r;

	for (const char *p = argv[0] + 1; *p != '\0'; p++) {
		if ((o = find_letter(a->tables, *p)) == NULL)
			return unknown_option(a, argv[0], e);
		if (o->kind == OPTION_FLAG) {
			if (args_has(a, o->name))
				continue;
			if ((r = give(a, o, NULL, e)) < 0)
				return r;
			continue;
		}
		if (p[1] != '\0') {
			r = give(a, o, p + 1, e);
			return r < 0 ? r : 1;
		}
		if (argc < 2)
			return fail(e, CLI_USAGE, "-%c needs %s", o->letter,
			    o->metavar);
		r = give(a, o, argv[1], e);
		return r < 0 ? r : 2;
	}
	return 1;
}

/* Letters of one word are counted once each, so a word gives at most as many
 * options as the tables have, and the others at most one. */
static size_t
room(const struct args *a, int argc)
{
	size_t n = (size_t)argc;

	for (int t = 0; t < 2; t++)
		for (const struct option *o = a->tables[t];
		    o != NULL && o->name != NULL; o++)
			n++;
	return n + 1;
}

int
args_parse(struct args *a, int argc, char *const *argv, bool up_to_operand,
    struct error *e)
{
	size_t n = room(a, argc);
	int i = 0, r;

	a->given = calloc(n, sizeof(*a->given));
	a->operands = calloc(n, sizeof(*a->operands));
	if (a->given == NULL || a->operands == NULL)
		return fail(e, -ENOMEM, "out of memory");
	while (i < argc) {
		if (strcmp(argv[i], "--") == 0 && !up_to_operand) {
			/* What follows is a suffix of argv, which main() gets
			 * with a NULL behind it. */
			a->rest = (const char **)(argv + i + 1);
			a->nrest = (size_t)(argc - i - 1);
			return argc;
		}
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			r = argv[i][1] == '-' ?
			    parse_long(a, argc - i, argv + i, e) :
			    parse_letters(a, argc - i, argv + i, e);
			if (r < 0)
				return r;
			i += r;
			continue;
		}
		if (up_to_operand)
			break;
		if (argv[i][0] == '\0')
			return fail(e, CLI_USAGE, "argument %d is empty", i + 1);
		a->operands[a->noperands++] = argv[i++];
	}
	return i;
}

void
args_release(struct args *a)
{
	free(a->given);
	free(a->operands);
	memset(a, 0, sizeof(*a));
}

/* The last one given counts. */
static const struct given *
last(const struct args *a, const char *name)
{
	const struct given *found = NULL;

	assert(find_long(a->tables, name, strlen(name)) != NULL);
	for (size_t i = 0; i < a->ngiven; i++)
		if (strcmp(a->given[i].option->name, name) == 0)
			found = &a->given[i];
	return found;
}

bool
args_has(const struct args *a, const char *name)
{
	return last(a, name) != NULL;
}

const char *
args_text(const struct args *a, const char *name)
{
	const struct given *g = last(a, name);

	return g == NULL ? NULL : g->text;
}

int64_t
args_number(const struct args *a, const char *name, int64_t otherwise)
{
	const struct given *g = last(a, name);

	return g == NULL ? otherwise : g->number;
}

const char *
args_item(const struct args *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->ngiven; i++)
		if (strcmp(a->given[i].option->name, name) == 0 && n-- == 0)
			return a->given[i].text;
	return NULL;
}
