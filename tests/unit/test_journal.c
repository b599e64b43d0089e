/* od-journal, seen from the supervisor's end of the channel. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/peer.h"
#include "tests/unit/scratch.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define JOURNAL		"libexec/od-journal"
#define KILLS		200
#define KEYS		8

static struct scratch scratch;

static void
set_up(void)
{
	scratch_make(&scratch);
}

static void
tear_down(void)
{
	scratch_remove(&scratch);
}

static void
start(struct peer *p)
{
	struct heard h;

	peer_welcome(p, JOURNAL, scratch.dir);
	/* Whatever its predecessor said, this one is well. */
	peer_expect(p, MSG_journal_failing, &h);
	ck_assert_str_eq(h.m.journal_failing.text, "");
	message_release(&h.m);
}

static void
put(struct peer *p, int64_t seq, int64_t key, const char *text)
{
	struct message m = { .type = MSG_journal_put,
	    .journal_put = { .seq = seq, .key = key,
	    .data = { .data = text, .len = strlen(text) } } };

	peer_send(p, FRAME_NOTIFICATION, 0, &m);
}

static void
synced(struct peer *p, int64_t seq)
{
	struct heard h;

	do
		peer_expect(p, MSG_journal_synced, &h);
	while (h.m.journal_synced.seq < seq);
	ck_assert_int_eq(h.m.journal_synced.seq, seq);
}

static void
ask_load(struct peer *p)
{
	struct message m = { .type = MSG_journal_load };

	peer_send(p, FRAME_REQUEST, 5, &m);
}

/* The rest of a load without rows; returns how many warnings came. */
static int
loaded(struct peer *p, int64_t seq, int64_t event_seq)
{
	struct heard h;
	int warnings = 0;

	for (;;) {
		ck_assert(peer_hear(p, &h));
		ck_assert_int_eq(h.type, FRAME_RESPONSE);
		ck_assert_int_eq(h.id, 5);
		if (h.m.type == MSG_journal_loaded)
			break;
		ck_assert_int_eq(h.m.type, MSG_warning);
		message_release(&h.m);
		warnings++;
	}
	ck_assert_int_eq(h.m.journal_loaded.seq, seq);
	ck_assert_int_eq(h.m.journal_loaded.event_seq, event_seq);
	return warnings;
}

static void
row(struct peer *p, int64_t seq, int64_t key, const char *text)
{
	struct heard h;

	peer_expect(p, MSG_journal_row, &h);
	ck_assert_int_eq(h.m.journal_row.seq, seq);
	ck_assert_int_eq(h.m.journal_row.key, key);
	ck_assert_int_eq(h.m.journal_row.data.len, strlen(text));
	ck_assert_mem_eq(h.m.journal_row.data.data, text, strlen(text));
	message_release(&h.m);
}

static void
ends_well(struct peer *p)
{
	ck_assert_int_eq(peer_end(p), 0);
}

START_TEST(the_first_start_is_empty_and_says_nothing)
{
	struct peer p;

	start(&p);
	ask_load(&p);
	ck_assert_int_eq(loaded(&p, 0, 0), 0);
	ends_well(&p);
}
END_TEST

START_TEST(what_was_synced_is_there_the_next_time)
{
	struct peer p;

	start(&p);
	put(&p, 1, 10, "one");
	put(&p, 2, 20, "two");
	put(&p, 3, 10, "three");
	put(&p, 4, 30, "four");
	put(&p, 5, 20, "");
	synced(&p, 5);
	kill(p.pid, SIGKILL);
	peer_end(&p);

	start(&p);
	ask_load(&p);
	row(&p, 3, 10, "three");
	row(&p, 4, 30, "four");
	ck_assert_int_eq(loaded(&p, 5, 0), 0);
	/* Sent again because the answer may have been lost: answered again. */
	put(&p, 5, 20, "");
	synced(&p, 5);
	ends_well(&p);
}
END_TEST

START_TEST(a_second_load_is_refused)
{
	struct peer p;
	struct heard h;

	start(&p);
	ask_load(&p);
	loaded(&p, 0, 0);
	ask_load(&p);
	peer_expect(&p, MSG_failed, &h);
	ck_assert_int_eq(h.m.failed.code, -EALREADY);
	message_release(&h.m);
	ends_well(&p);
}
END_TEST

