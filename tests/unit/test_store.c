/* The journal's store on a disk that fails, and on files that were damaged. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/journal/store.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define KEYS	7
#define PUTS	24

static struct scratch scratch;
static struct notes notes;

static void
set_up(void)
{
	scratch_make(&scratch);
	memset(&notes, 0, sizeof(notes));
	memset(&faults, 0, sizeof(faults));
}

static void
tear_down(void)
{
	memset(&faults, 0, sizeof(faults));
	scratch_remove(&scratch);
}

/* The put with that number is always the same, so that the state after any
 * number of them is known. */
static uint64_t
key_of(uint64_t seq)
{
	return seq * 5 % KEYS;
}

static size_t
data_of(uint64_t seq, uint8_t *data)
{
	size_t len = seq % 6 == 0 ? 0 : 1 + seq * 37 % 200;

	memset(data, (int)('a' + seq % 26), len);
	return len;
}

static int
put(struct store *s, uint64_t seq)
{
	uint8_t data[256];
	size_t len = data_of(seq, data);

	return store_put(s, seq, key_of(seq), data, len);
}

/* Exactly what puts 1 to seq make: nothing missing, nothing come back. */
static void
has_state(struct store *s, uint64_t seq)
{
	uint64_t last[KEYS] = { 0 };
	uint8_t data[256];
	struct row *row;
	size_t len;

	for (uint64_t i = 1; i <= seq; i++)
		last[key_of(i)] = i;
	for (uint64_t key = 0; key < KEYS; key++) {
		HASH_FIND(hh, s->rows, &key, sizeof(key), row);
		len = last[key] == 0 ? 0 : data_of(last[key], data);
		ck_assert_msg((row != NULL) == (len > 0),
		    "after %d, key %d", (int)seq, (int)key);
		if (row == NULL)
			continue;
		ck_assert_uint_eq(row->seq, last[key]);
		ck_assert_uint_eq(row->len, len);
		ck_assert_mem_eq(row->data, data, len);
	}
}

static void
must_open(struct store *s)
{
	struct error e = { 0 };

	memset(&notes, 0, sizeof(notes));
	ck_assert_msg(store_open(s, scratch.dir, &notes, &e) == 0, "%s",
	    e.text);
}

static void
must_sync(struct store *s)
{
	struct error e = { 0 };

	ck_assert_msg(store_sync(s, &e) == 0, "%s", e.text);
}

/* One life of the store: puts from..to, a sync for each. */
static void
live(uint64_t from, uint64_t to)
{
	struct store s;

	must_open(&s);
	must_sync(&s);
	for (uint64_t seq = from; seq <= to; seq++) {
		ck_assert_int_eq(put(&s, seq), 0);
		must_sync(&s);
	}
	store_release(&s);
}

/* Load and compare; how many notes there were. */
static int
reload(uint64_t seq)
{
	struct store s;
	int count;

	must_open(&s);
	ck_assert_uint_eq(s.seq, seq);
	has_state(&s, seq);
	count = notes.count;
	must_sync(&s);
	store_release(&s);
	/* And the generation that this began has it, too. */
	must_open(&s);
	ck_assert_uint_eq(s.seq, seq);
	has_state(&s, seq);
	ck_assert_int_eq(notes.count, 0);
	store_release(&s);
	return count;
}

START_TEST(what_was_put_is_there_again)
{
	live(1, PUTS);
	ck_assert_int_eq(reload(PUTS), 0);
}
END_TEST

START_TEST(a_put_that_comes_again_does_not_undo_a_later_one)
{
	struct store s;

	must_open(&s);
	ck_assert_int_eq(store_put(&s, 9, 1, "new", 3), 0);
	ck_assert_int_eq(store_put(&s, 8, 1, "old", 3), 0);
	ck_assert_mem_eq(s.rows->data, "new", 3);
	ck_assert_uint_eq(s.seq, 9);
	store_release(&s);
}
END_TEST

