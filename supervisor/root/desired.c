/* What was asked for: a log of records in memory that outlives us. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/desired.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "protocol/limits.h"
#include "protocol/record.h"

/* uthash would else end the program when memory is short. */
#define HASH_NONFATAL_OOM	1
#include <uthash.h>

#define DESIRED_MAGIC	0x6f646431u	/* "odd1" */
#define DESIRED_LAYOUT	1
#define SEALS		(F_SEAL_SHRINK | F_SEAL_GROW)
#define STEP		(64 * 1024)	/* memory is taken in such pieces */
#define SPARSE_FROM	(256 * 1024)	/* less is not worth a compaction */

struct header {
	uint32_t		magic;
	uint32_t		layout;
	_Atomic uint64_t	used;	/* the commit word: bytes of log */
	_Atomic uint64_t	seq;	/* no lower one is given out */
};

#define LOG_AT		64
#define LOG_ROOM	(DESIRED_ROOM - LOG_AT)
#define ALIGNED(n)	(((n) + 7) / 8 * 8)

/* Where the latest record of a key is; kept for deleted ones, too. */
struct desired_entry {
	uint64_t	key;
	uint64_t	seq;
	size_t		at;	/* in the log */
	size_t		len;	/* of the data */
	UT_hash_handle	hh;
	TAILQ_ENTRY(desired_entry) next;
};

static struct header *
header(const struct desired *d)
{
	return (struct header *)d->base;
}

static uint8_t *
log_at(const struct desired *d, size_t at)
{
	return d->base + LOG_AT + at;
}

/* Have memory behind the first bytes of the file: a store into a hole when
 * memory is short would be a SIGBUS. */
static int
back(struct desired *d, size_t end)
{
	size_t to = (end + STEP - 1) / STEP * STEP;

	if (end <= d->backed)
		return 0;
	while (fallocate(d->fd, 0, (off_t)d->backed,
	    (off_t)(to - d->backed)) == -1)
		if (errno != EINTR)
			return -errno;
	d->backed = to;
	return 0;
}

static int
map(struct desired *d, struct error *e)
{
	void *base = mmap(NULL, DESIRED_ROOM, PROT_READ | PROT_WRITE,
	    MAP_SHARED, d->fd, 0);

	if (base == MAP_FAILED)
		return fail(e, -errno, "cannot map the desired state: %s",
		    strerror(errno));
	d->base = base;
	return 0;
}

static void
start_empty(struct desired *d, int fd)
{
	memset(d, 0, sizeof(*d));
	d->fd = fd;
	TAILQ_INIT(&d->order);
}

int
desired_create(struct desired *d, struct error *e)
{
	int r;

	start_empty(d, memfd_create("od-desired",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (d->fd == -1 || ftruncate(d->fd, DESIRED_ROOM) == -1 ||
	    fcntl(d->fd, F_ADD_SEALS, SEALS) == -1)
		r = -errno;
	else
		r = back(d, LOG_AT);
	if (r < 0) {
		fail(e, r, "cannot make the desired state: %s", strerror(-r));
		goto out;
	}
	if ((r = map(d, e)) < 0)
		goto out;
	header(d)->layout = DESIRED_LAYOUT;
	atomic_thread_fence(memory_order_release);
	header(d)->magic = DESIRED_MAGIC;
out:
	if (r < 0)
		desired_release(d);
	return r;
}

void
desired_release(struct desired *d)
{
	struct desired_entry *entry;

	/* All at once: deleting one by one would look each of them up. */
	HASH_CLEAR(hh, d->entries);
	while ((entry = TAILQ_FIRST(&d->order)) != NULL) {
		TAILQ_REMOVE(&d->order, entry, next);
		free(entry);
	}
	if (d->base != NULL)
		munmap(d->base, DESIRED_ROOM);
	close_fd(&d->fd);
	start_empty(d, -1);
}

/* ---- the map ---- */

static struct desired_entry *
find(const struct desired *d, uint64_t key)
{
	struct desired_entry *entry;

	HASH_FIND(hh, d->entries, &key, sizeof(key), entry);
	return entry;
}

/* The entry of key, a new one if need be; NULL if memory is short. */
static struct desired_entry *
find_or_add(struct desired *d, uint64_t key)
{
	struct desired_entry *entry = find(d, key);

	if (entry != NULL || (entry = calloc(1, sizeof(*entry))) == NULL)
		return entry;
	entry->key = key;
	HASH_ADD(hh, d->entries, key, sizeof(entry->key), entry);
	if (entry->hh.tbl == NULL) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&d->order, entry, next);
	return entry;
}

/* To its place in the order; nearly always that is the end. */
static void
put_in_order(struct desired *d, struct desired_entry *entry)
{
	struct desired_entry *before;

	TAILQ_REMOVE(&d->order, entry, next);
	TAILQ_FOREACH_REVERSE(before, &d->order, desired_order, next)
		if (before->seq <= entry->seq)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&d->order, before, entry, next);
	else
		TAILQ_INSERT_HEAD(&d->order, entry, next);
}

