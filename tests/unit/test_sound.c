/* The walk before msgpack-c: what promises more than it has is refused. */
/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "protocol/codec.h"
#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

#define SOUND(...)							\
	codec_is_sound((const uint8_t[]){ __VA_ARGS__ },		\
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))

START_TEST(scalars_are_sound)
{
	ck_assert(SOUND(0x00));
	ck_assert(SOUND(0x7f));
	ck_assert(SOUND(0xe0));
	ck_assert(SOUND(0xff));
	ck_assert(SOUND(0xc0));
	ck_assert(SOUND(0xc2));
	ck_assert(SOUND(0xc3));
	ck_assert(SOUND(0xcc, 1));
	ck_assert(SOUND(0xcd, 1, 2));
	ck_assert(SOUND(0xce, 1, 2, 3, 4));
	ck_assert(SOUND(0xcf, 1, 2, 3, 4, 5, 6, 7, 8));
	ck_assert(SOUND(0xd0, 1));
	ck_assert(SOUND(0xd3, 1, 2, 3, 4, 5, 6, 7, 8));
	ck_assert(SOUND(0xca, 1, 2, 3, 4));
	ck_assert(SOUND(0xcb, 1, 2, 3, 4, 5, 6, 7, 8));
	ck_assert(SOUND(0xa0));
	ck_assert(SOUND(0xa2, 'h', 'i'));
	ck_assert(SOUND(0xd9, 2, 'h', 'i'));
	ck_assert(SOUND(0xda, 0, 2, 'h', 'i'));
	ck_assert(SOUND(0xdb, 0, 0, 0, 2, 'h', 'i'));
	ck_assert(SOUND(0xc4, 2, 'h', 'i'));
	ck_assert(SOUND(0xc5, 0, 2, 'h', 'i'));
	ck_assert(SOUND(0xc6, 0, 0, 0, 2, 'h', 'i'));
	ck_assert(SOUND(0xd4, 1, 2));
	ck_assert(SOUND(0xd5, 1, 2, 3));
	ck_assert(SOUND(0xc7, 2, 1, 'h', 'i'));
	ck_assert(SOUND(0xc9, 0, 0, 0, 2, 1, 'h', 'i'));
}
END_TEST

START_TEST(containers_down_to_three_levels_are_sound)
{
	ck_assert(SOUND(0x90));
	ck_assert(SOUND(0x80));
	ck_assert(SOUND(0x92, 0x01, 0x02));
	ck_assert(SOUND(0x92, 0x91, 0x01, 0x81, 0x01, 0x02));
	ck_assert(SOUND(0xdc, 0, 1, 0xc0));
	ck_assert(SOUND(0xdd, 0, 0, 0, 1, 0xc0));
	ck_assert(SOUND(0xde, 0, 1, 0xc0, 0xc0));
	ck_assert(SOUND(0xdf, 0, 0, 0, 1, 0xc0, 0xc0));
	ck_assert(SOUND(0x93, 0x90, 0x80, 0x90));
}
END_TEST

START_TEST(a_container_in_a_container_in_a_container_is_refused)
{
	ck_assert(!SOUND(0x91, 0x91, 0x90));
	ck_assert(!SOUND(0x91, 0x91, 0x91, 0xc0));
	ck_assert(!SOUND(0x91, 0x81, 0x01, 0x80));
	ck_assert(!SOUND(0x81, 0x91, 0x90, 0x01));
}
END_TEST

START_TEST(promises_without_bytes_are_refused)
{
	ck_assert(!SOUND(0xdd, 0x10, 0, 0, 0));
	ck_assert(!SOUND(0xdf, 0x10, 0, 0, 0));
	ck_assert(!SOUND(0xdd, 0xff, 0xff, 0xff, 0xff));
	ck_assert(!SOUND(0xdf, 0xff, 0xff, 0xff, 0xff));
	ck_assert(!SOUND(0xdf, 0x80, 0, 0, 0));		/* twice it is 0 */
	ck_assert(!SOUND(0xdc, 0xff, 0xff));
	ck_assert(!SOUND(0xde, 0xff, 0xff));
	ck_assert(!SOUND(0xdb, 0xff, 0xff, 0xff, 0xff));
	ck_assert(!SOUND(0xc6, 0xff, 0xff, 0xff, 0xff));
	ck_assert(!SOUND(0xc9, 0xff, 0xff, 0xff, 0xff, 1));
	ck_assert(!SOUND(0x92, 0xdd, 0x10, 0, 0, 0, 0x01));
	ck_assert(!SOUND(0x92, 0x01));
	ck_assert(!SOUND(0x81, 0x01));
	ck_assert(!SOUND(0xa2, 'h'));
	ck_assert(!SOUND(0xd9));
	ck_assert(!SOUND(0xcd, 1));
	ck_assert(!SOUND(0xd8, 1));
	ck_assert(!SOUND(0xc7, 0));			/* without its type */
}
END_TEST

