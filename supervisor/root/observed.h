/*
 * What is: the state of every unit, and the latest events, in one memfd that
 * supervisor and keeper both map. Whoever is killed, the next one reads here
 * how far things had come.
 *
 * A slot has two copies and a commit word that says which is valid, so that
 * it is never seen half written. A change and its events are one step: the
 * events are laid behind the ring's head first, the slot's new copy says how
 * far the head goes with it, and committing the slot commits both; what a
 * kill leaves between is finished by observed_map().
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_OBSERVED_H
#define ROOT_OBSERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "supervisor/root/observed_cells.h"
#include "supervisor/root/restart.h"

#define OBSERVED_RING	(1024 * 1024)

/* Where the knowledge of an exit status comes from. */
#define EXIT_SOURCES(X)							\
	X(none, "") X(wait, "wait") X(keeper, "keeper")			\
	X(pidfd, "pidfd") X(proc, "proc") X(connector, "connector")	\
	X(unknown, "unknown")
enum exit_source {
#define X(name, word) SOURCE_##name,
	EXIT_SOURCES(X)
#undef X
};

/* How far a run has come. */
enum run_phase {
	PHASE_NONE,		/* there is no run */
	PHASE_PREPARED,		/* a process exists; "go" may not have been said */
	PHASE_GONE,		/* "go" was said */
	PHASE_EXECUTED,		/* the program runs */
};

/* Plain data: its layout is the version OBSERVED_LAYOUT. */
struct slot {
	uint64_t owner;		/* the unit's key; 0: the slot is free */
	uint64_t run;		/* number of the run, never reused */
	int32_t	 pid;		/* of the run, 0: none */
	uint8_t	 state;		/* enum state of lifecycle.h */
	uint8_t	 phase;		/* enum run_phase */
	uint8_t	 wanted;	/* it should be running */
	uint8_t	 stop_step;	/* how far a stop has come */
	uint64_t start_ticks;	/* of pid, /proc/PID/stat field 22 */
	int64_t	 started_ms;	/* wall clock, of the run */
	int64_t	 started_mono_ms;
	int64_t	 ready_mono_ms;	/* 0: not ready */
	int64_t	 wake_mono_ms;	/* when the state's timer is due, 0: none */
	int64_t	 restarts;
	int64_t	 exit_ms;	/* wall clock of the last exit, 0: none */
	int32_t	 exit_status;	/* as wait(2) has it */
	uint8_t	 exit_source;	/* enum exit_source */
	uint8_t	 exit_recorded;	/* of the present run; not yet acted upon */
	uint8_t	 failed_step;	/* od-exec's, + 1; 0: none */
	uint8_t	 spare;
	int32_t	 failed_errno;
	uint32_t device;	/* whose files this od-capture writes; 0: none */
	struct restart_history history;
	uint64_t ring_head;	/* of the ring when this copy is committed */
};

/* Where the first event of a stretch of the ring is: no reader walks more. */
#define OBSERVED_STRETCH	4096
#define OBSERVED_STRETCHES	(OBSERVED_RING / OBSERVED_STRETCH)
struct observed_mark {
	uint64_t at;		/* ring position */
	int64_t	 seq;		/* 0: none */
};

struct observed {
	int	 fd;		/* the memfd, owned */
	void	*base;		/* mapping, private to observed.c */
	size_t	 size;
	uint64_t pending;	/* ring position behind events not committed */
	int64_t	 seq;		/* of the latest event, pending ones too */
	/* private to observed.c */
	uint64_t backed;	/* the ring has memory up to here */
	struct observed_mark marks[OBSERVED_STRETCHES];
};

/* Make a new, empty one; CLOEXEC, sealed against growing and shrinking. */
int	observed_create(struct observed *, struct error *);

/*
 * Map the memfd of a predecessor; takes fd over in either case. -EBADMSG or
 * -ENOTSUP if it is not one, or of another layout: the caller makes a new
 * one and says so.
 */
int	observed_map(struct observed *, int fd, struct error *);
void	observed_release(struct observed *);

/* The committed copy. */
const struct slot	*observed_slot(const struct observed *, int index);

/* Commit slot and all pending events in one step. */
void	observed_commit(struct observed *, int index, const struct slot *);

/* Commit the pending events alone. */
void	observed_commit_events(struct observed *);

/* A free slot, or -1; also when there is no memory for another. Commit only
 * to slots that came from here. */
int	observed_free_slot(const struct observed *);

/* What the keeper saw of pid in that slot: true and *status. */
bool	observed_cell_status(const struct observed *, int index, int32_t pid,
	    int32_t *status);
/* Forget what the cell says before the slot gets a new pid of that number. */
void	observed_cell_clear(struct observed *, int index);

/*
 * Lay an event behind the head; not visible to a successor until committed.
 * Events have consecutive seq numbers, beginning with observed.seq + 1 (the
 * first is 1 or more), and are at most 60 KiB. Old ones are overwritten. One
 * for which there is no memory is left out: its readers see a gap.
 */
void	observed_event(struct observed *, int64_t seq, const void *, size_t);

/*
 * The event with that seq or, if it is gone, the oldest that is kept: its
 * bytes (valid until the next observed_event) and its seq; NULL if there is
 * none from seq on.
 */
const void	*observed_event_at(const struct observed *, int64_t *seq,
	    size_t *len);

/* Counters of the header that live as long as the memfd. */
struct observed_counters {
	uint64_t next_run;
	uint64_t next_pipe;
	int64_t	 daemon_started_ms;	/* wall clock */
	int64_t	 recoveries;
	int64_t	 journal_seq;		/* last record known to be durable */
	int64_t	 is_adopted;		/* the state was loaded, and what ran found */
};
struct observed_counters	*observed_counters(struct observed *);

#endif
