/* What the keeper is told: a keeper of the test's is at the other end. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sys.h"
#include "supervisor/root/arena.h"
#include "supervisor/root/spawn.h"
#include "tests/unit/clock_fake.h"
#include "tests/unit/run.h"
#include "tests/unit/sys_fake.h"

#define KEEPER_PID	4000

static struct supervisor s;
static int keeper = -1;		/* the keeper's end */
static int null_fd;

/* What the supervisor's calls to send say, beginning with the next. */
static int send_error, send_errors;

ssize_t	__real_sendmsg(int, const struct msghdr *, int);
ssize_t	__wrap_sendmsg(int, const struct msghdr *, int);
pid_t	__wrap_spawn_process(const struct spawn *, int *);

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (send_errors > 0 && fd != keeper) {
		send_errors--;
		errno = send_error;
		return -1;
	}
	return __real_sendmsg(fd, m, flags);
}

static void
new_keeper(int *ours)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, pair), 0);
	if (keeper != -1)
		close(keeper);
	keeper = pair[1];
	*ours = pair[0];
}

static int spawns;

/* Instead of a process: the child's descriptor 3 is the keeper's end. */
pid_t
__wrap_spawn_process(const struct spawn *what, int *pidfd)
{
	if (keeper != -1)
		close(keeper);
	keeper = dup(what->fds[KEEPER_FD_PEER]);
	spawns++;
	sys_fake_process(KEEPER_PID + spawns, true, 1);
	*pidfd = sys_pidfd_open(KEEPER_PID + spawns);
	return KEEPER_PID + spawns;
}

static void
setup(void)
{
	struct error e = { 0 };
	int ours;

	sys_fake_reset();
	clock_fake_reset();
	s = (struct supervisor){ .is_loaded = false };
	arena_use();
	s.loop = ev_loop_new(EVFLAG_NOENV);
	TAILQ_INIT(&s.runs);
	s.layout.home = "/nowhere";
	s.null_fd = null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sys_fake_process(KEEPER_PID, false, 1);
	new_keeper(&ours);
	ck_assert_int_eq(guard_init(&s, ours, KEEPER_PID, &e), 0);
	guard_watch(&s);
}

static void
turn(void)
{
	ev_run(s.loop, EVRUN_NOWAIT);
}

/* The next record, or false. Its descriptors are closed; *nfds says how many
 * they were. */
static bool
next_record(struct keeper_message *m, int *nfds)
{
	int fds[KEEPER_FDS], n = 0;
	ssize_t len = recv_fds(keeper, m, sizeof(*m), fds, KEEPER_FDS, &n);

	if (len < 0)
		return false;
	ck_assert_int_eq(len, sizeof(*m));
	for (int i = 0; i < n; i++)
		close(fds[i]);
	if (nfds != NULL)
		*nfds = n;
	return true;
}

static void
expect(struct keeper_message *m, enum keeper_type type, uint64_t key)
{
	ck_assert_msg(next_record(m, NULL), "nothing came for %d", (int)key);
	ck_assert_uint_eq(m->type, type);
	ck_assert_uint_eq(m->key, key);
}

static void
expect_nothing(void)
{
	struct keeper_message m;

	ck_assert_msg(!next_record(&m, NULL), "a record of type %u came",
	    m.type);
}

static void
say(enum keeper_type type, uint32_t seq, int status)
{
	struct keeper_message m = { .type = type, .seq = seq, .slot = -1,
	    .status = status };

	ck_assert_int_eq(send(keeper, &m, sizeof(m), MSG_NOSIGNAL),
	    sizeof(m));
	turn();
}

/* How often it was told, and what. */
struct told {
	int	times, result;
};

static void
held(void *arg, int result)
{
	struct told *t = arg;

	t->times++;
	t->result = result;
}

static void
put(uint64_t key, struct told *t)
{
	ck_assert_int_eq(guard_put(&s, &(struct guard_item){ .key = key,
	    .pid = 100, .slot = 3, .blob = "blob", .len = 4,
	    .fds = { null_fd, null_fd }, .nfds = 2, .held = t != NULL ?
	    held : NULL, .arg = t }), 0);
}

