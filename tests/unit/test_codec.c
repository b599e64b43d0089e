/* The codec: every message there and back, and everything else refused. */
/* SPDX-License-Identifier: MIT */
#include "protocol/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

#define ROUNDS	100

static const char *const web[] = { "web", NULL };
static const char *const no_items[] = { NULL };

static struct message
a_start(void)
{
	return (struct message){ .type = MSG_process_start,
	    .process_start = { .targets = web, .wait = true } };
}

/* Unpack a literal of bytes. */
#define UNPACK(m, id, number, e, ...)					\
	message_unpack(m, id, number, (const uint8_t[]){ __VA_ARGS__ },	\
	    sizeof((const uint8_t[]){ __VA_ARGS__ }), e)

#define REFUSED(text_, ...) do {					\
	struct message m_;						\
	struct error e_ = { 0 };					\
	uint32_t id_;							\
									\
	ck_assert_int_eq(UNPACK(&m_, &id_, NULL, &e_, __VA_ARGS__),	\
	    -EBADMSG);							\
	ck_assert_int_eq(e_.code, -EBADMSG);				\
	ck_assert_str_eq(e_.text, text_);				\
} while (0)

START_TEST(every_message_comes_back_as_it_was_sent)
{
	struct random r = { 1 };
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		for (int i = 0; i < ROUNDS; i++) {
			struct message sent, got;
			struct buffer b = { 0 };
			struct error e = { 0 };
			const char *key;
			int64_t number;
			uint32_t id, sent_id = (uint32_t)random_next(&r);

			random_message(&r, &sent, info, false);
			ck_assert_msg(message_pack(&b, &sent, sent_id,
			    &e) == 0, "%s: %s", info->name, e.text);
			ck_assert(codec_is_sound(buffer_bytes(&b), b.len));
			ck_assert_msg(message_unpack(&got, &id, &number,
			    buffer_bytes(&b), b.len, &e) == 0, "%s: %s",
			    info->name, e.text);
			ck_assert_uint_eq(id, sent_id);
			ck_assert_int_eq(number, info->type);
			key = message_difference(&sent, &got);
			ck_assert_msg(key == NULL, "%s of %s differs", key,
			    info->name);
			message_release(&got);
			random_message_release(&sent);
			buffer_release(&b);
		}
	}
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct random r = { 2 };
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		struct message sent, got;
		struct buffer b = { 0 };
		struct error e = { 0 };
		uint32_t id;

		random_message(&r, &sent, info, false);
		ck_assert_int_eq(message_pack(&b, &sent, 1, NULL), 0);
		for (size_t len = 0; len < b.len && len < 3000; len++)
			ck_assert_int_eq(message_unpack(&got, &id, NULL,
			    buffer_bytes(&b), len, &e), -EBADMSG);
		ck_assert_int_eq(e.code, -EBADMSG);
		ck_assert_str_eq(e.text, "not a message");
		random_message_release(&sent);
		buffer_release(&b);
	}
}
END_TEST

START_TEST(a_byte_behind_the_message_is_refused)
{
	struct message m = a_start(), got;
	struct buffer b = { 0 };
	uint32_t id;

	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	ck_assert_int_eq(buffer_add(&b, "", 1), 0);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, buffer_bytes(&b),
	    b.len, NULL), -EBADMSG);
	buffer_release(&b);
}
END_TEST

/* ---- messages made by hand: right up to one field ---- */

/* The least that field f accepts. */
static void
pack_least(msgpack_packer *pk, const struct field *f)
{
	static const char xs[64 * 1024];
	size_t n = f->low > 0 ? (size_t)f->low : 0;

	switch (f->kind) {
	case FIELD_int:
		msgpack_pack_int64(pk, f->low);
		break;
	case FIELD_bool:
		msgpack_pack_true(pk);
		break;
	case FIELD_str:
		msgpack_pack_str(pk, n);
		for (size_t i = 0; i < n; i++)
			msgpack_pack_str_body(pk, "x", 1);
		break;
	case FIELD_bytes:
		msgpack_pack_bin_with_body(pk, xs, n);
		break;
	case FIELD_list:
		msgpack_pack_array(pk, n);
		for (size_t i = 0; i < n; i++)
			msgpack_pack_str_with_body(pk, "i", 1);
		break;
	case FIELD_map:
		msgpack_pack_map(pk, n);
		for (size_t i = 0; i < 2 * n; i++)
			msgpack_pack_str_with_body(pk, "i", 1);
		break;
	}
}

