/*
 * The kernel's process events (proc connector, Linux 2.6.15; root only): how
 * a process ended that is neither our child nor the keeper's, on kernels
 * before 6.15 that cannot be asked through its pidfd. Every exit on the host
 * wakes us then, so it is opened only when there is such a process.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_CONNECTOR_H
#define ROOT_CONNECTOR_H

#include "supervisor/root/supervisor.h"

#define KEEPER_KEY_CONNECTOR	5

/*
 * Listen, if the kernel cannot be asked later and the host has it. For a
 * supervisor that is its keeper's parent: should it die, its apps become
 * children of a stranger, and the next one must not begin to listen then.
 */
void	connector_prepare(struct supervisor *);

/* Listen, if the run needs it and the host has it; else nothing happens. */
void	connector_need(struct supervisor *, const struct run *);

/* Go on with the socket of a predecessor: what happened in between is in its
 * queue. Takes fd over. */
void	connector_take(struct supervisor *, int fd);

/* Read what has been said, before a status is looked for. */
void	connector_read(struct supervisor *);

#endif