static size_t
space(size_t len)
{
	return ALIGNED(RECORD_HEADER + len);
}

/* The record at that place of the log becomes its key's latest. */
static void
take(struct desired *d, struct desired_entry *entry, size_t at,
    const struct record *rec)
{
	if (entry->len > 0)
		d->live -= space(entry->len);
	entry->seq = rec->seq;
	entry->at = at;
	entry->len = rec->len;
	if (entry->len > 0)
		d->live += space(entry->len);
	put_in_order(d, entry);
}

static struct desired_record
record_of(const struct desired *d, const struct desired_entry *entry)
{
	return (struct desired_record){
		.seq = entry->seq, .key = entry->key, .len = entry->len,
		.data = log_at(d, entry->at) + RECORD_HEADER,
	};
}

/* ---- writing ---- */

static int
append(struct desired *d, const struct record *rec)
{
	size_t need, at = d->used;
	struct desired_entry *entry;
	int r;

	if (rec->len > RECORD_BYTES)
		return -EMSGSIZE;
	need = space(rec->len);
	if (need > LOG_ROOM - at)
		return -ENOSPC;
	if ((r = back(d, LOG_AT + at + need)) < 0)
		return r;
	if ((entry = find_or_add(d, rec->key)) == NULL)
		return -ENOMEM;
	record_write(log_at(d, at), rec->seq, rec->key, rec->data, rec->len);
	take(d, entry, at, rec);
	d->used = at + need;
	atomic_store(&header(d)->used, d->used);
	desired_skip_to(d, rec->seq);
	return 0;
}

int
desired_put(struct desired *d, uint64_t key, const void *data, size_t len)
{
	return append(d, &(struct record){
	    .seq = d->seq + 1, .key = key, .data = data, .len = len });
}

int
desired_restore(struct desired *d, uint64_t seq, uint64_t key,
    const void *data, size_t len)
{
	const struct desired_entry *entry = find(d, key);

	if (entry != NULL && entry->seq >= seq)
		return 0;
	return append(d, &(struct record){
	    .seq = seq, .key = key, .data = data, .len = len });
}

void
desired_skip_to(struct desired *d, uint64_t seq)
{
	if (seq <= d->seq)
		return;
	d->seq = seq;
	atomic_store(&header(d)->seq, seq);
}

/* ---- reading ---- */

int
desired_get(const struct desired *d, uint64_t key, struct desired_record *rec)
{
	const struct desired_entry *entry = find(d, key);

	if (entry == NULL || entry->len == 0)
		return 0;
	*rec = record_of(d, entry);
	return 1;
}

