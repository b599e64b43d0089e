/* The way to the daemon: which one, connecting, asking, asking again. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/spinner.h"
#include "cli/text.h"

/* The socket's path must fit, too. */
#define HOME_BYTES	(PATH_MAX - 64)
#define READY_MS	10000
#define TRIES		5
#define NOT_YET_MS	50

static int
set_home(struct cli *cli, const char *path, struct error *e)
{
	char *cwd = NULL;

	if (*path == '\0')
		return fail(e, CLI_USAGE, "the home directory's name is empty");
	if (strlen(path) > HOME_BYTES)
		return fail(e, CLI_USAGE, "the home directory's name is too "
		    "long");
	/* As the kernel sees it, if it is there already. */
	if ((cli->home = realpath(path, NULL)) != NULL)
		return 0;
	if (*path == '/') {
		cli->home = strdup(path);
	} else if ((cwd = getcwd(NULL, 0)) == NULL ||
	    asprintf(&cli->home, "%s/%s", cwd, path) == -1) {
		cli->home = NULL;
	}
	free(cwd);
	return cli->home == NULL ? fail(e, -ENOMEM, "cannot make a path of "
	    "'%s': %s", path, strerror(errno)) : 0;
}

static int
set_own_home(struct cli *cli, struct error *e)
{
	const char *base = getenv("HOME");
	char path[PATH_MAX];
	struct passwd *pw;

	if (base == NULL || *base != '/') {
		pw = getpwuid(geteuid());
		base = pw == NULL ? NULL : pw->pw_dir;
	}
	if (base == NULL || *base != '/')
		return fail(e, CLI_USAGE, "no home directory is known for you; "
		    "give one with --home");
	if (snprintf(path, sizeof(path), "%s/.opendaemon", base) >=
	    (int)sizeof(path))
		return fail(e, CLI_USAGE, "the home directory's name is too "
		    "long");
	return set_home(cli, path, e);
}

static int
set_host(struct cli *cli, struct error *e)
{
	if ((cli->home = strdup("")) == NULL)
		return fail(e, -ENOMEM, "out of memory");
	return 0;
}

int
cli_find_home(struct cli *cli, struct error *e)
{
	const char *env = getenv("OD_HOME");

	if (cli->home != NULL)
		return 0;
	if (cli->home_option != NULL && cli->is_system)
		return fail(e, CLI_USAGE, "--home and --system exclude each "
		    "other");
	if (cli->home_option != NULL)
		return set_home(cli, cli->home_option, e);
	if (cli->is_system)
		return set_host(cli, e);
	if (env != NULL && *env != '\0')
		return set_home(cli, env, e);
	return geteuid() == 0 ? set_host(cli, e) : set_own_home(cli, e);
}

/* True if nothing on the command line or around it names a daemon. */
static bool
is_open_which(const struct cli *cli)
{
	const char *env = getenv("OD_HOME");

	return cli->home_option == NULL && !cli->is_system &&
	    (env == NULL || *env == '\0') && geteuid() != 0;
}

static int
explain(struct cli *cli, int r, struct error *e)
{
	bool is_host = *cli->home == '\0';

	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
	case -ECONNRESET:
		return fail(e, CLI_NO_DAEMON, "no daemon is running for %s%s%s;"
		    " start one with: %s daemon start",
		    is_host ? "the host" : "home '", cli->home,
		    is_host ? "" : "'", cli->program);
	case -EACCES:
	case -EPERM:
		return fail(e, -EACCES, "you may not talk to the daemon of "
		    "%s%s%s: its owner%s may", is_host ? "the host" : "home '",
		    cli->home, is_host ? "" : "'", is_host ?
		    ", root, and members of the group opendaemon" :
		    " and root");
	case -ETIMEDOUT:
		return fail(e, CLI_NO_DAEMON, "the daemon does not answer");
	default:
		return r;
	}
}

/*
 * Open it, or wait for it if only its supervisor is missing for the moment:
 * somebody holds the lock.
 */
static struct od_client *
open_home(const char *home, struct error *e)
{
	struct od_client *c = od_client_open(home, e);
	pid_t holder;

	if (c == NULL && (e->code == -ENOENT || e->code == -ECONNREFUSED ||
	    e->code == -ECONNRESET) && launch_holder(home, &holder) == 1)
		c = od_client_open_within(home, RECONNECT_MS, e);
	return c;
}

int
cli_connect(struct cli *cli, struct error *e)
{
	struct error ours = { 0 };
	int r;

	if (cli->client != NULL)
		return 0;
	if ((r = cli_find_home(cli, e)) < 0)
		return r;
	cli->client = open_home(cli->home, &ours);
	if (cli->client == NULL && is_open_which(cli) &&
	    *cli->home != '\0' &&
	    (ours.code == -ENOENT || ours.code == -ECONNREFUSED) &&
	    (cli->client = od_client_open("", NULL)) != NULL) {
		fprintf(stderr, "%s: you run no daemon; this is the host's\n",
		    cli->program);
		*cli->home = '\0';
	}
	if (cli->client == NULL) {
		*e = ours;
		return explain(cli, ours.code, e);
	}
	return 0;
}

