/* One line on standard error, for the operator. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * The name that begins each line; it is kept, not copied. Every line is made
 * whole and written by one write(2); where standard error is a full
 * non-blocking pipe, the line is lost and nobody waits.
 */
void	log_init(const char *name);

void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * For set-up, before the loop: log the line and exit with status 1.
 */
void	die(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

#endif
