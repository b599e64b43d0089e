/* The two clocks. Tests link a clock of their own and set the time. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC: for waiting, never shown. */
int64_t	clock_ms(void);

/* Microseconds of CLOCK_MONOTONIC. */
int64_t	clock_us(void);

/* Milliseconds since the epoch, CLOCK_REALTIME: shown, never waited for. */
int64_t	clock_wall_ms(void);

#endif
