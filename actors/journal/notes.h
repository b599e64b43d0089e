/* What was found wrong while loading: sentences for the operator. */
/* SPDX-License-Identifier: MIT */
#ifndef ACTORS_JOURNAL_NOTES_H
#define ACTORS_JOURNAL_NOTES_H

#define NOTES_MAX	32

struct notes {
	char	text[NOTES_MAX][640];
	int	count;		/* may be more than NOTES_MAX: those are lost */
};

/* n may be NULL. The sentence goes into our own log, too. */
void	notes_add(struct notes *n, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
