/* The keeper's restart policy. */
/* SPDX-License-Identifier: MIT */
#include "policy.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned int
recent_failures(const struct policy *p, int64_t now)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < COUNT(p->failures); i++)
		if (i < p->failed && now - p->failures[i] < POLICY_WINDOW_MS)
			n++;
	return n;
}

int
policy_killed(struct policy *p, int64_t now)
{
	int64_t *oldest = &p->kills[p->killed % POLICY_KILLS];
	bool is_storm = p->killed >= POLICY_KILLS && now - *oldest < 1000;

	*oldest = now;
	p->killed++;
	return is_storm ? POLICY_KILLS_MS : 0;
}

int
policy_failed(struct policy *p, int64_t now)
{
	static const int delays_ms[] = { 0, 100, 1000, 5000 };
	unsigned int n;

	p->failures[p->failed % COUNT(p->failures)] = now;
	p->failed++;
	n = recent_failures(p, now);
	return delays_ms[n - 1];
}

bool
policy_is_safe(const struct policy *p, int64_t now)
{
	return recent_failures(p, now) >= POLICY_FAILURES;
}
