/* JSON: what outsiders see of a message, and what they may send. */
/* SPDX-License-Identifier: MIT */
#include "protocol/json.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

#define ROUNDS	20

/* The message as text, keys in the order of the table. */
static void
check_text(const struct message *m, const char *wanted)
{
	json_t *object = message_to_json(m);
	char *text = json_dumps(object, JSON_COMPACT);

	ck_assert_str_eq(text, wanted);
	free(text);
	json_decref(object);
}

static int
from_text(struct message *m, enum message_type type, const char *text,
    struct error *e)
{
	json_t *object = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY,
	    NULL);
	int r;

	ck_assert_msg(object != NULL, "no JSON: %s", text);
	r = message_from_json(m, type, object, e);
	json_decref(object);
	return r;
}

static void
check_refused(enum message_type type, const char *text, const char *why)
{
	struct error e = { 0 };
	struct message m;

	ck_assert_int_eq(from_text(&m, type, text, &e), -EBADMSG);
	ck_assert_int_eq(e.code, -EBADMSG);
	ck_assert_str_eq(e.text, why);
	ck_assert_int_eq(from_text(&m, type, text, NULL), -EBADMSG);
}

START_TEST(every_message_comes_back_as_it_was_shown)
{
	struct random r = { 1 };
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		for (int i = 0; i < ROUNDS; i++) {
			struct message sent, got;
			struct error e = { 0 };
			json_t *object;
			const char *key;

			random_message(&r, &sent, info, true);
			object = message_to_json(&sent);
			ck_assert_msg(message_from_json(&got, info->type,
			    object, &e) == 0, "%s: %s", info->name, e.text);
			key = message_difference(&sent, &got);
			ck_assert_msg(key == NULL, "%s of %s differs", key,
			    info->name);
			json_decref(object);
			message_release(&got);
			random_message_release(&sent);
		}
	}
}
END_TEST

START_TEST(a_message_is_shown_by_the_names_of_its_fields)
{
	static const char *const targets[] = { "web", "a\"b", NULL };
	struct message m = { .type = MSG_process_start,
	    .process_start = { .targets = targets, .wait = true } };

	check_text(&m, "{\"targets\":[\"web\",\"a\\\"b\"],\"wait\":true}");
	m.process_start.targets = NULL;
	check_text(&m, "{\"targets\":[],\"wait\":true}");
	m = (struct message){ .type = MSG_failed };
	check_text(&m, "{\"code\":0,\"text\":\"\"}");
	m = (struct message){ .type = MSG_done };
	check_text(&m, "{}");
}
END_TEST

START_TEST(an_event_is_shown_with_its_name_and_time)
{
	struct message m = { .type = MSG_process_online, .process_online = {
	    .seq = 5, .time_ms = 1700000000123, .subject = "web",
	    .instance = 1, .run = 2, .pid = 3 } };

	check_text(&m, "{\"seq\":5,\"time\":\"2023-11-14T22:13:20.123Z\","
	    "\"event\":\"process:online\",\"subject\":\"web\","
	    "\"instance\":1,\"run\":2,\"pid\":3}");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_shown_as_unknown)
{
	struct message m = { .type = MSG_log_line, .log_line = {
	    .name = "web", .stream = "out",
	    .text = { "a\xff\xc3\xa9\xc3" "b\0\xe2\x82", 9 } } };
	json_t *object = message_to_json(&m);
	const json_t *text = json_object_get(object, "text");

	ck_assert_uint_eq(json_string_length(text), 1 + 3 + 2 + 3 + 1 + 1 + 6);
	ck_assert_mem_eq(json_string_value(text),
	    "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd" "b\0\xef\xbf\xbd\xef\xbf\xbd",
	    17);
	json_decref(object);
}
END_TEST

START_TEST(what_has_no_number_is_not_shown)
{
	struct message m = { .type = MSG_none };

	ck_assert_ptr_null(message_to_json(&m));
}
END_TEST