START_TEST(a_long_journal_is_compacted)
{
	static uint8_t data[100000];
	struct store s;

	must_open(&s);
	must_sync(&s);
	for (uint64_t seq = 1; seq <= 60; seq++) {
		ck_assert_int_eq(store_put(&s, seq, 1, data, sizeof(data)), 0);
		must_sync(&s);
		ck_assert_uint_le(s.size, STORE_COMPACT_BYTES + sizeof(data) +
		    1000);
	}
	ck_assert_uint_gt(s.gen, 4);
	store_release(&s);
	/* This generation and the one before. */
	ck_assert_int_eq(scratch_count(&scratch, "journal."), 2);
	ck_assert_int_eq(scratch_count(&scratch, "snapshot."), 2);
}
END_TEST

START_TEST(any_torn_tail_leaves_what_was_before_it)
{
	uint64_t whole;
	struct store s;
	size_t size;

	live(1, 4);
	size = scratch_size(&scratch, "journal.1");
	for (size_t cut = 1; cut < size; cut++) {
		scratch_cut(&scratch, "journal.1", 1);
		must_open(&s);
		whole = s.seq;
		has_state(&s, whole);
		ck_assert_uint_lt(whole, 4);
		ck_assert_int_le(notes.count, 1);
		ck_assert_int_eq(s.aside_count, 0);
		store_release(&s);
	}
	ck_assert_int_eq((int)whole, 0);
}
END_TEST

