/* What the options of start say, as a definition. */
/* SPDX-License-Identifier: MIT */
#include "cli/definition.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text.h"

/* What an app inherits of the one who defines it. */
static const char *const inherited[] = {
	"PATH", "HOME", "LANG", "TZ", "USER", "SHELL", "TERM",
};

static int
env_set(struct definition *d, const char *key, size_t key_len,
    const char *value, struct error *e)
{
	char **more = d->env;
	size_t i;

	for (i = 0; i < d->env_count; i += 2)
		if (strlen(d->env[i]) == key_len &&
		    memcmp(d->env[i], key, key_len) == 0)
			break;
	if (i == d->env_count) {
		more = reallocarray(d->env, d->env_count + 3, sizeof(*more));
		if (more == NULL)
			return fail(e, -ENOMEM, "out of memory");
		d->env = more;
		memset(more + i, 0, 3 * sizeof(*more));
		if ((more[i] = strndup(key, key_len)) == NULL)
			return fail(e, -ENOMEM, "out of memory");
		d->env_count += 2;
	}
	free(more[i + 1]);
	if ((more[i + 1] = strdup(value)) == NULL)
		return fail(e, -ENOMEM, "out of memory");
	return 0;
}

static const char *
env_get(const struct definition *d, const char *key)
{
	return map_get((field_map)d->env, key);
}

/* K=V, or K alone for the value it has here. */
static int
env_give(struct definition *d, const char *item, struct error *e)
{
	const char *equals = strchr(item, '='), *value;
	size_t len = equals == NULL ? strlen(item) : (size_t)(equals - item);

	if (len == 0)
		return fail(e, CLI_USAGE, "--env needs NAME=VALUE, '%.64s' has "
		    "no name", item);
	value = equals != NULL ? equals + 1 : getenv(item);
	if (value == NULL)
		return fail(e, CLI_USAGE, "--env %.64s: there is no such "
		    "variable here; give it as NAME=VALUE", item);
	return env_set(d, item, len, value, e);
}

static int
make_env(struct definition *d, const struct args *a, const struct passwd *pw,
    struct error *e)
{
	const char *value;
	int r = 0;

	for (size_t i = 0; i < COUNT(inherited) && r == 0; i++)
		if ((value = getenv(inherited[i])) != NULL)
			r = env_set(d, inherited[i], strlen(inherited[i]),
			    value, e);
	/* Another user's app must not write into our home. */
	if (pw != NULL && r == 0 &&
	    (r = env_set(d, "HOME", 4, pw->pw_dir, e)) == 0 &&
	    (r = env_set(d, "USER", 4, pw->pw_name, e)) == 0)
		r = env_set(d, "SHELL", 5, *pw->pw_shell == '\0' ? "/bin/sh" :
		    pw->pw_shell, e);
	for (size_t i = 0; r == 0 && args_item(a, "env", i) != NULL; i++)
		r = env_give(d, args_item(a, "env", i), e);
	d->message.process_define.env = (field_map)d->env;
	return r;
}

/* ---- who it runs as ---- */

static int
find_group(const char *text, gid_t *gid, struct error *e)
{
	struct group *gr = getgrnam(text);
	int64_t n;

	if (gr == NULL && (text_to_number(text, &n) < 0 || n >= UINT32_MAX))
		return fail(e, CLI_USAGE, "there is no group '%.64s'", text);
	*gid = gr != NULL ? gr->gr_gid : (gid_t)n;
	return 0;
}

static int
add_groups(struct definition *d, const struct passwd *pw, gid_t gid,
    struct error *e)
{
	gid_t groups[COUNT(d->groups) - 1];
	int n = (int)COUNT(groups);

	if (getgrouplist(pw->pw_name, gid, groups, &n) == -1)
		return fail(e, CLI_FAILED, "user '%s' is in more than %zu "
		    "groups", pw->pw_name, COUNT(groups));
	for (int i = 0; i < n; i++)
		if (asprintf(&d->groups[i], "%u", groups[i]) == -1) {
			d->groups[i] = NULL;
			return fail(e, -ENOMEM, "out of memory");
		}
	d->message.process_define.groups = (field_list)d->groups;
	return 0;
}

/*
 * Names are looked up here, with the caller's eyes: what stands in the
 * definition are numbers. *pw is NULL if the app runs as whoever asks.
 */
static int
make_identity(struct definition *d, const struct args *a,
    struct passwd **pw, struct error *e)
{
	struct process_define *m = &d->message.process_define;
	const char *user = args_text(a, "user"), *group = args_text(a, "group");
	gid_t gid = 0;
	int64_t n;
	int r;

