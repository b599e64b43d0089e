/* Print the table of messages as Markdown, for docs/PROTOCOL.md. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/message.h"

static void
print_bound(int64_t n)
{
	if (n == INT64_MAX)
		printf("2^63 - 1");
	else
		printf("%" PRIi64, n);
}

static void
print_bounds(const struct field *f)
{
	static const char *const units[] = {
		[FIELD_int] = "", [FIELD_bool] = "", [FIELD_str] = " bytes",
		[FIELD_bytes] = " bytes", [FIELD_list] = " items",
		[FIELD_map] = " pairs",
	};

	if (f->kind == FIELD_bool)
		return;
	print_bound(f->low);
	printf(" to ");
	print_bound(f->high);
	printf("%s", units[f->kind]);
}

static void
print_since(const struct field *f)
{
	if (f->since == 1)
		return;
	printf("; since version %d, else ", f->since);
	if (f->kind == FIELD_int)
		printf("%" PRIi64, f->initial);
	else if (f->kind == FIELD_bool)
		printf(f->initial != 0 ? "true" : "false");
	else
		printf("empty");
}

static void
print_fields(const struct message_info *info)
{
	static const char *const kinds[] = {
		[FIELD_int] = "int", [FIELD_bool] = "bool",
		[FIELD_str] = "str", [FIELD_bytes] = "bytes",
		[FIELD_list] = "list", [FIELD_map] = "map",
	};

	if (info->fields[0].key == NULL) {
		printf("It has no fields.\n");
		return;
	}
	printf("| field | kind | bounds |\n|---|---|---|\n");
	for (const struct field *f = info->fields; f->key != NULL; f++) {
		printf("| `%s` | %s | ", f->key, kinds[f->kind]);
		print_bounds(f);
		print_since(f);
		printf(" |\n");
	}
}

int
main(void)
{
	static const char *const notes[] = {
		[CLASS_MESSAGE] = "",
		[CLASS_KEEP] = ", an event that is kept on disk",
		[CLASS_TELEMETRY] = ", an event that is not kept",
	};
	const struct message_info *info;

	for (size_t n = 0; (info = message_nth(n)) != NULL; n++) {
		printf("\n### %d `%s`\n\n", (int)info->type,
		    message_title(info));
		if (info->method[0] == '\0')
			printf("Between OpenDaemon's own processes. ");
		printf("`MSG_%s`%s.\n\n", info->name, notes[info->class]);
		print_fields(info);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