/* Begin a message of which the fields before f are right, f is the next to be
 * packed, and the last. */
static void
begin(msgpack_packer *pk, msgpack_sbuffer *out,
    const struct message_info *info, const struct field *f)
{
	msgpack_sbuffer_init(out);
	msgpack_packer_init(pk, out, msgpack_sbuffer_write);
	msgpack_pack_array(pk, (size_t)(f - info->fields) + 3);
	msgpack_pack_int(pk, info->type);
	msgpack_pack_int(pk, 77);
	for (const struct field *g = info->fields; g < f; g++)
		pack_least(pk, g);
}

/* It must be refused for field f, with these words behind the name. */
static void
check_refused(msgpack_sbuffer *bytes, const struct message_info *info,
    const struct field *f, const char *why)
{
	struct message got;
	struct error e = { 0 };
	char text[512];
	uint32_t id;

	snprintf(text, sizeof(text), "bad field '%s' in '%s': %s", f->key,
	    message_title(info), why);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, bytes->data,
	    bytes->size, &e), -EBADMSG);
	ck_assert_int_eq(e.code, -EBADMSG);
	ck_assert_str_eq(e.text, text);
	ck_assert_uint_eq(id, 77);
	msgpack_sbuffer_destroy(bytes);
}

/* For each field of each message. */
#define EACH_FIELD(info, f)						\
	for (size_t n_ = 0; (info = message_nth(n_)) != NULL; n_++)	\
		for (f = info->fields; f->key != NULL; f++)

START_TEST(a_field_of_the_wrong_kind_is_named)
{
	static const char *const words[] = {
		[FIELD_int] = "not an integer", [FIELD_bool] = "not a boolean",
		[FIELD_str] = "not a string", [FIELD_bytes] = "not bytes",
		[FIELD_list] = "not a list", [FIELD_map] = "not a map",
	};
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	EACH_FIELD(info, f) {
		begin(&pk, &bytes, info, f);
		msgpack_pack_double(&pk, 1.5);
		check_refused(&bytes, info, f, words[f->kind]);
		begin(&pk, &bytes, info, f);
		msgpack_pack_nil(&pk);
		check_refused(&bytes, info, f, words[f->kind]);
	}
}
END_TEST

START_TEST(a_missing_field_is_named)
{
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	EACH_FIELD(info, f) {
		if (f->since > 1)
			continue;
		msgpack_sbuffer_init(&bytes);
		msgpack_packer_init(&pk, &bytes, msgpack_sbuffer_write);
		msgpack_pack_array(&pk, (size_t)(f - info->fields) + 2);
		msgpack_pack_int(&pk, info->type);
		msgpack_pack_int(&pk, 77);
		for (const struct field *g = info->fields; g < f; g++)
			pack_least(&pk, g);
		check_refused(&bytes, info, f, "missing");
	}
}
END_TEST

START_TEST(an_integer_outside_its_bounds_is_named)
{
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;
	char why[64];

	EACH_FIELD(info, f) {
		if (f->kind != FIELD_int)
			continue;
		if (f->low > INT64_MIN) {
			begin(&pk, &bytes, info, f);
			msgpack_pack_int64(&pk, f->low - 1);
			snprintf(why, sizeof(why), "less than %" PRIi64,
			    f->low);
			check_refused(&bytes, info, f, why);
		}
		begin(&pk, &bytes, info, f);
		msgpack_pack_uint64(&pk, (uint64_t)f->high + 1);
		snprintf(why, sizeof(why), "greater than %" PRIi64, f->high);
		check_refused(&bytes, info, f, f->high == INT64_MAX ?
		    "not an integer" : why);
	}
}
END_TEST

START_TEST(text_and_bytes_that_are_too_long_are_named)
{
	static char much[1 << 20];
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;
	char why[64];

	memset(much, 'a', sizeof(much));
	EACH_FIELD(info, f) {
		size_t n = (size_t)f->high + 1;

		if (f->kind != FIELD_str && f->kind != FIELD_bytes)
			continue;
		begin(&pk, &bytes, info, f);
		if (f->kind == FIELD_str)
			msgpack_pack_str_with_body(&pk, much, n);
		else
			msgpack_pack_bin_with_body(&pk, much, n);
		snprintf(why, sizeof(why), "longer than %" PRIi64 " bytes",
		    f->high);
		check_refused(&bytes, info, f, why);
	}
}
END_TEST

