/* Words to values and values to words. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* 0, or -EINVAL if it is no number from 0 up, or too large a one. */
int	text_to_number(const char *, int64_t *);

/* "500ms", "10s", "1h30m", "2d"; a bare number is milliseconds. */
int	text_to_duration(const char *, int64_t *ms);

/* "SIGTERM", "term", "15": the number, or -EINVAL. */
int	text_to_signal(const char *);

/* All names of signals, without "SIG"; n counts from 0, NULL ends. */
const char	*signal_nth(size_t n);

/* "3d 4h", "12m 3s", "850ms": two units at most. */
const char	*text_of_duration(int64_t ms, char *buf, size_t);

/* "12.3 MiB". */
const char	*text_of_size(int64_t bytes, char *buf, size_t);

/* Control characters become \x1b and the like: what a program was named, or
 * said, must not steer the terminal. */
void	text_print_safely(FILE *, const char *);

/* True for names that an app may have. */
bool	is_app_name(const char *);

/* The word that is closest to one that was not understood, if any is close. */
struct suggestion {
	const char	*word;
	const char	*best;		/* NULL: none */
	unsigned int	 distance;
};

void	suggestion_begin(struct suggestion *, const char *word);
void	suggestion_offer(struct suggestion *, const char *candidate);

#endif
