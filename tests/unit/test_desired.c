/* The desired state: a log of records by key that outlives its writer. */
/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#undef fail	/* Check's, it is in the way of base/error.h */
#include "protocol/limits.h"
#include "protocol/record.h"
#include "supervisor/root/desired.h"

#define KEYS	300

static struct desired d, successor;
static struct desired_record rec;
static struct error e;
static bool is_memory_short;

/* In place of libc's. */
int
fallocate(int fd, int mode, off_t at, off_t len)
{
	if (is_memory_short) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

static void
setup(void)
{
	is_memory_short = false;
	successor.fd = -1;
	ck_assert_int_eq(desired_create(&d, &e), 0);
	ck_assert_int_eq(desired_create(&successor, &e), 0);
}

static void
teardown(void)
{
	desired_release(&d);
	desired_release(&successor);
}

static int
succeed(void)
{
	int fd = fcntl(d.fd, F_DUPFD_CLOEXEC, 0);

	desired_release(&successor);
	memset(&e, 0, sizeof(e));
	return desired_map(&successor, fd, &e);
}

static void
put(uint64_t key, const char *text)
{
	ck_assert_int_eq(desired_put(&d, key, text, strlen(text)), 0);
}

static bool
has(const struct desired *in, uint64_t key, const char *text)
{
	if (desired_get(in, key, &rec) == 0)
		return text == NULL;
	return text != NULL && rec.key == key && rec.len == strlen(text) &&
	    memcmp(rec.data, text, rec.len) == 0;
}

/* "seq:key=data " of all that desired_each tells. */
static char told[4096];

static void
on_record(void *arg, const struct desired_record *r)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%llu:%llu=%.*s ",
	    (unsigned long long)r->seq, (unsigned long long)r->key,
	    (int)r->len, (const char *)r->data);
}

static const char *
tell(const struct desired *from, uint64_t after)
{
	told[0] = '\0';
	desired_each(from, after, on_record, NULL);
	return told;
}

