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

/* True if a sentence ends here, behind which mdoc wants a new line. */
static bool
ends_sentence(const char *p)
{
	return (*p == '.' || *p == '?' || *p == '!') && p[1] == ' ';
}

/* An empty line is a new paragraph; what mdoc would take for a macro or an
 * escape is protected. */
static void
mdoc_text(const char *text)
{
	bool begins = true;

	for (const char *p = text; *p != '\0'; p++) {
		if (begins && *p == '\n')
			fputs(".Pp", stdout);
		if (begins && (*p == '.' || *p == '\''))
			fputs("\\&", stdout);
		begins = *p == '\n' || ends_sentence(p);
		if (*p == '\\')
			fputs("\\e", stdout);
		else if (*p == '-' && (p == text || p[-1] == ' ' ||
		    p[-1] == '-' || p[-1] == '\n'))
			fputs("\\-", stdout);
		else
			putchar(*p);
		if (ends_sentence(p)) {
			putchar('\n');
			p++;
		}
	}
	putchar('\n');
}

/* "[app ...] [-- argument ...]" as macros. */
static void
mdoc_usage(const char *usage)
{
	size_t n;

	for (const char *p = usage; *p != '\0'; p += n) {
		n = 1;
		if (*p == '[')
			fputs("\n.Oo", stdout);
		else if (*p == ']')
			fputs("\n.Oc", stdout);
		else if (*p == '|')
			fputs(" | Ar", stdout);
		else if (strncmp(p, "--", n = 2) == 0)
			fputs("\n.Fl \\-", stdout);
		else if (strncmp(p, "...", n = 3) == 0)
			fputs(" ...", stdout);
		else if (*p == ' ')
			n = 1;
		else
			printf("%s %.*s", p > usage && p[-1] == '|' ? "" :
			    "\n.Ar", (int)(n = strcspn(p, " |]")), p);
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
		mdoc_text(o->help);
	}
	puts(".El");
}

void
help_mdoc(const char *part)
{
	const struct command *c;

	if (strcmp(part, "globals") == 0) {
		mdoc_options(global_options);
		return;
	}
	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		printf(".It Xo\n.Ic %s", c->name);
		if (c->options != NULL)
			fputs("\n.Op Ar option ...", stdout);
		mdoc_usage(c->usage);
		puts(".Xc");
		if (c->aliases != NULL)
			printf("Also called:\n.Ic %s .\n.Pp\n", c->aliases);
		mdoc_text(c->details);
		if (c->options != NULL)
			mdoc_options(c->options);
	}
}