START_TEST(an_entry_is_put_with_all_that_it_has)
{
	struct keeper_message m;
	struct told t = { 0 };
	int nfds;

	setup();
	put(9, &t);
	ck_assert(next_record(&m, &nfds));
	ck_assert_uint_eq(m.type, KEEPER_PUT);
	ck_assert_uint_eq(m.key, 9);
	ck_assert_int_eq(m.pid, 100);
	ck_assert_int_eq(m.slot, 3);
	ck_assert_uint_eq(m.len, 4);
	ck_assert_mem_eq(m.blob, "blob", 4);
	ck_assert_int_eq(nfds, 2);
	ck_assert_int_eq(t.times, 0);
	say(KEEPER_ACK, m.seq, 0);
	ck_assert_int_eq(t.times, 1);
	ck_assert_int_eq(t.result, 0);
	/* An answer that comes twice means nothing. */
	say(KEEPER_ACK, m.seq, 0);
	ck_assert_int_eq(t.times, 1);
}
END_TEST

START_TEST(a_refusal_is_told)
{
	struct keeper_message m;
	struct told t = { 0 };

	setup();
	put(9, &t);
	expect(&m, KEEPER_PUT, 9);
	say(KEEPER_ACK, m.seq, -ENOSPC);
	ck_assert_int_eq(t.times, 1);
	ck_assert_int_eq(t.result, -ENOSPC);
}
END_TEST

START_TEST(the_window_is_never_exceeded)
{
	struct keeper_message m;
	uint32_t seqs[1024];
	int in_flight = 0, first = 0, last = 0;

	setup();
	for (uint64_t key = 1; key <= 100; key++)
		put(key, NULL);
	for (int answered = 0; answered < 100; answered++) {
		while (next_record(&m, NULL)) {
			seqs[last++] = m.seq;
			in_flight++;
		}
		ck_assert_int_le(in_flight, KEEPER_WINDOW);
		ck_assert_int_gt(in_flight, 0);
		say(KEEPER_ACK, seqs[first++], 0);
		in_flight--;
	}
	expect_nothing();
	ck_assert_int_eq(last, 100);
}
END_TEST

/* A keeper that answers what it was never asked gets no wider window. */
START_TEST(false_answers_do_not_widen_the_window)
{
	struct keeper_message m;
	int n = 0;

	setup();
	for (int i = 0; i < 50; i++)
		say(KEEPER_ACK, 1000 + (uint32_t)i, 0);
	for (uint64_t key = 1; key <= 100; key++)
		put(key, NULL);
	while (next_record(&m, NULL))
		n++;
	ck_assert_int_le(n, KEEPER_WINDOW);
}
END_TEST

START_TEST(a_new_keeper_is_told_all_in_the_order_of_keys)
{
	static const uint64_t keys[] = { 50, 2, 7, 1, 30, 4 };
	struct keeper_message m;
	struct told t[6] = { { 0 } };
	uint64_t before = 0;
	int n = 0;

	setup();
	for (int i = 0; i < 6; i++)
		put(keys[i], &t[i]);
	/* Half of them are acknowledged, one is dropped. */
	for (int i = 0; i < 3; i++) {
		expect(&m, KEEPER_PUT, keys[i]);
		say(KEEPER_ACK, m.seq, 0);
	}
	guard_drop(&s, 7);
	close(keeper);
	keeper = -1;
	turn();
	ck_assert_int_eq(spawns, 1);
	expect(&m, KEEPER_HELLO, 0);
	say(KEEPER_ACK, m.seq, 0);
	while (next_record(&m, NULL)) {
		ck_assert_uint_eq(m.type, KEEPER_PUT);
		ck_assert_uint_gt(m.key, before);
		ck_assert_uint_ne(m.key, 7);
		before = m.key;
		n++;
		say(KEEPER_ACK, m.seq, 0);
	}
	ck_assert_int_eq(n, 5);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(t[i].times, 1);
}
END_TEST