static uint64_t
memory(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

START_TEST(keys_have_a_kind_and_a_number)
{
	uint64_t key = DESIRED_KEY(DESIRED_RUN, 0xffffffffffULL);

	ck_assert_uint_eq(DESIRED_KIND(key), DESIRED_RUN);
	ck_assert_uint_eq(DESIRED_NUMBER(key), 0xffffffffffULL);
}
END_TEST

START_TEST(the_latest_record_of_a_key_counts)
{
	put(1, "one");
	put(2, "two");
	put(1, "three");
	ck_assert(has(&d, 1, "three"));
	ck_assert_uint_eq(rec.seq, 3);
	ck_assert_uint_eq((uintptr_t)rec.data % 8, 0);
	ck_assert(has(&d, 2, "two"));
	ck_assert(has(&d, 3, NULL));
	ck_assert_int_eq(desired_put(&d, 2, NULL, 0), 0);
	ck_assert(has(&d, 2, NULL));
	put(2, "again");
	ck_assert(has(&d, 2, "again"));
	ck_assert_uint_eq(d.seq, 5);
}
END_TEST

START_TEST(they_are_told_in_order_with_deletions)
{
	put(1, "a");
	put(2, "b");
	put(3, "c");
	put(1, "d");
	ck_assert_int_eq(desired_put(&d, 2, NULL, 0), 0);
	ck_assert_str_eq(tell(&d, 0), "3:3=c 4:1=d 5:2= ");
	ck_assert_str_eq(tell(&d, 3), "4:1=d 5:2= ");
	ck_assert_str_eq(tell(&d, 5), "");
}
END_TEST

START_TEST(a_successor_has_the_same)
{
	put(1, "a");
	put(2, "b");
	put(1, "c");
	desired_put(&d, 2, NULL, 0);
	desired_skip_to(&d, 70);
	ck_assert_int_eq(succeed(), 0);
	ck_assert_str_eq(tell(&successor, 0), "3:1=c 4:2= ");
	ck_assert_uint_eq(successor.seq, 70);
	ck_assert_uint_eq(successor.used, d.used);
	ck_assert_uint_eq(successor.live, d.live);
	ck_assert_int_eq(desired_put(&successor, 9, "x", 1), 0);
	ck_assert(has(&successor, 9, "x"));
	ck_assert_uint_eq(rec.seq, 71);
}
END_TEST

START_TEST(records_from_disk_take_their_place)
{
	ck_assert_int_eq(desired_restore(&d, 5, 1, "a", 1), 0);
	ck_assert_int_eq(desired_restore(&d, 9, 2, "b", 1), 0);
	/* As often as one likes, and never in place of a newer one. */
	ck_assert_int_eq(desired_restore(&d, 5, 1, "a", 1), 0);
	put(1, "new");
	ck_assert_int_eq(desired_restore(&d, 9, 1, "old", 3), 0);
	/* Late, but still before those that are newer. */
	ck_assert_int_eq(desired_restore(&d, 7, 3, "c", 1), 0);
	ck_assert_str_eq(tell(&d, 0), "7:3=c 9:2=b 10:1=new ");
	ck_assert_int_eq(succeed(), 0);
	ck_assert_str_eq(tell(&successor, 0), "7:3=c 9:2=b 10:1=new ");
}
END_TEST

START_TEST(what_fails_changes_nothing)
{
	char *big = calloc(1, RECORD_BYTES + 1);
	size_t used;

	put(1, "a");
	used = d.used;
	ck_assert_int_eq(desired_put(&d, 2, big, RECORD_BYTES + 1), -EMSGSIZE);
	is_memory_short = true;
	ck_assert_int_eq(desired_put(&d, 2, big, RECORD_BYTES), -ENOSPC);
	ck_assert_uint_eq(d.used, used);
	ck_assert_uint_eq(d.seq, 1);
	ck_assert_str_eq(tell(&d, 0), "1:1=a ");
	is_memory_short = false;
	ck_assert_int_eq(desired_put(&d, 2, big, RECORD_BYTES), 0);
	ck_assert_uint_eq(d.seq, 2);
	free(big);
}
END_TEST

START_TEST(when_it_is_full_it_says_so)
{
	char *big = calloc(1, RECORD_BYTES);
	int r, n = 0;

	/* Nothing is behind the address space: only its end is looked for. */
	d.backed = d.used = DESIRED_ROOM - 3 * 1024 * 1024;
	while ((r = desired_put(&d, 1, big, RECORD_BYTES)) == 0)
		n++;
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_int_ge(n, 2);
	ck_assert_int_le(n, 3);
	ck_assert_uint_eq(d.seq, (uint64_t)n);
	free(big);
}
END_TEST

START_TEST(it_takes_memory_as_it_grows)
{
	ck_assert_uint_le(memory(d.fd), 64 * 1024);
	for (uint64_t i = 0; i < 1000; i++)
		put(i, "0123456789");
	ck_assert_uint_le(memory(d.fd), 128 * 1024);
}
END_TEST

START_TEST(a_compact_one_has_all_that_counts)
{
	char text[1000];
	int old = -1;
	uint64_t before;

	memset(text, 'x', sizeof(text));
	for (uint64_t i = 0; i < 2000; i++)
		ck_assert_int_eq(desired_put(&d, i % 10, text,
		    sizeof(text)), 0);
	ck_assert(desired_is_sparse(&d));
	for (uint64_t i = 0; i < 10; i++)
		put(i, "y");
	desired_put(&d, 3, NULL, 0);
	desired_put(&d, 4, NULL, 0);
	before = memory(d.fd);
	ck_assert_int_eq(desired_compact(&d, 2011, &old, &e), 0);
	ck_assert_int_ge(old, 0);
	ck_assert_uint_eq(memory(old), before);
	close(old);
	/* The deletion that is on disk is forgotten, the other is not. */
	ck_assert_str_eq(tell(&d, 0), "2001:0=y 2002:1=y 2003:2=y 2006:5=y "
	    "2007:6=y 2008:7=y 2009:8=y 2010:9=y 2012:4= ");
	ck_assert(!desired_is_sparse(&d));
	ck_assert_uint_le(memory(d.fd), 64 * 1024);
	put(3, "again");
	ck_assert_uint_eq(d.seq, 2013);
	ck_assert_int_eq(succeed(), 0);
	ck_assert(has(&successor, 3, "again"));
}
END_TEST

START_TEST(a_number_is_not_given_twice_across_a_compaction)
{
	int old = -1;

	put(1, "a");
	desired_put(&d, 1, NULL, 0);
	ck_assert_int_eq(desired_compact(&d, 2, &old, &e), 0);
	close(old);
	ck_assert_str_eq(tell(&d, 0), "");
	ck_assert_int_eq(succeed(), 0);
	ck_assert_uint_eq(successor.seq, 2);
}
END_TEST

START_TEST(a_compaction_without_memory_changes_nothing)
{
	int old = -1, fd = d.fd;

	put(1, "a");
	is_memory_short = true;
	ck_assert_int_eq(desired_compact(&d, 0, &old, &e), -ENOSPC);
	ck_assert_int_eq(e.code, -ENOSPC);
	ck_assert_int_eq(d.fd, fd);
	ck_assert_int_eq(old, -1);
	ck_assert(has(&d, 1, "a"));
}
END_TEST

/* ---- what is no state of ours ---- */

START_TEST(other_files_are_refused)
{
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	desired_release(&successor);
	ck_assert_int_eq(ftruncate(fd, DESIRED_ROOM), 0);
	ck_assert_int_eq(desired_map(&successor, fd, &e), -EBADMSG);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);

	fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(desired_map(&successor, fd, &e), -EBADMSG);

	fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, DESIRED_ROOM), 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(desired_map(&successor, fd, &e), -EBADMSG);

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(desired_map(&successor, fd, &e), -EBADMSG);
	ck_assert_int_eq(e.code, -EBADMSG);
}
END_TEST