	*pw = NULL;
	if ((user != NULL || group != NULL) && geteuid() != 0)
		return fail(e, -EPERM, "another user or group can be given by "
		    "root only");
	if (user != NULL) {
		*pw = getpwnam(user);
		if (*pw == NULL && text_to_number(user, &n) == 0 &&
		    n < UINT32_MAX)
			*pw = getpwuid((uid_t)n);
		if (*pw == NULL)
			return fail(e, CLI_USAGE, "there is no user '%.64s'",
			    user);
		m->uid = (*pw)->pw_uid;
		m->gid = (*pw)->pw_gid;
	}
	if (group != NULL) {
		if ((r = find_group(group, &gid, e)) < 0)
			return r;
		m->gid = gid;
	}
	return *pw == NULL ? 0 : add_groups(d, *pw, (gid_t)m->gid, e);
}

/* ---- what runs ---- */

static int
make_argv(struct definition *d, const struct args *a, const char *file,
    struct error *e)
{
	const char *interpreter = args_text(a, "interpreter");
	size_t n = 0;
	int r;

	d->argv = calloc(a->nrest + 3, sizeof(*d->argv));
	if (d->argv == NULL)
		return fail(e, -ENOMEM, "out of memory");
	if (file != NULL) {
		if ((r = script_look(&d->script, file, interpreter, e)) < 0)
			return r;
		if (d->script.interpreter != NULL)
			d->argv[n++] = d->script.interpreter;
		d->argv[n++] = d->script.path;
	}
	for (size_t i = 0; i < a->nrest; i++)
		d->argv[n++] = a->rest[i];
	if (n == 0 || *d->argv[0] == '\0')
		return fail(e, CLI_USAGE, "no command stands behind '--'");
	d->message.process_define.argv = d->argv;
	return 0;
}

/* A relative path is the app's affair: it counts from its directory. */
static int
check_program(const struct definition *d, struct error *e)
{
	const char *program = d->argv[0], *path = env_get(d, "PATH");

	if (*program != '/' && strchr(program, '/') != NULL)
		return 0;
	/* The caller may not see what the app's user does. */
	if (d->message.process_define.uid >= 0 && *program == '/')
		return 0;
	if (program_exists(program, path == NULL ? "/usr/bin:/bin" : path))
		return 0;
	if (strchr(program, ' ') != NULL)
		return fail(e, CLI_FAILED, "there is no program '%.128s': give "
		    "a command as words, not as one, or as: -- sh -c '...'",
		    program);
	if (*program == '/' && access(program, F_OK) == 0)
		return fail(e, CLI_FAILED, "'%.128s' is no program that can be "
		    "executed: chmod +x it, or put what runs it in front of "
		    "it", program);
	return fail(e, CLI_FAILED, "cannot find the program '%.128s'%s",
	    program, strchr(program, '/') == NULL ? " in PATH" : "");
}

static int
make_name(struct definition *d, const struct args *a, const char *file,
    struct error *e)
{
	const char *given = args_text(a, "name");

	d->name = given != NULL ? strdup(given) : file != NULL ?
	    script_name(file) : script_name(d->argv[0]);
	if (d->name == NULL)
		return fail(e, -ENOMEM, "out of memory");
	d->message.process_define.name = d->name;
	if (is_app_name(d->name))
		return 0;
	return fail(e, CLI_USAGE, "'%.80s' cannot be the name of an app%s: up "
	    "to 64 letters, digits, '.', '_' and '-', not only digits, not "
	    "'all'", d->name, given == NULL ? "; give one with -n" : "");
}

static int
make_cwd(struct definition *d, const struct args *a, struct error *e)
{
	const char *given = args_text(a, "cwd");
	struct stat st;

	d->cwd = given == NULL ? getcwd(NULL, 0) : realpath(given, NULL);
	if (d->cwd == NULL)
		return fail(e, CLI_FAILED, "cannot use the directory '%s': %s",
		    given == NULL ? "." : given, strerror(errno));
	if (stat(d->cwd, &st) == -1 || !S_ISDIR(st.st_mode))
		return fail(e, CLI_FAILED, "'%s' is no directory", d->cwd);
	d->message.process_define.cwd = d->cwd;
	return 0;
}

static int
make_path(const char *given, char **path, struct error *e)
{
	char *cwd = NULL;
	int r = 0;

	if (given == NULL)
		return 0;
	if (*given == '/')
		*path = strdup(given);
	else if (*given == '\0' || (cwd = getcwd(NULL, 0)) == NULL ||
	    asprintf(path, "%s/%s", cwd, given) == -1)
		*path = NULL;
	if (*path == NULL)
		r = fail(e, CLI_USAGE, "cannot make a path of '%s'", given);
	free(cwd);
	return r;
}

