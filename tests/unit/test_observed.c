/* The observed state: whole steps, whatever is killed when. */
/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#undef fail	/* Check's, it is in the way of base/error.h */
#include "supervisor/root/observed.h"

static struct observed o, successor;
static struct error e;
static bool is_memory_short;

/* In place of libc's. */
int
fallocate(int fd, int mode, off_t at, off_t len)
{
	if (is_memory_short) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

static void
setup(void)
{
	is_memory_short = false;
	successor.fd = -1;
	ck_assert_int_eq(observed_create(&o, &e), 0);
}

static void
teardown(void)
{
	observed_release(&o);
	observed_release(&successor);
}

/* What the next supervisor sees. */
static int
succeed(void)
{
	int fd = fcntl(o.fd, F_DUPFD_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	memset(&e, 0, sizeof(e));
	return observed_map(&successor, fd, &e);
}

static uint64_t
memory(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(o.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void
add(uint64_t owner)
{
	struct slot slot = { .owner = owner, .pid = (int32_t)owner };
	int index = observed_free_slot(&o);

	ck_assert_int_ge(index, 0);
	observed_commit(&o, index, &slot);
}

/* ---- slots and cells ---- */

START_TEST(a_new_one_is_empty_small_and_sealed)
{
	ck_assert_int_eq(fcntl(o.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(ftruncate(o.fd, 0), 0);
	ck_assert_int_ne(ftruncate(o.fd, 1L << 30), 0);
	ck_assert_int_eq(observed_slot(&o, 0)->owner, 0);
	ck_assert_int_eq(observed_slot(&o, OBSERVED_SLOTS - 1)->owner, 0);
	ck_assert_int_eq(observed_free_slot(&o), 0);
	ck_assert_uint_le(memory(), 16 * 1024);
}
END_TEST

START_TEST(a_hundred_apps_cost_less_than_a_kilobyte_each)
{
	uint64_t before = memory();

	for (uint64_t i = 1; i <= 100; i++)
		add(i);
	ck_assert_uint_le(memory() - before, 100 * 1024);
	ck_assert_int_eq(succeed(), 0);
	ck_assert_uint_le(memory() - before, 100 * 1024);
}
END_TEST

START_TEST(a_successor_reads_what_was_committed)
{
	struct slot slot = { .owner = 7, .run = 3, .pid = 42,
	    .phase = PHASE_EXECUTED, .history = { .streak = 2 } };

	observed_commit(&o, 0, &slot);
	slot.pid = 43;
	observed_commit(&o, 0, &slot);
	observed_counters(&o)->next_run = 99;
	ck_assert_int_eq(succeed(), 0);
	ck_assert_int_eq(observed_slot(&successor, 0)->owner, 7);
	ck_assert_int_eq(observed_slot(&successor, 0)->pid, 43);
	ck_assert_int_eq(observed_slot(&successor, 0)->history.streak, 2);
	ck_assert_uint_eq(observed_counters(&successor)->next_run, 99);
}
END_TEST

START_TEST(free_slots_are_used_again_lowest_first)
{
	static const struct slot none;

	for (uint64_t i = 1; i <= OBSERVED_SLOTS; i++)
		add(i);
	ck_assert_int_eq(observed_free_slot(&o), -1);
	observed_commit(&o, 77, &none);
	observed_commit(&o, 55, &none);
	ck_assert_int_eq(observed_free_slot(&o), 55);
}
END_TEST

START_TEST(without_memory_there_is_no_free_slot)
{
	is_memory_short = true;
	ck_assert_int_eq(observed_free_slot(&o), -1);
	is_memory_short = false;
	ck_assert_int_eq(observed_free_slot(&o), 0);
}
END_TEST

START_TEST(a_cell_speaks_of_one_pid_only)
{
	const struct observed_header *h = o.base;
	struct observed_cell *cells;
	int32_t status = -1;

	add(1);
	cells = (struct observed_cell *)((char *)o.base + h->cells_at);
	ck_assert(!observed_cell_status(&o, 0, 42, &status));
	/* As the keeper writes it. */
	cells[0].status = 256;
	__atomic_store_n(&cells[0].committed, 42, __ATOMIC_RELEASE);
	ck_assert(observed_cell_status(&o, 0, 42, &status));
	ck_assert_int_eq(status, 256);
	ck_assert(!observed_cell_status(&o, 0, 43, &status));
	ck_assert(!observed_cell_status(&o, 0, 0, &status));
	ck_assert(!observed_cell_status(&o, 1, 42, &status));
	observed_cell_clear(&o, 0);
	ck_assert(!observed_cell_status(&o, 0, 42, &status));
}
END_TEST

/* ---- events ---- */

/* The bytes of an event follow from its number, so that any can be checked. */
static size_t
event_bytes(int64_t seq, size_t len, uint8_t *bytes)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((uint64_t)seq * 31 + i * 7);
	return len;
}

static uint8_t bytes[60 * 1024];

static void
lay(struct observed *to, int64_t seq, size_t len)
{
	observed_event(to, seq, bytes, event_bytes(seq, len, bytes));
}

/* All events from seq on are whole and consecutive; how many. */
static int
events_from(const struct observed *from, int64_t seq)
{
	const uint8_t *got;
	int64_t at = seq;
	size_t len;
	int n = 0;

	while ((got = observed_event_at(from, &at, &len)) != NULL) {
		if (at != seq && n > 0)
			ck_abort_msg("%lld follows %lld", (long long)at,
			    (long long)seq);
		event_bytes(at, len, bytes);
		if (memcmp(got, bytes, len) != 0)
			ck_abort_msg("%lld is damaged", (long long)at);
		seq = ++at;
		n++;
	}
	return n;
}

START_TEST(events_are_seen_once_they_are_committed)
{
	static const struct slot slot = { .owner = 1 };
	int64_t seq = 1;
	size_t len;

	lay(&o, 1, 100);
	ck_assert_ptr_null(observed_event_at(&o, &seq, &len));
	ck_assert_int_eq(succeed(), 0);
	ck_assert_int_eq(successor.seq, 0);
	observed_release(&successor);

	observed_commit(&o, 0, &slot);
	lay(&o, 2, 0);
	observed_commit_events(&o);
	ck_assert_int_eq(events_from(&o, 1), 2);
	ck_assert_int_eq(events_from(&o, 2), 1);
	ck_assert_int_eq(events_from(&o, 3), 0);
	ck_assert_int_eq(succeed(), 0);
	ck_assert_int_eq(successor.seq, 2);
	ck_assert_int_eq(events_from(&successor, 0), 2);
}
END_TEST

/* Sizes that fall on the ring's end in every way there is. */
static size_t
size_of(int64_t seq)
{
	uint64_t n = (uint64_t)seq * 2654435761u >> 7;

	return n % 50 == 0 ? n % sizeof(bytes) : n % 700;
}

START_TEST(old_events_make_way_and_the_rest_stay_whole)
{
	int64_t seq, oldest;
	size_t len;
	int n;

	for (seq = 1; seq <= 20000; seq++) {
		lay(&o, seq, size_of(seq));
		if (seq % 3 == 0)
			observed_commit_events(&o);
		if (seq % 1111 != 0)
			continue;
		observed_commit_events(&o);
		ck_assert_int_eq(succeed(), 0);
		ck_assert_int_eq(successor.seq, seq);
		oldest = 1;
		ck_assert_ptr_nonnull(observed_event_at(&o, &oldest, &len));
		n = events_from(&successor, 1);
		ck_assert_int_eq(n, seq - oldest + 1);
		/* It goes on where the predecessor was. */
		observed_release(&o);
		o = successor;
		memset(&successor, 0, sizeof(successor));
		successor.fd = -1;
	}
	observed_commit_events(&o);
	ck_assert_int_gt(oldest, 1000);
	ck_assert_int_gt(n, 500);
	for (; oldest <= 20000; oldest++) {
		seq = oldest;
		if (observed_event_at(&o, &seq, &len) == NULL ||
		    seq != oldest || len != size_of(seq))
			ck_abort_msg("%lld is not found", (long long)oldest);
	}
}
END_TEST

START_TEST(an_event_that_is_too_long_is_left_out)
{
	int64_t seq = 1;
	size_t len;
	uint8_t *big = calloc(1, sizeof(bytes) + 1);

	observed_event(&o, 1, big, sizeof(bytes) + 1);
	free(big);
	lay(&o, 2, sizeof(bytes));
	observed_commit_events(&o);
	ck_assert_ptr_nonnull(observed_event_at(&o, &seq, &len));
	ck_assert_int_eq(seq, 2);
	ck_assert_uint_eq(len, sizeof(bytes));
}
END_TEST

START_TEST(an_event_without_memory_is_left_out)
{
	int64_t seq = 1;
	size_t len;

	is_memory_short = true;
	lay(&o, 1, 10);
	is_memory_short = false;
	lay(&o, 2, 10);
	observed_commit_events(&o);
	ck_assert_ptr_nonnull(observed_event_at(&o, &seq, &len));
	ck_assert_int_eq(seq, 2);
}
END_TEST

START_TEST(a_number_that_was_left_out_is_not_given_again)
{
	is_memory_short = true;
	lay(&o, 1, 10);
	observed_commit_events(&o);
	is_memory_short = false;
	ck_assert_int_eq(succeed(), 0);
	ck_assert_int_eq(successor.seq, 1);
}
END_TEST

START_TEST(a_step_larger_than_the_ring_spares_what_was_committed)
{
	lay(&o, 1, 10);
	observed_commit_events(&o);
	for (int64_t seq = 2; seq <= 40; seq++)
		lay(&o, seq, sizeof(bytes));
	ck_assert_int_eq(succeed(), 0);
	observed_release(&successor);
	observed_commit_events(&o);
	ck_assert_int_eq(succeed(), 0);
	ck_assert_int_eq(successor.seq, 40);
	ck_assert_int_gt(events_from(&successor, 1), 10);
}
END_TEST

/* ---- what is no state of ours ---- */

static int
succeed_to(int fd)
{
	int r;

	memset(&e, 0, sizeof(e));
	r = observed_map(&successor, fd, &e);
	if (r < 0) {
		ck_assert_int_eq(e.code, r);
		/* Taken over all the same. */
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	}
	return r;
}

START_TEST(other_files_are_refused)
{
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, (off_t)o.size), 0);
	ck_assert_int_eq(succeed_to(fd), -EBADMSG);	/* not sealed */

	fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, (off_t)o.size), 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(succeed_to(fd), -EBADMSG);	/* empty */

	fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, (off_t)o.size + 4096), 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(succeed_to(fd), -ENOTSUP);	/* another size */

	ck_assert_int_eq(succeed_to(open("/dev/null", O_RDWR | O_CLOEXEC)),
	    -EBADMSG);
}
END_TEST

START_TEST(another_layout_is_told_from_damage)
{
	struct observed_header *h = o.base;

	h->layout = OBSERVED_LAYOUT + 1;
	ck_assert_int_eq(succeed(), -ENOTSUP);
	h->layout = OBSERVED_LAYOUT;
	h->slots--;
	ck_assert_int_eq(succeed(), -ENOTSUP);
	h->slots++;
	h->magic++;
	ck_assert_int_eq(succeed(), -EBADMSG);
	h->magic--;
	ck_assert_int_eq(succeed(), 0);
}
END_TEST

START_TEST(any_damage_is_refused_or_harmless)
{
	static const struct slot slot = { .owner = 1 };
	size_t ring = o.size - OBSERVED_RING, at;
	uint8_t *byte;
	int64_t seq;
	size_t len;
	int refused = 0;

	for (seq = 1; seq <= 30; seq++)
		lay(&o, seq, 40);
	observed_commit(&o, 0, &slot);
	srand(1);
	for (int i = 0; i < 6000; i++) {
		at = (size_t)rand() % 512;
		if (i % 3 == 1)
			at += ring;
		else if (i % 3 == 2)
			at += ((struct observed_header *)o.base)->cells_at +
			    OBSERVED_SLOTS * sizeof(struct observed_cell);
		byte = (uint8_t *)o.base + at;
		*byte = (uint8_t)rand();
		if (succeed() < 0) {
			refused++;
		} else {
			for (seq = 0; observed_event_at(&successor, &seq,
			    &len) != NULL; seq++)
				if (len > sizeof(bytes))
					ck_abort_msg("an event of %zu", len);
			observed_slot(&successor, 0);
			observed_free_slot(&successor);
			lay(&successor, successor.seq + 1, 100);
			observed_release(&successor);
		}
		observed_release(&o);
		setup();
		for (seq = 1; seq <= 30; seq++)
			lay(&o, seq, 40);
		observed_commit(&o, 0, &slot);
	}
	ck_assert_int_gt(refused, 1000);
}
END_TEST

/* ---- killed between any two instructions ---- */

/* The part of the file that a step can change, as it was last. */
struct region {
	size_t	 at, len;
	uint8_t	 was[4096];
};

static struct region regions[4];

static bool
has_changed(void)
{
	bool changed = false;

	for (struct region *r = regions; r < regions + 4; r++)
		if (memcmp((char *)o.base + r->at, r->was, r->len) != 0) {
			memcpy(r->was, (char *)o.base + r->at, r->len);
			changed = true;
		}
	return changed;
}

static void
watch(void)
{
	size_t ring = o.size - OBSERVED_RING, at = o.pending % OBSERVED_RING;

	regions[0].at = 0;
	regions[1].at = ((struct observed_header *)o.base)->cells_at +
	    OBSERVED_SLOTS * sizeof(struct observed_cell);
	regions[2].at = ring;
	regions[3].at = ring + (at > OBSERVED_RING - 4096 ?
	    OBSERVED_RING - 4096 : at);
	for (struct region *r = regions; r < regions + 4; r++)
		r->len = 4096;
	has_changed();
}

/* The bytes as they are at this moment, in a memfd of their own. */
static int
copy(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t at = 0, end;

	ck_assert_int_eq(ftruncate(fd, (off_t)o.size), 0);
	while ((at = lseek(o.fd, at, SEEK_DATA)) != -1) {
		end = lseek(o.fd, at, SEEK_HOLE);
		if (pwrite(fd, (char *)o.base + at, (size_t)(end - at), at) !=
		    end - at)
			ck_abort_msg("cannot copy");
		at = end;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	return fd;
}

/* A step of a supervisor: two events, and the state they tell of. */
static void
commit_step(int64_t seq, int32_t pid)
{
	struct slot slot = { .owner = 1, .pid = pid, .run = (uint64_t)pid,
	    .exit_ms = pid, .history = { .give_up_from_ms = pid } };

	lay(&o, seq, 200);
	lay(&o, seq + 1, 90);
	observed_commit(&o, 0, &slot);
}

/* All old or all new: true if new. */
static bool
check_copy(int64_t old_seq, int32_t old_pid)
{
	const struct slot *slot;
	int64_t seq = 0, oldest = 0;
	size_t len;
	int32_t pid;

	if (observed_map(&successor, copy(), &e) < 0)
		ck_abort_msg("a successor cannot map it: %s", e.text);
	slot = observed_slot(&successor, 0);
	pid = slot->pid;
	if ((pid != old_pid && pid != old_pid + 1) ||
	    slot->run != (uint64_t)pid || slot->exit_ms != pid ||
	    slot->history.give_up_from_ms != pid)
		ck_abort_msg("the slot is half written");
	seq = pid == old_pid ? old_seq : old_seq + 2;
	if (successor.seq != seq)
		ck_abort_msg("pid %d, but event %lld", pid,
		    (long long)successor.seq);
	observed_event_at(&successor, &oldest, &len);
	if (events_from(&successor, 0) != seq - oldest + 1)
		ck_abort_msg("events are missing");
	observed_release(&successor);
	return pid != old_pid;
}

static pid_t
start_stepped(int64_t seq, int32_t pid)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ne(child, -1);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(9);
		raise(SIGSTOP);
		commit_step(seq + 1, pid + 1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSTOPPED(status), "cannot trace a child");
	return child;
}

/* Let a process make one step, and look after each of its instructions. */
static void
step_through(int64_t seq, int32_t pid)
{
	bool is_new = false, was_new;
	int status, stores = 0;
	pid_t child;

	watch();
	child = start_stepped(seq, pid);
	for (;;) {
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL),
		    0);
		if (waitpid(child, &status, 0) != child ||
		    !WIFSTOPPED(status))
			break;
		if (!has_changed())
			continue;
		stores++;
		was_new = is_new;
		is_new = check_copy(seq, pid);
		if (was_new && !is_new)
			ck_abort_msg("what was committed is gone");
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert(is_new);
	ck_assert_int_gt(stores, 10);
}

