/* Appending events to their files, and rotating these. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/events.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "actors/journal/file.h"
#include "actors/journal/format.h"
#include "base/io.h"
#include "base/log.h"
#include "protocol/codec.h"

static int
take_seq(void *arg, const struct record *rec)
{
	int64_t *seq = arg;

	if (rec->seq <= INT64_MAX && (int64_t)rec->seq > *seq)
		*seq = (int64_t)rec->seq;
	return 0;
}

/* The last seq is behind the damage, too: numbers are never used twice. */
static void
skim(const struct buffer *b, size_t from, int64_t *seq)
{
	const uint8_t *bytes = buffer_bytes(b);
	struct record rec;
	long n;

	while ((from = format_resync(bytes, b->len, from)) < b->len) {
		n = record_next(&rec, bytes + from, b->len - from);
		take_seq(seq, &rec);
		from += (size_t)n;
	}
}

/* Go on in the newest file, behind its last whole record. */
static void
go_on(struct events *ev, const char *name, size_t at)
{
	ev->fd = openat(ev->dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW |
	    O_CLOEXEC);
	if (ev->fd == -1 || ftruncate(ev->fd, (off_t)at) == -1) {
		/* Then a new one is begun. */
		close_fd(&ev->fd);
		return;
	}
	ev->size = at;
	/* Whoever wrote it may have died before it was on disk. */
	ev->is_unsynced = true;
}

static int
look_into(struct events *ev, uint64_t number, struct notes *notes,
    struct error *e)
{
	char name[FILE_NAME_BYTES], to[FILE_NAME_BYTES];
	struct format_walk w = { .end = FORMAT_DAMAGED };
	struct buffer b = { 0 };
	int r;

	file_name(name, "events", number);
	r = file_read(ev->dir, name, &b, e);
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EACCES)
		goto out;
	if (r == 0)
		format_walk(buffer_bytes(&b), b.len, FORMAT_EVENTS, take_seq,
		    &ev->written, &w);
	r = 0;
	if (w.end == FORMAT_TORN && b.len > w.at)
		notes_add(notes, "the last %zu bytes of '%s' are no whole "
		    "event and were cut off", b.len - w.at, name);
	if (w.end <= FORMAT_TORN) {
		if (number == ev->number && w.at >= FORMAT_HEADER)
			go_on(ev, name, w.at);
		goto out;
	}
	skim(&b, w.at, &ev->written);
	notes_add(notes, w.end == FORMAT_FUTURE ?
	    "'%s' was written by a newer version; it is kept aside" :
	    "'%s' is damaged; it is kept aside", name);
	file_set_aside(ev->dir, name, w.end == FORMAT_FUTURE ? "future" :
	    "damaged", to);
out:
	buffer_release(&b);
	return r;
}

int
events_open(struct events *ev, int dir, struct notes *notes,
    struct error *e)
{
	struct file_numbers list;
	int r;

	*ev = (struct events){ .dir = dir, .fd = -1 };
	if ((r = file_list(dir, "events", &list, e)) < 0)
		return r;
	if (list.count > 0)
		ev->number = list.n[list.count - 1];
	/* Back to the first file that has any event. */
	for (size_t i = list.count; r == 0 && i-- > 0 && ev->written == 0; )
		r = look_into(ev, list.n[i], notes, e);
	ev->seq = ev->written;
	file_numbers_release(&list);
	if (r < 0)
		events_release(ev);
	return r;
}

void
events_release(struct events *ev)
{
	close_fd(&ev->fd);
	buffer_release(&ev->batch);
}

static int
add(struct events *ev, const struct message *m, int64_t seq)
{
	struct buffer b = { 0 };
	int r;

	if ((r = message_pack(&b, m, 0, NULL)) == 0)
		r = record_put(&ev->batch, (uint64_t)seq, m->type,
		    buffer_bytes(&b), b.len);
	buffer_release(&b);
	return r;
}

int
events_add(struct events *ev, const struct message *m)
{
	int64_t seq = m->event.seq;
	int r = 0;

	if (seq <= ev->seq)
		return 0;
	if (ev->gap_to == 0 && ev->batch.len < EVENTS_WAITING_BYTES) {
		if ((r = add(ev, m, seq)) < 0)
			return r;
	} else {
		if (ev->gap_to == 0)
			ev->gap_from = seq;
		ev->gap_to = seq;
	}
	ev->seq = seq;
	return 0;
}

/* A stretch that found no room is said in the file, in its place. */
static int
close_gap(struct events *ev)
{
	struct message m = { .type = MSG_gap,
	    .gap = { .from = ev->gap_from, .to = ev->gap_to } };
	int r = add(ev, &m, ev->gap_to);

	if (r == 0)
		ev->gap_from = ev->gap_to = 0;
	return r;
}

static int
begin_file(struct events *ev, struct error *e)
{
	char name[FILE_NAME_BYTES];
	struct buffer b = { 0 };
	int fd, r;

	if ((r = format_begin(&b, FORMAT_EVENTS, ev->number + 1)) < 0)
		return fail(e, r, "cannot begin a file: %s", strerror(-r));
	fd = file_create(ev->dir, file_name(name, "events", ev->number + 1),
	    &b, e);
	if (fd >= 0) {
		if (ev->fd != -1 && fdatasync(ev->fd) == -1)
			log_warn("cannot sync 'events.%llu': %s",
			    (unsigned long long)ev->number, strerror(errno));
		close_fd(&ev->fd);
		ev->fd = fd;
		ev->size = b.len;
		ev->number++;
		if (ev->number >= EVENTS_FILES)
			file_remove_below(ev->dir, "events",
			    ev->number - EVENTS_FILES + 1);
	}
	buffer_release(&b);
	return fd < 0 ? fd : 0;
}

static int
write_batch(struct events *ev, struct error *e)
{
	int r;

	if (ev->fd == -1 || (ev->size > FORMAT_HEADER &&
	    ev->size + ev->batch.len > EVENTS_FILE_BYTES)) {
		/* A file that is too long is better than none. */
		if ((r = begin_file(ev, e)) < 0 && ev->fd == -1)
			return r;
	}
	r = write_all(ev->fd, buffer_bytes(&ev->batch), ev->batch.len);
	if (r < 0) {
		/* What cannot be cut off is left to the next load; we begin
		 * another file. */
		if (ftruncate(ev->fd, (off_t)ev->size) == -1)
			close_fd(&ev->fd);
		return fail(e, r, "cannot write events: %s", strerror(-r));
	}
	ev->size += ev->batch.len;
	buffer_drop(&ev->batch, ev->batch.len);
	ev->is_unsynced = true;
	return 0;
}

int
events_write(struct events *ev, struct error *e)
{
	int r = 0;

	if (ev->batch.len > 0)
		r = write_batch(ev, e);
	/* Not before: what still waits is older, and has no room for more. */
	if (r == 0 && ev->gap_to != 0) {
		if ((r = close_gap(ev)) < 0)
			return fail(e, r, "cannot write events: %s",
			    strerror(-r));
		r = write_batch(ev, e);
	}
	if (r == 0)
		ev->written = ev->seq;
	return r;
}

int
events_sync(struct events *ev, struct error *e)
{
	int r = 0;

	if (!ev->is_unsynced || ev->fd == -1)
		return 0;
	ev->is_unsynced = false;
	if (fdatasync(ev->fd) == -1) {
		r = -errno;
		/* Its pages may be gone although they look clean. */
		close_fd(&ev->fd);
	}
	return r < 0 ? fail(e, r, "cannot write events: %s",
	    strerror(-r)) : 0;
}
