/* The state of every unit and the latest events, in memory that is shared. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/observed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define PAGE		4096
#define PAGES(bytes)	(((bytes) + PAGE - 1) / PAGE * PAGE)
#define SEALS		(F_SEAL_SHRINK | F_SEAL_GROW)

#define EVENT_BYTES	(60 * 1024)
#define RING_STEP	(64 * 1024)	/* memory is taken in such pieces */

/*
 * The first page. head and tail count bytes since the ring was made and never
 * go back; modulo OBSERVED_RING they are places in it. [tail, head) are whole
 * records.
 */
struct header {
	struct observed_header	public;
	uint32_t		pairs_at;
	uint32_t		pair_size;
	uint32_t		ring_at;
	uint32_t		ring_size;
	struct observed_counters counters;
	_Atomic uint32_t	used;	/* slots from here on were never used */
	_Atomic uint64_t	head;
	_Atomic uint64_t	tail;
	_Atomic int64_t		seq;	/* of the last committed event */
};

/* A slot: two copies, and which of them is valid. */
struct pair {
	struct slot		copy[2];
	_Atomic uint32_t	valid;
	uint32_t		padding;
};

/*
 * A record of the ring; it is followed by len bytes and padding to a multiple
 * of its size, so that at the ring's end there is room for a whole header or
 * for nothing.
 */
struct record {
	uint32_t len;
	uint32_t check;		/* crc32c of len, seq and the bytes */
	int64_t	 seq;		/* FILLER: skip to the ring's beginning */
};

#define FILLER		(-1)
#define RECORD_SIZE(len)						\
	((sizeof(struct record) + (len) + sizeof(struct record) - 1) /	\
	sizeof(struct record) * sizeof(struct record))

#define CELLS_AT	PAGE
#define PAIRS_AT	(CELLS_AT +					\
	PAGES(OBSERVED_SLOTS * sizeof(struct observed_cell)))
#define RING_AT		(PAIRS_AT + PAGES(OBSERVED_SLOTS * sizeof(struct pair)))
#define SIZE		(RING_AT + OBSERVED_RING)

_Static_assert(sizeof(struct header) <= PAGE, "the header is one page");
_Static_assert(sizeof(struct pair) <= 1000, "an idle app costs under 1 KiB");
_Static_assert(sizeof(struct record) == 16, "records have no padding");

static struct header *
header(const struct observed *o)
{
	return o->base;
}

static struct pair *
pair(const struct observed *o, int index)
{
	return (struct pair *)((char *)o->base + PAIRS_AT) + index;
}

static struct observed_cell *
cell(const struct observed *o, int index)
{
	return (struct observed_cell *)((char *)o->base + CELLS_AT) + index;
}

static struct record *
record_at(const struct observed *o, uint64_t at)
{
	return (struct record *)((char *)o->base + RING_AT +
	    at % OBSERVED_RING);
}

/*
 * Have memory behind that part of the file. A store into a hole when memory
 * is short would be a SIGBUS.
 */
