/* The store: rows in memory, appended to the journal, compacted. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/store.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/journal/file.h"
#include "base/io.h"
#include "base/log.h"
#include "protocol/limits.h"

/* The key of a snapshot's last record, which holds the count of the others;
 * keys of the protocol are below it. */
#define KEY_END		UINT64_MAX

static size_t
row_bytes(const struct row *row)
{
	return RECORD_HEADER + row->len;
}

static void
remove_row(struct store *s, struct row *row)
{
	s->live -= row_bytes(row);
	HASH_DEL(s->rows, row);
	free(row);
}

static int
apply(struct store *s, const struct record *rec)
{
	struct row *row, *old;

	HASH_FIND(hh, s->rows, &rec->key, sizeof(rec->key), old);
	/* A put that is sent again may not undo a later one. */
	if (old != NULL && rec->seq < old->seq)
		return 0;
	if (rec->len > 0) {
		row = malloc(sizeof(*row) + rec->len);
		if (row == NULL)
			return -ENOMEM;
		*row = (struct row){
			.key = rec->key, .seq = rec->seq, .len = rec->len,
		};
		memcpy(row->data, rec->data, rec->len);
		if (old != NULL)
			remove_row(s, old);
		HASH_ADD(hh, s->rows, key, sizeof(row->key), row);
		s->live += row_bytes(row);
	} else if (old != NULL) {
		remove_row(s, old);
	}
	if (rec->seq > s->seq)
		s->seq = rec->seq;
	return 0;
}

static int
by_seq(const struct row *a, const struct row *b)
{
	return (a->seq > b->seq) - (a->seq < b->seq);
}

void
store_sort(struct store *s)
{
	HASH_SORT(s->rows, by_seq);
}

void
store_clear(struct store *s)
{
	struct row *row, *next;

	HASH_ITER(hh, s->rows, row, next)
		remove_row(s, row);
	s->seq = 0;
}

void
store_release(struct store *s)
{
	store_clear(s);
	close_fd(&s->fd);
	buffer_release(&s->batch);
}

static int
take_record(void *arg, const struct record *rec)
{
	return apply(arg, rec);
}

struct snapshot {
	struct store	*store;
	uint64_t	 count;
	bool		 has_ended;
};

static int
take_row(void *arg, const struct record *rec)
{
	struct snapshot *snap = arg;
	uint64_t count;

	if (snap->has_ended)
		return -EBADMSG;
	if (rec->key != KEY_END) {
		snap->count++;
		return apply(snap->store, rec);
	}
	if (rec->len != sizeof(count))
		return -EBADMSG;
	memcpy(&count, rec->data, sizeof(count));
	if (le64toh(count) != snap->count)
		return -EBADMSG;
	/* Deletions count, too: the last seq may belong to no row. */
	if (rec->seq > snap->store->seq)
		snap->store->seq = rec->seq;
	snap->has_ended = true;
	return 0;
}

int
store_replay(struct store *s, const uint8_t *bytes, size_t len,
    enum format_kind kind, struct format_walk *w)
{
	struct snapshot snap = { .store = s };
	int r;

	if (kind != FORMAT_SNAPSHOT)
		return format_walk(bytes, len, kind, take_record, s, w);
	r = format_walk(bytes, len, kind, take_row, &snap, w);
	if (r == 0 && (w->end != FORMAT_WHOLE || !snap.has_ended))
		return -EBADMSG;
	return r;
}

int
store_put(struct store *s, uint64_t seq, uint64_t key, const void *data,
    size_t len)
{
	struct record rec = {
		.seq = seq, .key = key, .data = data, .len = len,
	};
	int r;

	if (len > RECORD_BYTES)
		return -EMSGSIZE;
	/* Without a journal, the next sync writes all rows anyway. */
	if (!s->is_trusted)
		return apply(s, &rec);
	if ((r = buffer_reserve(&s->batch, RECORD_HEADER + len)) < 0 ||
	    (r = apply(s, &rec)) < 0)
		return r;
	return record_put(&s->batch, seq, key, data, len);
}

bool
store_is_dirty(const struct store *s)
{
	return !s->is_trusted || s->batch.len > 0;
}

