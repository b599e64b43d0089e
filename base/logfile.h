/*
 * Log files on disk, as od-capture writes and od-logs reads them: the index
 * beside each, and the rotated files before it.
 *
 * 0-out.log      what an app writes now      0-out.idx      its index
 * 0-out.log.000007   rotated before it       0-out.idx.000007
 *
 * Numbers of rotated files only rise; no file is ever renamed twice. An index
 * is a sequence of marks with rising offsets.
 */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOGFILE_H
#define BASE_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From offset on, bytes were taken from the pipe at time_ms (wall clock).
 * On disk: two little endian 64 bit numbers. */
struct log_mark {
	uint64_t offset;
	uint64_t time_ms;
};

#define LOG_MARK_BYTES	16

void	log_mark_put(uint8_t to[LOG_MARK_BYTES], const struct log_mark *);
void	log_mark_get(struct log_mark *, const uint8_t from[LOG_MARK_BYTES]);

/*
 * How many of the index's count marks have an offset <= the one given, so
 * that the mark before the result is the one in force; 0 if there is none.
 * A negative errno if the index cannot be read.
 */
int64_t	log_mark_find(int index, int64_t count, uint64_t offset);

/* The index that belongs to a log's name; 0, or -ENAMETOOLONG. */
int	log_index_name(char *to, size_t room, const char *log);

/* Name of the rotated file (or index) with that number. */
int	log_rotated_name(char *to, size_t room, const char *base, int64_t number);

/* The number in the name of a rotated file of base, or 0 if it is none;
 * *is_packed (may be NULL) says whether it ends in .gz. */
int64_t	log_rotated_number(const char *name, const char *base,
	    bool *is_packed);

/*
 * The numbers of base's rotated files in the directory, lowest first; packed
 * ones only if asked for. The count, or a negative errno; *numbers is to be
 * freed by the caller.
 */
long	log_rotated_list(int dir, const char *base, bool packed,
	    int64_t **numbers);

#endif