START_TEST(what_must_not_be_empty_is_named)
{
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;
	int seen = 0;

	EACH_FIELD(info, f) {
		if (f->kind < FIELD_str || f->low < 1)
			continue;
		begin(&pk, &bytes, info, f);
		if (f->kind == FIELD_str)
			msgpack_pack_str(&pk, 0);
		else if (f->kind == FIELD_list)
			msgpack_pack_array(&pk, 0);
		else
			ck_abort_msg("%s.%s: a new case", info->name, f->key);
		check_refused(&bytes, info, f, "empty");
		seen++;
	}
	ck_assert_int_gt(seen, 3);
}
END_TEST

START_TEST(lists_and_maps_of_too_many_items_are_named)
{
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;
	char why[64];

	EACH_FIELD(info, f) {
		size_t n = (size_t)f->high + 1;

		if (f->kind != FIELD_list && f->kind != FIELD_map)
			continue;
		begin(&pk, &bytes, info, f);
		if (f->kind == FIELD_list)
			msgpack_pack_array(&pk, n);
		else
			msgpack_pack_map(&pk, n);
		for (size_t i = 0; i < (f->kind == FIELD_map ? 2 * n : n); i++)
			msgpack_pack_str(&pk, 0);
		snprintf(why, sizeof(why), "more than %" PRIi64 " items",
		    f->high);
		check_refused(&bytes, info, f, why);
	}
}
END_TEST

START_TEST(an_item_that_is_no_string_is_named)
{
	const struct message_info *info;
	const struct field *f;
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	EACH_FIELD(info, f) {
		if (f->kind != FIELD_list && f->kind != FIELD_map)
			continue;
		begin(&pk, &bytes, info, f);
		if (f->kind == FIELD_list) {
			msgpack_pack_array(&pk, 1);
			msgpack_pack_int(&pk, 1);
		} else {
			msgpack_pack_map(&pk, 1);
			msgpack_pack_str_with_body(&pk, "KEY", 3);
			msgpack_pack_true(&pk);
		}
		check_refused(&bytes, info, f, "an item that is not a string");
	}
}
END_TEST

static const struct message_info *
info_of(const char *method, const char *key, const struct field **f)
{
	const struct message_info *info = message_by_method(method);

	for (*f = info->fields; strcmp((*f)->key, key) != 0; ++*f)
		;
	return info;
}

START_TEST(an_item_longer_than_execve_takes_is_named)
{
	static char much[ITEM_BYTES + 1];
	const struct field *f;
	const struct message_info *info = info_of("process.define", "argv",
	    &f);
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	memset(much, 'a', sizeof(much));
	begin(&pk, &bytes, info, f);
	msgpack_pack_array(&pk, 1);
	msgpack_pack_str_with_body(&pk, much, sizeof(much));
	check_refused(&bytes, info, f, "an item longer than 131072 bytes");
}
END_TEST

START_TEST(text_that_is_not_utf8_is_named)
{
	static const char *const bad[] = {
		"\x80", "\xff", "\xc0\x80", "\xc1\xbf", "\xc3", "a\xe2\x82",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xe2\x28\xa1", "\xf0\x9f\x98", "\xc3\xa9\xa9",
	};
	const struct field *f;
	const struct message_info *info;
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		info = info_of("plugin.stop", "name", &f);
		begin(&pk, &bytes, info, f);
		msgpack_pack_str_with_body(&pk, bad[i], strlen(bad[i]));
		check_refused(&bytes, info, f, "not UTF-8");
		info = info_of("process.define", "env", &f);
		begin(&pk, &bytes, info, f);
		msgpack_pack_map(&pk, 1);
		msgpack_pack_str_with_body(&pk, bad[i], strlen(bad[i]));
		msgpack_pack_str(&pk, 0);
		check_refused(&bytes, info, f, "not UTF-8");
	}
}
END_TEST

