/*
 * completion: a script that teaches a shell our words. It is made from the
 * tables, so it knows what this program knows; names of apps are asked of the
 * daemon when they are needed.
 */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"

/* "--name -n --follow -f ..." */
static void
print_options(const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL;
	    o++) {
		printf(" --%s", o->name);
		if (o->letter != '\0')
			printf(" -%c", o->letter);
	}
}

/* Second words of a group, or the first words of all commands. */
static void
print_words(const char *group)
{
	size_t len = group == NULL ? 0 : strlen(group);
	const struct command *c;

	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		if (group == NULL)
			printf(" %.*s%s%s", (int)strcspn(c->name, " "), c->name,
			    c->aliases == NULL ? "" : " ",
			    c->aliases == NULL ? "" : c->aliases);
		else if (strncmp(c->name, group, len) == 0 &&
		    c->name[len] == ' ')
			printf(" %s", c->name + len + 1);
	}
}

static void
print_signals(void)
{
	for (size_t i = 0; signal_nth(i) != NULL; i++)
		printf(" %s", signal_nth(i));
}

/* What is to come behind an option that has a value. */
static void
bash_value(const struct option *o)
{
	printf("words='");
	if (o->words != NULL && strcmp(o->words, "@signal") == 0)
		print_signals();
	else if (o->words != NULL && o->words[0] != '@')
		printf("%s", o->words);
	printf("' action='");
	/* The others are kinds that compgen knows by the same name. */
	if (o->words != NULL && o->words[0] == '@' &&
	    strcmp(o->words, "@signal") != 0)
		printf("%s", o->words + 1);
	printf("' ;;\n");
}

static void
bash_values(const struct option *options, const char *command)
{
	for (const struct option *o = options; o != NULL && o->name != NULL;
	    o++) {
		if (o->kind == OPTION_FLAG)
			continue;
		printf("\t'%s--%s'", command, o->name);
		if (o->letter != '\0')
			printf(" | '%s-%c'", command, o->letter);
		printf(") ");
		bash_value(o);
	}
}

static void
bash_operands(const struct command *c)
{
	switch (c->operands) {
	case OPERANDS_NONE:
		break;
	case OPERANDS_FILES:
		printf(" action='file'");
		/* FALLTHROUGH */
	case OPERANDS_APPS:
		printf(" words=$(\"$program\" list -q 2>/dev/null)");
		break;
	case OPERANDS_PLUGINS:
		printf(" words=$(\"$program\" plugin list -q 2>/dev/null)");
		break;
	case OPERANDS_EVENTS:
		printf(" words='process:* plugin:* daemon:* log:*'");
		break;
	case OPERANDS_COMMANDS:
		printf(" words='");
		print_words(NULL);
		printf("'");
		break;
	case OPERANDS_SHELLS:
		printf(" words='bash zsh fish'");
		break;
	case OPERANDS_SIGNAL:
		printf(" words=\"");
		print_signals();
		printf(" $(\"$program\" list -q 2>/dev/null)\"");
		break;
	}
}

static void
bash_command(const struct command *c)
{
	printf("\t'%s'", c->name);
	for (const char *p = c->aliases; p != NULL && *p != '\0';
	    p += strcspn(p, " "), p += *p == ' ')
		printf(" | '%.*s'", (int)strcspn(p, " "), p);
	printf(") options='");
	print_options(c->options);
	printf("'");
	bash_operands(c);
	printf(" ;;\n");
}

static bool
begins_group(size_t i)
{
	const char *name = command_nth(i)->name;
	size_t len = strcspn(name, " ");

	return name[len] != '\0' && (i == 0 ||
	    strncmp(command_nth(i - 1)->name, name, len + 1) != 0);
}

static void
print_groups(const char *before, const char *between)
{
	for (size_t i = 0; command_nth(i) != NULL; i++)
		if (begins_group(i)) {
			printf("%s%.*s", before, (int)strcspn(
			    command_nth(i)->name, " "), command_nth(i)->name);
			before = between;
		}
}

static void
bash(void)
{
	const struct command *c;
	char group[64];

	printf("# Completion of od and opendaemon, made by: od completion\n"
	    "_opendaemon() {\n"
	    "\tlocal program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]}\n"
	    "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]} command='' group='' i\n"
	    "\tlocal options='' words='' action='' general='");
	print_options(global_options);
	printf("'\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tcase ${COMP_WORDS[i]} in\n"
	    "\t\t--home | --timeout) ((i++)) ;;\n"
	    "\t\t-*) ;;\n"
	    "\t\t");
	print_groups("", " | ");
	printf(") group=${COMP_WORDS[i]}\n"
	    "\t\t\t((i + 1 < COMP_CWORD)) &&\n"
	    "\t\t\t    command=\"$group ${COMP_WORDS[i+1]}\"\n"
	    "\t\t\tbreak ;;\n"
	    "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
	    "\t\tesac\n"
	    "\tdone\n"
	    "\tcase $command in\n"
	    "\t'') case $group in\n"
	    "\t\t'') words='");
	print_words(NULL);
	printf("' ;;\n");
	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		if (!begins_group(i))
			continue;
		snprintf(group, sizeof(group), "%.*s",
		    (int)strcspn(c->name, " "), c->name);
		printf("\t\t%s) words='", group);
		print_words(group);
		printf("' ;;\n");
	}
	printf("\t\tesac ;;\n");
	for (size_t i = 0; (c = command_nth(i)) != NULL; i++)
		bash_command(c);
	printf("\tesac\n"
	    "\tcase $cur in\n"
	    "\t-*) words=\"$options $general\"; action='' ;;\n"
	    "\tesac\n"
	    "\tcase $command$prev in\n");
	for (size_t i = 0; (c = command_nth(i)) != NULL; i++)
		bash_values(c->options, c->name);
	printf("\tesac\n"
	    "\tcase $prev in\n");
	bash_values(global_options, "");
	printf("\tesac\n"
	    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	    "\tcase $action in\n"
	    "\tfile | directory | user | group)\n"
	    "\t\tCOMPREPLY+=($(compgen -A \"$action\" -- \"$cur\")) ;;\n"
	    "\tesac\n"
	    "}\n"
	    "complete -o filenames -F _opendaemon od opendaemon\n");
}

