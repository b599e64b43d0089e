/* Apps: definitions, and the units made of them. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/app.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "protocol/codec.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/definition.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/streams.h"

#define DEFAULT_STOP_MS		10000
#define DEFAULT_ROTATE_SIZE	(10LL * 1024 * 1024)
#define DEFAULT_ROTATE_KEEP	10

const char *
app_namespace(const struct app *a)
{
	const char *ns = a != NULL ? a->def.process_define.namespace : "";

	return ns[0] != '\0' ? ns : "default";
}

void
app_log_path(const struct app *a, int instance, bool err, char *buf,
    size_t size)
{
	const struct process_define *d = &a->def.process_define;
	const char *given = err ? d->log_err : d->log_out;

	/* That it fits was checked. */
	if (given[0] != '\0' &&
	    definition_log_path(d, given, instance, buf, size) < 0)
		buf[0] = '\0';
	else if (given[0] == '\0')
		snprintf(buf, size, "%s/%d-%s.log", a->name, instance,
		    err ? "err" : "out");
}

static int
set_def(struct app *a, struct message *def, struct error *e)
{
	struct buffer b = { 0 };
	int r = message_pack(&b, def, 0, e);

	/* What cannot be recorded is not taken. */
	buffer_release(&b);
	if (r < 0)
		return r;
	if (a->def.type != MSG_none)
		message_release(&a->def);
	a->def = *def;
	a->name = a->def.process_define.name;
	def->type = MSG_none;
	return 0;
}

static struct log_stream *
stream_of(struct unit *u, bool err)
{
	const struct process_define *d = &u->app->def.process_define;
	char path[PATH_BYTES + 1];
	uint32_t mark = 0;

	app_log_path(u->app, u->instance, err, path, sizeof(path));
	if (path[0] == '/')
		mark = crc32c(crc32c(0, &d->uid, sizeof(d->uid)), path,
		    strlen(path));
	return stream_get(u->s, &(struct stream_spec){
	    .id = STREAM_ID(u->key, err) | STREAM_ID_MARK(mark),
	    .path = path, .name = u->name, .def = d,
	    .instance = u->instance, .is_err = err,
	    .rotate_size = d->rotate_size >= 0 ? d->rotate_size :
	    DEFAULT_ROTATE_SIZE, .rotate_keep = d->rotate_keep >= 0 ?
	    (int)d->rotate_keep : DEFAULT_ROTATE_KEEP });
}

/* What is in the pipes of the former still goes where it went. */
static int
set_stream(struct unit *u, struct log_stream **place, struct log_stream *t)
{
	if (t == NULL)
		return -ENOMEM;
	if (*place != t)
		stream_forget(u->s, *place);
	*place = t;
	return 0;
}

/* Carry what the definition says into the unit. */
static int
configure(struct unit *u)
{
	const struct process_define *d = &u->app->def.process_define;
	int r;

	u->name = u->app->name;
	definition_policy(&u->app->def, &u->policy);
	u->stop_signal = d->stop_signal > 0 ? (int)d->stop_signal : SIGTERM;
	u->stop_timeout_ms = d->stop_timeout_ms >= 0 ? d->stop_timeout_ms :
	    DEFAULT_STOP_MS;
	u->priority = (int)d->priority;
	if ((r = set_stream(u, &u->out, stream_of(u, false))) < 0)
		return r;
	if (d->log_combined) {
		stream_forget(u->s, u->err);
		u->err = NULL;
		return 0;
	}
	return set_stream(u, &u->err, stream_of(u, true));
}

