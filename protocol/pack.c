/* A message to msgpack. */
/* SPDX-License-Identifier: MIT */
#include "protocol/codec.h"

#include <errno.h>
#include <msgpack.h>
#include <string.h>

#include "protocol/bounds.h"

static int
write_to_buffer(void *out, const char *bytes, size_t len)
{
	return buffer_add(out, bytes, len);
}

static int
pack_str(msgpack_packer *pk, const char *s, size_t len)
{
	return msgpack_pack_str_with_body(pk, s, len) == 0 ? 0 : -ENOMEM;
}

/* Items of a list, or keys and values of a map: n strings. */
static int
pack_items(msgpack_packer *pk, const struct place *at,
    const char *const *items, size_t n)
{
	size_t len;
	int r;

	for (size_t i = 0; i < n; i++) {
		len = strlen(items[i]);
		if ((r = bounds_item(at, items[i], len)) < 0 ||
		    (r = pack_str(pk, items[i], len)) < 0)
			return r;
	}
	return 0;
}

static int
pack_list(msgpack_packer *pk, const struct place *at, field_list list)
{
	size_t n = list_count(list);
	int r;

	if ((r = bounds_count(at, n)) < 0)
		return r;
	if (msgpack_pack_array(pk, n) != 0)
		return -ENOMEM;
	return pack_items(pk, at, list, n);
}

static int
pack_map(msgpack_packer *pk, const struct place *at, field_map map)
{
	size_t n = map_count(map);
	int r;

	if ((r = bounds_count(at, n)) < 0)
		return r;
	if (msgpack_pack_map(pk, n) != 0)
		return -ENOMEM;
	return pack_items(pk, at, map, 2 * n);
}

static int
pack_text(msgpack_packer *pk, const struct place *at, field_str s)
{
	const char *text = s != NULL ? s : "";
	size_t len = strlen(text);
	int r;

	if ((r = bounds_text(at, text, len)) < 0)
		return r;
	return pack_str(pk, text, len);
}

static int
pack_bytes(msgpack_packer *pk, const struct place *at, const field_bytes *b)
{
	int r;

	if ((r = bounds_bytes(at, b->len)) < 0)
		return r;
	return msgpack_pack_bin_with_body(pk, b->data, b->len) == 0 ? 0 :
	    -ENOMEM;
}

static int
pack_field(msgpack_packer *pk, const struct place *at, const void *value)
{
	int r;

	switch (at->field->kind) {
	case FIELD_int:
		if ((r = bounds_int(at, *(const field_int *)value)) < 0)
			return r;
		r = msgpack_pack_int64(pk, *(const field_int *)value);
		return r == 0 ? 0 : -ENOMEM;
	case FIELD_bool:
		r = *(const field_bool *)value ? msgpack_pack_true(pk) :
		    msgpack_pack_false(pk);
		return r == 0 ? 0 : -ENOMEM;
	case FIELD_str:
		return pack_text(pk, at, *(const field_str *)value);
	case FIELD_bytes:
		return pack_bytes(pk, at, value);
	case FIELD_list:
		return pack_list(pk, at, *(const field_list *)value);
	case FIELD_map:
		return pack_map(pk, at, *(const field_map *)value);
	}
	return -EINVAL;
}

int
message_pack(struct buffer *out, const struct message *m, uint32_t id,
    struct error *e)
{
	const struct message_info *info = message_info(m->type);
	struct place at = { .info = info, .e = e };
	size_t before = out->len, n = 2;
	const struct field *f;
	msgpack_packer pk;
	int r = 0;

	if (info == NULL)
		return fail(e, -EINVAL, "no message has the number %d",
		    (int)m->type);
	for (f = info->fields; f->key != NULL; f++)
		n++;
	msgpack_packer_init(&pk, out, write_to_buffer);
	if (msgpack_pack_array(&pk, n) != 0 ||
	    msgpack_pack_int64(&pk, info->type) != 0 ||
	    msgpack_pack_uint32(&pk, id) != 0)
		r = -ENOMEM;
	for (f = info->fields; r == 0 && f->key != NULL; f++) {
		at.field = f;
		r = pack_field(&pk, &at, (const char *)m + f->offset);
	}
	if (r < 0)
		out->len = before;
	return r == -ENOMEM ? fail(e, r, "out of memory") : r;
}