static int
encode_snapshot(struct store *s, uint64_t gen, struct buffer *b)
{
	uint64_t count = htole64(HASH_COUNT(s->rows));
	struct row *row;
	int r;

	store_sort(s);
	/* At once, so that a large state is not copied over and over. */
	if ((r = buffer_reserve(b, s->live + 4096)) < 0 ||
	    (r = format_begin(b, FORMAT_SNAPSHOT, gen)) < 0)
		return r;
	for (row = s->rows; row != NULL; row = row->hh.next)
		if ((r = record_put(b, row->seq, row->key, row->data,
		    row->len)) < 0)
			return r;
	return record_put(b, s->seq, KEY_END, &count, sizeof(count));
}

static void
set_aside(struct store *s)
{
	char to[FILE_NAME_BYTES];
	int r;

	for (int i = 0; i < s->aside_count; i++) {
		r = file_set_aside(s->dir, s->aside[i].name, s->aside[i].why,
		    to);
		if (r == 0)
			log_info("'%s' is kept as '%s'", s->aside[i].name, to);
		else
			log_warn("cannot rename '%s': %s", s->aside[i].name,
			    strerror(-r));
	}
	s->aside_count = 0;
}

static int
write_snapshot(struct store *s, uint64_t gen, struct error *e)
{
	char name[FILE_NAME_BYTES];
	struct buffer b = { 0 };
	struct stat st;
	int r;

	if ((r = encode_snapshot(s, gen, &b)) < 0)
		fail(e, r, "cannot make a snapshot: %s", strerror(-r));
	else
		r = file_replace(s->dir, file_name(name, "snapshot", gen), &b,
		    e);
	buffer_release(&b);
	/*
	 * Once its name may be there, a load begins with this snapshot: the
	 * old journal must not be continued, whatever else went wrong.
	 */
	if (r == 0 || fstatat(s->dir, file_name(name, "snapshot", gen), &st,
	    AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) {
		s->gen = gen;
		s->is_trusted = false;
		close_fd(&s->fd);
	}
	return r;
}

/* All that is in memory becomes the beginning of a new journal. */
static int
begin_generation(struct store *s, struct error *e)
{
	char name[FILE_NAME_BYTES];
	struct buffer b = { 0 };
	uint64_t gen = s->gen + 1;
	int r;

	if ((r = format_begin(&b, FORMAT_JOURNAL, gen)) < 0)
		return fail(e, r, "cannot begin a journal: %s", strerror(-r));
	if ((r = write_snapshot(s, gen, e)) < 0)
		goto out;
	r = file_create(s->dir, file_name(name, "journal", gen), &b, e);
	if (r < 0)
		goto out;
	s->fd = r;
	s->size = b.len;
	s->compact_at = s->live < STORE_COMPACT_BYTES / 4 ?
	    STORE_COMPACT_BYTES : 4 * s->live;
	s->is_trusted = true;
	buffer_release(&s->batch);
	set_aside(s);
	file_remove_below(s->dir, "journal", gen - 1);
	file_remove_below(s->dir, "snapshot", gen - 1);
	r = 0;
out:
	buffer_release(&b);
	return r;
}

/* The rows have it all: a journal with a hole in it is not continued. */
static int
distrust(struct store *s, int r, struct error *e)
{
	s->is_trusted = false;
	buffer_release(&s->batch);
	return fail(e, r, "cannot write the state: %s", strerror(-r));
}

static int
append(struct store *s, struct error *e)
{
	int r = write_all(s->fd, buffer_bytes(&s->batch), s->batch.len);

	if (r < 0) {
		/* So that the next load does not find half a record; if that
		 * fails as well, it finds one and says so. */
		if (ftruncate(s->fd, (off_t)s->size) == -1)
			log_warn("cannot cut the journal: %s",
			    strerror(errno));
		return distrust(s, r, e);
	}
	/* After a failed sync the kernel calls the lost pages clean: a second
	 * one would succeed and mean nothing. */
	if (fdatasync(s->fd) == -1)
		return distrust(s, -errno, e);
	s->size += s->batch.len;
	buffer_drop(&s->batch, s->batch.len);
	return 0;
}

int
store_sync(struct store *s, struct error *e)
{
	struct error why;
	int r;

	if (!store_is_dirty(s))
		return 0;
	if ((r = s->is_trusted ? append(s, e) : begin_generation(s, e)) < 0)
		return r;
	s->synced = s->seq;
	if (s->size <= s->compact_at)
		return 0;
	if (begin_generation(s, &why) < 0) {
		/* Nothing is lost by going on with a long journal. */
		log_warn("cannot compact the journal: %s", why.text);
		s->compact_at = 2 * s->size;
	}
	return 0;
}