static int
add_unit(struct app *a, int index, struct error *e)
{
	struct unit *u, **units;
	int r;

	units = realloc(a->units, (size_t)(a->count + 1) * sizeof(*units));
	if (units == NULL)
		return fail(e, -ENOMEM, "out of memory");
	a->units = units;
	if ((r = unit_new(a->s, UNIT_APP, a->first_id + a->count, index, &u,
	    e)) < 0)
		return r;
	u->app = a;
	u->instance = a->count;
	a->units[a->count++] = u;
	if (configure(u) < 0) {
		a->count--;
		stream_forget(a->s, u->out);
		stream_forget(a->s, u->err);
		unit_free(u);
		return fail(e, -ENOMEM, "out of memory");
	}
	return 0;
}

static void
meta_get(struct supervisor *s, struct desired_meta *meta)
{
	struct desired_record r;

	*meta = (struct desired_meta){ .next_app = 1, .next_id = 0 };
	if (desired_get(&s->desired, DESIRED_KEY(DESIRED_META, 0), &r) == 1 &&
	    r.len == sizeof(*meta))
		memcpy(meta, r.data, sizeof(*meta));
}

static int
take_numbers(struct app *a, bool number, int ids)
{
	struct supervisor *s = a->s;
	struct desired_meta meta;

	meta_get(s, &meta);
	if (number)
		a->number = meta.next_app++;
	if (ids > 0) {
		a->first_id = meta.next_id;
		meta.next_id += ids;
	}
	return durable_put(s, DESIRED_KEY(DESIRED_META, 0), &meta,
	    sizeof(meta));
}

/* The slot of a unit that a predecessor left, or -1. */
static int
slot_of(const struct supervisor *s, uint64_t key)
{
	for (int i = 0; i < OBSERVED_SLOTS; i++)
		if (s->slots[i] == NULL &&
		    observed_slot(&s->observed, i)->owner == key)
			return i;
	return -1;
}

/* Its last process was written down, and its number is never used again. */
static void
forget_run(struct unit *u)
{
	uint64_t key = DESIRED_KEY(DESIRED_RUN, u->id);
	struct desired_record r;

	if (desired_get(&u->s->desired, key, &r) == 1)
		durable_put(u->s, key, NULL, 0);
}

static void
app_free(struct app *a)
{
	struct supervisor *s = a->s;

	while (a->count > 0) {
		struct unit *u = a->units[--a->count];

		stream_forget(s, u->out);
		stream_forget(s, u->err);
		unit_free(u);
	}
	HASH_DELETE(hh, s->apps, a);
	HASH_DELETE(hh_number, s->apps_by_number, a);
	if (a->def.type != MSG_none)
		message_release(&a->def);
	free(a->units);
	free(a);
}

int
app_new(struct supervisor *s, struct message *def, uint64_t number,
    int64_t first_id, struct app **ap, struct error *e)
{
	struct app *a = calloc(1, sizeof(*a));
	int instances = (int)def->process_define.instances, r;

	if (a == NULL)
		return fail(e, -ENOMEM, "out of memory");
	a->s = s;
	a->number = number;
	a->first_id = first_id;
	if ((r = set_def(a, def, e)) < 0) {
		free(a);
		return r;
	}
	if ((number == 0 || first_id < 0) &&
	    (r = take_numbers(a, number == 0, instances)) < 0) {
		message_release(&a->def);
			free(a);
		return fail(e, r, "out of memory");
	}
	HASH_ADD_KEYPTR(hh, s->apps, a->name, strlen(a->name), a);
	HASH_ADD(hh_number, s->apps_by_number, number, sizeof(a->number), a);
	for (int i = 0; i < instances && r >= 0; i++)
		r = add_unit(a, slot_of(s, UNIT_KEY(UNIT_APP,
		    a->first_id + i)), e);
	if (r < 0) {
		app_free(a);
		return r;
	}
	*ap = a;
	return 0;
}

static int
record_wanted(struct app *a)
{
	struct desired_want w = { .first_id = a->first_id,
	    .count = (uint32_t)a->count };

	for (int i = 0; i < a->count; i++)
		w.wanted[i] = a->units[i]->now.wanted;
	return durable_put(a->s, DESIRED_KEY(DESIRED_WANT, a->number), &w,
	    offsetof(struct desired_want, wanted) + (size_t)a->count);
}

