/*
 * daemon: start, stop and look at the daemon itself. Starting is the one
 * thing that the daemon cannot be asked for, so it is done here.
 */
/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/launch.h"
#include "cli/text.h"

static int
start(struct cli *cli, const struct args *a, struct error *e)
{
	pid_t pid;
	int r;

	if ((r = cli_find_home(cli, e)) < 0 ||
	    (r = launch(cli->home, args_has(a, "foreground"), &pid, e)) < 0)
		return r;
	if (cli->is_json)
		printf("{\"pid\":%d}\n", (int)pid);
	else
		printf("%d\n", (int)pid);
	return 0;
}

static const struct option start_options[] = {
	{ "foreground", '\0', OPTION_FLAG, NULL,
	    "stay in the foreground, with messages on standard error", NULL },
	{ 0 },
};

const struct command cmd_daemon_start = {
	.name	 = "daemon start",
	.usage	 = "",
	.summary = "start the daemon, and the apps it remembers",
	.details =
"Start the daemon of this home, wait until it answers, and print the pid of\n"
"its guard. Apps that ran when the last daemon was stopped are started again;\n"
"apps that still run are taken over. od start does this by itself.\n"
"\n"
"The home is --home, or OD_HOME, or ~/.opendaemon; root's is the host's, with\n"
"/run/opendaemon, /var/lib/opendaemon and /var/log/opendaemon. There is one\n"
"daemon to a home: while one runs, this fails with status 3.",
	.examples =
"od daemon start\n"
"od daemon start --foreground\t"	"for a service manager, or to see why",
	.options = start_options,
	.run	 = start,
};

/* ---- stop ---- */

/* The two processes of which a daemon's life depends: both must be gone. */
struct watched {
	struct pollfd	fds[2];		/* pidfds; -1: gone */
};

static void
watch(struct watched *w, int i, int64_t pid)
{
	w->fds[i].fd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) :
	    -1;
	w->fds[i].events = POLLIN;
}

/* Wait until both have ended: true, or false after ms. */
static bool
have_ended(struct watched *w, int64_t ms)
{
	int64_t deadline = ms < 0 ? -1 : clock_ms() + ms, left = -1;

	while (w->fds[0].fd != -1 || w->fds[1].fd != -1) {
		if (deadline >= 0 && (left = deadline - clock_ms()) < 0)
			return false;
		if (poll(w->fds, 2, left > INT_MAX ? -1 : (int)left) == -1 &&
		    errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++)
			if (w->fds[i].fd != -1 && w->fds[i].revents != 0)
				close_fd(&w->fds[i].fd);
	}
	return true;
}

static int
look_at_daemon(struct cli *cli, struct watched *w, struct error *e)
{
	const struct message m = { .type = MSG_daemon_status };
	struct rows rows;
	int r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);

	for (int i = 0; i < 2; i++)
		close_fd(&w->fds[i].fd);
	for (size_t i = 0; i < rows.count && r == 0; i++)
		if (rows.messages[i].type == MSG_daemon_row) {
			watch(w, 0, rows.messages[i].daemon_row.keeper_pid);
			watch(w, 1, rows.messages[i].daemon_row.supervisor_pid);
		}
	rows_release(&rows);
	return r;
}

/*
 * The answer may be lost with the supervisor, which ends as it is asked to;
 * so what counts is that its processes end, and the lock is free. If they do
 * not, its successor is asked.
 */
static int
stop(struct cli *cli, const struct args *a, struct error *e)
{
	const struct message m = { .type = MSG_daemon_stop,
	    .daemon_stop = { .keep_apps = args_has(a, "keep-apps") } };
	struct watched w = { .fds = { { .fd = -1 }, { .fd = -1 } } };
	struct rows rows;
	pid_t holder = 0;
	int r, tries = 5;

	do {
		if ((r = look_at_daemon(cli, &w, e)) < 0)
			goto out;
		r = cli_ask(cli, &m, ONCE, -1, &rows, e);
		rows_release(&rows);
		if (r < 0 && !od_client_is_lost(cli->client))
			goto out;
		if (have_ended(&w, r == 0 ? cli->timeout_ms : RECONNECT_MS)) {
			r = 0;
			break;
		}
		if (r == 0)
			r = fail(e, -ETIMEDOUT, "the daemon has not ended yet");
		od_client_free(cli->client);
		cli->client = NULL;
	} while (r != -ETIMEDOUT && --tries > 0);
	if (r == 0 && launch_holder(cli->home, &holder) == 1)
		r = fail(e, CLI_FAILED, "the daemon ended, but pid %d has its "
		    "lock", (int)holder);
out:
	for (int i = 0; i < 2; i++)
		close_fd(&w.fds[i].fd);
	return r;
}