START_TEST(more_rows_than_a_queue_holds_arrive)
{
	static char big[200 * 1000 + 1];
	struct peer p;

	memset(big, 'x', sizeof(big) - 1);
	start(&p);
	for (int i = 1; i <= 60; i++) {
		put(&p, i, i, big);
		synced(&p, i);
	}
	ends_well(&p);
	start(&p);
	ask_load(&p);
	/* 12 MB wait, and its queue has room for 4. */
	for (int i = 1; i <= 60; i++)
		row(&p, i, i, big);
	ck_assert_int_eq(loaded(&p, 60, 0), 0);
	ends_well(&p);
}
END_TEST

START_TEST(what_arrives_together_is_answered_together)
{
	struct peer p;
	struct heard h;
	int answers = 0;

	start(&p);
	ask_load(&p);
	loaded(&p, 0, 0);
	kill(p.pid, SIGSTOP);
	for (int i = 1; i <= 300; i++)
		put(&p, i, i, "text");
	kill(p.pid, SIGCONT);
	do {
		peer_expect(&p, MSG_journal_synced, &h);
		answers++;
	} while (h.m.journal_synced.seq < 300);
	ck_assert_int_le(answers, 3);
	ends_well(&p);
}
END_TEST

static void
send_event(struct peer *p, int64_t seq)
{
	struct message m = { .type = MSG_process_exited,
	    .process_exited = { .seq = seq, .subject = "web",
	    .source = "wait" } };

	peer_send(p, FRAME_NOTIFICATION, 0, &m);
}

START_TEST(events_are_acknowledged_and_kept)
{
	struct peer p;
	struct heard h;

	start(&p);
	for (int64_t seq = 1; seq <= 100; seq++)
		send_event(&p, seq);
	do
		peer_expect(&p, MSG_events_seen, &h);
	while (h.m.events_seen.seq < 100);
	kill(p.pid, SIGKILL);
	peer_end(&p);
	start(&p);
	ask_load(&p);
	ck_assert_int_eq(loaded(&p, 0, 100), 0);
	ends_well(&p);
}
END_TEST

START_TEST(a_torn_tail_is_said_and_the_rest_is_there)
{
	struct peer p;

	start(&p);
	put(&p, 1, 1, "one");
	put(&p, 2, 2, "two");
	synced(&p, 2);
	ends_well(&p);
	scratch_cut(&scratch, "journal.1", 5);
	start(&p);
	ask_load(&p);
	row(&p, 1, 1, "one");
	ck_assert_int_eq(loaded(&p, 1, 0), 1);
	ends_well(&p);
}
END_TEST

START_TEST(what_the_dead_supervisor_said_last_is_kept)
{
	struct peer p;

	start(&p);
	put(&p, 1, 1, "one");
	put(&p, 2, 2, "two");
	send_event(&p, 7);
	/* It closes the channel at once. */
	ends_well(&p);
	start(&p);
	ask_load(&p);
	row(&p, 1, 1, "one");
	row(&p, 2, 2, "two");
	ck_assert_int_eq(loaded(&p, 2, 7), 0);
	ends_well(&p);
}
END_TEST

