/*
 * A kernel for unit tests, in place of base/sys.c: processes are entries of a
 * table, and any call can be told to fail. Pipes, sockets, memory and writes
 * are real ones. All of base/sys.h must be here: else the linker takes sys.o
 * from libbase.a, too.
 */
/* SPDX-License-Identifier: MIT */
#ifndef UNIT_SYS_FAKE_H
#define UNIT_SYS_FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Forget all processes, counts and failures. */
void	sys_fake_reset(void);

/*
 * The nth use of the call from now (1: the next) fails with errno error, for
 * instance sys_fake_fail("pidfd_open", EMFILE, 1). 0 for nth: every use.
 */
void	sys_fake_fail(const char *call, int error, unsigned int nth);

/* Uses since the reset, failed ones too. */
unsigned int	sys_fake_uses(const char *call);

/* A living process that started at tick start. */
void	sys_fake_process(pid_t, bool is_child, uint64_t start);

/* It ends with a status as wait(2) has it; a child is a zombie until reaped,
 * what is no child is reaped by its own parent at once. */
void	sys_fake_exit(pid_t, int status);

/* Whether PIDFD_GET_INFO tells the status of what was reaped (Linux 6.15);
 * true after a reset. */
void	sys_fake_tells_status(bool);

/* The last signal it got (0: none), and how many. */
int		sys_fake_signal(pid_t);
unsigned int	sys_fake_signals(pid_t);

#endif
