/* The fields of a definition: what each may be, and the defaults. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/definition.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"
#include "supervisor/exec/exec.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define LETTERS		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS		"0123456789"

/* Of arguments and environment together: less than a record can hold, and far
 * less than execve takes. Some strings are left for what we add. */
#define STRINGS_BYTES	(960 * 1024)
#define STRINGS_COUNT	(EXEC_STRINGS_MAX - 64)

/* The last of the NPTL's own signals. */
#define LIBC_SIGNAL	33

bool
definition_is_word(const char *text)
{
	size_t len = strspn(text, LETTERS DIGITS "._-");

	return len > 0 && len <= NAME_BYTES && text[len] == '\0' &&
	    text[0] != '.' && text[0] != '-';
}

bool
definition_is_name(const char *text)
{
	return definition_is_word(text) && strcmp(text, "all") != 0 &&
	    text[strspn(text, DIGITS)] != '\0';
}

/* ---- fields that are text, or lists of it ---- */

/* True if the field is as it may be; else *culprit is the text to show. */
typedef bool	text_check(const struct process_define *, const void *at,
		    const char **culprit);

static const char *
text_at(const void *at)
{
	const char *text = *(const field_str *)at;

	return text != NULL ? text : "";
}

static bool
check_name(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)d;
	return definition_is_name(*culprit = text_at(at));
}

static bool
check_namespace(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)d;
	*culprit = text_at(at);
	return **culprit == '\0' || definition_is_word(*culprit);
}

static bool
check_argv(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)at;
	*culprit = "";
	if (list_count(d->argv) == 0 || d->argv[0][0] == '\0')
		return false;
	for (field_list arg = d->argv; *arg != NULL; arg++)
		if (strlen(*culprit = *arg) >= ITEM_BYTES)
			return false;
	return true;
}

static bool
check_cwd(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)d;
	*culprit = text_at(at);
	return **culprit == '/' && strlen(*culprit) <= PATH_BYTES;
}

static bool
check_env_key(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)at;
	for (size_t i = 0; i < map_count(d->env); i++) {
		*culprit = d->env[2 * i];
		if (**culprit == '\0' || strchr(*culprit, '=') != NULL)
			return false;
	}
	return true;
}

static bool
check_env_reserved(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)at;
	for (size_t i = 0; i < map_count(d->env); i++)
		if (strncmp(*culprit = d->env[2 * i], "OD_", 3) == 0)
			return false;
	return true;
}

static bool
check_env_length(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)at;
	/* execve counts "key=value" and its NUL. */
	for (size_t i = 0; i < map_count(d->env); i++)
		if (strlen(*culprit = d->env[2 * i]) +
		    strlen(d->env[2 * i + 1]) + 2 > ITEM_BYTES)
			return false;
	return true;
}

static bool
check_total(const struct process_define *d, const void *at,
    const char **culprit)
{
	size_t argc = list_count(d->argv), envc = map_count(d->env), bytes = 0;

	(void)at;
	*culprit = "";
	for (size_t i = 0; i < argc; i++)
		bytes += strlen(d->argv[i]) + 1;
	for (size_t i = 0; i < 2 * envc; i++)
		bytes += strlen(d->env[i]) + 1;
	return bytes <= STRINGS_BYTES && argc + envc <= STRINGS_COUNT;
}

static bool
check_groups(const struct process_define *d, const void *at,
    const char **culprit)
{
	uint64_t gid;
	const char *p;

	(void)at;
	*culprit = "";
	if (list_count(d->groups) > EXEC_GROUPS_MAX)
		return false;
	for (size_t i = 0; i < list_count(d->groups); i++) {
		*culprit = d->groups[i];
		gid = 0;
		for (p = *culprit; *p >= '0' && *p <= '9'; p++)
			if ((gid = gid * 10 + (uint64_t)(*p - '0')) >=
			    UINT32_MAX)
				return false;
		if (p == *culprit || *p != '\0')
			return false;
	}
	return true;
}

static const char *const restart_words[] = {
	[RESTART_ALWAYS] = "always",
	[RESTART_ON_FAILURE] = "on-failure",
	[RESTART_NEVER] = "never",
};

static bool
check_restart(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)d;
	*culprit = text_at(at);
	for (size_t i = 0; i < COUNT(restart_words); i++)
		if (strcmp(*culprit, restart_words[i]) == 0)
			return true;
	return **culprit == '\0';
}

