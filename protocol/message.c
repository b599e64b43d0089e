/* The messages of messages.def, as tables. */
/* SPDX-License-Identifier: MIT */
#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* static const struct field process_start_fields[] = { ... }; */
#define MESSAGE(name, number, method)					\
	static const struct field name##_fields[] = {
#define EVENT(name, number, event, keeping)				\
	static const struct field name##_fields[] = {			\
		FIELD(name, int, seq, 0, INT64_MAX)			\
		FIELD(name, int, time_ms, 0, INT64_MAX)			\
		FIELD(name, str, subject, 0, SUBJECT_BYTES)
#define FIELD(name, kind, member, low, high)				\
		{ #member, FIELD_##kind, offsetof(struct message, name.member), \
		    low, high, 1, 0 },
#define FIELD_SINCE(name, kind, member, low, high, version, initial)	\
		{ #member, FIELD_##kind, offsetof(struct message, name.member), \
		    low, high, version, initial },
#define END(name)							\
		{ NULL, FIELD_int, 0, 0, 0, 0, 0 } };
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
#undef FIELD
#undef FIELD_SINCE
#undef END

#define FIELD(name, kind, member, low, high)
#define FIELD_SINCE(name, kind, member, low, high, version, initial)
#define END(name)
#define CLASS_FOR_KEEP		CLASS_KEEP
#define CLASS_FOR_TELEMETRY	CLASS_TELEMETRY

static const struct message_info infos[] = {
#define MESSAGE(name, number, method)					\
	{ MSG_##name, #name, method, CLASS_MESSAGE, name##_fields },
#define EVENT(name, number, event, keeping)				\
	{ MSG_##name, #name, event, CLASS_FOR_##keeping, name##_fields },
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
};

/* Where each is in infos[]. */
enum {
#define MESSAGE(name, number, method)		AT_##name,
#define EVENT(name, number, event, keeping)	AT_##name,
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
};

/* Two messages of one number do not compile (-Woverride-init). */
static const struct message_info *const by_number[] = {
#define MESSAGE(name, number, method)		[number] = &infos[AT_##name],
#define EVENT(name, number, event, keeping)	[number] = &infos[AT_##name],
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
};

const struct message_info *
message_info(int64_t type)
{
	if (type < 0 || (uint64_t)type >= COUNT(by_number))
		return NULL;
	return by_number[type];
}

const struct message_info *
message_by_method(const char *method)
{
	if (*method == '\0')	/* those that have none outside */
		return NULL;
	for (size_t i = 0; i < COUNT(infos); i++)
		if (strcmp(infos[i].method, method) == 0)
			return &infos[i];
	return NULL;
}

const struct message_info *
message_nth(size_t n)
{
	return n < COUNT(infos) ? &infos[n] : NULL;
}

const char *
message_title(const struct message_info *info)
{
	return info->method[0] != '\0' ? info->method : info->name;
}

bool
message_is_event(enum message_type type)
{
	const struct message_info *info = message_info(type);

	return info != NULL && info->class != CLASS_MESSAGE;
}

void
message_release(struct message *m)
{
	free(m->owned);
	memset(m, 0, sizeof(*m));
}

size_t
list_count(field_list list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

size_t
map_count(field_map map)
{
	size_t n = 0;

	while (map != NULL && map[2 * n] != NULL && map[2 * n + 1] != NULL)
		n++;
	return n;
}

const char *
map_get(field_map map, const char *key)
{
	size_t n = map_count(map);

	for (size_t i = 0; i < n; i++)
		if (strcmp(map[2 * i], key) == 0)
			return map[2 * i + 1];
	return NULL;
}
