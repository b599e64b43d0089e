/* A file of od-journal's: what is used of it is whole, whatever it holds. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "actors/journal/store.h"
#include "tests/fuzz/target.h"

static void
try_kind(const uint8_t *data, size_t len, enum format_kind kind)
{
	struct store s = { .fd = -1 }, again = { .fd = -1 };
	struct format_walk w, part;
	struct row *row, *other;
	int r = store_replay(&s, data, len, kind, &w);

	if ((r != 0 && r != -EBADMSG) || w.at > len)
		abort();
	if (w.end == FORMAT_WHOLE && r == 0 && w.at != len)
		abort();
	/* The part that was used says the same alone, and ends well. */
	if (kind == FORMAT_JOURNAL && w.at > 0) {
		if (store_replay(&again, data, w.at, kind, &part) != 0 ||
		    part.end != FORMAT_WHOLE || part.records != w.records ||
		    again.seq != s.seq || again.live != s.live)
			abort();
		for (row = s.rows; row != NULL; row = row->hh.next) {
			HASH_FIND(hh, again.rows, &row->key, sizeof(row->key),
			    other);
			if (other == NULL || other->seq != row->seq ||
			    other->len != row->len)
				abort();
		}
	}
	store_release(&s);
	store_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct record rec;
	size_t at;

	try_kind(data, len, FORMAT_JOURNAL);
	try_kind(data, len, FORMAT_SNAPSHOT);
	at = format_resync(data, len, 0);
	if (at > len || (at < len &&
	    record_next(&rec, data + at, len - at) <= 0))
		abort();
	return 0;
}
