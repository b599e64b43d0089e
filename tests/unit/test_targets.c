/* Which units a target means. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/root/app.h"
#include "supervisor/root/arena.h"
#include "supervisor/root/unit.h"
#include "tests/unit/run.h"

static struct supervisor s;
static struct app apps[4];
static struct error e;

static void
add(struct app *a, const char *name, const char *ns, int64_t id, int n)
{
	*a = (struct app){ .s = &s, .name = name, .count = n };
	a->def.process_define.namespace = ns;
	for (int i = 0; i < n; i++) {
		struct unit *u;

		ck_assert_int_eq(unit_new(&s, UNIT_APP, id + i, -1, &u, &e),
		    0);
		u->app = a;
		u->name = name;
		u->instance = i;
	}
}

static void
setup(void)
{
	struct unit *u;

	s = (struct supervisor){ .is_loaded = true };
	e = (struct error){ 0 };
	arena_use();
	s.loop = ev_loop_new(EVFLAG_NOENV);
	TAILQ_INIT(&s.runs);
	ck_assert_int_eq(observed_create(&s.observed, &e), 0);
	add(&apps[0], "web", "", 0, 3);
	add(&apps[1], "webs", "shop", 3, 1);
	add(&apps[2], "7", "shop", 4, 2);
	add(&apps[3], "all-of-it", "default", 6, 1);
	/* Our own processes are nobody's target. */
	ck_assert_int_eq(unit_new(&s, UNIT_ACTOR, 0, -1, &u, &e), 0);
	u->name = "capture";
}

/* The ids that the targets mean, as text. */
static const char *
meant(const char *a, const char *b)
{
	static char text[64];
	const char *targets[] = { a, b, NULL };
	struct target_set set;
	size_t n = 0;
	int r = targets_find(&s, targets, &set, &e);

	text[0] = '\0';
	for (size_t i = 0; r == 0 && i < set.count; i++)
		text[n++] = (char)('0' + set.units[i]->id);
	text[n] = '\0';
	targets_release(&set);
	return r == 0 ? text : r == -ENOENT ? "none" : "?";
}

START_TEST(a_name_means_all_instances)
{
	setup();
	ck_assert_str_eq(meant("web", NULL), "012");
	ck_assert_str_eq(meant("webs", NULL), "3");
	ck_assert_str_eq(meant("we", NULL), "none");
	ck_assert_str_eq(meant("web ", NULL), "none");
	ck_assert_str_eq(meant("capture", NULL), "none");
}
END_TEST

START_TEST(an_instance_can_be_meant)
{
	setup();
	ck_assert_str_eq(meant("web:0", NULL), "0");
	ck_assert_str_eq(meant("web:2", NULL), "2");
	ck_assert_str_eq(meant("web:3", NULL), "none");
	ck_assert_str_eq(meant("web:", NULL), "none");
	ck_assert_str_eq(meant("web:-1", NULL), "none");
	ck_assert_str_eq(meant("web:1x", NULL), "none");
	ck_assert_str_eq(meant("web:4294967296", NULL), "none");
	ck_assert_str_eq(meant("web:99999999999999999999", NULL), "none");
}
END_TEST

START_TEST(a_number_is_an_id_or_a_name)
{
	setup();
	ck_assert_str_eq(meant("0", NULL), "0");
	ck_assert_str_eq(meant("7", NULL), "45");
	ck_assert_str_eq(meant("8", NULL), "none");
	ck_assert_str_eq(meant("-1", NULL), "none");
	ck_assert_str_eq(meant("+1", NULL), "none");
	ck_assert_str_eq(meant("1 ", NULL), "none");
	ck_assert_str_eq(meant("0x1", NULL), "none");
}
END_TEST

START_TEST(a_namespace_can_be_meant)
{
	setup();
	ck_assert_str_eq(meant("namespace:shop", NULL), "345");
	ck_assert_str_eq(meant("namespace:default", NULL), "0126");
	ck_assert_str_eq(meant("namespace:", NULL), "none");
	ck_assert_str_eq(meant("namespace:sho", NULL), "none");
}
END_TEST

START_TEST(all_means_all_and_so_does_nothing)
{
	setup();
	ck_assert_str_eq(meant("all", NULL), "0123456");
	ck_assert_str_eq(meant(NULL, NULL), "0123456");
	ck_assert_str_eq(meant("", NULL), "none");
}
END_TEST

START_TEST(each_is_there_once_and_in_order)
{
	setup();
	ck_assert_str_eq(meant("web:1", "web"), "012");
	ck_assert_str_eq(meant("webs", "web:0"), "03");
	ck_assert_str_eq(meant("all", "7"), "0123456");
}
END_TEST

START_TEST(one_that_means_nothing_is_named_and_nothing_is_meant)
{
	setup();
	ck_assert_str_eq(meant("web", "nobody"), "none");
	ck_assert_ptr_nonnull(strstr(e.text, "'nobody'"));
}
END_TEST

START_TEST(all_of_nothing_is_no_error)
{
	struct target_set set;
	const char *targets[] = { "all", NULL };

	s = (struct supervisor){ .is_loaded = true };
	ck_assert_int_eq(targets_find(&s, targets, &set, &e), 0);
	ck_assert_uint_eq(set.count, 0);
	targets_release(&set);
}
END_TEST

int
main(void)
{
	return run_tests("targets", (const TTest *const[]){
	    a_name_means_all_instances,
	    an_instance_can_be_meant,
	    a_number_is_an_id_or_a_name,
	    a_namespace_can_be_meant,
	    all_means_all_and_so_does_nothing,
	    each_is_there_once_and_in_order,
	    one_that_means_nothing_is_named_and_nothing_is_meant,
	    all_of_nothing_is_no_error,
	    NULL });
}
