/* What /proc says about one process. Every read is bounded. */
/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_PROC_H
#define SWEEP_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t		pid, ppid, group, session;
	uint64_t	start;		/* clock ticks since boot */
	char		comm[16];	/* printable, without blanks */
};

/* The variable by which a process says whose it is. */
enum proc_mark {
	PROC_MARK_UNKNOWN,	/* its environment cannot be read */
	PROC_MARK_NONE,
	PROC_MARK_OTHER,	/* another run */
	PROC_MARK_OURS,
};

/* Open /proc once; 0 or a negative errno. */
int	proc_open(void);

/* Call visit for every process there is; 0 or a negative errno. */
int	proc_each(void (*visit)(void *, pid_t), void *);

/* Read the process with this pid; 0 or a negative errno. */
int	proc_read(pid_t, struct proc *);

/* The same, out of the text of /proc/PID/stat; -EBADMSG if it is not that. */
int	proc_parse(const char *text, struct proc *);

enum proc_mark proc_mark(pid_t, const char *run);

/* The beginning of its environment, up to size bytes: how many there are, or
 * a negative errno. */
ssize_t	proc_environ(pid_t, char *room, size_t size);

/* Is its standard output or error the write end of the pipe of this inode? */
bool	proc_writes_to(pid_t, uint64_t inode);

#endif
