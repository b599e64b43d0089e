/* The table of messages: what its words promise. */
/* SPDX-License-Identifier: MIT */
#include "protocol/message.h"

#include <string.h>

#include "tests/unit/run.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

START_TEST(numbers_rise_in_the_order_of_the_file)
{
	const struct message_info *info;
	int last = 0;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		ck_assert_msg((int)info->type > last, "%s: %d after %d",
		    info->name, info->type, last);
		last = (int)info->type;
		ck_assert_ptr_eq(message_info(info->type), info);
	}
	ck_assert_ptr_null(message_info(last + 1));
}
END_TEST

START_TEST(a_number_of_nothing_has_no_info)
{
	ck_assert_ptr_null(message_info(0));
	ck_assert_ptr_null(message_info(-1));
	ck_assert_ptr_null(message_info(6));
	ck_assert_ptr_null(message_info(INT64_MAX));
	ck_assert_ptr_null(message_info(INT64_MIN));
}
END_TEST

START_TEST(methods_are_found_and_differ)
{
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++)
		if (info->method[0] != '\0')
			ck_assert_ptr_eq(message_by_method(info->method),
			    info);
	ck_assert_ptr_null(message_by_method(""));
	ck_assert_ptr_null(message_by_method("process.nothing"));
	ck_assert_int_eq(message_by_method("process.start")->type,
	    MSG_process_start);
	ck_assert_int_eq(message_by_method("process:online")->type,
	    MSG_process_online);
}
END_TEST

START_TEST(events_begin_with_the_common_fields)
{
	static const char *const keys[] = { "seq", "time_ms", "subject" };
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		ck_assert_int_eq(message_is_event(info->type),
		    strchr(info->method, ':') != NULL);
		for (size_t i = 0; i < COUNT(keys); i++)
			if (message_is_event(info->type))
				ck_assert_str_eq(info->fields[i].key, keys[i]);
	}
	ck_assert_uint_eq(offsetof(struct message, process_exited.seq),
	    offsetof(struct message, event.seq));
	ck_assert_uint_eq(offsetof(struct message, log_gap.subject),
	    offsetof(struct message, event.subject));
	ck_assert(!message_is_event(MSG_none));
}
END_TEST

START_TEST(fields_have_bounds_that_can_be_met)
{
	const struct message_info *info;
	const struct field *f;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		int since = 1;

		for (f = info->fields; f->key != NULL; f++) {
			ck_assert_msg(f->low <= f->high &&
			    (f->kind == FIELD_int || f->low >= 0),
			    "%s.%s: %ld to %ld", info->name, f->key,
			    (long)f->low, (long)f->high);
			/* What was added later comes later. */
			ck_assert_msg(f->since >= since && f->since <=
			    PROTOCOL_VERSION, "%s.%s: since %d", info->name,
			    f->key, f->since);
			since = f->since;
			if (f->kind == FIELD_int && since > 1)
				ck_assert(f->initial >= f->low &&
				    f->initial <= f->high);
		}
	}
}
END_TEST

START_TEST(a_message_of_the_largest_fields_fits_a_frame)
{
	const struct message_info *info;
	const struct field *f;

	/* Lists and maps aside, whose sum only the frame bounds. */
	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		size_t most = 16;

		for (f = info->fields; f->key != NULL; f++) {
			most += 9;
			if (f->kind == FIELD_str || f->kind == FIELD_bytes)
				most += (size_t)f->high;
		}
		ck_assert_msg(most <= FRAME_BYTES_BIG, "%s: %zu bytes",
		    info->name, most);
	}
}
END_TEST

START_TEST(lists_and_maps_are_counted_and_read)
{
	static const char *const map[] = { "A", "1", "B", "2", "A", "3", NULL };
	static const char *const torn[] = { "A", "1", "B", NULL };

	ck_assert_uint_eq(list_count(NULL), 0);
	ck_assert_uint_eq(map_count(NULL), 0);
	ck_assert_uint_eq(list_count(map), 6);
	ck_assert_uint_eq(map_count(map), 3);
	ck_assert_uint_eq(map_count(torn), 1);
	ck_assert_str_eq(map_get(map, "B"), "2");
	ck_assert_str_eq(map_get(map, "A"), "1");
	ck_assert_ptr_null(map_get(map, "1"));
	ck_assert_ptr_null(map_get(torn, "B"));
	ck_assert_ptr_null(map_get(NULL, "A"));
}
END_TEST

START_TEST(a_borrowed_message_is_released_without_harm)
{
	struct message m = { .type = MSG_hello, .hello = { .name = "od" } };

	message_release(&m);
	ck_assert_int_eq(m.type, MSG_none);
	ck_assert_ptr_null(m.hello.name);
	message_release(&m);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		numbers_rise_in_the_order_of_the_file,
		a_number_of_nothing_has_no_info,
		methods_are_found_and_differ,
		events_begin_with_the_common_fields,
		fields_have_bounds_that_can_be_met,
		a_message_of_the_largest_fields_fits_a_frame,
		lists_and_maps_are_counted_and_read,
		a_borrowed_message_is_released_without_harm,
		NULL
	};

	return run_tests("message", tests);
}