START_TEST(what_was_dropped_before_it_was_sent_is_deleted_all_the_same)
{
	struct keeper_message m;
	struct told t = { 0 };

	setup();
	for (uint64_t key = 1; key <= KEEPER_WINDOW; key++)
		put(key, NULL);
	put(99, &t);
	guard_drop(&s, 99);
	ck_assert_int_eq(t.times, 1);
	ck_assert_int_eq(t.result, -ECANCELED);
	for (uint64_t key = 1; key <= KEEPER_WINDOW; key++) {
		expect(&m, KEEPER_PUT, key);
		say(KEEPER_ACK, m.seq, 0);
	}
	expect(&m, KEEPER_DEL, 99);
	say(KEEPER_ACK, m.seq, 0);
	ck_assert_int_eq(t.times, 1);
	/* It is forgotten: another of that key is a new one. */
	put(99, NULL);
	expect(&m, KEEPER_PUT, 99);
	expect_nothing();
}
END_TEST

START_TEST(what_is_replaced_in_flight_is_put_again)
{
	struct keeper_message first, second;
	struct told a = { 0 }, b = { 0 };

	setup();
	put(5, &a);
	expect(&first, KEEPER_PUT, 5);
	put(5, &b);
	ck_assert_int_eq(a.times, 1);
	ck_assert_int_eq(a.result, -ECANCELED);
	expect(&second, KEEPER_PUT, 5);
	say(KEEPER_ACK, first.seq, 0);
	ck_assert_int_eq(b.times, 0);
	say(KEEPER_ACK, second.seq, 0);
	ck_assert_int_eq(b.times, 1);
	ck_assert_int_eq(b.result, 0);
	ck_assert_int_eq(a.times, 1);
}
END_TEST

START_TEST(dropping_what_is_not_there_says_nothing)
{
	setup();
	guard_drop(&s, 1234);
	expect_nothing();
}
END_TEST

START_TEST(what_could_not_be_sent_is_sent_later_with_nobody_asking)
{
	static const int errors[] = { EAGAIN, ETOOMANYREFS, ENOBUFS, ENOMEM };
	struct keeper_message m;
	struct told t;

	setup();
	for (int i = 0; i < 4; i++) {
		t = (struct told){ 0 };
		send_error = errors[i];
		send_errors = 1;
		put(5, &t);
		expect_nothing();
		/* Nothing is in flight: only a timer can bring us back. */
		ck_assert(ev_is_active(&s.retry));
		ev_feed_event(s.loop, &s.retry, EV_TIMER);
		ev_invoke_pending(s.loop);
		ev_timer_stop(s.loop, &s.retry);
		expect(&m, KEEPER_PUT, 5);
		say(KEEPER_ACK, m.seq, 0);
		ck_assert_int_eq(t.times, 1);
		guard_drop(&s, 5);
		expect(&m, KEEPER_DEL, 5);
		say(KEEPER_ACK, m.seq, 0);
	}
}
END_TEST

START_TEST(a_ping_is_answered_even_when_there_is_no_room)
{
	struct keeper_message m = { 0 };

	setup();
	send_error = EAGAIN;
	send_errors = 1;
	say(KEEPER_PING, 77, 0);
	expect_nothing();
	ev_feed_event(s.loop, &s.retry, EV_TIMER);
	ev_invoke_pending(s.loop);
	expect(&m, KEEPER_PONG, 0);
	ck_assert_uint_eq(m.seq, 77);
	expect_nothing();
}
END_TEST

START_TEST(an_exit_of_what_is_not_known_is_taken_note_of)
{
	struct keeper_message m = { .type = KEEPER_EXIT, .key = 1ULL << 60 |
	    5, .pid = 321, .slot = -1 }, got;

	setup();
	send(keeper, &m, sizeof(m), MSG_NOSIGNAL);
	turn();
	expect(&got, KEEPER_GOT, m.key);
	ck_assert_int_eq(got.pid, 321);
}
END_TEST

