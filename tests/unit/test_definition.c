/* What a definition may contain, and the policy it asks for. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"

#include "supervisor/root/definition.h"
#include "tests/unit/random_message.h"

#define RANDOM_ONES	3000

static const char *const argv_[] = { "./app", "--port", "80", NULL };
static const char *const env_[] = { "PATH", "/bin", "EMPTY", "", NULL };

/* One that is good, to be spoilt. */
static struct message
good(void)
{
	return (struct message){
		.type = MSG_process_define,
		.process_define = {
			.name = "web", .namespace = "default", .argv = argv_,
			.cwd = "/srv", .env = env_, .instances = 1,
			.uid = -1, .gid = -1, .restart = "always",
			.delay_first_ms = -1, .delay_base_ms = -1,
			.delay_max_ms = -1, .delay_factor_percent = -1,
			.jitter_percent = -1, .reset_after_ms = -1,
			.give_up_after = -1, .give_up_within_ms = -1,
			.stop_signal = -1, .stop_timeout_ms = -1,
			.log_out = "", .log_err = "", .rotate_size = -1,
			.rotate_keep = -1, .autostart = true,
		},
	};
}

static struct error e;

static void
refused(const struct message *m, const char *key)
{
	char begin[64];

	memset(&e, 0, sizeof(e));
	ck_assert_int_eq(definition_check(m, &e), -EINVAL);
	snprintf(begin, sizeof(begin), "bad %s '", key);
	ck_assert_msg(strncmp(e.text, begin, strlen(begin)) == 0,
	    "'%s' does not name %s", e.text, key);
	/* The sentence comes through whole. */
	ck_assert_uint_lt(strlen(e.text), sizeof(e.text) - 1);
}

static void
accepted(const struct message *m)
{
	memset(&e, 0, sizeof(e));
	ck_assert_msg(definition_check(m, &e) == 0, "%s", e.text);
}

START_TEST(a_plain_definition_is_good)
{
	struct message m = good();

	accepted(&m);
	m.process_define.namespace = NULL;
	m.process_define.env = NULL;
	m.process_define.restart = NULL;
	m.process_define.log_out = NULL;
	accepted(&m);
}
END_TEST

START_TEST(another_message_is_none)
{
	struct message m = { .type = MSG_done };

	ck_assert_int_eq(definition_check(&m, &e), -EINVAL);
}
END_TEST

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

START_TEST(names_cannot_be_taken_for_something_else)
{
	static const char *const yes[] = { "a", "_", "web-1.2_x", "1a", "All",
	    "all2", X64 };
	static const char *const no[] = { "", "all", "12", "0", "-a", ".a",
	    "a b", "a/b", "a:1", "a\n", "\xc3\xa4", "..", X64 "x", "/re/" };
	struct message m = good();

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		m.process_define.name = yes[i];
		accepted(&m);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		m.process_define.name = no[i];
		refused(&m, "name");
	}
	m = good();
	m.process_define.namespace = "all";
	accepted(&m);
	m.process_define.namespace = "a/b";
	refused(&m, "namespace");
}
END_TEST

START_TEST(the_program_is_named)
{
	static const char *const none[] = { NULL };
	static const char *const empty[] = { "", "x", NULL };
	struct message m = good();

	m.process_define.argv = NULL;
	refused(&m, "argv");
	m.process_define.argv = none;
	refused(&m, "argv");
	m.process_define.argv = empty;
	refused(&m, "argv");
}
END_TEST

/* A string of n times 'x'. */
static char *
long_text(size_t n)
{
	char *text = malloc(n + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', n);
	text[n] = '\0';
	return text;
}

START_TEST(what_execve_would_refuse_is_refused_here)
{
	char *most = long_text(128 * 1024 - 1), *more = long_text(128 * 1024);
	const char *argv[10] = { "x", most, NULL };
	const char *env[] = { "K", most + 2, NULL };
	struct message m = good();

	m.process_define.argv = argv;
	accepted(&m);
	argv[1] = more;
	refused(&m, "argv");

	m = good();
	m.process_define.env = env;
	accepted(&m);
	env[1] = most + 1;
	refused(&m, "env");

	m = good();
	for (int i = 1; i < 8; i++)
		argv[i] = most;
	argv[8] = NULL;
	m.process_define.argv = argv;
	accepted(&m);
	argv[8] = most;
	argv[9] = NULL;
	refused(&m, "argv");
	free(most);
	free(more);
}
END_TEST

START_TEST(there_are_not_too_many_strings)
{
	const char **list = calloc(LIST_COUNT + 1, sizeof(*list));
	struct message m = good();

	for (int i = 0; i < LIST_COUNT; i++)
		list[i] = "x";
	m.process_define.env = list;
	accepted(&m);
	m.process_define.argv = list + LIST_COUNT / 2;
	refused(&m, "argv");
	free(list);
}
END_TEST

START_TEST(the_environment_is_one_that_can_be_had)
{
	static const char *const keys[] = { "", "A=B", "=", "OD_HOME", "OD_" };
	const char *env[] = { "A", "1", NULL, "2", NULL };
	struct message m = good();

	m.process_define.env = env;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		env[2] = keys[i];
		refused(&m, "env");
	}
	ck_assert_ptr_nonnull(strstr(e.text, "'OD_'"));
	env[2] = "ODD";
	accepted(&m);
}
END_TEST

