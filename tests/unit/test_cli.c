/* The command line's tables, words and paths. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/aside.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "cli/trust.h"

/* After ours: it has a macro fail(). */
#include <check.h>

START_TEST(a_duration_has_units_or_is_milliseconds)
{
	static const struct {
		const char	*text;
		int64_t		 ms;		/* -1: refused */
	} cases[] = {
		{ "0", 0 }, { "250", 250 }, { "500ms", 500 }, { "10s", 10000 },
		{ "1h30m", 5400000 }, { "2d", 172800000 }, { "1m1ms", 60001 },
		{ "", -1 }, { "s", -1 }, { "10", 10 }, { "-1", -1 },
		{ "1.5s", -1 }, { "10x", -1 }, { "10s ", -1 }, { "1s5", -1 },
		{ "99999999999999999999", -1 }, { "9999999999h", -1 },
		{ "366d", 31622400000 }, { "367d", -1 }, { "1mss", -1 },
	};
	int64_t ms;

	for (size_t i = 0; i < COUNT(cases); i++) {
		ms = -1;
		if (text_to_duration(cases[i].text, &ms) < 0)
			ms = -1;
		ck_assert_msg(ms == cases[i].ms, "'%s' is %lld", cases[i].text,
		    (long long)ms);
	}
}
END_TEST

START_TEST(a_signal_has_a_name_or_a_number)
{
	ck_assert_int_eq(text_to_signal("TERM"), SIGTERM);
	ck_assert_int_eq(text_to_signal("sigusr1"), SIGUSR1);
	ck_assert_int_eq(text_to_signal("9"), SIGKILL);
	ck_assert_int_eq(text_to_signal("64"), 64);
	ck_assert_int_eq(text_to_signal("0"), -EINVAL);
	ck_assert_int_eq(text_to_signal("65"), -EINVAL);
	ck_assert_int_eq(text_to_signal(""), -EINVAL);
	ck_assert_int_eq(text_to_signal("SIG"), -EINVAL);
}
END_TEST