START_TEST(times_are_rfc3339_in_utc)
{
	char buf[32];

	ck_assert_str_eq(rfc3339(0, buf), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(rfc3339(999, buf), "1970-01-01T00:00:00.999Z");
	ck_assert_str_eq(rfc3339(-1, buf), "1969-12-31T23:59:59.999Z");
	ck_assert_str_eq(rfc3339(951782400000, buf),
	    "2000-02-29T00:00:00.000Z");
	ck_assert_str_eq(rfc3339(253402300799999, buf),
	    "9999-12-31T23:59:59.999Z");
	ck_assert_uint_lt(strlen(rfc3339(INT64_MAX, buf)), sizeof(buf));
	ck_assert_uint_lt(strlen(rfc3339(INT64_MIN, buf)), sizeof(buf));
}
END_TEST

START_TEST(what_is_missing_unknown_or_wrong_is_named)
{
	check_refused(MSG_process_start, "{\"wait\":true}",
	    "bad field 'targets' in 'process.start': missing");
	check_refused(MSG_process_start,
	    "{\"targets\":[\"a\"],\"wait\":true,\"wiat\":1}",
	    "unknown field 'wiat' in 'process.start'");
	check_refused(MSG_process_start, "{\"targets\":\"a\",\"wait\":true}",
	    "bad field 'targets' in 'process.start': not a list");
	check_refused(MSG_process_start, "{\"targets\":[1],\"wait\":true}",
	    "bad field 'targets' in 'process.start': "
	    "an item that is not a string");
	check_refused(MSG_process_start, "{\"targets\":[\"a\"],\"wait\":1}",
	    "bad field 'wait' in 'process.start': not a boolean");
	check_refused(MSG_process_start, "{\"targets\":[],\"wait\":true}",
	    "bad field 'targets' in 'process.start': empty");
	check_refused(MSG_process_start,
	    "{\"targets\":[\"a\\u0000b\"],\"wait\":true}",
	    "bad field 'targets' in 'process.start': "
	    "an item that is not a string");
	check_refused(MSG_plugin_stop, "{\"name\":7}",
	    "bad field 'name' in 'plugin.stop': not a string");
	check_refused(MSG_plugin_stop, "{\"name\":\"a\\u0000b\"}",
	    "bad field 'name' in 'plugin.stop': not a string");
	check_refused(MSG_plugin_stop, "{\"name\":null}",
	    "bad field 'name' in 'plugin.stop': not a string");
	check_refused(MSG_process_signal, "{\"targets\":[\"a\"],\"signal\":9.0}",
	    "bad field 'signal' in 'process.signal': not an integer");
	check_refused(MSG_process_signal, "{\"targets\":[\"a\"],\"signal\":65}",
	    "bad field 'signal' in 'process.signal': greater than 64");
	check_refused(MSG_process_signal, "[]", "not a message");
	check_refused(MSG_none, "{}", "not a message");
	check_refused(9999, "{}", "not a message");
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	check_refused(MSG_plugin_stop, "{\"name\":\"0123456789012345678901234"
	    "5678901234567890123456789012345678901234\"}",
	    "bad field 'name' in 'plugin.stop': longer than 64 bytes");
}
END_TEST

START_TEST(the_map_of_a_definition_is_checked)
{
	static const char *const argv[] = { "true", NULL };
	static const char *const env[] = { "A", "1", NULL };
	struct message m = { .type = MSG_process_define, .process_define = {
	    .name = "web", .argv = argv, .cwd = "/", .env = env,
	    .instances = 1 } }, got;
	json_t *object = message_to_json(&m);
	struct error e;

	ck_assert_int_eq(message_from_json(&got, m.type, object, &e), 0);
	ck_assert_str_eq(map_get(got.process_define.env, "A"), "1");
	message_release(&got);
	json_object_set_new(json_object_get(object, "env"), "A", json_true());
	ck_assert_int_eq(message_from_json(&got, m.type, object, &e),
	    -EBADMSG);
	ck_assert_str_eq(e.text, "bad field 'env' in 'process.define': "
	    "an item that is not a string");
	json_object_set_new(object, "env", json_array());
	ck_assert_int_eq(message_from_json(&got, m.type, object, &e),
	    -EBADMSG);
	ck_assert_str_eq(e.text,
	    "bad field 'env' in 'process.define': not a map");
	json_decref(object);
}
END_TEST

#define STOPPED(time, event)						\
	"{\"seq\":1,\"time\":" time ",\"event\":" event			\
	",\"subject\":\"s\",\"instance\":0}"

START_TEST(an_event_must_say_its_name_and_when)
{
	struct message m;

	ck_assert_int_eq(from_text(&m, MSG_process_stopped,
	    STOPPED("\"2023-11-14T22:13:20.123Z\"", "\"process:stopped\""),
	    NULL), 0);
	ck_assert_int_eq(m.event.time_ms, 1700000000123);
	message_release(&m);
	check_refused(MSG_process_stopped,
	    STOPPED("\"2023-11-14T22:13:20.123Z\"", "\"process:online\""),
	    "bad field 'event' in 'process:stopped'");
	check_refused(MSG_process_stopped,
	    STOPPED("\"2023-11-14T22:13:20.123Z\"", "1"),
	    "bad field 'event' in 'process:stopped'");
	check_refused(MSG_process_stopped,
	    STOPPED("\"yesterday\"", "\"process:stopped\""),
	    "bad field 'time' in 'process:stopped': not a time");
	check_refused(MSG_process_stopped,
	    STOPPED("\"2023-11-14T22:13:20.1Z\"", "\"process:stopped\""),
	    "bad field 'time' in 'process:stopped': not a time");
	check_refused(MSG_process_stopped,
	    STOPPED("\"2023-11-14T22:13:20.123\"", "\"process:stopped\""),
	    "bad field 'time' in 'process:stopped': not a time");
	check_refused(MSG_process_stopped,
	    STOPPED("1", "\"process:stopped\""),
	    "bad field 'time' in 'process:stopped': not a time");
	check_refused(MSG_process_stopped,
	    "{\"event\":\"process:stopped\",\"time_ms\":1}",
	    "unknown field 'time_ms' in 'process:stopped'");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		every_message_comes_back_as_it_was_shown,
		a_message_is_shown_by_the_names_of_its_fields,
		an_event_is_shown_with_its_name_and_time,
		bytes_that_are_not_utf8_are_shown_as_unknown,
		what_has_no_number_is_not_shown,
		times_are_rfc3339_in_utc,
		what_is_missing_unknown_or_wrong_is_named,
		a_name_that_is_too_long_is_refused,
		the_map_of_a_definition_is_checked,
		an_event_must_say_its_name_and_when,
		NULL
	};

	return run_tests("json", tests);
}
