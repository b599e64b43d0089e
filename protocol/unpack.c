/*
 * msgpack to a message: the bytes are checked and counted, then every field,
 * and only then is memory taken, all of it at once.
 */
/* SPDX-License-Identifier: MIT */
#include "protocol/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bounds.h"

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

static int
check_items(const struct place *at, const msgpack_object *o, size_t n,
    struct need *need)
{
	int r;

	for (size_t i = 0; i < n; i++, o++) {
		if (o->type != MSGPACK_OBJECT_STR)
			return bounds_refuse(at, -EBADMSG,
			    "an item that is not a string");
		if ((r = bounds_item(at, o->via.str.ptr, o->via.str.size)) < 0)
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
	if (o->type != MSGPACK_OBJECT_STR)
		return bounds_refuse(at, -EBADMSG, "not a string");
	need->bytes += o->via.str.size + 1;
	return bounds_text(at, o->via.str.ptr, o->via.str.size);
}

static int
check_field_list(const struct place *at, const msgpack_object *o,
    struct need *need)
{
	int r;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return bounds_refuse(at, -EBADMSG, "not a list");
	if ((r = bounds_count(at, o->via.array.size)) < 0)
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
		return bounds_refuse(at, -EBADMSG, "not a map");
	if ((r = bounds_count(at, o->via.map.size)) < 0)
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
			return bounds_refuse(at, -EBADMSG, "not an integer");
		return bounds_int(at, o->via.i64);
	case FIELD_bool:
		if (o->type != MSGPACK_OBJECT_BOOLEAN)
			return bounds_refuse(at, -EBADMSG, "not a boolean");
		return 0;
	case FIELD_str:
		return check_field_str(at, o, need);
	case FIELD_bytes:
		if (o->type != MSGPACK_OBJECT_BIN)
			return bounds_refuse(at, -EBADMSG, "not bytes");
		need->bytes += o->via.bin.size + 1;
		return bounds_bytes(at, o->via.bin.size);
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

	if (len > 0)	/* else msgpack-c has no pointer */
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
			return bounds_refuse(&at, -EBADMSG, "missing");
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
	struct memory memory = { NULL, NULL };

	if (pointers + need->bytes > 0) {
		got.owned = malloc(pointers + need->bytes);
		if (got.owned == NULL)
			return -ENOMEM;
		memory.pointers = got.owned;
		memory.bytes = (char *)got.owned + pointers;
	}
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
