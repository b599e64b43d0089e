/* sdk/actor, seen from the supervisor's end of the channel. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/unit/peer.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define HELLO	"sdk/actor/example/hello"

static const struct message exited = { .type = MSG_process_exited,
    .process_exited = { .seq = 7, .subject = "web", .code = 3,
    .source = "wait" } };

static void
send_event(struct peer *p, int64_t seq)
{
	struct message m = exited;

	m.event.seq = seq;
	peer_send(p, FRAME_NOTIFICATION, 0, &m);
}

static void
ends_with(struct peer *p, int code)
{
	int status = peer_end(p);

	ck_assert_msg(WIFEXITED(status), "ended with status %d", status);
	ck_assert_int_eq(WEXITSTATUS(status), code);
}

START_TEST(an_event_is_handled_and_acknowledged)
{
	struct peer p;
	struct heard h;

	peer_welcome(&p, HELLO, -1);
	send_event(&p, 7);
	peer_expect(&p, MSG_events_seen, &h);
	ck_assert_int_eq(h.type, FRAME_NOTIFICATION);
	ck_assert_int_eq(h.m.events_seen.seq, 7);
	peer_expect_log(&p, "web ended with 3 (1 so far)");
	ends_with(&p, 0);
}
END_TEST

START_TEST(many_events_are_acknowledged_together)
{
	struct peer p;
	struct heard h;
	int acknowledgements = 0;

	peer_welcome(&p, HELLO, -1);
	/* Stopped while they are sent, so that they arrive as one. */
	kill(p.pid, SIGSTOP);
	for (int64_t seq = 1; seq <= 200; seq++)
		send_event(&p, seq);
	kill(p.pid, SIGCONT);
	do {
		peer_expect(&p, MSG_events_seen, &h);
		acknowledgements++;
	} while (h.m.events_seen.seq < 200);
	ck_assert_int_le(acknowledgements, 3);
	ends_with(&p, 0);
}
END_TEST

START_TEST(what_comes_with_the_welcome_is_not_left_lying)
{
	struct message m = { .type = MSG_hello,
	    .hello = { .version = PROTOCOL_VERSION, .name = "test" } };
	struct buffer b = { 0 }, frames = { 0 };
	struct peer p;
	struct heard h;

	peer_start(&p, HELLO, -1);
	peer_expect(&p, MSG_hello, &h);
	message_release(&h.m);
	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	frame_put(&frames, FRAME_RESPONSE, buffer_bytes(&b), b.len);
	buffer_release(&b);
	ck_assert_int_eq(message_pack(&b, &exited, 0, NULL), 0);
	frame_put(&frames, FRAME_NOTIFICATION, buffer_bytes(&b), b.len);
	peer_send_raw(&p, buffer_bytes(&frames), frames.len);
	peer_expect(&p, MSG_events_seen, &h);
	buffer_release(&b);
	buffer_release(&frames);
	ends_with(&p, 0);
}
END_TEST

START_TEST(a_heartbeat_comes_back)
{
	struct peer p;
	struct heard h;

	peer_welcome(&p, HELLO, -1);
	ck_assert_int_eq(channel_send_frame(&p.channel, FRAME_HEARTBEAT, NULL,
	    0, -1), 0);
	ck_assert(peer_hear(&p, &h));
	ck_assert_int_eq(h.type, FRAME_HEARTBEAT);
	ends_with(&p, 0);
}
END_TEST

START_TEST(a_heartbeat_comes_back_before_the_welcome_too)
{
	struct peer p;
	struct heard h;

	peer_start(&p, HELLO, -1);
	peer_expect(&p, MSG_hello, &h);
	message_release(&h.m);
	channel_send_frame(&p.channel, FRAME_HEARTBEAT, NULL, 0, -1);
	ck_assert(peer_hear(&p, &h));
	ck_assert_int_eq(h.type, FRAME_HEARTBEAT);
	ends_with(&p, EXIT_FAILURE);
}
END_TEST

START_TEST(a_request_that_nobody_handles_is_refused)
{
	struct message m = { .type = MSG_journal_load };
	struct peer p;
	struct heard h;

	peer_welcome(&p, HELLO, -1);
	peer_send(&p, FRAME_REQUEST, 99, &m);
	peer_expect(&p, MSG_failed, &h);
	ck_assert_int_eq(h.type, FRAME_RESPONSE);
	ck_assert_int_eq(h.id, 99);
	ck_assert_int_eq(h.m.failed.code, -ENOTSUP);
	message_release(&h.m);
	ends_with(&p, 0);
}
END_TEST

