/* The entries: a sorted array of numbers, an index by pid, a queue of ends. */
/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <string.h>

static uint16_t
link_to(const struct table *t, const struct entry *e)
{
	return (uint16_t)(e - t->entries + 1);
}

static struct entry *
linked(struct table *t, uint16_t link)
{
	return link == 0 ? NULL : &t->entries[link - 1];
}

/* Where in the order a key is, or would be. */
static uint32_t
position(const struct table *t, uint64_t key)
{
	uint32_t low = 0, high = t->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->entries[t->order[mid]].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct entry *
table_from(struct table *t, uint64_t key)
{
	uint32_t at = position(t, key);

	return at == t->count ? NULL : &t->entries[t->order[at]];
}

struct entry *
table_find(struct table *t, uint64_t key)
{
	struct entry *e = table_from(t, key);

	return e != NULL && e->key == key ? e : NULL;
}

struct entry *
table_add(struct table *t, uint64_t key)
{
	uint32_t at = position(t, key);
	struct entry *e;

	if ((e = linked(t, t->free)) != NULL)
		t->free = e->next_pid;
	else if (t->high < KEEPER_ENTRIES)
		e = &t->entries[t->high++];
	else
		return NULL;
	memset(e, 0, sizeof(*e));
	e->key = key;
	e->slot = -1;
	e->is_used = true;
	/* At most 32 KiB move: less than a lookup in a tree would touch. */
	memmove(&t->order[at + 1], &t->order[at],
	    (t->count - at) * sizeof(t->order[0]));
	t->order[at] = (uint16_t)(e - t->entries);
	t->count++;
	return e;
}

void
table_remove(struct table *t, struct entry *e)
{
	uint32_t at = position(t, e->key);

	table_set_pid(t, e, 0);
	table_unqueue_exit(t, e);
	t->count--;
	memmove(&t->order[at], &t->order[at + 1],
	    (t->count - at) * sizeof(t->order[0]));
	e->is_used = false;
	e->next_pid = t->free;
	t->free = link_to(t, e);
}

/* Neighbouring pids share a page of the index: it is touched as used. */
static uint16_t *
head_of(struct table *t, int32_t pid)
{
	return &t->pids[(uint32_t)pid & (TABLE_PIDS - 1)];
}

void
table_set_pid(struct table *t, struct entry *e, int32_t pid)
{
	uint16_t *at;

	if (e->pid == pid)
		return;
	if (e->pid != 0) {
		at = head_of(t, e->pid);
		while (*at != link_to(t, e))
			at = &linked(t, *at)->next_pid;
		*at = e->next_pid;
		e->next_pid = 0;
	}
	e->pid = pid;
	if (pid != 0) {
		at = head_of(t, pid);
		e->next_pid = *at;
		*at = link_to(t, e);
	}
}

struct entry *
table_running(struct table *t, int32_t pid)
{
	struct entry *e;

	if (pid <= 0)
		return NULL;
	for (e = linked(t, *head_of(t, pid)); e != NULL;
	    e = linked(t, e->next_pid))
		if (e->pid == pid && !e->has_ended && !e->is_confirmed)
			return e;
	return NULL;
}

void
table_queue_exit(struct table *t, struct entry *e)
{
	if (e->is_queued)
		return;
	e->is_queued = true;
	e->prev_exit = t->last_exit;
	e->next_exit = 0;
	if (t->last_exit != 0)
		linked(t, t->last_exit)->next_exit = link_to(t, e);
	else
		t->first_exit = link_to(t, e);
	t->last_exit = link_to(t, e);
}

void
table_unqueue_exit(struct table *t, struct entry *e)
{
	if (!e->is_queued)
		return;
	e->is_queued = false;
	if (e->prev_exit != 0)
		linked(t, e->prev_exit)->next_exit = e->next_exit;
	else
		t->first_exit = e->next_exit;
	if (e->next_exit != 0)
		linked(t, e->next_exit)->prev_exit = e->prev_exit;
	else
		t->last_exit = e->prev_exit;
}

struct entry *
table_first_exit(struct table *t)
{
	return linked(t, t->first_exit);
}
