/*
 * Memory that runs out: each allocation of the codec, the channel and the JSON
 * bridge fails once, and nothing is lost, leaked or half done.
 */
/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "protocol/channel.h"
#include "protocol/codec.h"
#include "protocol/json.h"
#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

#ifdef OD_SANITIZERS
/* They bring an allocator of their own. */
int
main(void)
{
	puts("1..0 # SKIP with sanitizers");
	return 0;
}
#else

/* glibc's own, behind the names that are replaced here. */
void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);
void	 __libc_free(void *);

static int fails_in;	/* allocations until one fails; 0: none does */
static int failed;
static long live;	/* blocks that nobody has freed */

static bool
is_unlucky(void)
{
	if (fails_in == 0 || --fails_in > 0)
		return false;
	failed++;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	void *p = is_unlucky() ? NULL : __libc_malloc(n);

	live += p != NULL;
	return p;
}

void *
calloc(size_t n, size_t size)
{
	void *p = is_unlucky() ? NULL : __libc_calloc(n, size);

	live += p != NULL;
	return p;
}

void *
realloc(void *old, size_t n)
{
	void *p = is_unlucky() ? NULL : __libc_realloc(old, n);

	live += p != NULL && old == NULL;
	return p;
}

void
free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}

static void
a_definition(struct message *m)
{
	struct random r = { 8 };

	random_message(&r, m, message_info(MSG_process_define), true);
}

START_TEST(packing_without_memory_appends_nothing)
{
	struct message m;
	int r, n = 0;

	a_definition(&m);
	do {
		struct buffer b = { 0 };
		long before = live;

		failed = 0;
		fails_in = ++n;
		r = message_pack(&b, &m, 1, NULL);
		fails_in = 0;
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		if (r < 0)
			ck_assert_uint_eq(b.len, 0);
		buffer_release(&b);
		ck_assert_int_eq(live, before);
	} while (r < 0);
	ck_assert_int_gt(n, 1);
	random_message_release(&m);
}
END_TEST

START_TEST(unpacking_without_memory_says_so)
{
	struct buffer b = { 0 };
	struct message m, got;
	struct error e;
	uint32_t id;
	int r, n = 0;

	a_definition(&m);
	ck_assert_int_eq(message_pack(&b, &m, 1, NULL), 0);
	do {
		long before = live;

		failed = 0;
		fails_in = ++n;
		r = message_unpack(&got, &id, NULL, buffer_bytes(&b), b.len,
		    &e);
		fails_in = 0;
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		if (r == 0)
			message_release(&got);
		ck_assert_int_eq(live, before);
	} while (r < 0);
	ck_assert_int_gt(n, 2);
	buffer_release(&b);
	random_message_release(&m);
}
END_TEST

START_TEST(a_channel_without_memory_goes_on_with_the_next)
{
	struct message m = { .type = MSG_done };
	static struct channel a, b;
	struct frame f;
	int sv[2], fd, n = 0;
	long r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	channel_init(&a, sv[0], FRAME_BYTES, FRAME_BYTES, false);
	channel_init(&b, sv[1], FRAME_BYTES, FRAME_BYTES, false);
	do {
		failed = 0;
		fails_in = ++n;
		r = channel_send(&a, FRAME_REQUEST, 1, &m, -1);
		fails_in = 0;
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
	} while (r < 0);
	ck_assert_int_eq(n, 2);
	fails_in = 1;
	ck_assert_int_eq(channel_read(&b), -ENOMEM);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 0);
	channel_release(&a);
	channel_release(&b);
}
END_TEST

START_TEST(json_without_memory_is_null_or_an_error)
{
	struct message m, got;
	json_t *object, *whole;
	int r, n = 0;

	a_definition(&m);
	whole = message_to_json(&m);
	do {
		long before = live;

		failed = 0;
		fails_in = ++n;
		object = message_to_json(&m);
		fails_in = 0;
		/* Text is tried twice: then it may all the same be there. */
		ck_assert(object != NULL || failed);
		if (object != NULL)
			ck_assert(json_equal(object, whole));
		json_decref(object);
		ck_assert_int_eq(live, before);
	} while (failed);
	ck_assert_int_gt(n, 20);
	n = 0;
	do {
		long before = live;

		failed = 0;
		fails_in = ++n;
		r = message_from_json(&got, m.type, whole, NULL);
		fails_in = 0;
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		if (r == 0)
			message_release(&got);
		ck_assert_int_eq(live, before);
	} while (r < 0);
	ck_assert_int_gt(n, 3);
	json_decref(whole);
	random_message_release(&m);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		packing_without_memory_appends_nothing,
		unpacking_without_memory_says_so,
		a_channel_without_memory_goes_on_with_the_next,
		json_without_memory_is_null_or_an_error,
		NULL
	};

	return run_tests("memory", tests);
}
#endif
