/*
 * Which processes belong to a run, and their end. A process is one of the
 * run's if it is the main process, has its session, carries its OD_RUN,
 * writes into its pipe, or has a parent that is one; never if it is older
 * than the run, or spared.
 */
/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_HUNT_H
#define SWEEP_HUNT_H

#include "proc.h"

#define HUNT_PIPES	8
#define HUNT_SPARED	64
#define HUNT_MEMBERS	32768
#define HUNT_FOREIGN	256
#define HUNT_SKIPPED	(1 << 22)	/* pids below this can be skipped */
#define HUNT_INDEX	65536	/* a power of two above HUNT_MEMBERS */

struct member {
	struct proc	proc;
	bool		is_gone;
	bool		is_refused;	/* we may not signal it */
	bool		is_stuck;	/* did not die of SIGKILL in time */
};

struct hunt {
	/* what to look for */
	const char	*run;
	pid_t		 main;
	uint64_t	 start;		/* of main */
	uint64_t	 pipes[HUNT_PIPES];
	int		 npipes;
	pid_t		 spared[HUNT_SPARED];
	int		 nspared;

	/* what was found */
	struct member	 members[HUNT_MEMBERS];
	int		 nmembers;
	uint16_t	 index[HUNT_INDEX];	/* by pid: number plus one */
	struct proc	 foreign[HUNT_FOREIGN];	/* ours by nothing we trust */
	int		 nforeign;

	/* of the pass that is under way */
	int		 signal;	/* sent to each that is new, or 0 */
	int		 nnew;
	uint64_t	 skip[HUNT_SKIPPED / 64]; /* a bit for each pid that
				 * needs no second look */
	bool		 notes_foreign;
};

/* Look for all that belong to the run, until a pass finds no new one, or
 * until a time (of CLOCK_MONOTONIC, ms). Each is sent the signal at once. */
void	hunt_find(struct hunt *, int signal, int64_t until_ms);

/* Send SIGTERM (and SIGCONT) to all that were found but the main process. */
void	hunt_terminate(struct hunt *);

/* Wait until all that were found have ended, so many milliseconds at most. */
void	hunt_wait(struct hunt *, int64_t ms);

/* Freeze, kill, wait, and look again until there is none. */
void	hunt_kill(struct hunt *, int64_t until_ms);

/* Name what only looks as if it were left behind by somebody. */
void	hunt_note_foreign(struct hunt *);

int64_t	hunt_now_ms(void);

#endif