START_TEST(what_is_no_record_is_passed_over)
{
	struct keeper_message m;
	uint8_t rubbish[sizeof(m)];

	setup();
	for (size_t n = 1; n < sizeof(m); n += 7) {
		memset(rubbish, 0xff, sizeof(rubbish));
		send(keeper, rubbish, n, MSG_NOSIGNAL);
		turn();
	}
	for (uint32_t type = 0; type < 300; type++) {
		memset(&m, 0xff, sizeof(m));
		m.type = type;
		send(keeper, &m, sizeof(m), MSG_NOSIGNAL);
		turn();
		while (next_record(&m, NULL))
			;
	}
	ck_assert_int_eq(spawns, 0);
	put(5, NULL);
	expect(&m, KEEPER_PUT, 5);
}
END_TEST

START_TEST(a_keeper_that_cannot_be_started_is_tried_again)
{
	struct keeper_message m;

	setup();
	put(5, NULL);
	sys_fake_fail("socketpair", EMFILE, 1);
	close(keeper);
	keeper = -1;
	turn();
	ck_assert_int_eq(spawns, 0);
	/* 0.1 s of the loop's own clock. */
	while (spawns == 0)
		ev_run(s.loop, EVRUN_ONCE);
	expect(&m, KEEPER_HELLO, 0);
	expect(&m, KEEPER_PUT, 5);
}
END_TEST

START_TEST(keepers_that_die_at_once_are_replaced_with_a_pause)
{
	setup();
	for (int i = 0; i < 50; i++) {
		close(keeper);
		keeper = -1;
		turn();
		if (keeper == -1)
			break;
	}
	/* Ten in a second at once; what follows waits for its timer. */
	ck_assert_int_eq(spawns, 10);
}
END_TEST

START_TEST(the_one_that_is_lost_is_killed_before_another_is_there)
{
	setup();
	close(keeper);
	keeper = -1;
	turn();
	ck_assert_int_eq(sys_fake_signal(KEEPER_PID), SIGKILL);
	ck_assert_int_eq(spawns, 1);
	ck_assert_int_eq(guard_keeper_pid(&s), KEEPER_PID + 1);
}
END_TEST

START_TEST(at_the_end_no_other_is_started)
{
	struct keeper_message m;

	setup();
	guard_stop(&s);
	expect(&m, KEEPER_STOP, 0);
	close(keeper);
	keeper = -1;
	turn();
	ck_assert_int_eq(spawns, 0);
}
END_TEST

START_TEST(too_long_a_blob_is_refused)
{
	uint8_t blob[KEEPER_BLOB + 50];

	setup();
	memset(blob, 7, sizeof(blob));
	ck_assert_int_lt(guard_put(&s, &(struct guard_item){ .key = 1,
	    .slot = -1, .blob = blob, .len = sizeof(blob) }), 0);
	expect_nothing();
}
END_TEST

int
main(void)
{
	return run_tests("guard", (const TTest *const[]){
	    an_entry_is_put_with_all_that_it_has,
	    a_refusal_is_told,
	    the_window_is_never_exceeded,
	    false_answers_do_not_widen_the_window,
	    a_new_keeper_is_told_all_in_the_order_of_keys,
	    what_was_dropped_before_it_was_sent_is_deleted_all_the_same,
	    what_is_replaced_in_flight_is_put_again,
	    dropping_what_is_not_there_says_nothing,
	    what_could_not_be_sent_is_sent_later_with_nobody_asking,
	    a_ping_is_answered_even_when_there_is_no_room,
	    an_exit_of_what_is_not_known_is_taken_note_of,
	    what_is_no_record_is_passed_over,
	    a_keeper_that_cannot_be_started_is_tried_again,
	    keepers_that_die_at_once_are_replaced_with_a_pause,
	    the_one_that_is_lost_is_killed_before_another_is_there,
	    at_the_end_no_other_is_started,
	    too_long_a_blob_is_refused,
	    NULL });
}