static void
limit_files(struct peer *p, rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	ck_assert_int_eq(prlimit(p->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

START_TEST(a_full_disk_is_said_and_what_was_put_is_written_later)
{
	struct peer p;
	struct heard h;

	start(&p);
	put(&p, 1, 1, "one");
	synced(&p, 1);
	limit_files(&p, 0);
	put(&p, 2, 2, "two");
	peer_expect(&p, MSG_journal_failing, &h);
	ck_assert_ptr_nonnull(strstr(h.m.journal_failing.text,
	    strerror(EFBIG)));
	message_release(&h.m);
	put(&p, 3, 3, "three");
	limit_files(&p, RLIM_INFINITY);
	/* Tried again after a second. */
	peer_expect(&p, MSG_journal_synced, &h);
	ck_assert_int_eq(h.m.journal_synced.seq, 3);
	peer_expect(&p, MSG_journal_failing, &h);
	ck_assert_str_eq(h.m.journal_failing.text, "");
	message_release(&h.m);
	kill(p.pid, SIGKILL);
	peer_end(&p);
	start(&p);
	ask_load(&p);
	row(&p, 1, 1, "one");
	row(&p, 2, 2, "two");
	row(&p, 3, 3, "three");
	ck_assert_int_eq(loaded(&p, 3, 0), 0);
	ends_well(&p);
}
END_TEST

/* What the supervisor knows, and what may be true besides. */
struct belief {
	int64_t	seq;			/* last put that was sent */
	int64_t	synced;
	int64_t	put[KEYS][2000];	/* seqs of each key, rising */
	int	count[KEYS];
};

static int64_t
last_put(const struct belief *b, int key, int64_t limit)
{
	for (int i = b->count[key]; i-- > 0; )
		if (b->put[key][i] <= limit)
			return b->put[key][i];
	return 0;
}

/* Each row is a put that was sent, and none older than the last synced. */
static void
check_rows(struct peer *p, struct belief *b)
{
	int64_t seen[KEYS] = { 0 };
	char text[64];
	struct heard h;

	for (;;) {
		ck_assert(peer_hear(p, &h));
		ck_assert_int_ne(h.m.type, MSG_failed);
		if (h.m.type == MSG_journal_loaded)
			break;
		if (h.m.type == MSG_journal_row) {
			snprintf(text, sizeof(text), "value %" PRIi64,
			    h.m.journal_row.seq);
			ck_assert_mem_eq(h.m.journal_row.data.data, text,
			    strlen(text));
			seen[h.m.journal_row.key] = h.m.journal_row.seq;
		}
		message_release(&h.m);
	}
	ck_assert_int_ge(h.m.journal_loaded.seq, b->synced);
	for (int key = 0; key < KEYS; key++)
		ck_assert_int_ge(seen[key], last_put(b, key, b->synced));
	/* What was sent and is not there is gone; the numbers go on. */
	b->synced = h.m.journal_loaded.seq;
	for (int key = 0; key < KEYS; key++)
		while (b->count[key] > 0 &&
		    b->put[key][b->count[key] - 1] > b->synced)
			b->count[key]--;
}

static void
put_some(struct peer *p, struct belief *b)
{
	char text[64];

	for (int i = 0; i < 8; i++) {
		int key = rand() % KEYS;

		snprintf(text, sizeof(text), "value %" PRIi64, ++b->seq);
		b->put[key][b->count[key]++] = b->seq;
		ck_assert_int_lt(b->count[key], 2000);
		put(p, b->seq, key, text);
	}
}

static void
hear_synced(struct peer *p, struct belief *b)
{
	struct heard h;

	peer_expect(p, MSG_journal_synced, &h);
	ck_assert_int_ge(h.m.journal_synced.seq, b->synced);
	b->synced = h.m.journal_synced.seq;
}

/* Put and listen a while, put again, and kill at a moment that nobody chose
 * in the work on that. */
static void
work_and_die(struct peer *p, struct belief *b, int batches,
    int64_t microseconds)
{
	int64_t end;

	for (int i = 0; i < batches; i++) {
		put_some(p, b);
		hear_synced(p, b);
	}
	put_some(p, b);
	for (end = clock_us() + microseconds; clock_us() < end; )
		;
	kill(p->pid, SIGKILL);
}

START_TEST(nothing_that_was_synced_is_lost_in_200_kills)
{
	static struct belief b;
	struct peer p;
	unsigned int seed = (unsigned int)time(NULL);

	fprintf(stderr, "# seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < KILLS; i++) {
		start(&p);
		ask_load(&p);
		check_rows(&p, &b);
		work_and_die(&p, &b, rand() % 4, rand() % 3000);
		peer_end(&p);
		for (int k = 0; k < KEYS; k++)
			if (b.count[k] > 1500) {
				memmove(b.put[k], b.put[k] + 1000,
				    sizeof(b.put[k]) - 1000 *
				    sizeof(b.put[k][0]));
				b.count[k] -= 1000;
			}
	}
	start(&p);
	ask_load(&p);
	check_rows(&p, &b);
	/* On the average, one and a half batches of eight each time. */
	ck_assert_int_gt(b.synced, 4 * KILLS);
	ends_well(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("channel");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_first_start_is_empty_and_says_nothing);
	tcase_add_test(t, what_was_synced_is_there_the_next_time);
	tcase_add_test(t, a_second_load_is_refused);
	tcase_add_test(t, more_rows_than_a_queue_holds_arrive);
	tcase_add_test(t, what_arrives_together_is_answered_together);
	tcase_add_test(t, events_are_acknowledged_and_kept);
	tcase_add_test(t, a_torn_tail_is_said_and_the_rest_is_there);
	tcase_add_test(t, what_the_dead_supervisor_said_last_is_kept);
	tcase_add_test(t,
	    a_full_disk_is_said_and_what_was_put_is_written_later);
	tcase_add_test(t, nothing_that_was_synced_is_lost_in_200_kills);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
