/* A clock that stands still until a test moves it. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/clock_fake.h"

#include "base/clock.h"

#define START_US	1000000000LL
#define START_WALL_US	1700000000000000LL

static int64_t now_us = START_US;
static int64_t wall_us = START_WALL_US;

void
clock_fake_reset(void)
{
	now_us = START_US;
	wall_us = START_WALL_US;
}

void
clock_fake_advance_us(int64_t us)
{
	now_us += us;
	wall_us += us;
}

void
clock_fake_advance_ms(int64_t ms)
{
	clock_fake_advance_us(ms * 1000);
}

void
clock_fake_set_wall_ms(int64_t ms)
{
	wall_us = ms * 1000;
}

int64_t
clock_ms(void)
{
	return now_us / 1000;
}

int64_t
clock_us(void)
{
	return now_us;
}

int64_t
clock_wall_ms(void)
{
	return wall_us / 1000;
}