/* ---- fish ---- */

static void
fish_quote(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void
fish_options(const char *program, const struct option *options,
    const char *condition)
{
	for (const struct option *o = options; o != NULL && o->name != NULL;
	    o++) {
		printf("complete -c %s %s -l %s", program, condition, o->name);
		if (o->letter != '\0')
			printf(" -s %c", o->letter);
		if (o->kind != OPTION_FLAG)
			printf(o->words != NULL && o->words[0] == '@' ?
			    " -r -F" : " -x");
		if (o->words != NULL && strcmp(o->words, "@signal") == 0) {
			printf(" -a '");
			print_signals();
			printf("'");
		} else if (o->words != NULL && o->words[0] != '@') {
			printf(" -a '%s'", o->words);
		}
		printf(" -d ");
		fish_quote(o->help);
		putchar('\n');
	}
}

static void
fish_operands(const char *program, const struct command *c,
    const char *condition)
{
	static const char *const words[] = {
		[OPERANDS_APPS] = "(%s list -q 2>/dev/null)",
		[OPERANDS_FILES] = "(%s list -q 2>/dev/null)",
		[OPERANDS_SIGNAL] = "(%s list -q 2>/dev/null)",
		[OPERANDS_PLUGINS] = "(%s plugin list -q 2>/dev/null)",
		[OPERANDS_SHELLS] = "bash zsh fish",
	};
	const char *form = (size_t)c->operands < COUNT(words) ?
	    words[c->operands] : NULL, *mark;

	if (form == NULL)
		return;
	mark = strstr(form, "%s");
	printf("complete -c %s %s %s -a '%.*s%s%s'\n", program, condition,
	    c->operands == OPERANDS_FILES ? "-F" : "",
	    mark == NULL ? (int)strlen(form) : (int)(mark - form), form,
	    mark == NULL ? "" : program, mark == NULL ? "" : mark + 2);
}

static void
fish_command(const char *program, const struct command *c)
{
	int len = (int)strcspn(c->name, " ");
	char condition[256];

	if (c->name[len] == ' ') {
		snprintf(condition, sizeof(condition), "-n "
		    "'__fish_seen_subcommand_from %.*s; and "
		    "__fish_seen_subcommand_from %s'", len, c->name,
		    c->name + len + 1);
		printf("complete -c %s -n '__fish_seen_subcommand_from %.*s' "
		    "-a %s -d ", program, len, c->name, c->name + len + 1);
	} else {
		snprintf(condition, sizeof(condition), "-n "
		    "'__fish_seen_subcommand_from %s %s'", c->name,
		    c->aliases == NULL ? "" : c->aliases);
		printf("complete -c %s -n __fish_use_subcommand -a '%s %s' -d ",
		    program, c->name, c->aliases == NULL ? "" : c->aliases);
	}
	fish_quote(c->summary);
	putchar('\n');
	fish_options(program, c->options, condition);
	fish_operands(program, c, condition);
}

static void
fish(const char *program)
{
	const struct command *c;

	printf("complete -c %s -f\n", program);
	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		if (begins_group(i))
			printf("complete -c %s -n __fish_use_subcommand -a "
			    "%.*s\n", program, (int)strcspn(c->name, " "),
			    c->name);
		fish_command(program, c);
	}
	fish_options(program, global_options, "");
}

static int
completion(struct cli *cli, const struct args *a, struct error *e)
{
	const char *shell = a->operands[0];

	(void)cli;
	if (strcmp(shell, "bash") == 0) {
		bash();
	} else if (strcmp(shell, "zsh") == 0) {
		printf("#compdef od opendaemon\n"
		    "autoload -U +X bashcompinit && bashcompinit\n");
		bash();
	} else if (strcmp(shell, "fish") == 0) {
		fish("od");
		fish("opendaemon");
	} else {
		return fail(e, CLI_USAGE, "the shell is one of: bash, zsh, "
		    "fish");
	}
	return 0;
}

const struct command cmd_completion = {
	.name	  = "completion",
	.usage	  = "bash|zsh|fish",
	.summary  = "print a script that completes our words in a shell",
	.details  =
"Print a script that teaches the shell the commands and options of this\n"
"program, and the names of apps as the daemon knows them.",
	.examples =
"source <(od completion bash)\t"	"for this shell\n"
"od completion fish >~/.config/fish/completions/od.fish\t"	"for all",
	.operands = OPERANDS_SHELLS,
	.least	  = 1,
	.most	  = 1,
	.run	  = completion,
};
