/* Numbered files in a directory: made whole, read whole, set aside. */
/* SPDX-License-Identifier: MIT */
#ifndef ACTORS_JOURNAL_FILE_H
#define ACTORS_JOURNAL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "actors/journal/notes.h"
#include "base/buffer.h"
#include "base/error.h"

#define FILE_NAME_BYTES	128

/* The numbers n for which there is a file "prefix.n", rising; owned. */
struct file_numbers {
	uint64_t	*n;
	size_t		 count;
};

int	file_list(int dir, const char *prefix, struct file_numbers *,
	    struct error *);
void	file_numbers_release(struct file_numbers *);

/* name has room for FILE_NAME_BYTES; returned. */
char	*file_name(char *name, const char *prefix, uint64_t n);

/* Append all of a regular file to b. */
int	file_read(int dir, const char *name, struct buffer *b, struct error *);

/* Put the bytes in name's place in one step, on disk when it returns 0. After
 * an error the name may or may not be there. */
int	file_replace(int dir, const char *name, const struct buffer *,
	    struct error *);

/* Make name, which is not there yet, with these bytes, on disk when it
 * returns; the descriptor for writing on, or a negative errno. */
int	file_create(int dir, const char *name, const struct buffer *,
	    struct error *);

/* Rename name to "name.why-TIME"; the new name is in to (FILE_NAME_BYTES). */
int	file_set_aside(int dir, const char *name, const char *why, char *to);

/* Remove all of "prefix.n" with n below limit. */
void	file_remove_below(int dir, const char *prefix, uint64_t limit);

#endif