static int
back(int fd, off_t at, off_t len)
{
	while (fallocate(fd, 0, at, len) == -1)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int
map(struct observed *o, struct error *e)
{
	o->base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	if (o->base == MAP_FAILED) {
		o->base = NULL;
		return fail(e, -errno, "cannot map the observed state: %s",
		    strerror(errno));
	}
	o->size = SIZE;
	return 0;
}

int
observed_create(struct observed *o, struct error *e)
{
	struct header *h;
	int r = 0;

	memset(o, 0, sizeof(*o));
	o->fd = memfd_create("od-observed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (o->fd == -1 || ftruncate(o->fd, SIZE) == -1 ||
	    fcntl(o->fd, F_ADD_SEALS, SEALS) == -1)
		r = -errno;
	else
		r = back(o->fd, 0, PAGE);
	if (r < 0) {
		fail(e, r, "cannot make the observed state: %s", strerror(-r));
		goto out;
	}
	if ((r = map(o, e)) < 0)
		goto out;
	h = header(o);
	h->public.layout = OBSERVED_LAYOUT;
	h->public.slots = OBSERVED_SLOTS;
	h->public.cells_at = CELLS_AT;
	h->public.size = SIZE;
	h->pairs_at = PAIRS_AT;
	h->pair_size = sizeof(struct pair);
	h->ring_at = RING_AT;
	h->ring_size = OBSERVED_RING;
	atomic_thread_fence(memory_order_release);
	h->public.magic = OBSERVED_MAGIC;
out:
	if (r < 0)
		observed_release(o);
	return r;
}

void
observed_release(struct observed *o)
{
	if (o->base != NULL)
		munmap(o->base, o->size);
	close_fd(&o->fd);
	memset(o, 0, sizeof(*o));
	o->fd = -1;
}

/* ---- the ring ---- */

static uint32_t
checksum(const struct record *rec)
{
	uint32_t sum;

	sum = crc32c(0, &rec->len, sizeof(rec->len));
	sum = crc32c(sum, &rec->seq, sizeof(rec->seq));
	return crc32c(sum, rec + 1, rec->seq == FILLER ? 0 : rec->len);
}

/* Bytes from the record at that position to the next. */
static uint64_t
step(const struct record *rec)
{
	return RECORD_SIZE((uint64_t)rec->len);
}

/* Remember where the first record of each stretch of the ring begins. */
static void
mark(struct observed *o, uint64_t at, int64_t seq)
{
	struct observed_mark *m;

	m = &o->marks[at % OBSERVED_RING / OBSERVED_STRETCH];
	if (m->at / OBSERVED_STRETCH != at / OBSERVED_STRETCH || m->seq == 0)
		*m = (struct observed_mark){ .at = at, .seq = seq };
}

/* Check every record of [tail, head), and find the last seq. */
static int
ring_check(struct observed *o, uint64_t tail, uint64_t head)
{
	const struct record *rec;
	uint64_t at, room;
	int64_t last = 0;

	if (tail > head || head - tail > OBSERVED_RING ||
	    tail % sizeof(*rec) != 0 || head % sizeof(*rec) != 0)
		return -EBADMSG;
	for (at = tail; at < head; at += step(rec)) {
		rec = record_at(o, at);
		room = OBSERVED_RING - at % OBSERVED_RING;
		if (head - at < room)
			room = head - at;
		if (step(rec) > room || rec->check != checksum(rec))
			return -EBADMSG;
		if (rec->seq == FILLER)
			continue;
		if (rec->seq <= last)
			return -EBADMSG;
		last = rec->seq;
		mark(o, at, last);
	}
	if (last > o->seq)
		o->seq = last;
	return 0;
}

/* Let go of old records until [tail, end) fits; false if it never will. */
static bool
make_way(struct observed *o, uint64_t end)
{
	struct header *h = header(o);
	uint64_t head = atomic_load(&h->head), tail = atomic_load(&h->tail);

	if (end - head > OBSERVED_RING)
		return false;
	while (end - tail > OBSERVED_RING)
		tail += step(record_at(o, tail));
	/* Before their bytes are overwritten. */
	atomic_store(&h->tail, tail);
	return true;
}

/* Have memory for the record at that position. */
static int
ring_back(struct observed *o, uint64_t at, uint64_t len)
{
	uint64_t from = at % OBSERVED_RING, end = from + len, to;
	int r;

	if (end <= o->backed)
		return 0;
	/* Positions before at were backed by whoever wrote there. */
	from = from / RING_STEP * RING_STEP;
	to = (end + RING_STEP - 1) / RING_STEP * RING_STEP;
	if ((r = back(o->fd, (off_t)(RING_AT + from), (off_t)(to - from))) < 0)
		return r;
	if (from <= o->backed)
		o->backed = to;
	return 0;
}

void
observed_event(struct observed *o, int64_t seq, const void *bytes, size_t len)
{
	uint64_t at = o->pending, room, need = RECORD_SIZE(len);
	struct record *rec;

	/* One that finds no room or no memory is missing for its readers, as
	 * one that was overwritten: they see that its number is skipped. */
	o->seq = seq;
	if (len > EVENT_BYTES)
		return;
	room = OBSERVED_RING - at % OBSERVED_RING;
	if (room < need) {
		if (ring_back(o, at, sizeof(*rec)) < 0 ||
		    ring_back(o, at + room, need) < 0 ||
		    !make_way(o, at + room + need))
			return;
		rec = record_at(o, at);
		rec->len = (uint32_t)(room - sizeof(*rec));
		rec->seq = FILLER;
		rec->check = checksum(rec);
		at += room;
	} else if (ring_back(o, at, need) < 0 || !make_way(o, at + need)) {
		return;
	}
	rec = record_at(o, at);
	rec->len = (uint32_t)len;
	rec->seq = seq;
	if (len > 0)
		memcpy(rec + 1, bytes, len);
	rec->check = checksum(rec);
	mark(o, at, seq);
	o->pending = at + need;
}

/* Where to begin looking for seq: behind nothing that is kept and has it. */
static uint64_t
look_from(const struct observed *o, int64_t seq, uint64_t tail, uint64_t head)
{
	const struct observed_mark *m;
	uint64_t from = tail;

	for (m = o->marks; m < o->marks + OBSERVED_STRETCHES; m++)
		if (m->seq != 0 && m->seq <= seq && m->at > from &&
		    m->at < head)
			from = m->at;
	return from;
}

const void *
observed_event_at(const struct observed *o, int64_t *seq, size_t *len)
{
	uint64_t head = atomic_load(&header(o)->head);
	uint64_t tail = atomic_load(&header(o)->tail);
	const struct record *rec;

	for (uint64_t at = look_from(o, *seq, tail, head); at < head;
	    at += step(rec)) {
		rec = record_at(o, at);
		if (rec->seq == FILLER || rec->seq < *seq)
			continue;
		*seq = rec->seq;
		*len = rec->len;
		return rec + 1;
	}
	return NULL;
}

void
observed_commit_events(struct observed *o)
{
	struct header *h = header(o);

	atomic_store(&h->head, o->pending);
	atomic_store(&h->seq, o->seq);
}

/* ---- slots ---- */

const struct slot *
observed_slot(const struct observed *o, int index)
{
	static const struct slot never_used;
	struct pair *p = pair(o, index);

	/* Not even read: reading a hole allocates its page. */
	if ((uint32_t)index >= atomic_load(&header(o)->used))
		return &never_used;
	return &p->copy[atomic_load(&p->valid) & 1];
}

void
observed_commit(struct observed *o, int index, const struct slot *slot)
{
	struct header *h = header(o);
	struct pair *p = pair(o, index);
	uint32_t next = (atomic_load(&p->valid) & 1) ^ 1;

	memcpy(&p->copy[next], slot, sizeof(*slot));
	p->copy[next].ring_head = o->pending;
	/* A slot that was never used is nobody's until its number counts. */
	atomic_store(&p->valid, next);
	if ((uint32_t)index >= atomic_load(&h->used))
		atomic_store(&h->used, (uint32_t)index + 1);
	observed_commit_events(o);
}

int
observed_free_slot(const struct observed *o)
{
	int used = (int)atomic_load(&header(o)->used);

	for (int i = 0; i < used; i++)
		if (observed_slot(o, i)->owner == 0)
			return i;
	if (used == OBSERVED_SLOTS ||
	    back(o->fd, (off_t)(PAIRS_AT + (size_t)used * sizeof(struct pair)),
	    sizeof(struct pair)) < 0 ||
	    back(o->fd, (off_t)(CELLS_AT +
	    (size_t)used * sizeof(struct observed_cell)),
	    sizeof(struct observed_cell)) < 0)
		return -1;
	return used;
}

bool
observed_cell_status(const struct observed *o, int index, int32_t pid,
    int32_t *status)
{
	const struct observed_cell *c = cell(o, index);

	if (pid <= 0 || (uint32_t)index >= atomic_load(&header(o)->used) ||
	    __atomic_load_n(&c->committed, __ATOMIC_ACQUIRE) != (uint32_t)pid)
		return false;
	*status = c->status;
	return true;
}

void
observed_cell_clear(struct observed *o, int index)
{
	__atomic_store_n(&cell(o, index)->committed, 0, __ATOMIC_RELEASE);
}

struct observed_counters *
observed_counters(struct observed *o)
{
	return &header(o)->counters;
}

/* ---- what a predecessor left ---- */

static int
file_check(int fd, struct error *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || fstat(fd, &st) == -1)
		return fail(e, -EBADMSG, "the observed state is no memfd");
	/* Else a peer could make us read behind its end. */
	if ((seals & SEALS) != SEALS)
		return fail(e, -EBADMSG, "the observed state is not sealed");
	if (st.st_size < PAGE)
		return fail(e, -EBADMSG, "the observed state is cut short");
	if (st.st_size != (off_t)SIZE)
		return fail(e, -ENOTSUP, "the observed state has another size");
	return 0;
}

