/*
 * When to start a unit again: a pure function of policy, history, status and
 * time. It makes no call and reads no clock, so it is tested in virtual time.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_RESTART_H
#define ROOT_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define RESTART_LOOP_FAILURES	5	/* without becoming stable ... */
#define RESTART_LOOP_MS		60000	/* ... in this time is a crash loop */

enum restart_when {
	RESTART_ALWAYS,
	RESTART_ON_FAILURE,
	RESTART_NEVER,
};

struct restart_policy {
	enum restart_when when;
	int64_t	first_ms;	/* the pause after it had been stable */
	int64_t	base_ms;	/* else this, multiplied each time, */
	int32_t	factor_percent;	/* by this (200: doubled), */
	int64_t	max_ms;		/* up to this, */
	int32_t	jitter_percent;	/* give or take */
	int64_t	reset_after_ms;	/* ready for so long is stable */
	int32_t	give_up_after;	/* failures, -1: never */
	int64_t	give_up_within_ms; /* 0: without becoming stable at all */
};

/* What has happened so far; plain data that lives in shared memory. All zero
 * is a unit that never failed. Times are CLOCK_MONOTONIC. */
struct restart_history {
	uint32_t streak;	/* ends since it was last stable */
	uint32_t is_looping;	/* the crash loop was announced */
	int64_t	 failed_ms[RESTART_LOOP_FAILURES];	/* oldest first, 0: none */
	int64_t	 give_up_from_ms; /* the oldest failure that still counts */
	uint32_t give_up_count;
	uint32_t padding;
};

/* How a run ended, as far as the policy is concerned. */
struct restart_end {
	int	 status;	/* as wait(2) has it */
	bool	 is_known;	/* false: nobody saw the status; a failure */
	bool	 never_began;	/* not executed, or a step before failed */
	int64_t	 ready_ms;	/* how long it had been ready, 0: it was not */
	int64_t	 now_ms;
	uint32_t random;	/* any number; decides the jitter */
};

enum restart_verdict {
	VERDICT_AGAIN,		/* in *delay_ms; a failure, or `always` */
	VERDICT_FINISHED,	/* it is not wanted again */
	VERDICT_GAVE_UP,
};

extern const struct restart_policy restart_default;

/*
 * Judge the end of a run that nobody asked for. *history is carried on;
 * *is_loop_new is set when a crash loop is to be announced (once until it is
 * stable again). A clean exit of RESTART_ALWAYS comes back after first_ms if
 * it had been stable, else backs off like a failure, but is no failure for
 * give_up and the crash loop. In a crash loop it goes on at max_ms. The end
 * of a run that had been stable belongs to no unstable stretch; it counts
 * only to a give_up with a window. A verdict other than VERDICT_AGAIN clears
 * the history.
 */
enum restart_verdict	restart_judge(const struct restart_policy *,
	    struct restart_history *, const struct restart_end *,
	    int64_t *delay_ms, bool *is_loop_new);

/* True for exit status 0. */
bool	restart_is_clean(const struct restart_end *);

#endif
