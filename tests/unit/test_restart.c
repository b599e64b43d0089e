/* The restart policy, in virtual time. */
/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/root/restart.h"

#define POLICIES	3000	/* random ones ... */
#define ENDS		200	/* ... with as many ends each */

/* For the many: Check writes each of its own assertions to a file. */
#define HOLDS(what)							\
	do {								\
		if (!(what))						\
			ck_abort_msg("seed %llu: not %s",		\
			    (unsigned long long)first_seed, #what);	\
	} while (0)

#define EXITED(code)	((code) << 8)

static struct restart_policy policy;
static struct restart_history history;
static int64_t now, delay;
static uint64_t seed, first_seed;
static bool is_loop_new;

static void
setup(void)
{
	policy = restart_default;
	memset(&history, 0, sizeof(history));
	now = 1000000;
}

/* A run of so many ms of being ready ends; the middle of the jitter. */
static enum restart_verdict
ends(int status, int64_t ready_ms)
{
	struct restart_end end = { .status = status, .is_known = true,
	    .ready_ms = ready_ms, .now_ms = now };

	policy.jitter_percent = 0;
	return restart_judge(&policy, &history, &end, &delay, &is_loop_new);
}

START_TEST(a_stable_app_is_back_after_the_first_pause)
{
	ck_assert_int_eq(ends(EXITED(1), 60000), VERDICT_AGAIN);
	ck_assert_int_eq(delay, 100);
	ck_assert_int_eq(ends(EXITED(1), 59999), VERDICT_AGAIN);
	ck_assert_int_eq(delay, 200);
}
END_TEST

START_TEST(pauses_double_up_to_the_cap)
{
	static const int64_t expected[] = { 200, 400, 800, 1600, 3200, 6400,
	    12800, 25600, 30000, 30000, 30000 };

	/* Too slow for a crash loop. */
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		now += 20000;
		ck_assert_int_eq(ends(SIGSEGV, 0), VERDICT_AGAIN);
		ck_assert_int_eq(delay, expected[i]);
		ck_assert(!is_loop_new);
	}
	ends(SIGSEGV, 60000);
	ends(SIGSEGV, 0);
	ck_assert_int_eq(delay, 200);
}
END_TEST

START_TEST(the_fifth_failure_in_a_minute_is_announced_once)
{
	for (int i = 1; i <= 20; i++) {
		now += 1000;
		ck_assert_int_eq(ends(EXITED(3), 500), VERDICT_AGAIN);
		ck_assert_int_eq(is_loop_new, i == 5);
		if (i >= 5)
			ck_assert_int_eq(delay, 30000);
	}
	/* Stable, then unstable again: a new stretch. */
	ends(EXITED(3), 70000);
	ck_assert_int_eq(delay, 100);
	for (int i = 1; i <= 5; i++) {
		ends(EXITED(3), 500);
		ck_assert_int_eq(is_loop_new, i == 5);
	}
}
END_TEST

START_TEST(a_minute_is_counted_exactly)
{
	for (int i = 0; i < 4; i++)
		ends(EXITED(1), 0);
	now += RESTART_LOOP_MS + 1;
	ends(EXITED(1), 0);
	ck_assert(!is_loop_new);

	setup();
	for (int i = 0; i < 4; i++)
		ends(EXITED(1), 0);
	now += RESTART_LOOP_MS;
	ends(EXITED(1), 0);
	ck_assert(is_loop_new);
}
END_TEST

START_TEST(a_clean_exit_backs_off_but_is_no_failure)
{
	policy.give_up_after = 1;
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ends(EXITED(0), 0), VERDICT_AGAIN);
		ck_assert(!is_loop_new);
		ck_assert_int_eq(delay, i < 8 ? 200 << i : 30000);
	}
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_GAVE_UP);
}
END_TEST

START_TEST(only_exit_status_0_is_clean)
{
	static const struct restart_end ends_[] = {
		{ .status = EXITED(0), .is_known = true },
		{ .status = EXITED(1), .is_known = true },
		{ .status = SIGKILL, .is_known = true },
		{ .status = EXITED(0), .is_known = false },
		{ .status = EXITED(0), .is_known = true, .never_began = true },
	};

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(restart_is_clean(&ends_[i]), i == 0);
}
END_TEST

START_TEST(words_say_when)
{
	policy.when = RESTART_ON_FAILURE;
	ck_assert_int_eq(ends(EXITED(0), 0), VERDICT_FINISHED);
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_AGAIN);
	ck_assert_int_eq(ends(SIGKILL, 0), VERDICT_AGAIN);
	policy.when = RESTART_NEVER;
	ck_assert_int_eq(ends(EXITED(0), 0), VERDICT_FINISHED);
	ck_assert_int_eq(ends(SIGKILL, 0), VERDICT_FINISHED);
}
END_TEST