int
cli_connect_or_start(struct cli *cli, struct error *e)
{
	pid_t pid;
	int r;

	if ((r = cli_connect(cli, e)) != CLI_NO_DAEMON)
		return r;
	r = launch(cli->home, false, &pid, e);
	/* Somebody else has just begun to start it: wait with him. */
	if (r < 0 && r != CLI_NO_DAEMON)
		return r;
	if (r == 0 && !cli->is_quiet)
		fprintf(stderr, "%s: started the daemon, pid %d\n",
		    cli->program, (int)pid);
	cli->client = od_client_open_within(cli->home, READY_MS, e);
	return cli->client == NULL ? explain(cli, e->code, e) : 0;
}

void
rows_release(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		message_release(&rows->messages[i]);
	free(rows->messages);
	memset(rows, 0, sizeof(*rows));
}

static int
rows_add(struct rows *rows, const struct message *m)
{
	struct message *more;

	/* Doubled whenever the count is a power of two. */
	if ((rows->count & (rows->count - 1)) == 0) {
		more = reallocarray(rows->messages,
		    rows->count == 0 ? 1 : 2 * rows->count, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		rows->messages = more;
	}
	rows->messages[rows->count++] = *m;
	return 0;
}

/* The rows of the answer to id; 0 when done came. */
static int
collect(struct cli *cli, int64_t id, int64_t deadline, struct rows *rows,
    struct error *e)
{
	struct spinner spinner = { 0 };
	struct message m;
	int fd, r;

	for (;;) {
		r = spinner_wait(&spinner, cli->client, deadline, e);
		if (r == 0)
			r = fail(e, -ETIMEDOUT, "no answer in time; what was "
			    "asked goes on");
		if (r < 0)
			break;
		if ((r = od_client_next(cli->client, id, &m, &fd, e)) <= 0)
			break;
		if (fd != -1)
			close(fd);
		if (m.type == MSG_warning) {
			spinner_clear(&spinner);
			fprintf(stderr, "%s: ", cli->program);
			text_print_safely(stderr, m.warning.text);
			putc('\n', stderr);
			message_release(&m);
		} else if (rows_add(rows, &m) < 0) {
			message_release(&m);
			r = fail(e, -ENOMEM, "out of memory");
			break;
		}
	}
	spinner_clear(&spinner);
	return r;
}

/*
 * A new supervisor may have to say "not yet" (-EAGAIN) for a moment: nothing
 * was done then. The wait ends early when the connection does.
 */
static bool
may_ask_again(struct cli *cli, int r, int64_t give_up)
{
	if (r != -EAGAIN || clock_ms() > give_up)
		return false;
	od_client_wait(cli->client, NOT_YET_MS, NULL);
	return true;
}

/* One try; what is left of another one before it is forgotten. */
static int
ask_once(struct cli *cli, const struct message *m, int64_t deadline,
    struct rows *rows, struct error *e)
{
	int64_t id, give_up = clock_ms() + RECONNECT_MS;
	int r;

	do {
		rows_release(rows);
		id = od_client_ask(cli->client, m, e);
		r = id < 0 ? (int)id : collect(cli, id, deadline, rows, e);
	} while (may_ask_again(cli, r, give_up));
	return r;
}

int
cli_ask(struct cli *cli, const struct message *m, enum again again,
    int64_t limit_ms, struct rows *rows, struct error *e)
{
	int64_t deadline;
	int r;

	memset(rows, 0, sizeof(*rows));
	if (cli->timeout_ms >= 0)
		limit_ms = cli->timeout_ms;
	deadline = limit_ms < 0 ? -1 : clock_ms() + limit_ms;
	if ((r = cli_connect(cli, e)) < 0)
		return r;
	/* A request that kills supervisors must not do so for ever. */
	for (int tries = 1;; tries++) {
		r = ask_once(cli, m, deadline, rows, e);
		/* It was done before the first supervisor went. */
		if (r == -ENOENT && tries > 1 && m->type == MSG_process_delete)
			return 0;
		if (r != -ECONNRESET || !od_client_is_lost(cli->client))
			return r;
		if (again == ONCE || tries == TRIES)
			return fail(e, CLI_FAILED, "the supervisor was replaced"
			    " meanwhile: look whether it was done, then ask "
			    "again");
		if ((r = od_client_reopen(cli->client, RECONNECT_MS, e)) < 0)
			return explain(cli, r, e);
	}
}