static int
header_check(const struct header *h, struct error *e)
{
	if (h->public.magic != OBSERVED_MAGIC)
		return fail(e, -EBADMSG, "the observed state has no header");
	if (h->public.layout != OBSERVED_LAYOUT)
		return fail(e, -ENOTSUP,
		    "the observed state has layout %u, not %u",
		    h->public.layout, OBSERVED_LAYOUT);
	if (h->public.slots != OBSERVED_SLOTS ||
	    h->public.cells_at != CELLS_AT || h->public.size != SIZE ||
	    h->pairs_at != PAIRS_AT || h->pair_size != sizeof(struct pair) ||
	    h->ring_at != RING_AT || h->ring_size != OBSERVED_RING)
		return fail(e, -ENOTSUP,
		    "the observed state is laid out otherwise");
	if (h->used > OBSERVED_SLOTS)
		return fail(e, -EBADMSG,
		    "the observed state counts %u slots of %u", h->used,
		    OBSERVED_SLOTS);
	return 0;
}

/* How far the ring's head is once the half-done step is finished. */
static uint64_t
committed_head(const struct observed *o)
{
	const struct header *h = header(o);
	uint64_t head = atomic_load(&h->head), at;

	for (int i = 0; i < (int)atomic_load(&h->used); i++)
		if ((at = observed_slot(o, i)->ring_head) > head)
			head = at;
	return head;
}

int
observed_map(struct observed *o, int fd, struct error *e)
{
	struct header *h;
	uint64_t head;
	int r;

	memset(o, 0, sizeof(*o));
	o->fd = fd;
	if ((r = file_check(fd, e)) < 0 || (r = map(o, e)) < 0 ||
	    (r = header_check(o->base, e)) < 0)
		goto out;
	h = header(o);
	o->seq = atomic_load(&h->seq);
	head = committed_head(o);
	if ((r = ring_check(o, atomic_load(&h->tail), head)) < 0) {
		fail(e, r, "the events in the observed state are damaged");
		goto out;
	}
	o->pending = head;
	o->backed = head < OBSERVED_RING ? head / PAGE * PAGE : OBSERVED_RING;
	observed_commit_events(o);
out:
	if (r < 0)
		observed_release(o);
	return r;
}