int
app_note_wanted(struct unit *u)
{
	return u->kind == UNIT_APP ? record_wanted(u->app) : 0;
}

int
app_record(struct app *a, struct error *e)
{
	struct buffer b = { 0 };
	int r = message_pack(&b, &a->def, 0, e);

	if (r == 0)
		r = durable_put(a->s, DESIRED_KEY(DESIRED_APP, a->number),
		    buffer_bytes(&b), b.len);
	buffer_release(&b);
	if (r == 0)
		r = record_wanted(a);
	return r < 0 ? fail(e, r, "cannot record '%s': %s", a->name,
	    strerror(-r)) : 0;
}

/* True if a process would be another one with the other definition. */
static bool
process_differs(const struct message *a, const struct message *b)
{
	struct message x = *a, y = *b;
	struct buffer bx = { 0 }, by = { 0 };
	bool differs;

	/* What the supervisor alone looks at is made equal. */
#define SAME(member) y.process_define.member = x.process_define.member
	SAME(instances); SAME(restart); SAME(priority); SAME(autostart);
	SAME(delay_first_ms); SAME(delay_base_ms); SAME(delay_max_ms);
	SAME(delay_factor_percent); SAME(jitter_percent);
	SAME(reset_after_ms); SAME(give_up_after); SAME(give_up_within_ms);
	SAME(stop_signal); SAME(stop_timeout_ms);
	SAME(rotate_size); SAME(rotate_keep);
#undef SAME
	differs = message_pack(&bx, &x, 0, NULL) < 0 ||
	    message_pack(&by, &y, 0, NULL) < 0 || bx.len != by.len ||
	    memcmp(buffer_bytes(&bx), buffer_bytes(&by), bx.len) != 0;
	buffer_release(&bx);
	buffer_release(&by);
	return differs;
}

/* More instances than its block of ids has room for need a new block, and
 * with it new units: the others are stopped first. */
static int
set_instances(struct app *a, int n, struct error *e)
{
	struct desired_meta meta;
	bool wanted = a->count > 0 && a->units[0]->now.wanted;
	int r = 0;

	for (int i = n; i < a->count; i++) {
		a->units[i]->is_doomed = true;
		a->units[i]->now.wanted = 0;
		a->s->has_doomed = true;
		unit_step(a->units[i], EVENT_stop);
	}
	meta_get(a->s, &meta);
	if (a->count < n && a->first_id + a->count != meta.next_id)
		return fail(e, -EBUSY, "'%s' cannot get more instances while "
		    "its numbers are not free: delete it and start it anew "
		    "with %d", a->name, n);
	if (a->count < n) {
		meta.next_id = a->first_id + n;
		r = durable_put(a->s, DESIRED_KEY(DESIRED_META, 0), &meta,
		    sizeof(meta));
	}
	while (r >= 0 && a->count < n) {
		if ((r = add_unit(a, -1, e)) < 0)
			break;
		a->units[a->count - 1]->now.wanted = wanted;
		unit_commit(a->units[a->count - 1]);
	}
	return r;
}

int
app_redefine(struct app *a, struct message *def, struct error *e)
{
	bool differs = process_differs(&a->def, def);
	int instances = (int)def->process_define.instances, r;
	struct app *same = a;

	HASH_DELETE(hh, a->s->apps, a);
	r = set_def(a, def, e);
	HASH_ADD_KEYPTR(hh, a->s->apps, a->name, strlen(a->name), same);
	if (r < 0)
		return r;
	for (int i = 0; i < a->count; i++) {
		if (configure(a->units[i]) < 0)
			return fail(e, -ENOMEM, "out of memory");
		if (differs && unit_is_up(a->units[i]))
			unit_step(a->units[i], EVENT_restart);
	}
	if (instances != a->count && (r = set_instances(a, instances, e)) < 0)
		return r;
	return app_record(a, e);
}

