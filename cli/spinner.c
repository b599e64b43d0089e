/* A sign of life on a terminal while an answer takes its time. */
/* SPDX-License-Identifier: MIT */
#include "cli/spinner.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_MS	500
#define TURN_MS		100

int
spinner_wait(struct spinner *s, struct od_client *c, int64_t deadline,
    struct error *e)
{
	int64_t left, slice;
	bool turns;
	int r;

	if ((r = od_client_wait(c, 0, e)) != 0)
		return r;
	turns = isatty(STDERR_FILENO);
	for (;;) {
		left = deadline < 0 ? -1 : deadline - clock_ms();
		if (deadline >= 0 && left < 0)
			left = 0;
		slice = s->is_shown ? TURN_MS : FIRST_MS;
		if (!turns || (left >= 0 && left <= slice))
			return od_client_wait(c, left, e);
		if ((r = od_client_wait(c, slice, e)) != 0)
			return r;
		fprintf(stderr, "\r%c waiting ...", "|/-\\"[s->turn++ % 4]);
		s->is_shown = true;
	}
}

void
spinner_clear(struct spinner *s)
{
	if (s->is_shown)
		fputs("\r\033[K", stderr);
	s->is_shown = false;
}
