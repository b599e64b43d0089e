/* The journal's event files: kept, rotated, and honest about gaps. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/journal/events.h"
#include "actors/journal/file.h"
#include "actors/journal/format.h"
#include "protocol/codec.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

static struct scratch scratch;
static struct notes notes;

static void
set_up(void)
{
	scratch_make(&scratch);
}

static void
tear_down(void)
{
	memset(&faults, 0, sizeof(faults));
	scratch_remove(&scratch);
}

static void
must_open(struct events *ev)
{
	struct error e = { 0 };

	memset(&notes, 0, sizeof(notes));
	ck_assert_msg(events_open(ev, scratch.dir, &notes, &e) == 0, "%s",
	    e.text);
}

static void
add(struct events *ev, int64_t from, int64_t to)
{
	struct message m = { .type = MSG_process_exited,
	    .process_exited = { .subject = "web", .source = "wait" } };

	for (m.event.seq = from; m.event.seq <= to; m.event.seq++)
		ck_assert_int_eq(events_add(ev, &m), 0);
}

static void
must_write(struct events *ev)
{
	struct error e = { 0 };

	ck_assert_msg(events_write(ev, &e) == 0 && events_sync(ev, &e) == 0,
	    "%s", e.text);
}

static int64_t
last_on_disk(void)
{
	struct events ev;
	int64_t seq;

	must_open(&ev);
	seq = ev.written;
	events_release(&ev);
	return seq;
}

/* What a reader of all files is told, in order: events, and gaps. */
struct reading {
	int64_t	next;
	int64_t	missing;
};

static int
read_one(void *arg, const struct record *rec)
{
	struct reading *r = arg;
	struct message m;
	uint32_t id;

	ck_assert_int_eq(message_unpack(&m, &id, NULL, rec->data, rec->len,
	    NULL), 0);
	ck_assert_int_eq((int64_t)rec->key, (int64_t)m.type);
	if (m.type == MSG_gap) {
		ck_assert_int_eq(m.gap.from, r->next);
		r->missing += m.gap.to - m.gap.from + 1;
		r->next = m.gap.to + 1;
	} else if (m.event.seq >= r->next) {
		ck_assert_int_eq(m.event.seq, r->next);
		r->next++;
	}
	message_release(&m);
	return 0;
}

static struct reading
read_all_files(int64_t from)
{
	struct reading r = { .next = from };
	char name[FILE_NAME_BYTES];
	struct file_numbers list;
	struct format_walk w;
	struct buffer b;

	ck_assert_int_eq(file_list(scratch.dir, "events", &list, NULL), 0);
	for (size_t i = 0; i < list.count; i++) {
		buffer_init(&b);
		ck_assert_int_eq(file_read(scratch.dir, file_name(name,
		    "events", list.n[i]), &b, NULL), 0);
		ck_assert_int_eq(format_walk(buffer_bytes(&b), b.len,
		    FORMAT_EVENTS, read_one, &r, &w), 0);
		ck_assert_int_le(w.end, FORMAT_TORN);
		buffer_release(&b);
	}
	file_numbers_release(&list);
	return r;
}

START_TEST(events_go_on_in_the_same_file)
{
	struct events ev;

	must_open(&ev);
	ck_assert_int_eq(ev.written, 0);
	add(&ev, 1, 10);
	must_write(&ev);
	events_release(&ev);
	must_open(&ev);
	ck_assert_int_eq(ev.written, 10);
	/* Some are sent again: they were not acknowledged in time. */
	add(&ev, 8, 15);
	must_write(&ev);
	events_release(&ev);
	ck_assert_int_eq(last_on_disk(), 15);
	ck_assert_int_eq(scratch_count(&scratch, "events."), 1);
	ck_assert_int_eq(read_all_files(1).next, 16);
}
END_TEST

START_TEST(ten_files_of_one_mebibyte_are_kept)
{
	struct events ev;
	int64_t seq = 1;

	must_open(&ev);
	while (ev.number < 14) {
		add(&ev, seq, seq + 99);
		seq += 100;
		must_write(&ev);
		ck_assert_uint_le(ev.size, EVENTS_FILE_BYTES);
	}
	events_release(&ev);
	ck_assert_int_eq(scratch_count(&scratch, "events."), EVENTS_FILES);
	ck_assert_int_eq(last_on_disk(), seq - 1);
}
END_TEST

START_TEST(a_torn_tail_is_cut_off)
{
	struct events ev;

	must_open(&ev);
	add(&ev, 1, 10);
	must_write(&ev);
	events_release(&ev);
	scratch_cut(&scratch, "events.1", 3);
	must_open(&ev);
	ck_assert_int_eq(notes.count, 1);
	ck_assert_int_eq(ev.written, 9);
	add(&ev, 10, 20);
	must_write(&ev);
	events_release(&ev);
	ck_assert_int_eq(read_all_files(1).next, 21);
}
END_TEST

START_TEST(a_damaged_file_is_kept_aside_and_its_numbers_are_known)
{
	struct events ev;

	must_open(&ev);
	add(&ev, 1, 10);
	must_write(&ev);
	events_release(&ev);
	scratch_flip(&scratch, "events.1", 100);
	must_open(&ev);
	ck_assert_int_eq(notes.count, 1);
	ck_assert_int_eq(ev.written, 10);
	ck_assert_int_eq(scratch_count(&scratch, "events.1.damaged-"), 1);
	add(&ev, 11, 12);
	must_write(&ev);
	events_release(&ev);
	ck_assert_int_eq(last_on_disk(), 12);
}
END_TEST

START_TEST(a_full_disk_costs_a_stretch_that_is_marked)
{
	struct reading r;
	struct events ev;
	struct error e;

	must_open(&ev);
	add(&ev, 1, 10);
	must_write(&ev);
	faults = (struct faults){ .mode = FAULT_FROM, .at = 1,
	    .error = ENOSPC };
	for (int64_t seq = 11; seq <= 40000; seq += 100) {
		add(&ev, seq, seq + 99 < 40000 ? seq + 99 : 40000);
		ck_assert_int_eq(events_write(&ev, &e), -ENOSPC);
	}
	ck_assert_int_eq(ev.written, 10);
	ck_assert_uint_lt(ev.batch.len, EVENTS_WAITING_BYTES + 1000);
	faults.mode = FAULT_NONE;
	add(&ev, 40001, 40010);
	must_write(&ev);
	ck_assert_int_eq(ev.written, 40010);
	add(&ev, 40011, 40020);
	must_write(&ev);
	events_release(&ev);
	ck_assert_int_eq(last_on_disk(), 40020);
	r = read_all_files(1);
	ck_assert_int_eq(r.next, 40021);
	ck_assert_int_gt(r.missing, 100);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("events");
	TCase *t = tcase_create("files");
	SRunner *runner;
	int failed;

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, events_go_on_in_the_same_file);
	tcase_add_test(t, ten_files_of_one_mebibyte_are_kept);
	tcase_add_test(t, a_torn_tail_is_cut_off);
	tcase_add_test(t, a_damaged_file_is_kept_aside_and_its_numbers_are_known);
	tcase_add_test(t, a_full_disk_costs_a_stretch_that_is_marked);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
