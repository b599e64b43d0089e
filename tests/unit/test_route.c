/* Who may ask what: every message there is, in every role. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/root/daemon.h"
#include "supervisor/root/process.h"
#include "tests/unit/run.h"

#define OPERATES	(FROM_OWNER | FROM_OPERATOR)

/* Said again here, and not read from route.c: a right that is given away by a
 * slip there is a test that fails. */
static const struct {
	enum message_type type;
	unsigned int	  from;
	bool		  needs_state;
} rights[] = {
	{ MSG_process_define, OPERATES, true },
	{ MSG_process_delete, OPERATES, true },
	{ MSG_daemon_stop, FROM_OWNER, false },
	{ MSG_process_start, OPERATES, true },
	{ MSG_process_stop, OPERATES, true },
	{ MSG_process_restart, OPERATES, true },
	{ MSG_process_reset, OPERATES, true },
	{ MSG_process_signal, OPERATES, true },
	{ MSG_logs_tail, OPERATES, true },
	{ MSG_plugin_restart, OPERATES, false },
	{ MSG_plugin_stop, OPERATES, false },
	{ MSG_plugin_start, OPERATES, false },
	{ MSG_process_list, OPERATES, true },
	{ MSG_process_info, OPERATES, true },
	{ MSG_plugin_list, OPERATES, false },
	{ MSG_daemon_status, OPERATES, false },
	{ MSG_daemon_ping, OPERATES, false },
	{ MSG_events_subscribe, OPERATES, false },
};
#define RIGHTS	(sizeof(rights) / sizeof(rights[0]))

/* Numbers of messages go up to here, with holes. */
#define NUMBERS	4096

static const unsigned int roles[] = { FROM_OWNER, FROM_OPERATOR };

static int served;

/* All that is served is counted, and nothing is done. */
#define COUNTED(name)							\
	int	__wrap_##name(struct request *, const struct message *,	\
		    struct error *);					\
	int								\
	__wrap_##name(struct request *q, const struct message *m,	\
	    struct error *e)						\
	{								\
		(void)q;						\
		(void)m;						\
		(void)e;						\
		served++;						\
		return 0;						\
	}
COUNTED(process_define)
COUNTED(process_start)
COUNTED(process_stop)
COUNTED(process_restart)
COUNTED(process_delete)
COUNTED(process_reset)
COUNTED(process_signal)
COUNTED(process_list)
COUNTED(process_info)
COUNTED(process_logs)
COUNTED(plugin_list)
COUNTED(plugin_restart)
COUNTED(plugin_stop)
COUNTED(plugin_start)
COUNTED(daemon_status)
COUNTED(daemon_stop)
COUNTED(daemon_ping)
COUNTED(events_subscribe)

static int
ask(struct supervisor *s, unsigned int role, enum message_type type,
    struct error *e)
{
	struct peer p = { .s = s, .role = role };
	struct request q = { .peer = &p };
	struct message m = { .type = type };

	served = 0;
	*e = (struct error){ 0 };
	return route(&q, &m, e);
}

/* The row, or RIGHTS. */
static size_t
right_of(enum message_type type)
{
	size_t i = 0;

	while (i < RIGHTS && rights[i].type != type)
		i++;
	return i;
}

START_TEST(everybody_may_ask_what_is_his_to_ask_and_no_more)
{
	struct supervisor s = { .is_adopted = true };
	struct error e;
	int allowed = 0, refused = 0;

	for (size_t i = 0; i < RIGHTS; i++)
		for (int j = 0; j < 2; j++) {
			int r = ask(&s, roles[j], rights[i].type, &e);

			if ((rights[i].from & roles[j]) != 0) {
				ck_assert_int_eq(r, 0);
				ck_assert_int_eq(served, 1);
				allowed++;
			} else {
				ck_assert_int_eq(r, -EPERM);
				ck_assert_int_eq(served, 0);
				ck_assert_ptr_nonnull(strstr(e.text,
				    message_info(rights[i].type)->method));
				refused++;
			}
		}
	ck_assert_int_eq(allowed + refused, (int)RIGHTS * 2);
	ck_assert_int_gt(refused, 0);
}
END_TEST

START_TEST(who_is_nobody_may_ask_nothing)
{
	struct supervisor s = { .is_adopted = true };
	struct error e;

	for (size_t i = 0; i < RIGHTS; i++)
		ck_assert_int_eq(ask(&s, 0, rights[i].type, &e), -EPERM);
}
END_TEST

/* Rows, events, and what actors and supervisor say to each other. */
START_TEST(what_is_no_request_is_refused_to_the_owner_too)
{
	struct supervisor s = { .is_adopted = true };
	struct error e;
	int refused = 0;

	for (int n = 0; n < NUMBERS; n++) {
		const struct message_info *info =
		    message_info((enum message_type)n);

		if (info == NULL || info->name[0] == '\0' ||
		    right_of((enum message_type)n) < RIGHTS)
			continue;
		ck_assert_int_eq(ask(&s, OPERATES, (enum message_type)n,
		    &e), -ENOTSUP);
		ck_assert_int_eq(served, 0);
		refused++;
	}
	ck_assert_int_gt(refused, 20);
}
END_TEST

START_TEST(before_the_state_is_known_only_the_rest_is_served)
{
	struct supervisor s = { .is_adopted = false,
	    .not_recording = "the disk is full" };
	struct error e;

	for (size_t i = 0; i < RIGHTS; i++) {
		int r = ask(&s, FROM_OWNER, rights[i].type, &e);

		ck_assert_int_eq(r, rights[i].needs_state ? -EAGAIN : 0);
		if (r < 0)
			ck_assert_ptr_nonnull(strstr(e.text,
			    "the disk is full"));
	}
}
END_TEST

/* A right is looked at first: who has none learns nothing else. */
START_TEST(who_may_not_is_told_that_and_nothing_of_the_state)
{
	struct supervisor s = { .is_adopted = false };
	struct error e;

	ck_assert_int_eq(ask(&s, FROM_OPERATOR, MSG_daemon_stop, &e),
	    -EPERM);
}
END_TEST

START_TEST(while_it_stops_nothing_new_is_begun)
{
	struct supervisor s = { .is_adopted = true, .is_stopping = true };
	struct error e;

	for (size_t i = 0; i < RIGHTS; i++)
		ck_assert_int_eq(ask(&s, FROM_OWNER, rights[i].type, &e),
		    rights[i].needs_state ? -ESHUTDOWN : 0);
}
END_TEST

int
main(void)
{
	return run_tests("route", (const TTest *const[]){
	    everybody_may_ask_what_is_his_to_ask_and_no_more,
	    who_is_nobody_may_ask_nothing,
	    what_is_no_request_is_refused_to_the_owner_too,
	    before_the_state_is_known_only_the_rest_is_served,
	    who_may_not_is_told_that_and_nothing_of_the_state,
	    while_it_stops_nothing_new_is_begun,
	    NULL });
}