/* ---- its end ---- */

/* Freed at the end of the turn, when nobody has it in hand. */
int
app_doom(struct app *a)
{
	struct supervisor *s = a->s;
	int r;

	a->is_doomed = true;
	s->has_doomed = true;
	r = durable_put(s, DESIRED_KEY(DESIRED_APP, a->number), NULL, 0);
	durable_put(s, DESIRED_KEY(DESIRED_WANT, a->number), NULL, 0);
	for (int i = 0; i < a->count; i++) {
		a->units[i]->is_doomed = true;
		a->units[i]->now.wanted = 0;
		unit_step(a->units[i], EVENT_stop);
	}
	return r;
}

/* Instances go from the end; one in the middle waits for the others. */
static bool
trim(struct app *a)
{
	bool trimmed = false;

	while (a->count > 0) {
		struct unit *u = a->units[a->count - 1];

		if (!u->is_doomed || unit_state(u) != STATE_stopped)
			break;
		stream_forget(a->s, u->out);
		stream_forget(a->s, u->err);
		forget_run(u);
		unit_free(u);
		a->count--;
		trimmed = true;
	}
	return trimmed;
}

void
app_sweep(struct supervisor *s)
{
	struct app *a, *tmp;
	bool left = false;

	if (!s->has_doomed)
		return;
	HASH_ITER(hh, s->apps, a, tmp) {
		bool trimmed = trim(a);

		if (a->is_doomed && a->count == 0) {
			bus_emit(s, &(struct message){
			    .type = MSG_process_deleted,
			    .process_deleted = { .subject = a->name } });
			app_free(a);
			continue;
		}
		if (trimmed && !a->is_doomed)
			record_wanted(a);
		for (int i = 0; i < a->count; i++)
			left = left || a->units[i]->is_doomed;
	}
	s->has_doomed = left;
}

/* ---- from the records ---- */

struct restoring {
	struct supervisor *s;
	int		 error;
};

static void
restore(void *arg, const struct desired_record *r)
{
	struct restoring *all = arg;
	struct supervisor *s = all->s;
	struct desired_record wr;
	struct desired_want want = { .first_id = -1 };
	struct message def;
	struct error e = { 0 };
	struct app *a;
	uint32_t id;
	size_t len;
	int rc;

	if (DESIRED_KIND(r->key) != DESIRED_APP || r->len == 0)
		return;
	rc = message_unpack(&def, &id, NULL, r->data, r->len, &e);
	if (rc == -ENOMEM)
		all->error = rc;
	if (rc < 0 || def.type != MSG_process_define) {
		log_warn("a definition in the state cannot be read: %s",
		    e.text);
		return;
	}
	if (desired_get(&s->desired, DESIRED_KEY(DESIRED_WANT,
	    DESIRED_NUMBER(r->key)), &wr) == 1) {
		len = wr.len < sizeof(want) ? wr.len : sizeof(want);
		memcpy(&want, wr.data, len);
	}
	rc = app_new(s, &def, DESIRED_NUMBER(r->key), want.first_id, &a, &e);
	if (rc == -ENOMEM)
		all->error = rc;
	if (rc < 0) {
		log_warn("cannot restore an app: %s", e.text);
		if (def.type != MSG_none)
			message_release(&def);
		return;
	}
	for (int i = 0; i < a->count; i++) {
		struct unit *u = a->units[i];

		if ((uint32_t)i < want.count && want.wanted[i])
			u->now.wanted = 1;
		else
			u->now.wanted = 0;
		if (s->mode == START_COLD)
			u->now.state = u->now.wanted ? STATE_created :
			    STATE_stopped;
		unit_commit(u);
	}
}

int
app_restore_all(struct supervisor *s)
{
	struct restoring all = { .s = s };

	desired_each(&s->desired, 0, restore, &all);
	return all.error;
}