START_TEST(an_unknown_number_is_refused_or_ignored)
{
	/* [20000, 5] as a request, [20000, 0] as a notification */
	static const uint8_t request[] = { 0x01, 0, 0, 0, 5,
	    0x92, 0xcd, 0x4e, 0x20, 0x05 };
	static const uint8_t notification[] = { 0x03, 0, 0, 0, 5,
	    0x92, 0xcd, 0x4e, 0x20, 0x00 };
	struct peer p;
	struct heard h;

	peer_welcome(&p, HELLO, -1);
	peer_send_raw(&p, notification, sizeof(notification));
	peer_send_raw(&p, request, sizeof(request));
	peer_expect(&p, MSG_failed, &h);
	ck_assert_int_eq(h.id, 5);
	ck_assert_int_eq(h.m.failed.code, -ENOTSUP);
	message_release(&h.m);
	ends_with(&p, 0);
}
END_TEST

START_TEST(a_broken_channel_ends_the_actor)
{
	static const struct { const char *what; size_t len; uint8_t bytes[16]; }
	rubbish[] = {
		{ "no frame type", 5, { 0xff, 0, 0, 0, 0 } },
		{ "too long", 5, { 0x03, 0x7f, 0xff, 0xff, 0xff } },
		{ "not msgpack", 6, { 0x03, 0, 0, 0, 1, 0xc1 } },
		{ "an empty message", 5, { 0x03, 0, 0, 0, 0 } },
		{ "8 GiB", 10, { 0x03, 0, 0, 0, 5, 0xdd, 0x10, 0, 0, 0 } },
		{ "fields missing", 10, { 0x03, 0, 0, 0, 5,
		    0x92, 0xcd, 0x01, 0x31, 0x00 } },
		{ "a request without an id", 10, { 0x01, 0, 0, 0, 5,
		    0x92, 0xcd, 0x00, 0xdc, 0x00 } },
	};
	struct peer p;
	struct heard h;

	peer_welcome(&p, HELLO, -1);
	peer_send_raw(&p, rubbish[_i].bytes, rubbish[_i].len);
	while (peer_hear(&p, &h))
		ck_abort_msg("%s was answered", rubbish[_i].what);
	peer_expect_log(&p, "cannot be understood");
	ends_with(&p, EXIT_FAILURE);
}
END_TEST

START_TEST(a_version_that_is_too_far_away_is_refused)
{
	struct message m = { .type = MSG_hello,
	    .hello = { .version = PROTOCOL_VERSION + 2, .name = "test" } };
	struct peer p;
	struct heard h;

	peer_start(&p, HELLO, -1);
	peer_expect(&p, MSG_hello, &h);
	ck_assert_str_eq(h.m.hello.name, "hello");
	ck_assert_int_eq(h.m.hello.version, PROTOCOL_VERSION);
	message_release(&h.m);
	peer_send(&p, FRAME_RESPONSE, 1, &m);
	peer_expect_log(&p, "speaks version");
	ends_with(&p, EXIT_FAILURE);
}
END_TEST

START_TEST(a_refusal_is_said_in_the_supervisors_words)
{
	struct message m = { .type = MSG_failed,
	    .failed = { .code = -EPERM, .text = "there is one already" } };
	struct peer p;
	struct heard h;

	peer_start(&p, HELLO, -1);
	peer_expect(&p, MSG_hello, &h);
	message_release(&h.m);
	peer_send(&p, FRAME_RESPONSE, 1, &m);
	peer_expect_log(&p, "there is one already");
	ends_with(&p, EXIT_FAILURE);
}
END_TEST

START_TEST(the_end_of_the_channel_is_the_end)
{
	struct peer p;

	peer_welcome(&p, HELLO, -1);
	ends_with(&p, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("actor");
	TCase *t = tcase_create("channel");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 30);
	tcase_add_test(t, an_event_is_handled_and_acknowledged);
	tcase_add_test(t, many_events_are_acknowledged_together);
	tcase_add_test(t, what_comes_with_the_welcome_is_not_left_lying);
	tcase_add_test(t, a_heartbeat_comes_back);
	tcase_add_test(t, a_heartbeat_comes_back_before_the_welcome_too);
	tcase_add_test(t, a_request_that_nobody_handles_is_refused);
	tcase_add_test(t, an_unknown_number_is_refused_or_ignored);
	tcase_add_loop_test(t, a_broken_channel_ends_the_actor, 0, 7);
	tcase_add_test(t, a_version_that_is_too_far_away_is_refused);
	tcase_add_test(t, a_refusal_is_said_in_the_supervisors_words);
	tcase_add_test(t, the_end_of_the_channel_is_the_end);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
