/*
 * One life of a unit: its process, its pipes, its cgroup. A run outlives its
 * place in the unit: until its pipes have ended and nothing it started is
 * left, it is known, and the keeper holds its descriptors.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_RUN_H
#define ROOT_RUN_H

#include <ev.h>

#include "supervisor/root/hash.h"
#include "supervisor/root/supervisor.h"

#define RUN_PIPES	2

struct run_pipe {
	uint64_t	 number;
	int		 fd;		/* read end, open as long as the run */
	int64_t		 stream_id;
	struct log_stream *stream;	/* NULL once it has ended */
	bool		 is_attached;	/* the present od-capture has it */
};

/* How far the search for what it left behind has come. */
enum clearing {
	CLEAR_NOT,		/* not begun */
	CLEAR_ASKED,		/* the rest was sent SIGTERM, or is looked for */
	CLEAR_KILLING,
	CLEAR_DONE,
};

struct run {
	struct supervisor *s;
	uint64_t	 number;
	struct unit	*unit;		/* NULL: the unit has gone on */
	uint64_t	 unit_key;
	int		 slot;
	pid_t		 pid;
	uint64_t	 start_ticks;
	int		 pidfd;
	struct ev_io	 exit_io;
	int		 go_fd;		/* -1 once it runs */
	struct ev_io	 go_io;
	bool		 is_launching;	/* takes a place of launch_limit */
	bool		 has_ended;
	bool		 is_done;	/* runs_sweep() frees it */
	bool		 is_actor;	/* its descendants are none of our business */

	bool		 is_told;	/* the connector said how it ended */
	int		 told_status;

	int		 npipes;
	struct run_pipe	 pipes[RUN_PIPES];

	enum clearing	 clearing;
	bool		 tell_unit;	/* unit_gone() when nothing is left */
	int		 cgroup_fd;	/* the group's directory, or -1 */
	int		 events_fd;	/* its cgroup.events, while waited for */
	struct sweep	*sweep;		/* the helper that walks /proc, or NULL */

	TAILQ_ENTRY(run) list;
	UT_hash_handle	 hh_number;
	UT_hash_handle	 hh_pid;
};

/* Make a process for the unit. On 0 u->run is set and "go" follows when the
 * keeper has acknowledged it. */
int	run_launch(struct unit *, struct error *);

/*
 * Take over a run that the keeper handed on, or that was found: fds[0] is the
 * pidfd, the others the read ends of its pipes with those streams. The
 * descriptors belong to the run, also on failure.
 */
struct run_found {
	uint64_t	number;
	uint64_t	unit_key;
	int		slot;
	pid_t		pid;
	uint64_t	start_ticks;
	int		npipes;
	uint64_t	pipe_numbers[RUN_PIPES];
	int64_t		streams[RUN_PIPES];
	int		fds[1 + RUN_PIPES];
	bool		in_keeper;	/* it has the entry already */
	bool		has_ended;	/* only the rest is to be done */
};
struct run	*run_adopt(struct supervisor *, const struct run_found *,
	    struct unit *);

/* The record that lies in the keeper with a run's descriptors. */
struct run_blob {
	uint64_t	unit_key;
	uint64_t	number;
	uint64_t	start_ticks;
	uint64_t	pipe_numbers[RUN_PIPES];
	int64_t		streams[RUN_PIPES];
	int32_t		npipes;
	int32_t		slot;
};
#define RUN_KEEPER_KEY(number)	(1ULL << 60 | (number))
#define IS_RUN_KEY(key)		((key) >> 60 == 1)

/* Look whether its process has ended, and act upon it if so. */
void	run_check_exit(struct run *);

/* Send its main process a signal; 0 or a negative errno. */
int	run_signal(struct run *, int sig);

/*
 * See to it that nothing of it is left; unit_gone() is called then, if tell,
 * perhaps at once. With kill, everything is killed now; else what the main
 * process left is asked with SIGTERM first.
 */
void	run_clear(struct run *, bool kill, bool tell);

/* Go on with those whose clearing could not be begun. */
void	run_clear_again(struct supervisor *);

/* Its cgroup may be empty now. */
void	run_check_group(struct run *);

/* What could not be killed; the search ends with it. */
void	run_give_up_clearing(struct run *);

/* A pipe has ended: od-capture says so. */
void	run_pipe_ended(struct run *, uint64_t pipe);

/* If nothing is left to be done for it, it is done with ... */
void	run_finish(struct run *);
/* ... and freed here, at the end of a turn. */
void	runs_sweep(struct supervisor *);

/* The record DESIRED_RUN. */
struct desired_run {
	uint64_t number;
	uint64_t start_ticks;
	int32_t	 pid;
	char	 boot_id[40];
};

/* Write it down: a cold start finds a process by it that is no longer young
 * (a young one is found by its environment). */
void	run_record(const struct run *);

/* Words for how it ended: "exited with 3", "killed by SIGSEGV". */
const char	*run_words(const struct slot *, char *buf, size_t);

#endif