START_TEST(text_with_a_nul_is_named)
{
	const struct field *f;
	const struct message_info *info = info_of("plugin.stop", "name", &f);
	msgpack_sbuffer bytes;
	msgpack_packer pk;

	begin(&pk, &bytes, info, f);
	msgpack_pack_str_with_body(&pk, "we\0b", 4);
	check_refused(&bytes, info, f, "not UTF-8");
}
END_TEST

START_TEST(a_message_without_a_method_is_named_by_its_name)
{
	struct message got;
	struct error e = { 0 };
	uint32_t id;

	ck_assert_int_eq(UNPACK(&got, &id, NULL, &e, 0x93, 0x66, 5, 0xc0),
	    -EBADMSG);
	ck_assert_str_eq(e.text,
	    "bad field 'seq' in 'events_seen': not an integer");
	ck_assert_uint_eq(id, 5);
}
END_TEST

START_TEST(what_is_no_message_at_all_is_refused)
{
	REFUSED("not a message", 0xc0);
	REFUSED("not a message", 0x90);
	REFUSED("not a message", 0x91, 0x02);
	REFUSED("not a message", 0x81, 0x02, 0x01);
	REFUSED("not a message", 0x92, 0xa1, 'x', 0x01);	/* number */
	REFUSED("not a message", 0x92, 0xff, 0x01);
	REFUSED("not a message", 0x92, 0x02, 0xc0);		/* id */
	REFUSED("not a message", 0x92, 0x02, 0xff);
	REFUSED("not a message", 0x92, 0x02, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0);
	REFUSED("not a message", 0x92, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0x01);
}
END_TEST

START_TEST(an_unknown_number_is_not_supported_and_keeps_its_id)
{
	struct message got;
	struct error e = { 0 };
	int64_t number;
	uint32_t id;

	ck_assert_int_eq(UNPACK(&got, &id, &number, &e, 0x93, 0xcd, 0xff, 0xff,
	    0xce, 0xff, 0xff, 0xff, 0xfe, 0xa1, 'x'), -ENOTSUP);
	ck_assert_uint_eq(id, UINT32_MAX - 1);
	ck_assert_int_eq(number, 0xffff);
	ck_assert_str_eq(e.text, "no message has the number 65535");
	ck_assert_int_eq(UNPACK(&got, &id, &number, NULL, 0x92, 0x00, 0x01),
	    -ENOTSUP);
	ck_assert_int_eq(UNPACK(&got, &id, NULL, NULL, 0x92, 0xcf, 0x7f, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), -ENOTSUP);
	ck_assert_uint_eq(id, 1);
}
END_TEST

START_TEST(the_same_number_in_any_width_is_the_same)
{
	struct message got;
	uint32_t id;

	ck_assert_int_eq(UNPACK(&got, &id, NULL, NULL, 0x93, 0xcc, 0x66, 0xcf,
	    0, 0, 0, 0, 0, 0, 0, 9, 0xd3, 0, 0, 0, 0, 0, 0, 0, 42), 0);
	ck_assert_int_eq(got.type, MSG_events_seen);
	ck_assert_uint_eq(id, 9);
	ck_assert_int_eq(got.events_seen.seq, 42);
	message_release(&got);
}
END_TEST

START_TEST(fields_of_a_later_version_are_ignored)
{
	struct message got;
	uint32_t id;

	/* events_seen, and behind it a float, an ext, a list, a map, nil */
	ck_assert_int_eq(UNPACK(&got, &id, NULL, NULL, 0x98, 0x66, 1, 42,
	    0xca, 0, 0, 0, 0, 0xd4, 5, 0, 0x92, 1, 0xa1, 'x', 0x81, 1, 2,
	    0xc0), 0);
	ck_assert_int_eq(got.events_seen.seq, 42);
	message_release(&got);
	/* done has no fields of its own */
	ck_assert_int_eq(UNPACK(&got, &id, NULL, NULL, 0x93, 2, 1, 42), 0);
	ck_assert_int_eq(got.type, MSG_done);
	message_release(&got);
}
END_TEST

START_TEST(without_room_for_an_error_it_is_refused_all_the_same)
{
	struct message got;
	uint32_t id;

	ck_assert_int_eq(UNPACK(&got, &id, NULL, NULL, 0x93, 0x66, 5, 0xc0),
	    -EBADMSG);
}
END_TEST

