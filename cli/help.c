/* Help, made from the tables. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"

const struct option global_options[] = {
	{ "home", '\0', OPTION_TEXT, "DIR",
	    "the daemon that has its files in DIR", "@directory" },
	{ "system", '\0', OPTION_FLAG, NULL, "the host's daemon", NULL },
	{ "json", '\0', OPTION_FLAG, NULL, "print JSON", NULL },
	{ "quiet", 'q', OPTION_FLAG, NULL, "print names only", NULL },
	{ "no-color", '\0', OPTION_FLAG, NULL,
	    "no colours (NO_COLOR does the same)", NULL },
	{ "timeout", '\0', OPTION_DURATION, "DUR",
	    "wait no longer than this for the daemon", NULL },
	{ "version", '\0', OPTION_FLAG, NULL, "print the version", NULL },
	{ "help", 'h', OPTION_FLAG, NULL, "print help", NULL },
	{ 0 },
};

int
usage(const struct command *c, struct error *e)
{
	return fail(e, CLI_USAGE, "usage: od %s%s%s%s", c->name,
	    c->options == NULL ? "" : " [option ...]",
	    *c->usage == '\0' ? "" : " ", c->usage);
}

static void
print_options(FILE *f, const struct option *options)
{
	char left[64];

	for (const struct option *o = options; o->name != NULL; o++) {
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
		    o->letter == '\0' ? ' ' : '-',
		    o->letter == '\0' ? ' ' : o->letter,
		    o->letter == '\0' ? "  " : ", ", o->name,
		    o->metavar == NULL ? "" : " ",
		    o->metavar == NULL ? "" : o->metavar);
		fprintf(f, "  %-25s  %s%s\n", left, o->help,
		    o->kind == OPTION_LIST ? " (as often as wanted)" : "");
	}
}

/* Of all commands, or of those whose name begins with the word group. */
static void
print_summaries(FILE *f, const char *group)
{
	const struct command *c;
	size_t len = group == NULL ? 0 : strlen(group);
	char left[64];

	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		if (group != NULL && (strncmp(c->name, group, len) != 0 ||
		    c->name[len] != ' '))
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s", c->name,
		    c->aliases == NULL ? "" : " (",
		    c->aliases == NULL ? "" : c->aliases,
		    c->aliases == NULL ? "" : ")");
		fprintf(f, "  %-21s  %s\n", left, c->summary);
	}
}

void
help_overview(const struct cli *cli, FILE *f)
{
	fprintf(f, "usage: %s [option ...] command [argument ...]\n\n"
	    "commands:\n", cli->program);
	print_summaries(f, NULL);
	fprintf(f, "\noptions of all commands:\n");
	print_options(f, global_options);
	fprintf(f, "\nMore about one: %s help command\n", cli->program);
}

void
help_group(const struct cli *cli, FILE *f, const char *word)
{
	fprintf(f, "usage: %s %s command [argument ...]\n\ncommands:\n",
	    cli->program, word);
	print_summaries(f, word);
}

void
help_command(const struct cli *cli, const struct command *c)
{
	size_t n;

	printf("usage: %s %s%s%s%s\n\n%s\n", cli->program, c->name,
	    c->options == NULL ? "" : " [option ...]",
	    *c->usage == '\0' ? "" : " ", c->usage, c->details);
	if (c->aliases != NULL)
		printf("\nalso called: %s\n", c->aliases);
	if (c->options != NULL) {
		printf("\noptions:\n");
		print_options(stdout, c->options);
	}
	printf("\noptions of all commands:\n");
	print_options(stdout, global_options);
	if (c->examples == NULL)
		return;
	printf("\nexamples:\n");
	for (const char *p = c->examples; *p != '\0'; p += n + (p[n] != '\0')) {
		const char *tab = strchr(p, '\t');

		n = strcspn(p, "\n");
		if (tab == NULL || tab > p + n)
			tab = p + n;
		printf("  %.*s\n", (int)(tab - p), p);
		if (tab < p + n)
			printf("      %.*s\n", (int)(p + n - tab - 1), tab + 1);
	}
}

/* What mdoc would take for a macro or an escape is protected. */
static void
mdoc_text(const char *text, size_t n)
{
	bool begins = true;

	for (size_t i = 0; i < n; i++) {
		if (begins && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", stdout);
		begins = text[i] == '\n';
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (begins && i + 1 < n && text[i + 1] == '\n') {
			fputs("\n.Pp", stdout);
		} else
			putchar(text[i]);
	}
	putchar('\n');
}

static void
mdoc_options(const struct option *options)
{
	puts(".Bl -tag -width Ds");
	for (const struct option *o = options; o->name != NULL; o++) {
		fputs(".It", stdout);
		if (o->letter != '\0')
			printf(" Fl %c ,", o->letter);
		printf(" Fl -%s", o->name);
		if (o->metavar != NULL)
			printf(" Ar %s", o->metavar);
		putchar('\n');
		mdoc_text(o->help, strlen(o->help));
	}
	puts(".El");
}

void
help_mdoc(void)
{
	const struct command *c;

	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		printf(".It Xo\n.Ic %s\n", c->name);
		if (c->options != NULL)
			puts(".Op Ar option ...");
		if (*c->usage != '\0')
			printf(".Ar %s\n", c->usage);
		puts(".Xc");
		mdoc_text(c->details, strlen(c->details));
		if (c->aliases != NULL)
			printf(".Pp\nAlso called\n.Ic %s .\n", c->aliases);
		if (c->options != NULL)
			mdoc_options(c->options);
	}
}
