/*
 * A JSON-RPC request from outside: what becomes a message must look the same
 * when it is shown as JSON, and become the same message again.
 */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "protocol/json.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random_message.h"

static void
there_and_back(const struct message_info *info, const json_t *params)
{
	struct message first, second;
	struct error e = { 0 };
	json_t *shown;

	if (message_from_json(&first, info->type, params, &e) < 0) {
		if (e.code >= 0 || e.text[0] == '\0')
			abort();
		return;
	}
	shown = message_to_json(&first);
	if (shown == NULL || message_from_json(&second, info->type, shown,
	    NULL) < 0 || message_difference(&first, &second) != NULL)
		abort();
	json_decref(shown);
	message_release(&first);
	message_release(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct message_info *info;
	const char *method;
	json_t *request;

	request = json_loadb((const char *)data, len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	method = json_string_value(json_object_get(request, "method"));
	info = method != NULL ? message_by_method(method) : NULL;
	if (info != NULL)
		there_and_back(info, json_object_get(request, "params"));
	json_decref(request);
	return 0;
}