static int
make_logs(struct definition *d, const struct args *a, struct error *e)
{
	struct process_define *m = &d->message.process_define;
	int r;

	if ((r = make_path(args_text(a, "log-out"), &d->log_out, e)) < 0 ||
	    (r = make_path(args_text(a, "log-err"), &d->log_err, e)) < 0)
		return r;
	m->log_out = d->log_out;
	m->log_err = d->log_err;
	m->log_combined = args_has(a, "combined");
	if (m->log_combined && m->log_err != NULL)
		return fail(e, CLI_USAGE, "--combined writes one file: give "
		    "--log-out alone");
	return 0;
}

/* ---- how many, how often ---- */

static int
make_instances(struct process_define *m, const char *text, struct error *e)
{
	cpu_set_t cpus;
	int64_t n, count;

	m->instances = 1;
	if (text == NULL)
		return 0;
	count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ?
	    CPU_COUNT(&cpus) : sysconf(_SC_NPROCESSORS_ONLN);
	if (strcmp(text, "max") == 0)
		n = count;
	else if (strcmp(text, "-1") == 0)
		n = count > 1 ? count - 1 : 1;
	else if (text_to_number(text, &n) < 0 || n < 1 || n > INSTANCES_MAX)
		return fail(e, CLI_USAGE, "--instances needs a number from 1 "
		    "to %d, or max", INSTANCES_MAX);
	m->instances = n;
	return 0;
}

static int
make_restart(struct process_define *m, const struct args *a, struct error *e)
{
	static const char *const policies[] = {
		"always", "on-failure", "never",
	};
	const char *text = args_text(a, "restart");
	int64_t delay = args_number(a, "restart-delay", -1);
	size_t i;

	m->restart = text;
	for (i = 0; text != NULL && i < COUNT(policies); i++)
		if (strcmp(policies[i], text) == 0)
			break;
	if (i == COUNT(policies))
		return fail(e, CLI_USAGE, "--restart is one of: always, "
		    "on-failure, never");
	/* A fixed pause, in place of one that grows. */
	m->delay_first_ms = m->delay_base_ms = m->delay_max_ms = delay;
	m->delay_factor_percent = delay < 0 ? -1 : 100;
	m->jitter_percent = delay < 0 ? -1 : 0;
	m->reset_after_ms = m->give_up_after = m->give_up_within_ms = -1;
	return 0;
}

static int
make_stop(struct process_define *m, const struct args *a, struct error *e)
{
	const char *sig = args_text(a, "stop-signal");

	m->stop_signal = sig == NULL ? -1 : text_to_signal(sig);
	if (sig != NULL && m->stop_signal < 0)
		return fail(e, CLI_USAGE, "'%.64s' is no signal: give a name "
		    "such as INT or QUIT, or a number", sig);
	m->stop_timeout_ms = args_number(a, "stop-timeout", -1);
	return 0;
}

static int
make_priority(struct process_define *m, const char *text, struct error *e)
{
	int64_t n = 0;

	if (text != NULL && (text_to_number(text + (*text == '-'), &n) < 0 ||
	    n > 1000000))
		return fail(e, CLI_USAGE, "--priority needs a whole number, at "
		    "most a million");
	m->priority = text != NULL && *text == '-' ? -n : n;
	return 0;
}

int
definition_make(struct definition *d, const struct args *a, const char *file,
    struct error *e)
{
	struct process_define *m = &d->message.process_define;
	struct passwd *pw;
	int r;

	memset(d, 0, sizeof(*d));
	d->message.type = MSG_process_define;
	m->uid = m->gid = -1;
	m->rotate_size = m->rotate_keep = -1;
	m->namespace = args_text(a, "namespace");
	m->autostart = !args_has(a, "no-autostart");
	if ((r = make_argv(d, a, file, e)) < 0 ||
	    (r = make_cwd(d, a, e)) < 0 ||
	    (r = make_identity(d, a, &pw, e)) < 0 ||
	    (r = make_env(d, a, pw, e)) < 0 ||
	    (r = check_program(d, e)) < 0 ||
	    (r = make_name(d, a, file, e)) < 0 ||
	    (r = make_logs(d, a, e)) < 0 ||
	    (r = make_instances(m, args_text(a, "instances"), e)) < 0 ||
	    (r = make_restart(m, a, e)) < 0 ||
	    (r = make_stop(m, a, e)) < 0)
		return r;
	return make_priority(m, args_text(a, "priority"), e);
}

void
definition_release(struct definition *d)
{
	script_release(&d->script);
	free(d->name);
	free(d->cwd);
	free(d->log_out);
	free(d->log_err);
	free(d->argv);
	for (size_t i = 0; i < d->env_count; i++)
		free(d->env[i]);
	free(d->env);
	for (size_t i = 0; i < COUNT(d->groups); i++)
		free(d->groups[i]);
	memset(d, 0, sizeof(*d));
}
