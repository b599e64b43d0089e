/* When to start a unit again, worked out from what happened before. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/restart.h"

#include <string.h>
#include <sys/wait.h>

const struct restart_policy restart_default = {
	.when = RESTART_ALWAYS,
	.first_ms = 100,
	.base_ms = 200,
	.factor_percent = 200,
	.max_ms = 30000,
	.jitter_percent = 20,
	.reset_after_ms = 60000,
	.give_up_after = -1,
	.give_up_within_ms = 0,
};

bool
restart_is_clean(const struct restart_end *end)
{
	return end->is_known && !end->never_began &&
	    WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
}

static bool
was_stable(const struct restart_policy *p, const struct restart_end *end)
{
	return end->ready_ms > 0 && end->ready_ms >= p->reset_after_ms;
}

/* The history may be a predecessor's: a time that lies ahead was just now. */
static int64_t
elapsed(int64_t now, int64_t then)
{
	uint64_t ms = (uint64_t)now - (uint64_t)then;

	return now < then ? 0 : ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}

/*
 * With a window every failure in it counts, however long the run was ready;
 * without one, only those that never became stable. A window begins with the
 * first failure that is not in the one before, so two numbers suffice
 * whatever give_up_after is. Bursts astride two windows are counted in parts;
 * if they go on, the second window has them all.
 */
static bool
is_spent(const struct restart_policy *p, struct restart_history *h,
    const struct restart_end *end)
{
	if (p->give_up_after < 0)
		return false;
	if (p->give_up_within_ms <= 0) {
		if (was_stable(p, end))
			return false;
	} else if (h->give_up_count == 0 || elapsed(end->now_ms,
	    h->give_up_from_ms) > p->give_up_within_ms) {
		h->give_up_from_ms = end->now_ms;
		h->give_up_count = 0;
	}
	if (h->give_up_count < UINT32_MAX)
		h->give_up_count++;
	return h->give_up_count >= (uint32_t)p->give_up_after;
}

/* Note an unstable failure; true if it makes the stretch a crash loop. */
static bool
begins_loop(struct restart_history *h, int64_t now)
{
	memmove(h->failed_ms, h->failed_ms + 1,
	    sizeof(h->failed_ms) - sizeof(h->failed_ms[0]));
	/* 0 is "none", and no failure happens at the very boot. */
	h->failed_ms[RESTART_LOOP_FAILURES - 1] = now > 0 ? now : 1;
	if (h->is_looping || h->failed_ms[0] == 0 ||
	    elapsed(now, h->failed_ms[0]) > RESTART_LOOP_MS)
		return false;
	h->is_looping = 1;
	return true;
}

/* The pause of the n-th unstable end, before jitter. */
static int64_t
backoff(const struct restart_policy *p, uint32_t n)
{
	int64_t ms = p->base_ms, grown;

	while (n-- > 0 && ms < p->max_ms) {
		/* Rounded up, so that a small pause grows at all; it has few
		 * steps to max_ms, however large n is. */
		grown = (ms * p->factor_percent + 99) / 100;
		if (grown <= ms)
			break;
		ms = grown;
	}
	return ms < p->max_ms ? ms : p->max_ms;
}

/* Somewhere between ms less and ms plus the jitter, never beyond max. */
static int64_t
jitter(const struct restart_policy *p, int64_t ms, uint32_t random)
{
	int64_t spread = ms * p->jitter_percent / 100;
	int64_t low = ms - spread, high = ms + spread;

	if (high > p->max_ms)
		high = p->max_ms;
	return low >= high ? ms : low + random % (high - low + 1);
}

static int64_t
pause_ms(const struct restart_policy *p, struct restart_history *h,
    const struct restart_end *end)
{
	int64_t ms;

	if (was_stable(p, end))
		return p->first_ms;
	/* Who is in a crash loop goes on at the slowest. */
	ms = h->is_looping ? p->max_ms : backoff(p, h->streak);
	if (h->streak < UINT32_MAX)
		h->streak++;
	return jitter(p, ms, end->random);
}

enum restart_verdict
restart_judge(const struct restart_policy *p, struct restart_history *h,
    const struct restart_end *end, int64_t *delay_ms, bool *is_loop_new)
{
	enum restart_verdict verdict = VERDICT_AGAIN;
	bool is_clean = restart_is_clean(end);

	*delay_ms = 0;
	*is_loop_new = false;
	if (was_stable(p, end)) {
		h->streak = 0;
		h->is_looping = 0;
		memset(h->failed_ms, 0, sizeof(h->failed_ms));
		if (p->give_up_within_ms <= 0)
			h->give_up_count = 0;
	}
	if (p->when == RESTART_NEVER ||
	    (p->when == RESTART_ON_FAILURE && is_clean))
		verdict = VERDICT_FINISHED;
	else if (!is_clean && is_spent(p, h, end))
		verdict = VERDICT_GAVE_UP;
	if (verdict != VERDICT_AGAIN) {
		/* Whoever starts it again begins anew. */
		memset(h, 0, sizeof(*h));
		return verdict;
	}
	if (!is_clean && !was_stable(p, end))
		*is_loop_new = begins_loop(h, end->now_ms);
	*delay_ms = pause_ms(p, h, end);
	return verdict;
}
