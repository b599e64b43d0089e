/* Messages of random content within their bounds. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/random_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_10000_MS	253402300800000LL
#define LONGEST		6000

uint64_t
random_next(struct random *r)
{
	/* splitmix64 */
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

int64_t
random_between(struct random *r, int64_t low, int64_t high)
{
	uint64_t width = (uint64_t)high - (uint64_t)low;

	switch (random_next(r) % 8) {
	case 0:
		return low;
	case 1:
		return high;
	default:
		if (width == UINT64_MAX)
			return (int64_t)random_next(r);
		return (int64_t)((uint64_t)low + random_next(r) % (width + 1));
	}
}

static void *
take(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		abort();
	return p;
}

static size_t
random_length(struct random *r, int64_t low, int64_t high)
{
	if (high > 100 && random_next(r) % 16 != 0)
		high = 100;
	if (high > LONGEST)
		high = LONGEST;
	if (high < low)
		high = low;
	return (size_t)random_between(r, low, high);
}

/* Exactly len bytes of UTF-8 without NUL. */
static char *
random_text(struct random *r, size_t len)
{
	static const char *const samples[] = { "a", "Z", "7", " ", "\n", "\x7f",
	    "\xc2\x80", "\xc3\xa9", "\xe2\x86\xba", "\xef\xbf\xbd",
	    "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\"", "\\", "/", "\x01" };
	char *text = take(len + 1);
	size_t at = 0;

	while (at < len) {
		const char *s = samples[random_next(r) %
		    (sizeof(samples) / sizeof(samples[0]))];

		if (strlen(s) > len - at)
			s = "x";
		memcpy(text + at, s, strlen(s));
		at += strlen(s);
	}
	return text;
}

static void *
random_bytes(struct random *r, size_t len)
{
	uint8_t *bytes = take(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_next(r);
	return bytes;
}

static const char *const *
random_items(struct random *r, size_t n, bool number_keys)
{
	char **items = take((n + 1) * sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		items[i] = random_text(r, random_length(r, 0, 200));
		if (number_keys && i % 2 == 0) {
			char *key = take(32);

			snprintf(key, 32, "key-%zu", i);
			free(items[i]);
			items[i] = key;
		}
	}
	return (const char *const *)items;
}

static size_t
random_count(struct random *r, const struct field *f)
{
	int64_t high = f->high;

	if (random_next(r) % 64 != 0 && high > 8)
		high = 8;
	if (high > 2000)
		high = 2000;
	return (size_t)random_between(r, f->low, high);
}

static void
fill(struct random *r, const struct field *f, void *to, bool plain)
{
	int64_t high = f->high;
	size_t n;

	switch (f->kind) {
	case FIELD_int:
		if (plain && strcmp(f->key, "time_ms") == 0)
			high = YEAR_10000_MS - 1;
		*(field_int *)to = random_between(r, f->low, high);
		break;
	case FIELD_bool:
		*(field_bool *)to = random_next(r) & 1;
		break;
	case FIELD_str:
		*(field_str *)to = random_text(r, random_length(r, f->low,
		    high));
		break;
	case FIELD_bytes:
		n = random_length(r, f->low, high);
		*(field_bytes *)to = (field_bytes){ plain ?
		    (void *)random_text(r, n) : random_bytes(r, n), n };
		break;
	case FIELD_list:
		*(field_list *)to = random_items(r, random_count(r, f), false);
		break;
	case FIELD_map:
		*(field_map *)to = random_items(r, 2 * random_count(r, f),
		    plain);
		break;
	}
}

void
random_message(struct random *r, struct message *m,
    const struct message_info *info, bool plain)
{
	*m = (struct message){ .type = info->type };
	for (const struct field *f = info->fields; f->key != NULL; f++)
		fill(r, f, (char *)m + f->offset, plain);
}

static void
release_items(const char *const *items)
{
	for (size_t i = 0; items[i] != NULL; i++)
		free((void *)(uintptr_t)items[i]);
	free((void *)(uintptr_t)items);
}

void
random_message_release(struct message *m)
{
	const struct message_info *info = message_info(m->type);

	for (const struct field *f = info->fields; f->key != NULL; f++) {
		void *at = (char *)m + f->offset;

		if (f->kind == FIELD_str)
			free((void *)(uintptr_t)*(field_str *)at);
		else if (f->kind == FIELD_bytes)
			free((void *)(uintptr_t)((field_bytes *)at)->data);
		else if (f->kind == FIELD_list || f->kind == FIELD_map)
			release_items(*(field_list *)at);
	}
}

static bool
items_same(const char *const *a, const char *const *b)
{
	size_t n = list_count(a);

	if (n != list_count(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool
bytes_same(const field_bytes *a, const field_bytes *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool
field_same(const struct field *f, const void *a, const void *b)
{
	switch (f->kind) {
	case FIELD_int:
		return *(const field_int *)a == *(const field_int *)b;
	case FIELD_bool:
		return *(const field_bool *)a == *(const field_bool *)b;
	case FIELD_str:
		return strcmp(*(const field_str *)a,
		    *(const field_str *)b) == 0;
	case FIELD_bytes:
		return bytes_same(a, b);
	case FIELD_list:
	case FIELD_map:
		return items_same(*(const field_list *)a,
		    *(const field_list *)b);
	}
	return false;
}

const char *
message_difference(const struct message *a, const struct message *b)
{
	const struct message_info *info = message_info(a->type);

	if (a->type != b->type || info == NULL)
		return "type";
	for (const struct field *f = info->fields; f->key != NULL; f++)
		if (!field_same(f, (const char *)a + f->offset,
		    (const char *)b + f->offset))
			return f->key;
	return NULL;
}