START_TEST(a_kill_at_any_instruction_leaves_a_whole_step)
{
	commit_step(1, 1);
	step_through(2, 1);
}
END_TEST

START_TEST(a_kill_while_old_events_are_overwritten_is_no_different)
{
	int64_t seq;

	/* Full, and the next event does not fit before the ring's end. */
	for (seq = 1; o.pending < OBSERVED_RING; seq++) {
		lay(&o, seq, 4000);
		observed_commit_events(&o);
	}
	for (; OBSERVED_RING - o.pending % OBSERVED_RING > 4200; seq++) {
		lay(&o, seq, 4000);
		observed_commit_events(&o);
	}
	for (; OBSERVED_RING - o.pending % OBSERVED_RING > 200; seq++) {
		lay(&o, seq, 50);
		observed_commit_events(&o);
	}
	commit_step(seq, 1);
	ck_assert_uint_gt(o.pending, OBSERVED_RING);
	step_through(seq + 1, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("observed");
	TCase *tcase = tcase_create("observed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, a_new_one_is_empty_small_and_sealed);
	tcase_add_test(tcase, a_hundred_apps_cost_less_than_a_kilobyte_each);
	tcase_add_test(tcase, a_successor_reads_what_was_committed);
	tcase_add_test(tcase, free_slots_are_used_again_lowest_first);
	tcase_add_test(tcase, without_memory_there_is_no_free_slot);
	tcase_add_test(tcase, a_cell_speaks_of_one_pid_only);
	tcase_add_test(tcase, events_are_seen_once_they_are_committed);
	tcase_add_test(tcase, old_events_make_way_and_the_rest_stay_whole);
	tcase_add_test(tcase, an_event_that_is_too_long_is_left_out);
	tcase_add_test(tcase, an_event_without_memory_is_left_out);
	tcase_add_test(tcase, a_number_that_was_left_out_is_not_given_again);
	tcase_add_test(tcase,
	    a_step_larger_than_the_ring_spares_what_was_committed);
	tcase_add_test(tcase, other_files_are_refused);
	tcase_add_test(tcase, another_layout_is_told_from_damage);
	tcase_add_test(tcase, any_damage_is_refused_or_harmless);
	tcase_add_test(tcase, a_kill_at_any_instruction_leaves_a_whole_step);
	tcase_add_test(tcase,
	    a_kill_while_old_events_are_overwritten_is_no_different);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