START_TEST(what_the_other_side_would_refuse_is_not_packed)
{
	struct message m = a_start();
	struct buffer b = { 0 };
	struct error e = { 0 };

	ck_assert_int_eq(buffer_add(&b, "before", 6), 0);
	m.process_start.targets = no_items;
	ck_assert_int_eq(message_pack(&b, &m, 1, &e), -EMSGSIZE);
	ck_assert_str_eq(e.text, "bad field 'targets' in 'process.start': empty");
	ck_assert_int_eq(e.code, -EMSGSIZE);
	m.process_start.targets = (const char *const[]){ "a", "\xff", NULL };
	ck_assert_int_eq(message_pack(&b, &m, 1, &e), -EILSEQ);
	ck_assert_str_eq(e.text,
	    "bad field 'targets' in 'process.start': not UTF-8");
	m = (struct message){ .type = MSG_hello, .hello = { .version = 0 } };
	ck_assert_int_eq(message_pack(&b, &m, 1, &e), -EMSGSIZE);
	ck_assert_str_eq(e.text, "bad field 'version' in 'hello': less than 1");
	m = (struct message){ .type = 9999 };
	ck_assert_int_eq(message_pack(&b, &m, 1, &e), -EINVAL);
	ck_assert_uint_eq(b.len, 6);
	ck_assert_int_eq(memcmp(buffer_bytes(&b), "before", 6), 0);
	buffer_release(&b);
}
END_TEST

START_TEST(null_pointers_are_sent_as_nothing)
{
	struct message m = { .type = MSG_events_subscribe }, got;
	struct buffer b = { 0 };
	uint32_t id;

	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, buffer_bytes(&b),
	    b.len, NULL), 0);
	ck_assert_uint_eq(list_count(got.events_subscribe.patterns), 0);
	ck_assert_ptr_nonnull(got.events_subscribe.patterns);
	message_release(&got);
	m = (struct message){ .type = MSG_failed };
	b.len = 0;
	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, buffer_bytes(&b),
	    b.len, NULL), 0);
	ck_assert_str_eq(got.failed.text, "");
	message_release(&got);
	m = (struct message){ .type = MSG_journal_put };
	b.len = 0;
	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, buffer_bytes(&b),
	    b.len, NULL), 0);
	ck_assert_uint_eq(got.journal_put.data.len, 0);
	message_release(&got);
	buffer_release(&b);
}
END_TEST

/* Whatever one byte is changed to: refused, or understood; never a crash, and
 * what was understood can be sent on. */
START_TEST(a_flipped_byte_does_no_harm)
{
	struct random r = { 3 };
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		struct message m, got;
		struct buffer b = { 0 }, again = { 0 };
		uint32_t id;

		random_message(&r, &m, info, false);
		ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
		for (int i = 0; i < 500; i++) {
			uint8_t *at = b.data + random_next(&r) % b.len;
			uint8_t old = *at;

			*at = (uint8_t)random_next(&r);
			if (message_unpack(&got, &id, NULL, buffer_bytes(&b),
			    b.len, NULL) == 0) {
				again.len = 0;
				ck_assert_int_eq(message_pack(&again, &got,
				    id, NULL), 0);
				message_release(&got);
			}
			*at = old;
		}
		random_message_release(&m);
		buffer_release(&again);
		buffer_release(&b);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		every_message_comes_back_as_it_was_sent,
		every_truncation_is_refused,
		a_byte_behind_the_message_is_refused,
		a_field_of_the_wrong_kind_is_named,
		a_missing_field_is_named,
		an_integer_outside_its_bounds_is_named,
		text_and_bytes_that_are_too_long_are_named,
		what_must_not_be_empty_is_named,
		lists_and_maps_of_too_many_items_are_named,
		an_item_that_is_no_string_is_named,
		an_item_longer_than_execve_takes_is_named,
		text_that_is_not_utf8_is_named,
		text_with_a_nul_is_named,
		a_message_without_a_method_is_named_by_its_name,
		what_is_no_message_at_all_is_refused,
		an_unknown_number_is_not_supported_and_keeps_its_id,
		the_same_number_in_any_width_is_the_same,
		fields_of_a_later_version_are_ignored,
		without_room_for_an_error_it_is_refused_all_the_same,
		what_the_other_side_would_refuse_is_not_packed,
		null_pointers_are_sent_as_nothing,
		a_flipped_byte_does_no_harm,
		NULL
	};

	return run_tests("codec", tests);
}