int
definition_log_path(const struct process_define *d, const char *given,
    int instance, char *buf, size_t size)
{
	char number[16];
	const char *word;
	size_t n = 0, len;

	snprintf(number, sizeof(number), "%d", instance);
	while (*given != '\0') {
		if (strncmp(given, "{name}", 6) == 0) {
			word = d->name;
			len = strlen(word);
			given += 6;
		} else if (strncmp(given, "{instance}", 10) == 0) {
			word = number;
			len = strlen(word);
			given += 10;
		} else {
			word = given++;
			len = 1;
		}
		if (n + len >= size)
			return -ENAMETOOLONG;
		memcpy(buf + n, word, len);
		n += len;
	}
	buf[n] = '\0';
	return (int)n;
}

static bool
check_log(const struct process_define *d, const void *at,
    const char **culprit)
{
	char path[PATH_BYTES + 1];
	size_t len;

	*culprit = text_at(at);
	len = strlen(*culprit);
	return len == 0 || (**culprit == '/' && (*culprit)[len - 1] != '/' &&
	    definition_log_path(d, *culprit, INSTANCES_MAX - 1, path,
	    sizeof(path)) >= 0);
}

/* A file has one writer: it knows how far it is. */
static bool
check_log_alone(const struct process_define *d, const void *at,
    const char **culprit)
{
	(void)at;
	*culprit = text_at(&d->log_err);
	return d->log_combined || **culprit == '\0' ||
	    strcmp(*culprit, text_at(&d->log_out)) != 0;
}

static bool
check_log_shared(const struct process_define *d, const void *at,
    const char **culprit)
{
	*culprit = text_at(at);
	return d->instances <= 1 || **culprit == '\0' ||
	    strstr(*culprit, "{instance}") != NULL;
}

#define AT(member)	#member, offsetof(struct process_define, member)

static const struct text_rule {
	const char	*key;
	size_t		 offset;
	text_check	*is_good;
	const char	*allowed;
} texts[] = {
	{ AT(name), check_name, "it is up to 64 letters, digits, '_', '.' and "
	    "'-', begins with none of the last two, has not only digits, and "
	    "is not 'all'" },
	{ AT(namespace), check_namespace, "it is up to 64 letters, digits, "
	    "'_', '.' and '-', and begins with none of the last two" },
	{ AT(argv), check_argv, "it begins with the program, which is not "
	    "empty, and no argument is longer than 128 KiB" },
	{ AT(cwd), check_cwd, "it is an absolute path" },
	{ AT(env), check_env_key, "a key is not empty and has no '='" },
	{ AT(env), check_env_reserved, "keys that begin with 'OD_' are set by "
	    "the daemon" },
	{ AT(env), check_env_length, "a key and its value have less than "
	    "128 KiB together" },
	{ AT(argv), check_total, "with env it has at most 960 KiB and 16320 "
	    "strings" },
	{ AT(groups), check_groups, "it has up to 64 numbers of groups" },
	{ AT(restart), check_restart, "it is 'always', 'on-failure' or "
	    "'never', or empty for 'always'" },
	{ AT(log_out), check_log, "it is an absolute path of a file, at most "
	    "4095 bytes with {name} and {instance} filled in, or empty" },
	{ AT(log_err), check_log, "it is an absolute path of a file, at most "
	    "4095 bytes with {name} and {instance} filled in, or empty" },
	{ AT(log_err), check_log_alone, "it is not the file of log_out, unless "
	    "log_combined is set" },
	{ AT(log_out), check_log_shared, "it contains '{instance}' if there is "
	    "more than one" },
	{ AT(log_err), check_log_shared, "it contains '{instance}' if there is "
	    "more than one" },
};

/* ---- fields that are numbers ---- */