START_TEST(a_name_of_an_app_is_what_the_daemon_takes)
{
	static const char *const good[] = {
		"web", "_x", "1a", "a.b-c_d", "A",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const bad[] = {
		"", "all", "12", ".a", "-a", "a b", "a/b", "a:0", "\xc3\xa4",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(is_app_name(good[i]), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!is_app_name(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_slip_is_understood_and_another_word_is_not)
{
	ck_assert_str_eq(command_suggest("lits"), "list");
	ck_assert_str_eq(command_suggest("strat"), "start");
	ck_assert_str_eq(command_suggest("delte"), "delete");
	ck_assert_str_eq(command_suggest("deamon"), "daemon");
	ck_assert_str_eq(command_suggest("evnts"), "events");
	ck_assert_ptr_null(command_suggest("x"));
	ck_assert_ptr_null(command_suggest("file"));
	ck_assert_ptr_null(command_suggest("/etc/passwd"));
}
END_TEST

START_TEST(every_command_is_found_and_explained)
{
	const struct command *c;
	char name[64], *words[2];
	int n;

	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		snprintf(name, sizeof(name), "%s", c->name);
		words[0] = name;
		words[1] = strchr(name, ' ');
		if (words[1] != NULL)
			*words[1]++ = '\0';
		ck_assert_ptr_eq(command_find(words[1] == NULL ? 1 : 2, words,
		    &n), c);
		ck_assert_int_eq(n, words[1] == NULL ? 1 : 2);
		ck_assert(words[1] == NULL || command_is_group(words[0]));
		ck_assert_ptr_nonnull(c->usage);
		ck_assert_ptr_nonnull(c->summary);
		ck_assert_ptr_nonnull(c->details);
		ck_assert_msg(c->least == 0 || c->operands != OPERANDS_NONE,
		    "%s", c->name);
	}
}
END_TEST

/* A letter or a name that a command took twice, or took from all commands,
 * would mean only one of the two. */
START_TEST(no_option_hides_another)
{
	const struct option *all[128];
	const struct command *c;
	size_t n;

	for (size_t i = 0; (c = command_nth(i)) != NULL; i++) {
		n = 0;
		for (const struct option *o = global_options; o->name; o++)
			all[n++] = o;
		for (const struct option *o = c->options; o && o->name; o++)
			all[n++] = o;
		for (size_t a = 0; a < n; a++) {
			ck_assert((all[a]->kind == OPTION_FLAG) ==
			    (all[a]->metavar == NULL));
			for (size_t b = 0; b < a; b++) {
				ck_assert_str_ne(all[a]->name, all[b]->name);
				ck_assert(all[a]->letter == '\0' ||
				    all[a]->letter != all[b]->letter);
			}
		}
	}
}
END_TEST

static const struct option sample[] = {
	{ "name", 'n', OPTION_TEXT, "NAME", "", NULL },
	{ "follow", 'f', OPTION_FLAG, NULL, "", NULL },
	{ "lines", 'l', OPTION_NUMBER, "N", "", NULL },
	{ "env", '\0', OPTION_LIST, "V", "", NULL },
	{ 0 },
};

/* At most 15 words, which blanks part. */
static int
parse(struct args *a, char *line, bool up_to_operand)
{
	static char *argv[16];		/* which args point into */
	int argc = 0;

	for (char *w = strtok(line, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	memset(a, 0, sizeof(*a));
	a->tables[0] = sample;
	a->tables[1] = global_options;
	return args_parse(a, argc, argv, up_to_operand, NULL);
}

START_TEST(options_and_operands_may_be_mixed)
{
	char line[] = "a -fl5 --name=x b --env A=1 -q --env B= -nother - c";
	struct args a;

	ck_assert_int_eq(parse(&a, line, false), 12);
	ck_assert_uint_eq(a.noperands, 4);
	ck_assert_str_eq(a.operands[2], "-");
	ck_assert_str_eq(a.operands[3], "c");
	ck_assert_ptr_null(a.operands[4]);
	ck_assert(args_has(&a, "follow") && args_has(&a, "quiet"));
	ck_assert(!args_has(&a, "json"));
	ck_assert_int_eq(args_number(&a, "lines", 1), 5);
	ck_assert_str_eq(args_text(&a, "name"), "other");
	ck_assert_str_eq(args_item(&a, "env", 1), "B=");
	ck_assert_ptr_null(args_item(&a, "env", 2));
	ck_assert_ptr_null(a.rest);
	args_release(&a);
}
END_TEST

START_TEST(what_stands_behind_dashes_is_left_alone)
{
	char line[] = "x -- -f --name";
	struct args a;

	ck_assert_int_eq(parse(&a, line, false), 4);
	ck_assert_uint_eq(a.nrest, 2);
	ck_assert_str_eq(a.rest[1], "--name");
	ck_assert(!args_has(&a, "follow"));
	args_release(&a);
}
END_TEST

START_TEST(parsing_can_stop_at_the_first_word)
{
	char line[] = "-q --home h list --bogus";
	struct args a;

	ck_assert_int_eq(parse(&a, line, true), 3);
	ck_assert_str_eq(args_text(&a, "home"), "h");
	args_release(&a);
}
END_TEST

START_TEST(many_letters_in_a_word_overflow_nothing)
{
	char line[600] = "-";
	struct args a;

	memset(line + 1, 'f', sizeof(line) - 2);
	for (size_t i = 1; i < sizeof(line) - 1; i += 2)
		line[i] = 'q';
	ck_assert_int_eq(parse(&a, line, false), 1);
	ck_assert_uint_eq(a.ngiven, 2);
	args_release(&a);
}
END_TEST

START_TEST(a_wrong_option_is_refused)
{
	static const char *const lines[] = {
		"--nope", "-z", "-fz", "--name", "-n", "--lines x", "-lx",
		"--lines -1", "--follow=1", "--json=1", "--", "---", "--=x",
	};
	char line[64];
	struct args a;

	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(line, sizeof(line), "%s", lines[i]);
		ck_assert_msg(parse(&a, line, true) == CLI_USAGE, "%s",
		    lines[i]);
		args_release(&a);
	}
}
END_TEST

START_TEST(root_relies_only_on_what_nobody_else_can_change)
{
	char dir[] = "/tmp/od-trust.XXXXXX", path[64], link[64];
	struct error e;

	if (geteuid() != 0)
		return;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/home", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(symlink(path, link), 0);

	/* /tmp is sticky: what root has in it stays. */
	ck_assert_int_eq(trust_path(path, &e), 0);
	ck_assert_int_eq(trust_path(link, &e), 0);
	ck_assert_int_eq(trust_path("/tmp", &e), CLI_FAILED);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_assert_int_eq(trust_path(path, &e), CLI_FAILED);
	ck_assert_int_eq(chmod(dir, 0770), 0);
	ck_assert_int_eq(trust_path(path, &e), CLI_FAILED);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chown(dir, 65534, 0), 0);
	ck_assert_int_eq(trust_path(path, &e), CLI_FAILED);
	ck_assert_int_eq(chown(dir, 0, 0), 0);
	ck_assert_int_eq(lchown(link, 65534, 0), 0);
	ck_assert_int_eq(trust_path(link, &e), CLI_FAILED);
	ck_assert_int_eq(lchown(link, 0, 0), 0);
	ck_assert_int_eq(chown(path, 65534, 0), 0);
	ck_assert_int_eq(trust_path(link, &e), CLI_FAILED);
	ck_assert_int_lt(trust_path("/no/such/path", &e), 0);

	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cli");
	TCase *t = tcase_create("cli");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_duration_has_units_or_is_milliseconds);
	tcase_add_test(t, a_signal_has_a_name_or_a_number);
	tcase_add_test(t, a_name_of_an_app_is_what_the_daemon_takes);
	tcase_add_test(t, a_slip_is_understood_and_another_word_is_not);
	tcase_add_test(t, every_command_is_found_and_explained);
	tcase_add_test(t, no_option_hides_another);
	tcase_add_test(t, options_and_operands_may_be_mixed);
	tcase_add_test(t, what_stands_behind_dashes_is_left_alone);
	tcase_add_test(t, parsing_can_stop_at_the_first_word);
	tcase_add_test(t, many_letters_in_a_word_overflow_nothing);
	tcase_add_test(t, a_wrong_option_is_refused);
	tcase_add_test(t, root_relies_only_on_what_nobody_else_can_change);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
