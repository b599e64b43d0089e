/* One line on standard error, for the operator; never waits. */
/* SPDX-License-Identifier: MIT */
#ifndef KEEPER_SAY_H
#define KEEPER_SAY_H

#include <stdint.h>

void	say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For set-up, before the loop: say it and exit with status 1. */
void	say_and_die(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t	now_ms(void);

#endif
