/*
 * Write the seeds of fuzz_message and fuzz_json: messages of every kind of
 * field, with content that is the same each time.
 * Usage: seeds tests/fuzz/corpus
 */
/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/json.h"
#include "tests/unit/random_message.h"

static const enum message_type kinds[] = {
	MSG_hello, MSG_done, MSG_failed, MSG_process_define,
	MSG_process_start, MSG_process_row, MSG_process_detail,
	MSG_plugin_stop, MSG_daemon_row, MSG_events_subscribe, MSG_gap,
	MSG_logs_tail, MSG_log_line, MSG_capture_file, MSG_journal_put,
	MSG_process_exited, MSG_process_deleted, MSG_log_rotated,
};

static void
save(const char *dir, const char *target, const char *name, const void *bytes,
    size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, target, name);
	if ((f = fopen(path, "we")) == NULL)
		err(1, "%s", path);
	if (fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		err(1, "%s", path);
}

static void
save_json(const char *dir, const struct message *m)
{
	const struct message_info *info = message_info(m->type);
	json_t *request = json_pack("{s:s, s:o}", "method", info->method,
	    "params", message_to_json(m));
	char *text = json_dumps(request, JSON_COMPACT);

	if (text == NULL)
		errx(1, "%s: no JSON", info->name);
	save(dir, "json", info->name, text, strlen(text));
	free(text);
	json_decref(request);
}

/* Seeds are small: of some attempts the smallest. */
static void
small_message(struct random *r, struct message *m, struct buffer *bytes,
    enum message_type type)
{
	struct buffer b = { 0 };
	struct message other;

	for (int i = 0; i < 200; i++) {
		random_message(r, &other, message_info(type), true);
		b.len = 0;
		if (message_pack(&b, &other, (uint32_t)i, NULL) < 0)
			errx(1, "cannot pack");
		if (i > 0 && b.len >= bytes->len) {
			random_message_release(&other);
			continue;
		}
		if (i > 0)
			random_message_release(m);
		*m = other;
		bytes->len = 0;
		if (buffer_add(bytes, buffer_bytes(&b), b.len) < 0)
			errx(1, "out of memory");
	}
	buffer_release(&b);
}

int
main(int argc, char **argv)
{
	struct buffer stream = { 0 }, bytes = { 0 }, frame = { 0 };
	struct random r = { 2026 };
	struct message m;

	if (argc != 2)
		errx(2, "usage: seeds tests/fuzz/corpus");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct message_info *info = message_info(kinds[i]);

		small_message(&r, &m, &bytes, kinds[i]);
		frame.len = 0;
		if (frame_put(&frame, FRAME_REQUEST + i % 3,
		    buffer_bytes(&bytes), bytes.len) < 0 ||
		    frame_put(&stream, FRAME_RESPONSE, buffer_bytes(&bytes),
		    bytes.len) < 0)
			errx(1, "out of memory");
		save(argv[1], "message", info->name, buffer_bytes(&frame),
		    frame.len);
		save(argv[1], "sound", info->name, buffer_bytes(&bytes),
		    bytes.len);
		if (info->method[0] != '\0')
			save_json(argv[1], &m);
		random_message_release(&m);
	}
	save(argv[1], "message", "all-in-one", buffer_bytes(&stream),
	    stream.len);
	buffer_release(&stream);
	buffer_release(&bytes);
	buffer_release(&frame);
	return 0;
}
