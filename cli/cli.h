/* What the commands share: what one is, and the way to the daemon. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/option.h"
#include "opendaemon/client.h"
#include "protocol/message.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * What functions of the CLI return beside negative errnos of the daemon:
 * these name an exit status of their own (see exit_status() in main.c).
 */
#define CLI_FAILED	(-10001)	/* 1 */
#define CLI_USAGE	(-10002)	/* 2 */
#define CLI_NO_DAEMON	(-10003)	/* 3 */
#define CLI_NOT_FOUND	(-10004)	/* 4 */

struct cli {
	const char	*program;	/* "od" or "opendaemon", as called */
	const char	*home_option;	/* --home */
	bool		 is_system;	/* --system */
	bool		 is_json;
	bool		 is_quiet;
	bool		 is_plain;	/* no colours */
	int64_t		 timeout_ms;	/* -1: not given */

	char		*home;		/* owned; "": the host's; NULL: not yet
					 * decided */
	struct od_client *client;	/* owned; NULL: not yet connected */
};

/* What the operands of a command are: for help and completions. */
enum operands {
	OPERANDS_NONE,
	OPERANDS_APPS,
	OPERANDS_FILES,			/* and apps */
	OPERANDS_PLUGINS,
	OPERANDS_EVENTS,
	OPERANDS_COMMANDS,
	OPERANDS_SHELLS,
	OPERANDS_SIGNAL,		/* and then apps */
};

struct command {
	const char		*name;		/* may be two words */
	const char		*aliases;	/* separated by blanks, or NULL */
	const char		*usage;
	const char		*summary;
	const char		*details;	/* paragraphs; what and why */
	const char		*examples;	/* "line\twhat it does\n"... */
	const struct option	*options;	/* NULL: none of its own */
	enum operands		 operands;
	size_t			 least, most;	/* operands; most 0: any number */
	bool			 takes_rest;	/* arguments behind "--" */
	/* 0, one of the codes above, or a negative errno of the daemon. */
	int	(*run)(struct cli *, const struct args *, struct error *);
};

#define COMMAND(name)	extern const struct command cmd_##name;
#include "cli/commands.def"
#undef COMMAND

extern const struct option global_options[];

/* In the order of commands.def; n counts from 0, NULL ends. */
const struct command	*command_nth(size_t n);

/* By name or alias, of one word or two; *words says of how many. */
const struct command	*command_find(int argc, char *const *argv, int *words);

/* True if a command's name begins with that word and a blank. */
bool			 command_is_group(const char *word);

/* The command that was perhaps meant, or NULL. */
const char		*command_suggest(const char *word);

/* ---- connect.c ---- */

/* Decide whose daemon is meant; *cli->home. 0 or an error. */
int	cli_find_home(struct cli *, struct error *);

/* Connect if not connected; CLI_NO_DAEMON says how to start one. */
int	cli_connect(struct cli *, struct error *);

/* The same, but starts the daemon if none runs. */
int	cli_connect_or_start(struct cli *, struct error *);

/* The messages of a whole answer. */
struct rows {
	struct message	*messages;
	size_t		 count;
};

enum again { ONCE, AGAIN };

/*
 * Ask and collect the rows of the answer; warnings go to standard error. An
 * AGAIN request (doing it twice is doing it once) is repeated when the
 * supervisor is replaced meanwhile. limit_ms is -1 for ever; --timeout goes
 * before. The caller must rows_release() in every case.
 */
int	cli_ask(struct cli *, const struct message *, enum again,
	    int64_t limit_ms, struct rows *, struct error *);
void	rows_release(struct rows *);

#define READ_MS		10000		/* what a plain read may take */
#define RECONNECT_MS	5000

/* ---- help.c ---- */

void	help_overview(const struct cli *, FILE *);
void	help_group(const struct cli *, FILE *, const char *word);
void	help_command(const struct cli *, const struct command *);

/* For the manual, as mdoc: "globals" or "commands". */
void	help_mdoc(const char *part);

/* A usage error with the command's usage line. */
int	usage(const struct command *, struct error *);

#endif