START_TEST(groups_are_numbers)
{
	static const char *const no[] = { "", "x", "-1", "1x", " 1",
	    "4294967295", "99999999999999999999999" };
	const char *groups[66] = { "0", "4294967294", NULL };
	struct message m = good();

	m.process_define.groups = groups;
	accepted(&m);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		groups[1] = no[i];
		refused(&m, "groups");
	}
	for (int i = 0; i < 65; i++)
		groups[i] = "1";
	refused(&m, "groups");
}
END_TEST

START_TEST(paths_are_absolute)
{
	struct message m = good();

	m.process_define.cwd = "srv";
	refused(&m, "cwd");
	m.process_define.cwd = NULL;
	refused(&m, "cwd");

	m = good();
	m.process_define.log_out = "out.log";
	refused(&m, "log_out");
	m.process_define.log_out = "/var/log/";
	refused(&m, "log_out");
	m.process_define.log_out = "/var/log/x";
	accepted(&m);
	m.process_define.log_err = "x";
	refused(&m, "log_err");
}
END_TEST

START_TEST(a_log_file_has_one_writer)
{
	struct message m = good();

	m.process_define.log_out = m.process_define.log_err = "/log/x";
	refused(&m, "log_err");
	m.process_define.log_combined = true;
	accepted(&m);
	m.process_define.instances = 2;
	refused(&m, "log_out");
	m.process_define.log_out = "/log/x-{instance}";
	refused(&m, "log_err");
	m.process_define.log_err = "";
	accepted(&m);
}
END_TEST

START_TEST(restart_is_one_of_three_words)
{
	struct message m = good();

	m.process_define.restart = "Always";
	refused(&m, "restart");
	m.process_define.restart = "no";
	refused(&m, "restart");
	ck_assert_str_eq(e.text, "bad restart 'no': it is 'always', "
	    "'on-failure' or 'never', or empty for 'always'");
}
END_TEST

START_TEST(the_stop_signal_can_be_handled)
{
	static const int64_t no[] = { 0, 9, 19, 32, 33, 65, -2, INT64_MIN };
	struct message m = good();

	for (int64_t n = 1; n <= 64; n++) {
		if (n == 9 || n == 19 || n == 32 || n == 33)
			continue;
		m.process_define.stop_signal = n;
		accepted(&m);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		m.process_define.stop_signal = no[i];
		refused(&m, "stop_signal");
	}
}
END_TEST

START_TEST(numbers_have_bounds)
{
	static const struct {
		const char *key;
		size_t	    offset;
		int64_t	    good[2], bad[3];
	} rows[] = {
#define ROW(m) #m, offsetof(struct message, process_define.m)
		{ ROW(instances), { 1, 1024 }, { 0, -1, 1025 } },
		{ ROW(uid), { -1, 4294967294 }, { -2, 4294967295, INT64_MAX } },
		{ ROW(gid), { -1, 4294967294 }, { -2, 4294967295, INT64_MIN } },
		{ ROW(delay_first_ms), { 0, DURATION_MS },
		    { -2, DURATION_MS + 1, INT64_MAX } },
		{ ROW(delay_base_ms), { 0, 1 }, { -2, INT64_MAX, INT64_MIN } },
		{ ROW(delay_max_ms), { 0, 1 }, { -2, INT64_MAX, INT64_MIN } },
		{ ROW(delay_factor_percent), { 100, 10000 }, { 99, 0, 10001 } },
		{ ROW(jitter_percent), { 0, 100 }, { -2, 101, INT64_MAX } },
		{ ROW(reset_after_ms), { 0, 1 }, { -2, INT64_MAX, INT64_MIN } },
		{ ROW(give_up_after), { -1, 1 }, { 0, 1000001, -2 } },
		{ ROW(give_up_within_ms), { -1, 0 }, { -2, INT64_MAX,
		    INT64_MIN } },
		{ ROW(stop_timeout_ms), { -1, 0 }, { -2, INT64_MAX,
		    INT64_MIN } },
		{ ROW(rotate_size), { 0, INT64_MAX }, { -2, -3, INT64_MIN } },
		{ ROW(rotate_keep), { 0, 100000 }, { -2, 100001, INT64_MAX } },
		{ ROW(priority), { -1000000, 1000000 }, { 1000001, -1000001,
		    INT64_MAX } },
	};
	struct message m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		m = good();
		for (int n = 0; n < 2; n++) {
			*(field_int *)((char *)&m + rows[i].offset) =
			    rows[i].good[n];
			accepted(&m);
		}
		for (int n = 0; n < 3; n++) {
			*(field_int *)((char *)&m + rows[i].offset) =
			    rows[i].bad[n];
			refused(&m, rows[i].key);
		}
	}
}
END_TEST