/* low to high, or -1 for the default; some have holes. */
static const struct number_rule {
	const char	*key;
	size_t		 offset;
	int64_t		 low, high;
	int64_t		 holes[4];	/* 0 ends them */
	const char	*allowed;
} numbers[] = {
	{ AT(instances), 1, INSTANCES_MAX, { -1 }, "it is 1 to 1024" },
	{ AT(uid), 0, UINT32_MAX - 1LL, { 0 }, "it is the number of a user, or "
	    "-1 for who asks" },
	{ AT(gid), 0, UINT32_MAX - 1LL, { 0 }, "it is the number of a group, "
	    "or -1 for who asks" },
	{ AT(delay_first_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, or "
	    "-1 for 100 ms" },
	{ AT(delay_base_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, or "
	    "-1 for 200 ms" },
	{ AT(delay_max_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, or "
	    "-1 for 30 s" },
	{ AT(delay_factor_percent), 100, 10000, { 0 }, "it is 100 to 10000, or "
	    "-1 for 200: pauses do not shrink" },
	{ AT(jitter_percent), 0, 100, { 0 }, "it is 0 to 100, or -1 for 20" },
	{ AT(reset_after_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, or "
	    "-1 for 60 s" },
	{ AT(give_up_after), 1, 1000000, { 0 }, "it is 1 to 1000000 failures, "
	    "or -1 for never" },
	{ AT(give_up_within_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, "
	    "or -1 for as long as it is not stable" },
	{ AT(stop_signal), 1, 64, { SIGKILL, SIGSTOP, LIBC_SIGNAL - 1,
	    LIBC_SIGNAL }, "it is a signal that a program can handle, or -1 "
	    "for SIGTERM" },
	{ AT(stop_timeout_ms), 0, DURATION_MS, { 0 }, "it is 0 to 366 days, or "
	    "-1 for 10 s" },
	{ AT(rotate_size), 0, INT64_MAX, { 0 }, "it is a number of bytes, 0 "
	    "for never, or -1 for 10 MiB" },
	{ AT(rotate_keep), 0, 100000, { 0 }, "it is 0 to 100000 files, or -1 "
	    "for 10" },
	{ AT(priority), -1000000, 1000000, { 0 }, "it is -1000000 to "
	    "1000000" },
};

static bool
number_is_good(const struct number_rule *rule, int64_t n)
{
	for (size_t i = 0; i < COUNT(rule->holes) && rule->holes[i] != 0; i++)
		if (n == rule->holes[i])
			return false;
	return n == -1 || (n >= rule->low && n <= rule->high);
}

int
definition_check(const struct message *m, struct error *e)
{
	const struct process_define *d = &m->process_define;
	const struct number_rule *number;
	const struct text_rule *text;
	const char *culprit = "";
	int64_t n;

	if (m->type != MSG_process_define)
		return fail(e, -EINVAL, "not a definition");
	for (text = texts; text < texts + COUNT(texts); text++)
		if (!text->is_good(d, (const char *)d + text->offset,
		    &culprit))
			return fail(e, -EINVAL, "bad %s '%.64s': %s",
			    text->key, culprit, text->allowed);
	for (number = numbers; number < numbers + COUNT(numbers); number++) {
		n = *(const field_int *)((const char *)d + number->offset);
		if (!number_is_good(number, n))
			return fail(e, -EINVAL, "bad %s '%" PRIi64 "': %s",
			    number->key, n, number->allowed);
	}
	return 0;
}

/* ---- the policy ---- */

static int64_t
either(int64_t given, int64_t initial)
{
	return given >= 0 ? given : initial;
}

void
definition_policy(const struct message *m, struct restart_policy *p)
{
	const struct process_define *d = &m->process_define;
	const char *word = text_at(&d->restart);

	*p = restart_default;
	for (size_t i = 0; i < COUNT(restart_words); i++)
		if (strcmp(word, restart_words[i]) == 0)
			p->when = (enum restart_when)i;
	p->first_ms = either(d->delay_first_ms, p->first_ms);
	p->base_ms = either(d->delay_base_ms, p->base_ms);
	/* Who asks for a pause longer than our cap does not mean the cap. */
	if (p->max_ms < p->base_ms)
		p->max_ms = p->base_ms;
	p->max_ms = either(d->delay_max_ms, p->max_ms);
	p->factor_percent = (int32_t)either(d->delay_factor_percent,
	    p->factor_percent);
	p->jitter_percent = (int32_t)either(d->jitter_percent,
	    p->jitter_percent);
	p->reset_after_ms = either(d->reset_after_ms, p->reset_after_ms);
	p->give_up_after = (int32_t)either(d->give_up_after,
	    p->give_up_after);
	p->give_up_within_ms = either(d->give_up_within_ms,
	    p->give_up_within_ms);
}