START_TEST(damage_to_the_committed_part_is_noticed)
{
	size_t end = 64;

	for (uint64_t i = 0; i < 20; i++)
		put(i, "some text");
	end += d.used;
	for (size_t at = 64; at < end; at++) {
		/* Padding, which nothing reads: 32 bytes and 9, then 7. */
		if ((at - 64) % 48 >= 41)
			continue;
		d.base[at] ^= 0x10;
		if (succeed() != -EBADMSG)
			ck_abort_msg("byte %zu was not missed", at);
		d.base[at] ^= 0x10;
	}
	/* Behind it anything may lie: a record that was not committed. */
	memset(d.base + end, 0x5a, 1000);
	ck_assert_int_eq(succeed(), 0);
	ck_assert(has(&successor, 19, "some text"));
}
END_TEST

START_TEST(any_header_is_refused_or_harmless)
{
	uint8_t header[64];
	int refused = 0;

	for (uint64_t i = 0; i < 20; i++)
		put(i, "some text");
	memcpy(header, d.base, sizeof(header));
	srand(1);
	for (int i = 0; i < 3000; i++) {
		d.base[rand() % 24] = (uint8_t)rand();
		if (succeed() < 0)
			refused++;
		else
			desired_put(&successor, 99, "x", 1);
		memcpy(d.base, header, sizeof(header));
	}
	ck_assert_int_gt(refused, 1000);
}
END_TEST

/* Killed before the commit word: the record never was. */
START_TEST(a_record_without_its_commit_is_not_there)
{
	uint64_t used, after;

	put(1, "a");
	memcpy(&used, d.base + 8, sizeof(used));
	put(1, "b");
	memcpy(&after, d.base + 8, sizeof(after));
	ck_assert_uint_gt(after, used);
	memcpy(d.base + 8, &used, sizeof(used));
	ck_assert_int_eq(succeed(), 0);
	ck_assert(has(&successor, 1, "a"));
}
END_TEST

/* ---- against a plain array ---- */

static unsigned int latest[KEYS];	/* 0: deleted or never */

static void
check_against_array(const struct desired *is)
{
	unsigned int n;

	for (uint64_t key = 0; key < KEYS; key++) {
		if (desired_get(is, key, &rec) != (latest[key] != 0))
			ck_abort_msg("key %d", (int)key);
		if (latest[key] == 0)
			continue;
		memcpy(&n, rec.data, sizeof(n));
		if (n != latest[key])
			ck_abort_msg("key %d is %u, not %u", (int)key, n,
			    latest[key]);
	}
}

START_TEST(a_long_life_with_compactions_and_deaths_loses_nothing)
{
	unsigned int text[50] = { 0 };
	uint64_t key;
	int old, compactions = 0;

	srand(2);
	for (unsigned int n = 1; n <= 60000; n++) {
		key = (uint64_t)rand() % KEYS;
		text[0] = latest[key] = rand() % 10 == 0 ? 0 : n;
		ck_assert_int_eq(desired_put(&d, key, text, text[0] == 0 ? 0 :
		    4 + (size_t)rand() % (sizeof(text) - 4)), 0);
		if (desired_is_sparse(&d)) {
			ck_assert_int_eq(desired_compact(&d, d.seq - 10, &old,
			    &e), 0);
			close(old);
			compactions++;
		}
		if (n % 5000 == 0) {
			ck_assert_int_eq(succeed(), 0);
			check_against_array(&successor);
			ck_assert_uint_eq(successor.live, d.live);
		}
	}
	check_against_array(&d);
	ck_assert_uint_eq(d.seq, 60000);
	ck_assert_int_gt(compactions, 5);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("desired");
	TCase *tcase = tcase_create("desired");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, keys_have_a_kind_and_a_number);
	tcase_add_test(tcase, the_latest_record_of_a_key_counts);
	tcase_add_test(tcase, they_are_told_in_order_with_deletions);
	tcase_add_test(tcase, a_successor_has_the_same);
	tcase_add_test(tcase, records_from_disk_take_their_place);
	tcase_add_test(tcase, what_fails_changes_nothing);
	tcase_add_test(tcase, when_it_is_full_it_says_so);
	tcase_add_test(tcase, it_takes_memory_as_it_grows);
	tcase_add_test(tcase, a_compact_one_has_all_that_counts);
	tcase_add_test(tcase, a_number_is_not_given_twice_across_a_compaction);
	tcase_add_test(tcase, a_compaction_without_memory_changes_nothing);
	tcase_add_test(tcase, other_files_are_refused);
	tcase_add_test(tcase, damage_to_the_committed_part_is_noticed);
	tcase_add_test(tcase, any_header_is_refused_or_harmless);
	tcase_add_test(tcase, a_record_without_its_commit_is_not_there);
	tcase_add_test(tcase,
	    a_long_life_with_compactions_and_deaths_loses_nothing);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