/* True if the text begins with "bad " and a field's name. */
static bool
names_a_field(const char *text)
{
	const struct field *f = message_info(MSG_process_define)->fields;
	size_t len;

	if (strncmp(text, "bad ", 4) != 0)
		return false;
	for (; f->key != NULL; f++) {
		len = strlen(f->key);
		if (strncmp(text + 4, f->key, len) == 0 &&
		    strncmp(text + 4 + len, " '", 2) == 0)
			return true;
	}
	return false;
}

START_TEST(whatever_comes_is_judged_by_its_fields)
{
	struct random r = { .state = 1 };
	struct restart_policy p;
	struct message m, plain;
	int n_good = 0;

	for (int i = 0; i < RANDOM_ONES; i++) {
		random_message(&r, &m, message_info(MSG_process_define), true);
		/* The rest is tried more often with a few good ones in it. */
		plain = m;
		if (i % 2 == 0) {
			plain.process_define.name = "web";
			plain.process_define.namespace = "";
			plain.process_define.argv = argv_;
			plain.process_define.cwd = "/";
			plain.process_define.groups = NULL;
			plain.process_define.restart = "never";
			plain.process_define.log_out = "";
			plain.process_define.log_err = "";
			plain.process_define.env = env_;
		}
		memset(&e, 0, sizeof(e));
		if (definition_check(&plain, &e) == 0) {
			n_good++;
			definition_policy(&plain, &p);
			if (p.base_ms < 0 || p.factor_percent < 100 ||
			    p.max_ms < 0 || p.reset_after_ms < 0)
				ck_abort_msg("a policy of nonsense");
		} else if (!names_a_field(e.text)) {
			ck_abort_msg("'%s' names no field", e.text);
		}
		random_message_release(&m);
	}
	ck_assert_int_gt(n_good, 100);
}
END_TEST

START_TEST(a_policy_has_our_defaults)
{
	struct message m = good();
	struct restart_policy p;

	definition_policy(&m, &p);
	ck_assert_mem_eq(&p, &restart_default, sizeof(p));
	m.process_define.restart = "";
	definition_policy(&m, &p);
	ck_assert_int_eq(p.when, RESTART_ALWAYS);
	ck_assert_int_eq(p.first_ms, 100);
	ck_assert_int_eq(p.base_ms, 200);
	ck_assert_int_eq(p.factor_percent, 200);
	ck_assert_int_eq(p.max_ms, 30000);
	ck_assert_int_eq(p.jitter_percent, 20);
	ck_assert_int_eq(p.reset_after_ms, 60000);
	ck_assert_int_eq(p.give_up_after, -1);
}
END_TEST

START_TEST(a_long_pause_raises_the_cap_unless_there_is_one)
{
	struct message m = good();
	struct restart_policy p;

	m.process_define.delay_base_ms = 60000;
	definition_policy(&m, &p);
	ck_assert_int_eq(p.max_ms, 60000);
	m.process_define.delay_max_ms = 40000;
	definition_policy(&m, &p);
	ck_assert_int_eq(p.max_ms, 40000);
}
END_TEST

START_TEST(a_policy_is_what_was_asked_for)
{
	struct message m = good();
	struct restart_policy p;

	m.process_define.restart = "on-failure";
	m.process_define.delay_first_ms = 1;
	m.process_define.delay_base_ms = 0;
	m.process_define.delay_max_ms = 3;
	m.process_define.delay_factor_percent = 150;
	m.process_define.jitter_percent = 0;
	m.process_define.reset_after_ms = 6;
	m.process_define.give_up_after = 7;
	m.process_define.give_up_within_ms = 8;
	definition_policy(&m, &p);
	ck_assert_int_eq(p.when, RESTART_ON_FAILURE);
	ck_assert_int_eq(p.first_ms, 1);
	ck_assert_int_eq(p.base_ms, 0);
	ck_assert_int_eq(p.max_ms, 3);
	ck_assert_int_eq(p.factor_percent, 150);
	ck_assert_int_eq(p.jitter_percent, 0);
	ck_assert_int_eq(p.reset_after_ms, 6);
	ck_assert_int_eq(p.give_up_after, 7);
	ck_assert_int_eq(p.give_up_within_ms, 8);
	m.process_define.restart = "never";
	definition_policy(&m, &p);
	ck_assert_int_eq(p.when, RESTART_NEVER);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_plain_definition_is_good,
		another_message_is_none,
		names_cannot_be_taken_for_something_else,
		the_program_is_named,
		what_execve_would_refuse_is_refused_here,
		there_are_not_too_many_strings,
		the_environment_is_one_that_can_be_had,
		groups_are_numbers,
		paths_are_absolute,
		a_log_file_has_one_writer,
		restart_is_one_of_three_words,
		the_stop_signal_can_be_handled,
		numbers_have_bounds,
		whatever_comes_is_judged_by_its_fields,
		a_policy_has_our_defaults,
		a_long_pause_raises_the_cap_unless_there_is_one,
		a_policy_is_what_was_asked_for,
		NULL,
	};

	return run_tests("definition", tests);
}