START_TEST(zeros_at_the_end_are_a_torn_tail)
{
	static const uint8_t zeros[5000];
	int fd;

	live(1, 4);
	fd = openat(scratch.dir, "journal.1", O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
	ck_assert_int_eq(reload(4), 1);
	ck_assert_int_eq(scratch_count(&scratch, "journal.1.damaged"), 0);
}
END_TEST

START_TEST(any_flipped_byte_of_a_journal_is_noticed)
{
	struct store s;
	size_t size;

	live(1, 6);
	size = scratch_size(&scratch, "journal.1");
	for (size_t at = 0; at < size; at++) {
		scratch_flip(&scratch, "journal.1", (long)at);
		must_open(&s);
		has_state(&s, s.seq);
		ck_assert_uint_lt(s.seq, 6);
		ck_assert_int_eq(notes.count, 1);
		store_release(&s);
		scratch_flip(&scratch, "journal.1", (long)at);
	}
}
END_TEST

START_TEST(a_journal_with_a_bad_middle_is_kept_aside)
{
	live(1, 6);
	scratch_flip(&scratch, "journal.1", 32 + 40);
	ck_assert_int_eq(reload(0), 1);
	ck_assert_int_eq(scratch_count(&scratch, "journal.1.damaged-"), 1);
}
END_TEST

START_TEST(any_flipped_byte_of_a_snapshot_loses_nothing)
{
	struct store s;
	size_t size;

	live(1, 10);
	live(11, 20);
	size = scratch_size(&scratch, "snapshot.2");
	for (size_t at = 0; at < size; at++) {
		scratch_flip(&scratch, "snapshot.2", (long)at);
		must_open(&s);
		ck_assert_uint_eq(s.seq, 20);
		has_state(&s, 20);
		ck_assert_int_eq(notes.count, 2);
		store_release(&s);
		scratch_flip(&scratch, "snapshot.2", (long)at);
	}
	scratch_flip(&scratch, "snapshot.2", 100);
	ck_assert_int_eq(reload(20), 2);
	ck_assert_int_eq(scratch_count(&scratch, "snapshot.2.damaged-"), 1);
}
END_TEST

START_TEST(a_snapshot_without_its_end_is_not_used)
{
	live(1, 10);
	live(11, 20);
	scratch_cut(&scratch, "snapshot.2", RECORD_HEADER + 8);
	ck_assert_int_eq(reload(20), 2);
	ck_assert_int_eq(scratch_count(&scratch, "snapshot.2.damaged-"), 1);
}
END_TEST

START_TEST(without_any_snapshot_the_journals_are_used)
{
	live(1, 10);
	scratch_write(&scratch, "snapshot.1", "what is this?", 13);
	ck_assert_int_eq(reload(10), 2);
	ck_assert_int_eq(scratch_count(&scratch, "snapshot.1.damaged-"), 1);
}
END_TEST

START_TEST(files_of_a_newer_version_are_kept_aside)
{
	live(1, 10);
	live(11, 20);
	/* The format version's low byte. */
	scratch_flip(&scratch, "snapshot.2", 8);
	scratch_flip(&scratch, "journal.2", 8);
	ck_assert_int_eq(reload(10), 3);
	ck_assert_int_eq(scratch_count(&scratch, "snapshot.2.future-"), 1);
	ck_assert_int_eq(scratch_count(&scratch, "journal.2.future-"), 1);
}
END_TEST

START_TEST(what_follows_a_damaged_journal_is_not_used_and_kept)
{
	live(1, 10);
	live(11, 20);
	scratch_flip(&scratch, "snapshot.2", 100);
	scratch_flip(&scratch, "journal.1", 32 + 40);
	ck_assert_int_eq(reload(0), 4);
	ck_assert_int_eq(scratch_count(&scratch, "journal.1.damaged-"), 1);
	ck_assert_int_eq(scratch_count(&scratch, "journal.2.unused-"), 1);
}
END_TEST

START_TEST(a_damaged_file_of_before_is_not_removed_silently)
{
	live(1, 10);
	live(11, 20);
	scratch_flip(&scratch, "journal.1", 32 + 40);
	ck_assert_int_eq(reload(20), 1);
	ck_assert_int_eq(scratch_count(&scratch, "journal.1.damaged-"), 1);
}
END_TEST

START_TEST(a_pipe_in_a_files_place_is_kept_aside)
{
	live(1, 10);
	ck_assert_int_eq(unlinkat(scratch.dir, "journal.1", 0), 0);
	ck_assert_int_eq(mkfifoat(scratch.dir, "journal.1", 0600), 0);
	ck_assert_int_eq(reload(0), 2);
	ck_assert_int_eq(scratch_count(&scratch, "journal.1.damaged-"), 1);
}
END_TEST

/* Lives of eight puts each, with a compaction now and then; the number of the
 * last put that was synced goes to the pipe. */
static void
work(int out)
{
	struct error e;
	struct store s;
	uint64_t seq = 0;

	for (int life = 0; life < 3; life++) {
		if (store_open(&s, scratch.dir, NULL, &e) < 0)
			_exit(1);
		store_sync(&s, &e);
		for (int i = 0; i < PUTS / 3; i++) {
			put(&s, ++seq);
			/* Some batches have two. */
			if (seq % 3 == 0)
				continue;
			s.compact_at = 600;
			if (store_sync(&s, &e) == 0 && out != -1 &&
			    write(out, &seq, sizeof(seq)) != sizeof(seq))
				_exit(1);
		}
		store_sync(&s, &e);
		store_release(&s);
	}
}

static int
calls_of_work(void)
{
	work(-1);
	return faults.calls;
}

static void
empty_scratch(void)
{
	scratch_remove(&scratch);
	scratch_make(&scratch);
}

START_TEST(a_power_cut_at_any_call_loses_nothing_that_was_synced)
{
	int calls = calls_of_work(), fds[2], status;
	uint64_t seq, synced;
	struct store s;
	pid_t pid;

	ck_assert_int_gt(calls, 60);
	for (int at = 1; at <= calls; at++) {
		empty_scratch();
		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			faults = (struct faults){ .mode = FAULT_CUT, .at = at,
			    .seed = (unsigned int)(at * 8 + _i) };
			work(fds[1]);
			_exit(2);
		}
		close(fds[1]);
		for (synced = 0; read(fds[0], &seq, sizeof(seq)) ==
		    sizeof(seq); )
			synced = seq;
		close(fds[0]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);

		faults.mode = FAULT_NONE;
		must_open(&s);
		ck_assert_msg(s.seq >= synced, "call %d: %d of %d", at,
		    (int)s.seq, (int)synced);
		has_state(&s, s.seq);
		for (int i = 0; i < notes.count; i++)
			ck_assert_msg(strstr(notes.text[i], "cut off") != NULL,
			    "call %d: %s", at, notes.text[i]);
		seq = s.seq;
		store_release(&s);
		reload(seq);
	}
}
END_TEST

