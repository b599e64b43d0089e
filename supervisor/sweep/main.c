/*
 * od-sweep: finds what a run left behind where no cgroup holds it, and ends
 * it. A process of its own, because reading /proc can block for as long as a
 * process there is in a bad state; the supervisor only waits for its words:
 *
 *	pid NUMBER COMMAND killed|alive|foreign
 *	left NUMBER
 *
 * With --mode stop (ask, wait for --grace milliseconds, kill) it names only
 * what is left; with --mode find it writes a struct sweep_found for every
 * first process of a run that carries this --home.
 */
/* SPDX-License-Identifier: MIT */
#include "find.h"
#include "hunt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TOTAL_MS	20000	/* then it says what it has */

enum mode { MODE_NONE, MODE_LIST, MODE_TERM, MODE_KILL, MODE_STOP, MODE_FIND };

struct options {
	enum mode	 mode;
	const char	*home;
	int64_t		 grace_ms;
};

static struct hunt hunt;

static void
die(const char *why, const char *what)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "od-sweep: %s '%s'\n", why, what);

	if (n > 0)
		n = (int)write(STDERR_FILENO, line, strlen(line));
	exit(2);
}

static uint64_t
number(const char *s)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno != 0 || *s < '0' || *s > '9' || *end != '\0')
		die("not a number:", s);
	return n;
}

static pid_t
pid_number(const char *s)
{
	uint64_t n = number(s);

	if (n < 1 || n > INT32_MAX)
		die("not a pid:", s);
	return (pid_t)n;
}

static enum mode
mode_number(const char *s)
{
	if (strcmp(s, "list") == 0)
		return MODE_LIST;
	if (strcmp(s, "term") == 0)
		return MODE_TERM;
	if (strcmp(s, "kill") == 0)
		return MODE_KILL;
	if (strcmp(s, "stop") == 0)
		return MODE_STOP;
	if (strcmp(s, "find") == 0)
		return MODE_FIND;
	die("not a mode:", s);
	return MODE_NONE;
}

static void
spare(struct hunt *h, pid_t pid)
{
	if (h->nspared == HUNT_SPARED)
		die("too many of", "--spare");
	h->spared[h->nspared++] = pid;
}

static void
read_arguments(struct hunt *h, struct options *o, int argc, char **argv)
{
	bool has_start = false;

	for (int i = 1; i < argc; i += 2) {
		const char *option = argv[i], *value = argv[i + 1];

		if (value == NULL)
			die("no value for", option);
		if (strcmp(option, "--run") == 0) {
			h->run = value;
		} else if (strcmp(option, "--pid") == 0) {
			h->main = pid_number(value);
		} else if (strcmp(option, "--start") == 0) {
			h->start = number(value);
			has_start = true;
		} else if (strcmp(option, "--mode") == 0) {
			o->mode = mode_number(value);
		} else if (strcmp(option, "--spare") == 0) {
			spare(h, pid_number(value));
		} else if (strcmp(option, "--home") == 0) {
			o->home = value;
		} else if (strcmp(option, "--grace") == 0) {
			o->grace_ms = (int64_t)(number(value) & INT32_MAX);
		} else if (strcmp(option, "--pipe") == 0) {
			if (h->npipes == HUNT_PIPES)
				die("too many of", option);
			h->pipes[h->npipes++] = number(value);
		} else {
			die("unknown option", option);
		}
	}
	if (o->mode == MODE_FIND ? o->home == NULL : h->run == NULL ||
	    *h->run == '\0' || h->main <= 1 || !has_start ||
	    o->mode == MODE_NONE)
		die("missing:", "--run, --pid, --start, --home or --mode");
}

static void
put(const char *line)
{
	size_t len = strlen(line), at = 0;
	ssize_t n;

	while (at < len) {
		n = write(STDOUT_FILENO, line + at, len - at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			exit(1);
		at += (size_t)n;
	}
}

static void
say(const struct proc *p, const char *word)
{
	char line[80];

	snprintf(line, sizeof(line), "pid %ld %s %s\n", (long)p->pid, p->comm,
	    word);
	put(line);
}

static void
report(const struct hunt *h, enum mode mode)
{
	char line[40];
	int left = 0;

	for (int i = 0; i < h->nmembers; i++) {
		const struct member *m = &h->members[i];

		if (!m->is_gone)
			left++;
		if (!m->is_gone || mode == MODE_KILL)
			say(&m->proc, m->is_gone ? "killed" : "alive");
	}
	for (int i = 0; i < h->nforeign; i++)
		say(&h->foreign[i], "foreign");
	snprintf(line, sizeof(line), "left %d\n", left);
	put(line);
}

/* The names of what is left, and nothing if nothing is. */
static void
name_left(const struct hunt *h)
{
	char line[64];
	const char *sep = "";

	for (int i = 0; i < h->nmembers; i++) {
		const struct proc *p = &h->members[i].proc;

		if (h->members[i].is_gone)
			continue;
		snprintf(line, sizeof(line), "%s%s (pid %ld)", sep, p->comm,
		    (long)p->pid);
		put(line);
		sep = ", ";
	}
}

static void
stop(struct hunt *h, int64_t grace_ms, int64_t until)
{
	if (grace_ms > 0) {
		hunt_find(h, 0, until);
		hunt_terminate(h);
		hunt_wait(h, grace_ms);
	}
	hunt_kill(h, until);
	name_left(h);
}

int
main(int argc, char **argv)
{
	struct hunt *h = &hunt;
	struct options o = { .mode = MODE_NONE };
	int64_t until = hunt_now_ms() + TOTAL_MS;

	read_arguments(h, &o, argc, argv);
	if (proc_open() < 0)
		die("cannot open", "/proc");
	if (o.mode == MODE_FIND)
		return find_runs(o.home) < 0;
	/* Ahead of a storm of forks, if we may. */
	setpriority(PRIO_PROCESS, 0, -20);
	spare(h, getpid());
	spare(h, getppid());
	if (o.mode == MODE_STOP) {
		stop(h, o.grace_ms, until);
		return 0;
	}
	if (o.mode == MODE_KILL)
		hunt_kill(h, until);
	else
		hunt_find(h, 0, until);
	if (o.mode == MODE_TERM)
		hunt_terminate(h);
	hunt_note_foreign(h);
	report(h, o.mode);
	return 0;
}