static const struct option stop_options[] = {
	{ "keep-apps", '\0', OPTION_FLAG, NULL,
	    "leave the apps running, for the next daemon to take over", NULL },
	{ 0 },
};

const struct command cmd_daemon_stop = {
	.name	 = "daemon stop",
	.usage	 = "",
	.summary = "stop all apps and the daemon",
	.details =
"Stop the apps, remember which ones ran, and end the daemon; return when all\n"
"of it has ended. The next daemon start starts the same apps again.",
	.examples =
"od daemon stop\n"
"od daemon stop --keep-apps\t"	"apps run on, without anybody to restart them",
	.options = stop_options,
	.run	 = stop,
};

/* ---- status ---- */

static const struct daemon_row *
daemon_at(const struct rows *rows, size_t i)
{
	return &rows->messages[i].daemon_row;
}

static void
print_fact_version(FILE *f, const struct rows *rows, size_t i)
{
	fputs(daemon_at(rows, i)->version, f);
}

static void
print_fact_home(FILE *f, const struct rows *rows, size_t i)
{
	const char *home = daemon_at(rows, i)->home;

	fputs(*home == '\0' ? "the host's" : home, f);
}

static void
print_fact_keeper(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, daemon_at(rows, i)->keeper_pid);
}

static void
print_fact_supervisor(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, daemon_at(rows, i)->supervisor_pid);
}

static void
print_fact_running(FILE *f, const struct rows *rows, size_t i)
{
	int64_t ms = clock_wall_ms() - daemon_at(rows, i)->started_ms;
	char buf[32];

	fputs(text_of_duration(ms < 0 ? 0 : ms, buf, sizeof(buf)), f);
}

static void
print_fact_recoveries(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, daemon_at(rows, i)->recoveries);
}

static void
print_fact_apps(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64 ", %" PRIi64 " online", daemon_at(rows, i)->apps,
	    daemon_at(rows, i)->online);
}

static void
print_fact_recording(FILE *f, const struct rows *rows, size_t i)
{
	fputs(daemon_at(rows, i)->recording ? "changes are on disk" :
	    "changes are NOT recorded", f);
}

static void
print_fact_safe(FILE *f, const struct rows *rows, size_t i)
{
	if (daemon_at(rows, i)->safe_mode)
		fputs("yes: nothing new is started", f);
}

static void
print_fact_tree(FILE *f, const struct rows *rows, size_t i)
{
	fputs(daemon_at(rows, i)->tree, f);
}

static void
print_fact_problems(FILE *f, const struct rows *rows, size_t i)
{
	field_list problems = daemon_at(rows, i)->problems;

	for (size_t n = 0; problems != NULL && problems[n] != NULL; n++)
		fprintf(f, "%s%s", n == 0 ? "" : "; ", problems[n]);
}

static const struct column facts[] = {
	{ "version", NULL, 0, print_fact_version, NULL },
	{ "home", NULL, 0, print_fact_home, NULL },
	{ "keeper", NULL, 0, print_fact_keeper, NULL },
	{ "supervisor", NULL, 0, print_fact_supervisor, NULL },
	{ "running for", NULL, 0, print_fact_running, NULL },
	{ "recoveries", NULL, 0, print_fact_recoveries, NULL },
	{ "apps", NULL, 0, print_fact_apps, NULL },
	{ "recording", NULL, 0, print_fact_recording, NULL },
	{ "safe mode", NULL, COLUMN_IF_ANY, print_fact_safe, NULL },
	{ "descendants", NULL, COLUMN_IF_ANY, print_fact_tree, NULL },
	{ "problems", NULL, COLUMN_IF_ANY, print_fact_problems, NULL },
	{ 0 },
};

static const char *
home_of(const struct message *m)
{
	return m->daemon_row.home;
}

static const struct view view = {
	.columns = facts,
	.name	 = home_of,
};

static int
status(struct cli *cli, const struct args *a, struct error *e)
{
	const struct message m = { .type = MSG_daemon_status };
	struct rows rows;
	int r;

	(void)a;
	r = cli_ask(cli, &m, AGAIN, READ_MS, &rows, e);
	if (r == 0 && (rows.count != 1 ||
	    rows.messages[0].type != MSG_daemon_row))
		r = fail(e, CLI_FAILED, "the daemon gave no status");
	if (r == 0)
		r = output_one(cli, &view, &rows.messages[0], e);
	rows_release(&rows);
	return r;
}

const struct command cmd_daemon_status = {
	.name	 = "daemon status",
	.usage	 = "",
	.summary = "tell whether the daemon runs, and how it is",
	.details =
"Print the daemon's version, processes, age and problems. Status 3 if none\n"
"runs.",
	.examples = "od daemon status --json | jq .recording",
	.run	 = status,
};