void
desired_each(const struct desired *d, uint64_t after,
    void (*on)(void *, const struct desired_record *), void *arg)
{
	const struct desired_entry *entry, *first = NULL;
	struct desired_record rec;

	/* From the end: what is asked for are mostly the last few. */
	TAILQ_FOREACH_REVERSE(entry, &d->order, desired_order, next) {
		if (entry->seq <= after)
			break;
		first = entry;
	}
	for (entry = first; entry != NULL; entry = TAILQ_NEXT(entry, next)) {
		rec = record_of(d, entry);
		on(arg, &rec);
	}
}

int
desired_is_sparse(const struct desired *d)
{
	return d->used > SPARSE_FROM && d->live < d->used / 2;
}

int
desired_compact(struct desired *d, uint64_t durable, int *old_fd,
    struct error *e)
{
	const struct desired_entry *entry;
	struct desired fresh;
	int r;

	if ((r = desired_create(&fresh, e)) < 0)
		return r;
	TAILQ_FOREACH(entry, &d->order, next) {
		if (entry->len == 0 && entry->seq <= durable)
			continue;
		r = append(&fresh, &(struct record){
		    .seq = entry->seq, .key = entry->key, .len = entry->len,
		    .data = log_at(d, entry->at) + RECORD_HEADER });
		if (r < 0) {
			desired_release(&fresh);
			return fail(e, r, "cannot compact the desired state: "
			    "%s", strerror(-r));
		}
	}
	desired_skip_to(&fresh, d->seq);
	*old_fd = d->fd;
	d->fd = -1;
	desired_release(d);
	*d = fresh;
	/* The head of the order moved with it. */
	TAILQ_INIT(&d->order);
	TAILQ_CONCAT(&d->order, &fresh.order, next);
	return 0;
}

/* ---- what a predecessor left ---- */

static int
file_check(int fd, struct error *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || fstat(fd, &st) == -1)
		return fail(e, -EBADMSG, "the desired state is no memfd");
	/* Else a peer could make us read behind its end. */
	if ((seals & SEALS) != SEALS || st.st_size != DESIRED_ROOM)
		return fail(e, -EBADMSG,
		    "the desired state is not sealed at its size");
	return 0;
}

static int
header_check(struct desired *d, struct error *e)
{
	const struct header *h = header(d);
	uint64_t used = atomic_load(&h->used);

	if (h->magic != DESIRED_MAGIC || h->layout != DESIRED_LAYOUT)
		return fail(e, -EBADMSG,
		    "the desired state has no header of layout %u",
		    DESIRED_LAYOUT);
	if (used > LOG_ROOM || used != ALIGNED(used))
		return fail(e, -EBADMSG, "the desired state cannot be %llu "
		    "bytes long", (unsigned long long)used);
	d->used = used;
	d->backed = LOG_AT + used;
	return 0;
}

static int
replay(struct desired *d, struct error *e)
{
	struct desired_entry *entry;
	struct record rec;
	size_t at, left;
	long n;

	for (at = 0; at < d->used; at += space(rec.len)) {
		left = d->used - at;
		n = record_next(&rec, log_at(d, at), left);
		if (n <= 0 || space(rec.len) > left)
			return fail(e, -EBADMSG, "the desired state is damaged "
			    "at byte %zu of %zu", at, d->used);
		if ((entry = find_or_add(d, rec.key)) == NULL)
			return fail(e, -ENOMEM, "out of memory for the desired "
			    "state");
		take(d, entry, at, &rec);
		if (rec.seq > d->seq)
			d->seq = rec.seq;
	}
	desired_skip_to(d, atomic_load(&header(d)->seq));
	return 0;
}

int
desired_map(struct desired *d, int fd, struct error *e)
{
	int r;

	start_empty(d, fd);
	if ((r = file_check(fd, e)) < 0 || (r = map(d, e)) < 0 ||
	    (r = header_check(d, e)) < 0 || (r = replay(d, e)) < 0)
		desired_release(d);
	return r;
}
