/* Messages as JSON objects, and back. */
/* SPDX-License-Identifier: MIT */
#include "protocol/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "protocol/bounds.h"
#include "protocol/codec.h"

const char *
rfc3339(int64_t ms, char *buf)
{
	int64_t rest = ms % 1000;
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	if (rest < 0) {
		rest += 1000;
		seconds--;
	}
	if (gmtime_r(&seconds, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	buf[n++] = '.';
	buf[n++] = (char)('0' + rest / 100);
	buf[n++] = (char)('0' + rest / 10 % 10);
	buf[n++] = (char)('0' + rest % 10);
	buf[n++] = 'Z';
	buf[n] = '\0';
	return buf;
}

/* The way back, of exactly that form; false if it is not. */
static bool
parse_rfc3339(const char *text, int64_t *ms)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t rest = 0;

	if (p == NULL || *p++ != '.')
		return false;
	for (int i = 0; i < 3; i++, p++) {
		if (*p < '0' || *p > '9')
			return false;
		rest = rest * 10 + (*p - '0');
	}
	*ms = (int64_t)timegm(&tm) * 1000 + rest;
	return strcmp(p, "Z") == 0;
}

/* ---- to JSON ---- */

/* Text of any bytes: what is not UTF-8 becomes U+FFFD. */
static json_t *
text_to_json(const void *data, size_t len)
{
	static const char unknown[] = "\xef\xbf\xbd";
	const char *p = data;
	struct buffer clean = { 0 };
	json_t *text = json_stringn(len > 0 ? p : "", len);
	size_t n;
	int r = 0;

	if (text != NULL)
		return text;
	while (len > 0 && r == 0) {
		n = utf8_length(p, len);
		r = n > 0 ? buffer_add(&clean, p, n) :
		    buffer_add(&clean, unknown, sizeof(unknown) - 1);
		if (n == 0)
			n = 1;
		p += n;
		len -= n;
	}
	if (r == 0)
		text = json_stringn((const char *)buffer_bytes(&clean),
		    clean.len);
	buffer_release(&clean);
	return text;
}

static json_t *
list_to_json(field_list list)
{
	json_t *array = json_array();
	size_t n = list_count(list);

	for (size_t i = 0; i < n && array != NULL; i++) {
		if (json_array_append_new(array,
		    text_to_json(list[i], strlen(list[i]))) == -1) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *
map_to_json(field_map map)
{
	json_t *object = json_object();
	size_t n = map_count(map);

	for (size_t i = 0; i < n && object != NULL; i++) {
		const char *value = map[2 * i + 1];

		if (json_object_set_new(object, map[2 * i],
		    text_to_json(value, strlen(value))) == -1) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static json_t *
field_to_json(const struct field *f, const void *value)
{
	const char *text;
	const field_bytes *bytes;

	switch (f->kind) {
	case FIELD_int:
		return json_integer(*(const field_int *)value);
	case FIELD_bool:
		return json_boolean(*(const field_bool *)value);
	case FIELD_str:
		text = *(const field_str *)value;
		return text_to_json(text, text != NULL ? strlen(text) : 0);
	case FIELD_bytes:
		bytes = value;
		return text_to_json(bytes->data, bytes->len);
	case FIELD_list:
		return list_to_json(*(const field_list *)value);
	case FIELD_map:
		return map_to_json(*(const field_map *)value);
	}
	return NULL;
}

/* Events tell their time to people, and their name. */
static int
put_time_and_name(json_t *object, const struct message *m)
{
	char buf[32];

	if (json_object_set_new(object, "time",
	    json_string(rfc3339(m->event.time_ms, buf))) == -1)
		return -1;
	return json_object_set_new(object, "event",
	    json_string(message_info(m->type)->method));
}

static bool
is_time(const struct message_info *info, const struct field *f)
{
	return info->class != CLASS_MESSAGE &&
	    f->offset == offsetof(struct message, event.time_ms);
}

json_t *
message_to_json(const struct message *m)
{
	const struct message_info *info = message_info(m->type);
	json_t *object = json_object();
	int r = 0;

	if (info == NULL || object == NULL) {
		json_decref(object);
		return NULL;
	}
	for (const struct field *f = info->fields; f->key != NULL && r == 0;
	    f++) {
		if (is_time(info, f))
			r = put_time_and_name(object, m);
		else
			r = json_object_set_new(object, f->key,
			    field_to_json(f, (const char *)m + f->offset));
	}
	if (r == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* ---- from JSON: borrow, then let the codec check and copy ---- */

/* Is there a field of that key? */
static bool
is_known(const struct message_info *info, const char *key)
{
	if (info->class != CLASS_MESSAGE) {
		if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0)
			return true;
		if (strcmp(key, "time_ms") == 0)
			return false;
	}
	for (const struct field *f = info->fields; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return true;
	return false;
}

static int
check_keys(const struct message_info *info, const json_t *object,
    struct error *e)
{
	const json_t *event;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (!is_known(info, key))
			return fail(e, -EBADMSG, "unknown field '%s' in '%s'",
			    key, message_title(info));
	if (info->class == CLASS_MESSAGE)
		return 0;
	event = json_object_get(object, "event");
	if (event == NULL || !json_is_string(event) ||
	    strcmp(json_string_value(event), info->method) != 0)
		return fail(e, -EBADMSG, "bad field 'event' in '%s'",
		    message_title(info));
	return 0;
}

/* A string without NUL, or NULL. */
static const char *
plain_text(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL || strlen(text) != json_string_length(value))
		return NULL;
	return text;
}

/* *room is where the pointers of a list or map go; it advances. */
static int
borrow_list(const struct place *at, const json_t *value, const char ***room,
    field_list *list)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return bounds_refuse(at, -EBADMSG, "not a list");
	*list = *room;
	for (size_t i = 0; i < n; i++) {
		const char *text = plain_text(json_array_get(value, i));

		if (text == NULL)
			return bounds_refuse(at, -EBADMSG,
			    "an item that is not a string");
		*(*room)++ = text;
	}
	*(*room)++ = NULL;
	return 0;
}

static int
borrow_map(const struct place *at, const json_t *value, const char ***room,
    field_map *map)
{
	const char *key, *text;
	json_t *item;

	if (!json_is_object(value))
		return bounds_refuse(at, -EBADMSG, "not a map");
	*map = *room;
	json_object_foreach((json_t *)(uintptr_t)value, key, item) {
		if ((text = plain_text(item)) == NULL)
			return bounds_refuse(at, -EBADMSG,
			    "an item that is not a string");
		*(*room)++ = key;
		*(*room)++ = text;
	}
	*(*room)++ = NULL;
	return 0;
}

static int
borrow_text(const struct place *at, const json_t *value, field_str *text)
{
	if ((*text = plain_text(value)) == NULL)
		return bounds_refuse(at, -EBADMSG, "not a string");
	return 0;
}

static int
borrow_bytes(const struct place *at, const json_t *value, field_bytes *bytes)
{
	if (!json_is_string(value))
		return bounds_refuse(at, -EBADMSG, "not a string");
	bytes->data = json_string_value(value);
	bytes->len = json_string_length(value);
	return 0;
}

static int
borrow_field(const struct place *at, const json_t *value, void *to,
    const char ***room)
{
	switch (at->field->kind) {
	case FIELD_int:
		if (!json_is_integer(value))
			return bounds_refuse(at, -EBADMSG, "not an integer");
		*(field_int *)to = json_integer_value(value);
		return 0;
	case FIELD_bool:
		if (!json_is_boolean(value))
			return bounds_refuse(at, -EBADMSG, "not a boolean");
		*(field_bool *)to = json_is_true(value);
		return 0;
	case FIELD_str:
		return borrow_text(at, value, to);
	case FIELD_bytes:
		return borrow_bytes(at, value, to);
	case FIELD_list:
		return borrow_list(at, value, room, to);
	case FIELD_map:
		return borrow_map(at, value, room, to);
	}
	return -EINVAL;
}

static int
borrow_time(struct message *m, const json_t *object,
    const struct message_info *info, struct error *e)
{
	const char *text = json_string_value(json_object_get(object, "time"));

	if (text != NULL && parse_rfc3339(text, &m->event.time_ms))
		return 0;
	return fail(e, -EBADMSG, "bad field 'time' in '%s': not a time",
	    message_title(info));
}

/* What a field that is not there holds: only an int or bool says. */
static void
put_initial(const struct field *f, void *to)
{
	if (f->kind == FIELD_int)
		*(field_int *)to = f->initial;
	else if (f->kind == FIELD_bool)
		*(field_bool *)to = f->initial != 0;
}

static int
borrow(struct message *m, const json_t *object, const char **room,
    struct error *e)
{
	struct place at = { .info = message_info(m->type), .e = e };
	const json_t *value;
	int r = 0;

	for (const struct field *f = at.info->fields; f->key != NULL &&
	    r == 0; f++) {
		void *to = (char *)m + f->offset;

		at.field = f;
		if (is_time(at.info, f))
			r = borrow_time(m, object, at.info, e);
		else if ((value = json_object_get(object, f->key)) != NULL)
			r = borrow_field(&at, value, to, &room);
		else if (f->since > 1)
			put_initial(f, to);
		else
			r = bounds_refuse(&at, -EBADMSG, "missing");
	}
	return r;
}

/* Pointers that all lists and maps of the object need. */
static size_t
count_pointers(const json_t *object)
{
	const char *key;
	size_t n = 0;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		n += json_array_size(value) + 2 * json_object_size(value) + 1;
	return n;
}

int
message_from_json(struct message *m, enum message_type type,
    const json_t *object, struct error *e)
{
	const struct message_info *info = message_info(type);
	struct message borrowed = { .type = type };
	struct buffer bytes = { 0 };
	const char **room = NULL;
	uint32_t id;
	int r;

	if (info == NULL || !json_is_object(object))
		return fail(e, -EBADMSG, "not a message");
	if ((r = check_keys(info, object, e)) < 0)
		return r;
	room = calloc(count_pointers(object) + 1, sizeof(*room));
	if (room == NULL)
		return fail(e, -ENOMEM, "out of memory");
	if ((r = borrow(&borrowed, object, room, e)) < 0 ||
	    (r = message_pack(&bytes, &borrowed, 0, e)) < 0)
		goto out;
	r = message_unpack(m, &id, NULL, buffer_bytes(&bytes), bytes.len, e);
out:
	free(room);
	buffer_release(&bytes);
	if (r == -EMSGSIZE || r == -EILSEQ)
		r = -EBADMSG;
	if (r < 0 && e != NULL)
		e->code = r;
	return r;
}