START_TEST(nothing_may_lie_behind_and_nothing_be_missing)
{
	ck_assert(!codec_is_sound("", 0));
	ck_assert(!SOUND(0xc0, 0xc0));
	ck_assert(!SOUND(0x90, 0x90));
	ck_assert(!SOUND(0x91, 0x01, 0x02));
	ck_assert(!SOUND(0xc1));
	ck_assert(!SOUND(0x91, 0xc1));
}
END_TEST

START_TEST(a_million_nils_are_too_many)
{
	size_t n = 1 << 20;
	uint8_t *bytes = malloc(n + 5);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0xc0, n + 5);
	memcpy(bytes, "\xdd\x00\x10\x00\x00", 5);
	ck_assert(!codec_is_sound(bytes, n + 5));
	/* one less than the bound, with the array itself */
	memcpy(bytes, "\xdd\x00\x00\xff\xff", 5);
	ck_assert(codec_is_sound(bytes, 0xffff + 5));
	memcpy(bytes, "\xdd\x00\x01\x00\x00", 5);
	ck_assert(!codec_is_sound(bytes, 0x10000 + 5));
	/* in two lists, each of which would do */
	memcpy(bytes, "\x92\xdc\x80\x00", 4);
	memcpy(bytes + 4 + 0x8000, "\xdc\x80\x00", 3);
	ck_assert(!codec_is_sound(bytes, 7 + 0x10000));
	free(bytes);
}
END_TEST

START_TEST(hostile_bytes_make_nobody_allocate)
{
	static const struct {
		uint8_t	bytes[8];
		size_t	len;
	} hostile[] = {
		{ { 0xdd, 0x10, 0, 0, 0 }, 5 },
		{ { 0xdf, 0x10, 0, 0, 0 }, 5 },
		{ { 0xdd, 0xff, 0xff, 0xff, 0xff }, 5 },
		{ { 0x93, 0x01, 0x01, 0xdd, 0x10, 0, 0, 0 }, 8 },
	};
	struct rlimit limit;
	struct message m;
	uint32_t id;

	/* Were one of them to reach msgpack-c, this would be -ENOMEM. (Not
	 * with sanitizers, whose own map is larger.) */
	limit.rlim_cur = limit.rlim_max = 1UL << 30;
#ifndef OD_SANITIZERS
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
#endif
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		ck_assert_int_eq(message_unpack(&m, &id, NULL,
		    hostile[i].bytes, hostile[i].len, NULL), -EBADMSG);
}
END_TEST

/* Bytes that look like msgpack more often than noise does. */
static size_t
likely(struct random *r, uint8_t *bytes, size_t room)
{
	static const uint8_t heads[] = { 0x90, 0x91, 0x92, 0x93, 0x80, 0x81,
	    0xa0, 0xa1, 0xc0, 0xc1, 0xc2, 0xc4, 0xc7, 0xca, 0xcb, 0xcc, 0xcd,
	    0xce, 0xcf, 0xd0, 0xd3, 0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc,
	    0xdd, 0xde, 0xdf, 0x00, 0x01, 0x02, 0xff };
	size_t n = 1 + random_next(r) % room;

	for (size_t i = 0; i < n; i++)
		bytes[i] = heads[random_next(r) % sizeof(heads)];
	return n;
}

START_TEST(msgpack_takes_all_that_is_sound)
{
	struct random r = { 4 };
	uint8_t bytes[16];
	int sound = 0;

	for (int i = 0; i < 1000000; i++) {
		size_t n = likely(&r, bytes, sizeof(bytes)), off = 0;
		msgpack_unpacked u;

		if (!codec_is_sound(bytes, n))
			continue;
		sound++;
		msgpack_unpacked_init(&u);
		ck_assert_int_eq(msgpack_unpack_next(&u, (char *)bytes, n,
		    &off), MSGPACK_UNPACK_SUCCESS);
		ck_assert_uint_eq(off, n);
		msgpack_unpacked_destroy(&u);
	}
	ck_assert_int_gt(sound, 10000);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		scalars_are_sound,
		containers_down_to_three_levels_are_sound,
		a_container_in_a_container_in_a_container_is_refused,
		promises_without_bytes_are_refused,
		nothing_may_lie_behind_and_nothing_be_missing,
		a_million_nils_are_too_many,
		hostile_bytes_make_nobody_allocate,
		msgpack_takes_all_that_is_sound,
		NULL
	};

	return run_tests("sound", tests);
}
