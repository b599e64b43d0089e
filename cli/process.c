/* Rows of apps: how they are shown, and what /proc adds to them. */
/* SPDX-License-Identifier: MIT */
#include "cli/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/text.h"

static bool
read_proc(pid_t pid, const char *name, char *buf, size_t n)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	got = read_all(fd, buf, n - 1);
	close(fd);
	buf[got < 0 ? 0 : got] = '\0';
	return got > 0;
}

bool
process_use(pid_t pid, struct process_use *use)
{
	uint64_t user, kernel, start, pages;
	struct timespec now;
	double hz = (double)sysconf(_SC_CLK_TCK), age;
	char buf[1024], *p;

	if (!read_proc(pid, "stat", buf, sizeof(buf)))
		return false;
	/* The name, in parentheses, may hold anything, parentheses too. */
	p = strrchr(buf, ')');
	if (p == NULL || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u "
	    "%*u %*u %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %*d %*d %" SCNu64,
	    &user, &kernel, &start) != 3)
		return false;
	if (!read_proc(pid, "statm", buf, sizeof(buf)) ||
	    sscanf(buf, "%*u %" SCNu64, &pages) != 1)
		return false;
	clock_gettime(CLOCK_BOOTTIME, &now);
	age = (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	    (double)start / hz;
	use->cpu_percent = age <= 0 ? 0 : 100 * (double)(user + kernel) / hz /
	    age;
	use->memory_bytes = (int64_t)(pages * (uint64_t)sysconf(_SC_PAGESIZE));
	return true;
}

static const struct process_row *
row_at(const struct rows *rows, size_t i)
{
	return &rows->messages[i].process_row;
}

static bool
has_name(const struct rows *rows, size_t i, const char *name)
{
	return i < rows->count && strcmp(row_at(rows, i)->name, name) == 0;
}

static void
print_id(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, row_at(rows, i)->id);
}

/* "web:1" where there is more than one web. */
static void
print_name(FILE *f, const struct rows *rows, size_t i)
{
	const struct process_row *p = row_at(rows, i);

	fputs(p->name, f);
	if (p->instance > 0 || has_name(rows, i + 1, p->name) ||
	    (i > 0 && has_name(rows, i - 1, p->name)))
		fprintf(f, ":%" PRIi64, p->instance);
}

static void
print_namespace(FILE *f, const struct rows *rows, size_t i)
{
	fputs(row_at(rows, i)->namespace, f);
}

static void
print_mode(FILE *f, const struct rows *rows, size_t i)
{
	fputs(row_at(rows, i)->mode, f);
}

static void
print_pid(FILE *f, const struct rows *rows, size_t i)
{
	if (row_at(rows, i)->pid == 0)
		putc('-', f);
	else
		fprintf(f, "%" PRIi64, row_at(rows, i)->pid);
}

static void
print_uptime(FILE *f, const struct rows *rows, size_t i)
{
	char buf[32];

	fputs(text_of_duration(row_at(rows, i)->uptime_ms, buf, sizeof(buf)),
	    f);
}

static void
print_restarts(FILE *f, const struct rows *rows, size_t i)
{
	fprintf(f, "%" PRIi64, row_at(rows, i)->restarts);
}

static void
print_status(FILE *f, const struct rows *rows, size_t i)
{
	fputs(row_at(rows, i)->status, f);
}

static void
print_cpu(FILE *f, const struct rows *rows, size_t i)
{
	struct process_use use;

	if (row_at(rows, i)->pid > 0 &&
	    process_use((pid_t)row_at(rows, i)->pid, &use))
		fprintf(f, "%.1f%%", use.cpu_percent);
	else
		putc('-', f);
}

static void
print_memory(FILE *f, const struct rows *rows, size_t i)
{
	struct process_use use;
	char buf[32];

	if (row_at(rows, i)->pid > 0 &&
	    process_use((pid_t)row_at(rows, i)->pid, &use))
		fputs(text_of_size(use.memory_bytes, buf, sizeof(buf)), f);
	else
		putc('-', f);
}

/* No part of the daemon measures it so far. */
static void
print_health(FILE *f, const struct rows *rows, size_t i)
{
	(void)rows, (void)i;
	putc('-', f);
}

static void
print_problem(FILE *f, const struct rows *rows, size_t i)
{
	fputs(row_at(rows, i)->problem, f);
}

static const char *
status_colour(const struct message *m)
{
	const char *status = m->process_row.status;

	if (strcmp(status, "online") == 0)
		return "green";
	if (strcmp(status, "errored") == 0)
		return "red";
	if (strcmp(status, "stopped") == 0 || strcmp(status, "created") == 0)
		return "darkgray";
	return "yellow";
}

static const struct column columns[] = {
	{ "id", NULL, COLUMN_RIGHT, print_id, NULL },
	{ "name", NULL, COLUMN_CUTS, print_name, NULL },
	{ "namespace", NULL, COLUMN_CUTS, print_namespace, NULL },
	{ "mode", NULL, 0, print_mode, NULL },
	{ "pid", NULL, COLUMN_RIGHT, print_pid, NULL },
	{ "uptime", NULL, COLUMN_RIGHT, print_uptime, NULL },
	{ "restarts", "↺", COLUMN_RIGHT, print_restarts, NULL },
	{ "status", NULL, 0, print_status, status_colour },
	{ "cpu", NULL, COLUMN_RIGHT, print_cpu, NULL },
	{ "memory", NULL, COLUMN_RIGHT, print_memory, NULL },
	{ "health", NULL, 0, print_health, NULL },
	{ "problem", NULL, COLUMN_CUTS | COLUMN_IF_ANY, print_problem, NULL },
	{ 0 },
};

static const char *
name_of(const struct message *m)
{
	return m->process_row.name;
}

int
process_add_use(json_t *object, const struct process_use *use)
{
	double cpu = use == NULL ? 0 :
	    (double)(int64_t)(use->cpu_percent * 10 + 0.5) / 10;

	if (json_object_set_new(object, "cpu_percent", use == NULL ?
	    json_null() : json_real(cpu)) < 0 ||
	    json_object_set_new(object, "memory_bytes", use == NULL ?
	    json_null() : json_integer(use->memory_bytes)) < 0)
		return -1;
	return json_object_set_new(object, "health", json_null());
}

static int
refine(json_t *object, const struct message *m)
{
	struct process_use use;
	bool known = m->process_row.pid > 0 &&
	    process_use((pid_t)m->process_row.pid, &use);

	return process_add_use(object, known ? &use : NULL);
}

const struct view process_view = {
	.columns = columns,
	.name	 = name_of,
	.refine	 = refine,
};

static int
compare_ids(const void *a, const void *b)
{
	int64_t x = ((const struct message *)a)->process_row.id;
	int64_t y = ((const struct message *)b)->process_row.id;

	return (x > y) - (x < y);
}

void
process_sort(struct rows *rows)
{
	if (rows->count > 1)
		qsort(rows->messages, rows->count, sizeof(*rows->messages),
		    compare_ids);
}

int
process_act(struct cli *cli, const struct message *m, enum again again,
    int64_t limit_ms, struct error *e)
{
	struct rows rows;
	int shown, r = cli_ask(cli, m, again, limit_ms, &rows, e);

	/* What a request that failed has done all the same is worth seeing. */
	process_sort(&rows);
	if (r == 0 || rows.count > 0) {
		shown = output_rows(cli, &process_view, &rows,
		    r == 0 ? e : NULL);
		r = r < 0 ? r : shown;
	}
	rows_release(&rows);
	return r;
}