START_TEST(giving_up_counts_failures_since_it_was_stable)
{
	policy.give_up_after = 3;
	ends(EXITED(1), 0);
	ends(EXITED(1), 0);
	ck_assert_int_eq(ends(EXITED(1), 60000), VERDICT_AGAIN);
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_AGAIN);
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_AGAIN);
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_GAVE_UP);
	/* Who starts it again has all three. */
	ck_assert_int_eq(ends(EXITED(1), 0), VERDICT_AGAIN);
}
END_TEST

START_TEST(giving_up_within_a_time_counts_stable_runs_too)
{
	policy.give_up_after = 3;
	policy.give_up_within_ms = 1000000;
	ends(EXITED(1), 0);
	now += 1000001;
	ends(EXITED(1), 0);
	now += 500000;
	ck_assert_int_eq(ends(EXITED(1), 400000), VERDICT_AGAIN);
	now += 500000;
	ck_assert_int_eq(ends(EXITED(1), 400000), VERDICT_GAVE_UP);
}
END_TEST

START_TEST(no_pause_is_no_pause)
{
	policy.first_ms = 0;
	policy.base_ms = 0;
	for (int i = 0; i < 4; i++) {
		ends(EXITED(1), 0);
		ck_assert_int_eq(delay, 0);
	}
	ends(EXITED(1), 60000);
	ck_assert_int_eq(delay, 0);
}
END_TEST

