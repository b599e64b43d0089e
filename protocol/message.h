/* The messages of messages.def, as C types and as data. */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_MESSAGE_H
#define PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

/* The version this build speaks; it accepts the one before, too. */
#define PROTOCOL_VERSION	1
#define PROTOCOL_VERSION_MIN	1

/*
 * How each kind of field is held in C. A message to be sent borrows what its
 * fields point to; one that was received owns it, until message_release().
 * A null field_str is sent as "". A list ends with NULL. A map is a list of
 * key, value, key, value, ... and ends with NULL, too; a null list is empty.
 */
typedef int64_t			 field_int;
typedef bool			 field_bool;
typedef const char		*field_str;
typedef const char *const	*field_list;
typedef const char *const	*field_map;
typedef struct field_bytes {
	const void	*data;
	size_t		 len;
} field_bytes;

#define FIELD_SINCE(name, kind, member, low, high, version, initial)	\
	FIELD(name, kind, member, low, high)

/* struct process_start { field_list targets; ... }; */
#define MESSAGE(name, number, method)		struct name {
#define EVENT(name, number, event, keeping)	struct name {		\
	field_int	seq;						\
	field_int	time_ms;					\
	field_str	subject;
#define FIELD(name, kind, member, low, high)	field_##kind member;
#define END(name)				};
/* A struct without members is a GNU extension that suits "done". */
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
#undef FIELD
#undef END

#define FIELD(name, kind, member, low, high)
#define END(name)

enum message_type {
	MSG_none = 0,
#define MESSAGE(name, number, method)		MSG_##name = number,
#define EVENT(name, number, event, keeping)	MSG_##name = number,
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
};

struct message {
	enum message_type type;
	void		*owned;	/* by a received one: all that it points to */
	union {
		/* What all events begin with. */
		struct event_common {
			field_int	seq;
			field_int	time_ms;
			field_str	subject;
		} event;
#define MESSAGE(name, number, method)		struct name name;
#define EVENT(name, number, event, keeping)	struct name name;
#include "protocol/messages.def"
#undef MESSAGE
#undef EVENT
	};
};

#undef FIELD
#undef FIELD_SINCE
#undef END

/* The same declaration, as data: what the codec and the JSON bridge walk. */
enum field_kind {
	FIELD_int,
	FIELD_bool,
	FIELD_str,
	FIELD_bytes,
	FIELD_list,
	FIELD_map,
};

struct field {
	const char	*key;		/* NULL ends the table */
	enum field_kind	 kind;
	size_t		 offset;	/* within struct message */
	int64_t		 low, high;	/* as messages.def says */
	int		 since;		/* 1: required */
	int64_t		 initial;	/* of an int or bool that is missing */
};

enum message_class {
	CLASS_MESSAGE,
	CLASS_KEEP,			/* an event that goes to disk */
	CLASS_TELEMETRY,		/* an event that does not */
};

struct message_info {
	enum message_type	 type;
	const char		*name;		/* process_start */
	const char		*method;	/* process.start, process:online */
	enum message_class	 class;
	const struct field	*fields;
};

/* NULL if there is no such message. */
const struct message_info	*message_info(int64_t type);
const struct message_info	*message_by_method(const char *method);

/* All of them, in the order of messages.def; n counts from 0, NULL ends. */
const struct message_info	*message_nth(size_t n);

/* What to call it: its method, or if it has none its name. */
const char	*message_title(const struct message_info *);

bool	message_is_event(enum message_type);

/* Free what a received message owns, and make it all zero. Of one that was
 * made by hand nothing is freed: it only borrows. */
void	message_release(struct message *);

/* Items of a list, or pairs of a map. NULL has none. */
size_t	list_count(field_list);
size_t	map_count(field_map);

/* The value of key, or NULL. */
const char	*map_get(field_map, const char *key);

#endif
