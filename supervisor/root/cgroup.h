/*
 * A control group of its own (cgroup v2) for each run, so that whatever the
 * app starts is found and killed with it. Groups are beneath our own one:
 * opendaemon-NAME/r<run>. They are made afresh for every run, because Linux
 * 6.18 kills newcomers of a group that ever saw cgroup.kill.
 *
 * Where there is no such tree that we may write, setup says so, and the
 * descendants have to be found by walking /proc.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_CGROUP_H
#define ROOT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroups {
	bool	available;
	int	fd;		/* of opendaemon-NAME, owned; -1 */
};

/*
 * Find our own group and make opendaemon-NAME in it, if it is not there yet;
 * name tells daemons of one host apart. 0, or a negative errno: then the tree
 * is not available. why is filled in either case, for `daemon status`.
 */
int	cgroup_setup(struct cgroups *, const char *name, char *why, size_t);

/* Close; the groups stay. */
void	cgroup_release(struct cgroups *);

/* Remove opendaemon-NAME, if no run is left in it; then release. */
void	cgroup_finish(struct cgroups *);

/* Make the group of a run; *dirfd, CLOEXEC, is the caller's. */
int	cgroup_run_create(const struct cgroups *, uint64_t run, int *dirfd);

/* Open the group of a predecessor's run; -ENOENT if there is none. */
int	cgroup_run_open(const struct cgroups *, uint64_t run, int *dirfd);

/* cgroup.procs, for od-exec to join by writing "0"; or a negative errno. */
int	cgroup_procs_fd(int dirfd);

/* cgroup.events: EPOLLPRI whenever "populated" changes. Read it (by
 * cgroup_is_empty) after opening and after each time. */
int	cgroup_events_fd(int dirfd);

/* 1 if neither it nor its sub-groups hold a process, 0 if one does. */
int	cgroup_is_empty(int dirfd);

/* SIGKILL for all that is in it, at once. */
int	cgroup_kill(int dirfd);

/*
 * Send sig to every process in it and its sub-groups but except; how many got
 * it. Bounded: of a thousand and more, some are left out. Who ends processes
 * for good uses cgroup_kill.
 */
int	cgroup_signal_rest(int dirfd, pid_t except, int sig);

/* Remove the group of a run, with the sub-groups its app made. 0, also when
 * there is none; -EBUSY while a process is left, or if there were so many
 * sub-groups that it takes another call. */
int	cgroup_remove(const struct cgroups *, uint64_t run);

/* Call on for each group of a run that there is, earlier daemons' too. */
int	cgroup_runs_each(const struct cgroups *,
	    void (*on)(void *, uint64_t run), void *arg);

/* ---- for tests: what the two files of /proc say ---- */

/* Our own group in the text of /proc/self/cgroup, made a string of its own by
 * changing the text; NULL if there is none. */
char	*cgroup_find_own(char *text);

/* The mount point of cgroup2 in the text of /proc/self/mountinfo, unescaped,
 * and in *root which group is mounted there; text is changed. */
char	*cgroup_find_mount(char *text, char **root);

#endif