START_TEST(jitter_reaches_both_ends_and_no_further)
{
	int64_t least = INT64_MAX, most = 0;

	for (uint32_t n = 0; n < 1000; n++) {
		struct restart_end end = { .status = SIGKILL, .is_known = true,
		    .now_ms = now, .random = n * 2654435761u };

		memset(&history, 0, sizeof(history));
		restart_judge(&policy, &history, &end, &delay, &is_loop_new);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	ck_assert_int_eq(least, 160);
	ck_assert_int_eq(most, 240);
}
END_TEST

/* ---- properties of random policies and histories ---- */

/* What the policy says, told once more and as plainly as possible. */
struct model {
	int	unstable;	/* ends since it was stable */
	int	failures;	/* of them, failures */
	int64_t	failed[ENDS];	/* when each of these was */
	bool	is_announced;
	int64_t	window;		/* of give_up: its first failure */
	int	spent;
};

static int64_t
pick(int64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(seed >> 33) % below;
}

static struct restart_policy
random_policy(void)
{
	return (struct restart_policy){
		.when = (enum restart_when)pick(3),
		.first_ms = pick(2) ? 100 : pick(100000),
		.base_ms = pick(3) ? pick(1000) : pick(100000),
		.factor_percent = (int32_t)(100 + pick(400)),
		.max_ms = pick(2) ? 30000 : pick(200000),
		.jitter_percent = (int32_t)pick(101),
		.reset_after_ms = pick(2) ? 60000 : pick(100000),
		.give_up_after = pick(2) ? -1 : (int32_t)pick(30),
		.give_up_within_ms = pick(2) ? 0 : pick(1000000),
	};
}

static struct restart_end
random_end(void)
{
	static const int statuses[] = { EXITED(0), EXITED(1), EXITED(255),
	    SIGSEGV, SIGKILL, SIGABRT | 0x80 };

	return (struct restart_end){
		.status = statuses[pick(6)],
		.is_known = pick(8) > 0,
		.never_began = pick(8) == 0,
		.ready_ms = pick(4) > 0 ? 0 : pick(150000),
		.now_ms = now,
		.random = (uint32_t)pick(UINT32_MAX),
	};
}

/* The pause without jitter, with the rounding of whole milliseconds. */
static int64_t
plain_pause(const struct restart_policy *p, const struct model *m)
{
	double exact = (double)p->base_ms;

	if (m->is_announced)
		return p->max_ms;
	for (int i = 0; i < m->unstable && exact < 1e12; i++)
		exact = exact * p->factor_percent / 100;
	return exact < (double)p->max_ms ? (int64_t)exact : p->max_ms;
}

static bool
model_gives_up(struct model *m, const struct restart_policy *p,
    const struct restart_end *end, bool is_stable)
{
	if (p->give_up_after < 0 || (p->give_up_within_ms == 0 && is_stable))
		return false;
	if (p->give_up_within_ms > 0 && (m->spent == 0 ||
	    end->now_ms - m->window > p->give_up_within_ms)) {
		m->window = end->now_ms;
		m->spent = 0;
	}
	return ++m->spent >= p->give_up_after;
}

static bool
model_announces(struct model *m, int64_t at)
{
	m->failed[m->failures++] = at;
	if (m->is_announced || m->failures < RESTART_LOOP_FAILURES ||
	    at - m->failed[m->failures - RESTART_LOOP_FAILURES] >
	    RESTART_LOOP_MS)
		return false;
	m->is_announced = true;
	return true;
}

static void
check_end(const struct restart_policy *p, struct model *m,
    const struct restart_end *end)
{
	enum restart_verdict verdict = restart_judge(p, &history, end, &delay,
	    &is_loop_new);
	bool is_stable = end->ready_ms > 0 &&
	    end->ready_ms >= p->reset_after_ms;
	bool is_clean = restart_is_clean(end), announces = false;
	int64_t plain;

	if (is_stable) {
		m->unstable = m->failures = 0;
		m->is_announced = false;
		if (p->give_up_within_ms == 0)
			m->spent = 0;
	}
	if (p->when == RESTART_NEVER ||
	    (p->when == RESTART_ON_FAILURE && is_clean)) {
		HOLDS(verdict == VERDICT_FINISHED);
		memset(m, 0, sizeof(*m));
		return;
	}
	if (!is_clean && model_gives_up(m, p, end, is_stable)) {
		HOLDS(verdict == VERDICT_GAVE_UP);
		memset(m, 0, sizeof(*m));
		return;
	}
	HOLDS(verdict == VERDICT_AGAIN);
	if (!is_clean && !is_stable)
		announces = model_announces(m, end->now_ms);
	HOLDS(is_loop_new == announces);
	if (is_stable) {
		HOLDS(delay == p->first_ms);
		return;
	}
	plain = plain_pause(p, m);
	m->unstable++;
	HOLDS(delay >= plain - plain * p->jitter_percent / 100);
	HOLDS(delay <= p->max_ms);
	if (p->max_ms == 0 || plain == 0)
		HOLDS(delay == 0);
}

START_TEST(whatever_happens_it_is_never_faster_and_never_silent)
{
	struct model m;
	struct restart_policy p;
	struct restart_end end;

	for (int i = 0; i < POLICIES; i++) {
		seed = first_seed = (uint64_t)i;
		p = random_policy();
		setup();
		memset(&m, 0, sizeof(m));
		for (int n = 0; n < ENDS; n++) {
			end = random_end();
			check_end(&p, &m, &end);
			now += delay + end.ready_ms + pick(20000);
		}
	}
}
END_TEST

START_TEST(pauses_never_shrink_until_it_is_stable)
{
	int64_t before;

	for (int i = 0; i < POLICIES; i++) {
		seed = first_seed = (uint64_t)i;
		setup();
		policy = random_policy();
		policy.when = RESTART_ALWAYS;
		policy.give_up_after = -1;
		before = 0;
		for (int n = 0; n < ENDS; n++) {
			ends(pick(3) ? EXITED(1) : EXITED(0), 0);
			HOLDS(delay >= before);
			HOLDS(delay <= policy.max_ms);
			before = delay;
			now += delay + pick(5000);
		}
	}
}
END_TEST

START_TEST(any_bytes_will_do_as_a_history)
{
	struct restart_end end;
	uint8_t *bytes = (uint8_t *)&history;

	for (int i = 0; i < POLICIES; i++) {
		seed = first_seed = (uint64_t)i;
		policy = random_policy();
		for (size_t n = 0; n < sizeof(history); n++)
			bytes[n] = (uint8_t)pick(256);
		end = random_end();
		restart_judge(&policy, &history, &end, &delay, &is_loop_new);
		HOLDS(delay >= 0);
		HOLDS(delay <= policy.max_ms || delay == policy.first_ms);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("restart");
	TCase *tcase = tcase_create("restart");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, a_stable_app_is_back_after_the_first_pause);
	tcase_add_test(tcase, pauses_double_up_to_the_cap);
	tcase_add_test(tcase, the_fifth_failure_in_a_minute_is_announced_once);
	tcase_add_test(tcase, a_minute_is_counted_exactly);
	tcase_add_test(tcase, a_clean_exit_backs_off_but_is_no_failure);
	tcase_add_test(tcase, only_exit_status_0_is_clean);
	tcase_add_test(tcase, words_say_when);
	tcase_add_test(tcase, giving_up_counts_failures_since_it_was_stable);
	tcase_add_test(tcase, giving_up_within_a_time_counts_stable_runs_too);
	tcase_add_test(tcase, no_pause_is_no_pause);
	tcase_add_test(tcase, jitter_reaches_both_ends_and_no_further);
	tcase_add_test(tcase,
	    whatever_happens_it_is_never_faster_and_never_silent);
	tcase_add_test(tcase, pauses_never_shrink_until_it_is_stable);
	tcase_add_test(tcase, any_bytes_will_do_as_a_history);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
