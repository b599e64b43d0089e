/* A clock that stands still until a test moves it; in place of base/clock.c. */
/* SPDX-License-Identifier: MIT */
#ifndef UNIT_CLOCK_FAKE_H
#define UNIT_CLOCK_FAKE_H

#include <stdint.h>

/* Both clocks: monotonic at 1,000,000 ms, the wall at 1,700,000,000,000 ms. */
void	clock_fake_reset(void);

void	clock_fake_advance_ms(int64_t ms);
void	clock_fake_advance_us(int64_t us);

/* The wall clock alone, as an operator may set it. */
void	clock_fake_set_wall_ms(int64_t ms);

#endif
