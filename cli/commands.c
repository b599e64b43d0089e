/* The table of commands, and how one is found in it. */
/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

#include "cli/text.h"

static const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/commands.def"
#undef COMMAND
};

const struct command *
command_nth(size_t n)
{
	return n < COUNT(commands) ? commands[n] : NULL;
}

/* True if word is one of a list that blanks separate. */
static bool
is_among(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (const char *p = list; p != NULL && *p != '\0'; p += n) {
		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (n == len && memcmp(p, word, n) == 0)
			return true;
	}
	return false;
}

/* Whether the name "daemon start" is argv[0] argv[1]. */
static bool
is_pair(const char *name, const char *first, const char *second)
{
	size_t len = strcspn(name, " ");

	return name[len] == ' ' && strlen(first) == len &&
	    memcmp(name, first, len) == 0 && strcmp(name + len + 1, second) == 0;
}

const struct command *
command_find(int argc, char *const *argv, int *words)
{
	for (size_t i = 0; i < COUNT(commands) && argc > 1; i++)
		if (is_pair(commands[i]->name, argv[0], argv[1])) {
			*words = 2;
			return commands[i];
		}
	*words = 1;
	for (size_t i = 0; i < COUNT(commands) && argc > 0; i++)
		if (strcmp(commands[i]->name, argv[0]) == 0 ||
		    is_among(commands[i]->aliases, argv[0]))
			return commands[i];
	return NULL;
}

bool
command_is_group(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < COUNT(commands); i++)
		if (strncmp(commands[i]->name, word, len) == 0 &&
		    commands[i]->name[len] == ' ')
			return true;
	return false;
}

const char *
command_suggest(const char *word)
{
	struct suggestion s;

	suggestion_begin(&s, word);
	for (size_t i = 0; i < COUNT(commands); i++) {
		suggestion_offer(&s, commands[i]->name);
		/* "deamon" alone, of which the second word is not known. */
		if (strncmp(commands[i]->name, "daemon ", 7) == 0)
			suggestion_offer(&s, "daemon");
		if (strncmp(commands[i]->name, "plugin ", 7) == 0)
			suggestion_offer(&s, "plugin");
	}
	return s.best;
}
