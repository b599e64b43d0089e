/* The two clocks, as the kernel has them. */
/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

static int64_t
clock_in(clockid_t id, int64_t units_per_second)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * units_per_second +
	    (int64_t)t.tv_nsec / (1000000000 / units_per_second);
}

int64_t
clock_ms(void)
{
	return clock_in(CLOCK_MONOTONIC, 1000);
}

int64_t
clock_us(void)
{
	return clock_in(CLOCK_MONOTONIC, 1000000);
}

int64_t
clock_wall_ms(void)
{
	return clock_in(CLOCK_REALTIME, 1000);
}
