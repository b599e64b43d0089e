/* Messages as msgpack: one codec for every message there will ever be. */
/* SPDX-License-Identifier: MIT */
#include "protocol/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* The one block that a received message owns: first the pointers of its lists
 * and maps, then the bytes of its strings. Both advance as it is filled. */
struct memory {
	const char	**pointers;
	char		 *bytes;
};

/* How much of it a message needs. */
struct need {
	size_t	pointers;
	size_t	bytes;
};

/* Whose field is looked at: for the words of an error. */
struct place {
	const struct message_info	*info;
	const struct field		*field;
	struct error			*e;
};

static const char *
name_of(const struct message_info *info)
{
	return info->method[0] != '\0' ? info->method : info->name;
}

static int __attribute__((format(printf, 3, 4)))
refuse(const struct place *at, int code, const char *fmt, ...)
{
	char why[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return fail(at->e, code, "bad field '%s' in '%s': %s", at->field->key,
	    name_of(at->info), why);
}

bool
is_utf8(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t n;

	while (len > 0) {
		/* Nearly all text is ASCII. */
		n = *p > 0 && *p < 0x80 ? 1 : utf8_length(p, len);
		if (n == 0 || *p == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static int
check_bytes(const struct place *at, size_t len)
{
	uint64_t low = (uint64_t)at->field->low;
	uint64_t high = (uint64_t)at->field->high;

	if (len < low)
		return len == 0 ? refuse(at, -EMSGSIZE, "empty") :
		    refuse(at, -EMSGSIZE, "shorter than %" PRIu64 " bytes",
		    low);
	if (len > high)
		return refuse(at, -EMSGSIZE, "longer than %" PRIu64 " bytes",
		    high);
	return 0;
}

static int
check_count(const struct place *at, size_t count)
{
	uint64_t low = (uint64_t)at->field->low;
	uint64_t high = (uint64_t)at->field->high;

	if (count < low)
		return count == 0 ? refuse(at, -EMSGSIZE, "empty") :
		    refuse(at, -EMSGSIZE, "fewer than %" PRIu64 " items", low);
	if (count > high)
		return refuse(at, -EMSGSIZE, "more than %" PRIu64 " items",
		    high);
	return 0;
}

static int
check_int(const struct place *at, int64_t value)
{
	if (value < at->field->low)
		return refuse(at, -EMSGSIZE, "less than %" PRIi64,
		    at->field->low);
	if (value > at->field->high)
		return refuse(at, -EMSGSIZE, "greater than %" PRIi64,
		    at->field->high);
	return 0;
}

static int
check_text(const struct place *at, const char *text, size_t len)
{
	if (is_utf8(text, len))
		return 0;
	return refuse(at, -EILSEQ, "not UTF-8");
}

static int
check_item(const struct place *at, const char *text, size_t len)
{
	if (len > ITEM_BYTES)
		return refuse(at, -EMSGSIZE, "an item longer than %d bytes",
		    ITEM_BYTES);
	return check_text(at, text, len);
}

/* ---- packing ---- */

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
		if ((r = check_item(at, items[i], len)) < 0 ||
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

	if ((r = check_count(at, n)) < 0)
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

	if ((r = check_count(at, n)) < 0)
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

	if ((r = check_bytes(at, len)) < 0 ||
	    (r = check_text(at, text, len)) < 0)
		return r;
	return pack_str(pk, text, len);
}

static int
pack_bytes(msgpack_packer *pk, const struct place *at, const field_bytes *b)
{
	int r;

	if ((r = check_bytes(at, b->len)) < 0)
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
		if ((r = check_int(at, *(const field_int *)value)) < 0)
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

/* ---- unpacking: check and count everything, then copy ---- */

static int
check_items(const struct place *at, const msgpack_object *o, size_t n,
    struct need *need)
{
	int r;

	for (size_t i = 0; i < n; i++, o++) {
		if (o->type != MSGPACK_OBJECT_STR)
			return refuse(at, -EBADMSG,
			    "an item that is not a string");
		if ((r = check_item(at, o->via.str.ptr, o->via.str.size)) < 0)
			return r;
		need->bytes += o->via.str.size + 1;
		need->pointers++;
	}
	return 0;
}

static int
check_field_str(const struct place *at, const msgpack_object *o,
    struct need *need)
{
	int r;

	if (o->type != MSGPACK_OBJECT_STR)
		return refuse(at, -EBADMSG, "not a string");
	if ((r = check_bytes(at, o->via.str.size)) < 0)
		return r;
	need->bytes += o->via.str.size + 1;
	return check_text(at, o->via.str.ptr, o->via.str.size);
}

static int
check_field_list(const struct place *at, const msgpack_object *o,
    struct need *need)
{
	int r;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return refuse(at, -EBADMSG, "not a list");
	if ((r = check_count(at, o->via.array.size)) < 0)
		return r;
	need->pointers++;
	return check_items(at, o->via.array.ptr, o->via.array.size, need);
}

static int
check_field_map(const struct place *at, const msgpack_object *o,
    struct need *need)
{
	/* Keys and values lie side by side: a pair is two objects. */
	const msgpack_object *first;
	int r;

	if (o->type != MSGPACK_OBJECT_MAP)
		return refuse(at, -EBADMSG, "not a map");
	if ((r = check_count(at, o->via.map.size)) < 0)
		return r;
	need->pointers++;
	first = (const msgpack_object *)o->via.map.ptr;
	return check_items(at, first, 2 * (size_t)o->via.map.size, need);
}

static bool
is_int(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
	    (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
	    o->via.u64 <= INT64_MAX);
}

static int
check_field(const struct place *at, const msgpack_object *o,
    struct need *need)
{
	switch (at->field->kind) {
	case FIELD_int:
		if (!is_int(o))
			return refuse(at, -EBADMSG, "not an integer");
		return check_int(at, o->via.i64);
	case FIELD_bool:
		if (o->type != MSGPACK_OBJECT_BOOLEAN)
			return refuse(at, -EBADMSG, "not a boolean");
		return 0;
	case FIELD_str:
		return check_field_str(at, o, need);
	case FIELD_bytes:
		if (o->type != MSGPACK_OBJECT_BIN)
			return refuse(at, -EBADMSG, "not bytes");
		need->bytes += o->via.bin.size + 1;
		return check_bytes(at, o->via.bin.size);
	case FIELD_list:
		return check_field_list(at, o, need);
	case FIELD_map:
		return check_field_map(at, o, need);
	}
	return -EBADMSG;
}

static const char *
copy_bytes(struct memory *memory, const char *bytes, size_t len)
{
	char *copy = memory->bytes;

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	memory->bytes += len + 1;
	return copy;
}

static const char *
copy_str(struct memory *memory, const msgpack_object *o)
{
	return copy_bytes(memory, o->via.str.ptr, o->via.str.size);
}

static const char *const *
copy_items(struct memory *memory, const msgpack_object *o, size_t n)
{
	const char **items = memory->pointers;

	for (size_t i = 0; i < n; i++)
		items[i] = copy_str(memory, &o[i]);
	items[n] = NULL;
	memory->pointers += n + 1;
	return items;
}

static void
copy_field(const struct field *f, const msgpack_object *o, void *value,
    struct memory *memory)
{
	switch (f->kind) {
	case FIELD_int:
		*(field_int *)value = o->via.i64;
		break;
	case FIELD_bool:
		*(field_bool *)value = o->via.boolean;
		break;
	case FIELD_str:
		*(field_str *)value = copy_str(memory, o);
		break;
	case FIELD_bytes:
		*(field_bytes *)value = (field_bytes){ copy_bytes(memory,
		    o->via.bin.ptr, o->via.bin.size), o->via.bin.size };
		break;
	case FIELD_list:
		*(field_list *)value = copy_items(memory,
		    o->via.array.ptr, o->via.array.size);
		break;
	case FIELD_map:
		*(field_map *)value = copy_items(memory,
		    (const msgpack_object *)o->via.map.ptr,
		    2 * (size_t)o->via.map.size);
		break;
	}
}

/* A field that an older peer does not know yet. */
static void
fill_in(const struct field *f, void *value)
{
	static const char *const nothing[] = { NULL };

	switch (f->kind) {
	case FIELD_int:
		*(field_int *)value = f->initial;
		break;
	case FIELD_bool:
		*(field_bool *)value = f->initial != 0;
		break;
	case FIELD_str:
		*(field_str *)value = "";
		break;
	case FIELD_bytes:
		*(field_bytes *)value = (field_bytes){ "", 0 };
		break;
	case FIELD_list:
		*(field_list *)value = nothing;
		break;
	case FIELD_map:
		*(field_map *)value = nothing;
		break;
	}
}

static int
check_fields(const struct message_info *info, const msgpack_object *o,
    size_t n, struct need *need, struct error *e)
{
	struct place at = { .info = info, .e = e };
	const struct field *f;
	int r;

	for (f = info->fields; f->key != NULL; f++) {
		at.field = f;
		if (n == 0 && f->since > 1)
			continue;
		if (n == 0)
			return refuse(&at, -EBADMSG, "missing");
		if ((r = check_field(&at, o, need)) < 0) {
			if (e != NULL)
				e->code = -EBADMSG;
			return -EBADMSG;
		}
		o++;
		n--;
	}
	/* What is left was added by a version after ours. */
	return 0;
}

static int
copy_fields(struct message *m, const struct message_info *info,
    const msgpack_object *o, size_t n, const struct need *need)
{
	struct message got = { .type = info->type };
	size_t pointers = need->pointers * sizeof(char *);
	const struct field *f;
	struct memory memory;

	if (pointers + need->bytes > 0 &&
	    (got.owned = malloc(pointers + need->bytes)) == NULL)
		return -ENOMEM;
	memory.pointers = got.owned;
	memory.bytes = (char *)got.owned + pointers;
	for (f = info->fields; f->key != NULL; f++) {
		void *value = (char *)&got + f->offset;

		if (n == 0) {
			fill_in(f, value);
			continue;
		}
		copy_field(f, o++, value, &memory);
		n--;
	}
	*m = got;
	return 0;
}

static int
unpack_array(struct message *m, uint32_t *id, int64_t *number,
    const msgpack_object_array *array, struct error *e)
{
	const msgpack_object *o = array->ptr;
	const struct message_info *info;
	struct need need = { 0, 0 };
	size_t n = array->size;
	int r;

	if (n < 2 || !is_int(&o[0]) || !is_int(&o[1]) || o[0].via.i64 < 0 ||
	    o[1].via.i64 < 0 || o[1].via.i64 > UINT32_MAX)
		return fail(e, -EBADMSG, "not a message");
	*id = (uint32_t)o[1].via.i64;
	if (number != NULL)
		*number = o[0].via.i64;
	info = message_info(o[0].via.i64);
	if (info == NULL)
		return fail(e, -ENOTSUP, "no message has the number %" PRIi64,
		    o[0].via.i64);
	o += 2;
	n -= 2;
	if ((r = check_fields(info, o, n, &need, e)) < 0)
		return r;
	if (copy_fields(m, info, o, n, &need) < 0)
		return fail(e, -ENOMEM, "out of memory");
	return 0;
}

int
message_unpack(struct message *m, uint32_t *id, int64_t *number,
    const void *data, size_t len, struct error *e)
{
	msgpack_unpacked u;
	size_t off = 0;
	int r;

	*id = 0;
	if (number != NULL)
		*number = 0;
	if (!codec_is_sound(data, len))
		return fail(e, -EBADMSG, "not a message");
	msgpack_unpacked_init(&u);
	r = msgpack_unpack_next(&u, data, len, &off);
	if (r == MSGPACK_UNPACK_NOMEM_ERROR)
		r = fail(e, -ENOMEM, "out of memory");
	else if (r != MSGPACK_UNPACK_SUCCESS || off != len ||
	    u.data.type != MSGPACK_OBJECT_ARRAY)
		r = fail(e, -EBADMSG, "not a message");
	else
		r = unpack_array(m, id, number, &u.data.via.array, e);
	msgpack_unpacked_destroy(&u);
	return r;
}
