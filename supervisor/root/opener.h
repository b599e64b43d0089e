/*
 * Running od-open: a file that a user named is opened as that user, by a
 * process that may hang over it, and never comes here.
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_OPENER_H
#define ROOT_OPENER_H

#include "supervisor/open/open.h"
#include "supervisor/root/supervisor.h"

struct opener;

/* Whom the file belongs to. */
struct identity {
	uid_t	 uid;
	gid_t	 gid;
	int	 ngroups;
	gid_t	 groups[OPEN_GROUPS_MAX];
};

/* From a definition; its uid and gid are set. */
void	identity_of(struct identity *, const struct process_define *);

struct opening {
	const struct identity *who;
	const char	*path;
	bool		 to_read;
	uint64_t	 device, inode;	/* to be renamed first; inode 0: none */
	int		 keep;		/* rotated files */
	/*
	 * What came of it, once: with step -1 the file is open, and who gets
	 * sock (the callee's) is sent it. Before or after the process has
	 * ended; ended is called once, last, and the opener is gone then.
	 */
	void		(*told)(void *arg, const struct open_report *,
			    int sock);
	void		(*ended)(void *arg);
	void		*arg;
};

/* NULL and *e if it cannot be started; nothing is called then. */
struct opener	*opener_start(struct supervisor *, const struct opening *,
	    struct error *e);

/* Who gets it is sent the file; the caller's. Nothing is handed to told
 * then. */
int	opener_take(struct opener *);

/* End it; what was to be called is called all the same. */
void	opener_kill(struct opener *);

/* Nobody waits for it any more: end it, call nothing. */
void	opener_cancel(struct opener *);

/* The sentence for a report that is none of success. */
void	opener_words(const struct open_report *, const char *path, char *buf,
	    size_t);

#endif
