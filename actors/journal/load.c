/* Loading the store: which files are good, and what to do with the others. */
/* SPDX-License-Identifier: MIT */
#include "actors/journal/store.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "actors/journal/file.h"

struct loader {
	struct store		*store;
	struct notes		*notes;
	struct file_numbers	 snapshots, journals;
	uint64_t		 base;		/* the first journal to apply */
	bool			 has_base;	/* and it has a snapshot */
};

static void
mark_aside(struct store *s, const char *name, const char *why)
{
	struct store_aside *a = &s->aside[s->aside_count];

	if (s->aside_count == STORE_ASIDE_MAX ||
	    strlen(name) >= sizeof(a->name))
		return;
	strcpy(a->name, name);
	a->why = why;
	s->aside_count++;
}

/* Say what is wrong with a file, and have it kept. */
static void
complain(struct loader *l, const char *name, const struct format_walk *w)
{
	if (w->end == FORMAT_FUTURE) {
		notes_add(l->notes, "'%s' was written by a newer version; "
		    "it is kept aside", name);
		mark_aside(l->store, name, "future");
		return;
	}
	notes_add(l->notes, "'%s' is damaged at offset %zu, behind %zu good "
	    "records; it is kept aside", name, w->at, w->records);
	mark_aside(l->store, name, "damaged");
}

/*
 * Apply what a file says, as far as it can be read and understood: *w says
 * how far, *lost how many bytes come after that. Errors are others than that
 * the file is bad.
 */
static int
replay_file(struct store *s, int dir, const char *name, enum format_kind kind,
    struct format_walk *w, size_t *lost, struct notes *notes,
    struct error *e)
{
	struct buffer b = { 0 };
	bool is_bad;
	int r;

	r = file_read(dir, name, &b, e);
	/* A bad sector, or no regular file: waiting does not mend it. */
	is_bad = r == -EIO || r == -EBADMSG || r == -EINVAL;
	if (is_bad)
		notes_add(notes, "%s", e->text);
	if (is_bad || r == 0)
		r = store_replay(s, buffer_bytes(&b), b.len, kind, w);
	if (r == -EBADMSG) {
		r = 0;
		/* Only a snapshot must be whole, so only of it we hear. */
		if (w->end != FORMAT_FUTURE)
			w->end = FORMAT_DAMAGED;
	} else if (r < 0) {
		fail(e, r, "cannot load '%s': %s", name, strerror(-r));
	}
	if (is_bad)
		w->end = FORMAT_DAMAGED;
	*lost = r == 0 ? b.len - w->at : 0;
	buffer_release(&b);
	return r;
}

/* The newest snapshot that is whole. */
static int
load_snapshot(struct loader *l, struct error *e)
{
	char name[FILE_NAME_BYTES];
	struct format_walk w;
	size_t lost;
	int r;

	for (size_t i = l->snapshots.count; i-- > 0 && !l->has_base; ) {
		l->base = l->snapshots.n[i];
		file_name(name, "snapshot", l->base);
		if ((r = replay_file(l->store, l->store->dir, name,
		    FORMAT_SNAPSHOT, &w, &lost, l->notes, e)) < 0)
			return r;
		l->has_base = w.end == FORMAT_WHOLE;
		if (!l->has_base) {
			store_clear(l->store);
			complain(l, name, &w);
		}
	}
	return 0;
}

/* What to do without a whole snapshot: begin with nothing and the oldest
 * journal there is, which is better than nothing alone. */
static void
find_base(struct loader *l)
{
	if (l->has_base) {
		if (l->snapshots.n[l->snapshots.count - 1] != l->base)
			notes_add(l->notes, "'snapshot.%" PRIu64 "' and the "
			    "journals since are used instead", l->base);
		return;
	}
	l->base = l->journals.count > 0 ? l->journals.n[0] : 0;
	if (l->journals.count > 0)
		notes_add(l->notes, "no snapshot is whole: only what the "
		    "journals say is known");
	else if (l->snapshots.count > 0)
		notes_add(l->notes, "no snapshot is whole: the state begins "
		    "empty");
}

/* Apply one journal; *is_broken if what follows it may not be used. */
static int
load_journal(struct loader *l, const char *name, bool *is_broken,
    struct error *e)
{
	struct format_walk w;
	size_t lost;
	int r;

	if ((r = replay_file(l->store, l->store->dir, name, FORMAT_JOURNAL,
	    &w, &lost, l->notes, e)) < 0)
		return r;
	if (w.end > FORMAT_TORN) {
		*is_broken = true;
		complain(l, name, &w);
	} else if (lost > 0) {
		/* As a power cut leaves it. Whether anybody was promised
		 * these bytes, nobody can tell. */
		notes_add(l->notes, "the last %zu bytes of '%s' are no whole "
		    "record and were cut off", lost, name);
	}
	return 0;
}

static int
load_journals(struct loader *l, struct error *e)
{
	char name[FILE_NAME_BYTES];
	bool is_broken = false;
	int r;

	for (size_t i = 0; i < l->journals.count; i++) {
		if (l->journals.n[i] < l->base)
			continue;
		file_name(name, "journal", l->journals.n[i]);
		if (is_broken) {
			/* Changes on top of changes that are missing. */
			notes_add(l->notes, "'%s' follows a damaged file; it "
			    "is not used and kept aside", name);
			mark_aside(l->store, name, "unused");
		} else if ((r = load_journal(l, name, &is_broken, e)) < 0) {
			return r;
		}
	}
	return 0;
}

/*
 * Files of generations that nobody needs any more are removed by and by. One
 * that is damaged was in use, and a crash came before it could be set aside.
 */
static int
check_old(struct loader *l, const struct file_numbers *list,
    const char *prefix, enum format_kind kind, struct error *e)
{
	struct store scrap = { .fd = -1 };
	char name[FILE_NAME_BYTES];
	struct format_walk w;
	size_t lost;
	int r;

	for (size_t i = 0; i < list->count && list->n[i] < l->base; i++) {
		file_name(name, prefix, list->n[i]);
		r = replay_file(&scrap, l->store->dir, name, kind, &w, &lost,
		    l->notes, e);
		store_release(&scrap);
		if (r < 0)
			return r;
		if (w.end > FORMAT_TORN)
			complain(l, name, &w);
	}
	return 0;
}

static uint64_t
highest(const struct file_numbers *list)
{
	return list->count > 0 ? list->n[list->count - 1] : 0;
}

int
store_open(struct store *s, int dir, struct notes *notes, struct error *e)
{
	struct loader l = { .store = s, .notes = notes };
	int r;

	*s = (struct store){ .dir = dir, .fd = -1 };
	if ((r = file_list(dir, "snapshot", &l.snapshots, e)) < 0 ||
	    (r = file_list(dir, "journal", &l.journals, e)) < 0 ||
	    (r = load_snapshot(&l, e)) < 0)
		goto out;
	find_base(&l);
	if ((r = load_journals(&l, e)) < 0 ||
	    (r = check_old(&l, &l.snapshots, "snapshot", FORMAT_SNAPSHOT,
	    e)) < 0 ||
	    (r = check_old(&l, &l.journals, "journal", FORMAT_JOURNAL, e)) < 0)
		goto out;
	s->gen = highest(&l.snapshots) > highest(&l.journals) ?
	    highest(&l.snapshots) : highest(&l.journals);
	s->synced = s->seq;
out:
	if (r < 0)
		store_release(s);
	file_numbers_release(&l.snapshots);
	file_numbers_release(&l.journals);
	return r;
}