static const int errors[] = { ENOSPC, EIO };

/* Put all; the last number that was synced. */
static uint64_t
try_work(struct store *s)
{
	uint64_t synced = 0;
	struct error e;

	store_sync(s, &e);
	for (uint64_t seq = 1; seq <= PUTS; seq++) {
		ck_assert_int_eq(put(s, seq), 0);
		/* Now and then, so that there are puts after it. */
		if (s->is_trusted && seq % 8 == 1)
			s->compact_at = 600;
		if (store_sync(s, &e) == 0)
			synced = seq;
		else
			ck_assert_int_gt(strlen(e.text), 10);
	}
	return synced;
}

START_TEST(any_call_may_fail_once)
{
	struct store s;
	int calls = 1;

	for (int at = 1; at <= calls; at++) {
		empty_scratch();
		must_open(&s);
		faults = (struct faults){ .mode = FAULT_ONCE, .at = at,
		    .error = errors[_i] };
		/* The put after it succeeds, and has the failed one with it;
		 * if it is the last that fails, the next try does. */
		ck_assert_uint_ge(try_work(&s), PUTS - 1);
		calls = faults.calls;
		must_sync(&s);
		faults.mode = FAULT_NONE;
		has_state(&s, PUTS);
		store_release(&s);
		reload(PUTS);
	}
	ck_assert_int_gt(calls, 60);
}
END_TEST

START_TEST(a_disk_that_fails_from_any_call_on_may_come_back)
{
	struct store s, other;
	uint64_t synced;
	int calls;

	must_open(&s);
	try_work(&s);
	store_release(&s);
	calls = faults.calls;
	for (int at = 1; at <= calls; at++) {
		empty_scratch();
		must_open(&s);
		faults = (struct faults){ .mode = FAULT_FROM, .at = at,
		    .error = errors[_i] };
		synced = try_work(&s);
		faults.mode = FAULT_NONE;
		/* If we died now ... */
		must_open(&other);
		ck_assert_uint_ge(other.seq, synced);
		has_state(&other, other.seq);
		store_release(&other);
		/* ... but we go on. */
		must_sync(&s);
		ck_assert_uint_eq(s.synced, PUTS);
		store_release(&s);
		reload(PUTS);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("files");
	SRunner *runner;
	int failed;

	/* Thousands of syncs: in memory, if that is a directory. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_was_put_is_there_again);
	tcase_add_test(t, a_put_that_comes_again_does_not_undo_a_later_one);
	tcase_add_test(t, a_long_journal_is_compacted);
	tcase_add_test(t, any_torn_tail_leaves_what_was_before_it);
	tcase_add_test(t, zeros_at_the_end_are_a_torn_tail);
	tcase_add_test(t, any_flipped_byte_of_a_journal_is_noticed);
	tcase_add_test(t, a_journal_with_a_bad_middle_is_kept_aside);
	tcase_add_test(t, any_flipped_byte_of_a_snapshot_loses_nothing);
	tcase_add_test(t, a_snapshot_without_its_end_is_not_used);
	tcase_add_test(t, without_any_snapshot_the_journals_are_used);
	tcase_add_test(t, files_of_a_newer_version_are_kept_aside);
	tcase_add_test(t, what_follows_a_damaged_journal_is_not_used_and_kept);
	tcase_add_test(t, a_damaged_file_of_before_is_not_removed_silently);
	tcase_add_test(t, a_pipe_in_a_files_place_is_kept_aside);
	tcase_add_loop_test(t,
	    a_power_cut_at_any_call_loses_nothing_that_was_synced, 0, 4);
	tcase_add_loop_test(t, any_call_may_fail_once, 0, 2);
	tcase_add_loop_test(t,
	    a_disk_that_fails_from_any_call_on_may_come_back, 0, 2);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
