/* What clients may ask about apps. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "protocol/codec.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/app.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/definition.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/run.h"
#include "supervisor/root/outside.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/targets.h"
#include "supervisor/root/unit.h"

/* ---- defining ---- */

static bool
has_group(const struct peer *p, int64_t gid)
{
	bool has = gid == (int64_t)p->gid;

	for (int i = 0; i < p->ngroups; i++)
		has = has || gid == (int64_t)p->groups[i];
	return has;
}

/* Nobody gets a group through us that he has not got. */
static int
check_groups(const struct process_define *d, const struct peer *p,
    struct error *e)
{
	char *end;
	long long gid;

	if (!has_group(p, d->gid))
		return fail(e, -EPERM, "not permitted: you are not in the "
		    "group %lld", (long long)d->gid);
	for (size_t i = 0; d->groups != NULL && d->groups[i] != NULL; i++) {
		gid = strtoll(d->groups[i], &end, 10);
		if (*end != '\0' || !has_group(p, gid))
			return fail(e, -EPERM, "not permitted: you are not in "
			    "the group %s", d->groups[i]);
	}
	return 0;
}

/* Defining is more than operating: it is for whom the app would run as. */
static int
check_owner(const struct app *a, const struct peer *p, struct error *e)
{
	if (p->role == FROM_OWNER ||
	    a->def.process_define.uid == (int64_t)p->uid)
		return 0;
	return fail(e, -EPERM, "not permitted: '%s' belongs to uid %lld; it "
	    "can be changed by that user and by root", a->name,
	    (long long)a->def.process_define.uid);
}

/* A definition says who runs it; everybody may say himself, root anybody. */
static int
attribute(struct message *m, const struct peer *p, struct error *e)
{
	struct process_define *d = &m->process_define;

	if (d->uid == -1)
		d->uid = p->uid;
	if (d->gid == -1)
		d->gid = p->gid;
	if (!p->s->is_root && d->uid != (int64_t)geteuid())
		return fail(e, -EPERM, "this daemon runs as uid %d and cannot "
		    "run apps as uid %lld: use the system's (od --system)",
		    (int)geteuid(), (long long)d->uid);
	if (p->uid != 0 && d->uid != (int64_t)p->uid)
		return fail(e, -EPERM, "not permitted: only root may run apps "
		    "as another user");
	return p->uid == 0 ? 0 : check_groups(d, p, e);
}

/* A copy of the message that owns its strings, by way of its bytes. */
static int
duplicate(const struct message *m, struct message *copy, struct error *e)
{
	struct buffer b = { 0 };
	uint32_t id;
	int r = message_pack(&b, m, 0, e);

	if (r == 0)
		r = message_unpack(copy, &id, NULL, buffer_bytes(&b), b.len,
		    e);
	buffer_release(&b);
	return r;
}

/* His own groups where he gave none. text holds the numbers. */
static void
add_groups(struct message *m, const struct peer *p, const char **list,
    char text[PEER_GROUPS][12])
{
	if (list_count(m->process_define.groups) > 0 ||
	    m->process_define.uid != (int64_t)p->uid)
		return;
	for (int i = 0; i < p->ngroups; i++) {
		snprintf(text[i], 12, "%u", p->groups[i]);
		list[i] = text[i];
	}
	m->process_define.groups = list;
}

static bool
is_same(const struct app *a, const struct message *m)
{
	struct buffer x = { 0 }, y = { 0 };
	bool same = message_pack(&x, m, 0, NULL) == 0 &&
	    message_pack(&y, &a->def, 0, NULL) == 0 && x.len == y.len &&
	    memcmp(buffer_bytes(&x), buffer_bytes(&y), x.len) == 0;

	buffer_release(&x);
	buffer_release(&y);
	return same;
}

static int
define(struct request *q, struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct message def;
	struct app *a;
	bool is_new;
	int r;

	HASH_FIND_STR(s->apps, m->process_define.name, a);
	if (a != NULL && a->is_doomed)
		return fail(e, -EBUSY, "'%s' is being deleted", a->name);
	if (a != NULL && (r = check_owner(a, q->peer, e)) < 0)
		return r;
	if (a != NULL && is_same(a, m))
		return 0;
	if ((r = duplicate(m, &def, e)) < 0)
		return r;
	is_new = a == NULL;
	if (is_new) {
		r = app_new(s, &def, 0, -1, &a, e);
		/* What is refused must not be there all the same. */
		if (r == 0 && (r = app_record(a, e)) < 0)
			app_doom(a);
	} else {
		r = app_redefine(a, &def, e);
	}
	if (def.type != MSG_none && r < 0)
		message_release(&def);
	if (r < 0)
		return r;
	bus_emit(s, &(struct message){ .type = MSG_process_defined,
	    .process_defined = { .subject = a->name, .is_new = is_new,
	    .by_uid = q->peer->uid } });
	durable_wait(s, q);
	return 0;
}

int
process_define(struct request *q, const struct message *m, struct error *e)
{
	struct message asked = *m;
	const char *groups[PEER_GROUPS + 1] = { NULL };
	char text[PEER_GROUPS][12];
	int r;

	if ((r = definition_check(m, e)) < 0 ||
	    (r = attribute(&asked, q->peer, e)) < 0)
		return r;
	add_groups(&asked, q->peer, groups, text);
	return define(q, &asked, e);
}

/* ---- acting ---- */

/* What happens to each unit that is meant. */
static int
start_one(struct unit *u)
{
	u->now.wanted = 1;
	u->is_urgent = true;
	unit_step(u, EVENT_start);
	return 0;
}

static int
restart_one(struct unit *u)
{
	u->now.wanted = 1;
	u->is_urgent = true;
	unit_step(u, EVENT_restart);
	return 0;
}

static int
stop_one(struct unit *u)
{
	u->now.wanted = 0;
	unit_step(u, EVENT_stop);
	return 0;
}

static int
act(struct request *q, field_list targets, bool wait, enum wait_kind kind,
    int (*on_each)(struct unit *), struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct target_set set;
	int r, rc;

	if ((r = targets_find(s, targets, &set, e)) < 0)
		return r;
	for (size_t i = 0; i < set.count && r >= 0; i++) {
		struct unit *u = set.units[i];
		struct message row;

		if (u->is_doomed) {
			r = fail(e, -EBUSY, "'%s' is being deleted", u->name);
			break;
		}
		on_each(u);
		if ((rc = app_note_wanted(u)) < 0)
			request_warn(q, "done, but not recorded: %s",
			    strerror(-rc));
		if (wait) {
			if ((r = unit_wait(u, q, kind)) < 0)
				fail(e, r, "out of memory");
			continue;
		}
		unit_row(u, &row);
		request_row(q, &row, -1);
	}
	targets_release(&set);
	if (r >= 0)
		durable_wait(s, q);
	return r;
}

int
process_start(struct request *q, const struct message *m, struct error *e)
{
	return act(q, m->process_start.targets, m->process_start.wait,
	    WAIT_ONLINE, start_one, e);
}

int
process_restart(struct request *q, const struct message *m, struct error *e)
{
	return act(q, m->process_restart.targets, m->process_restart.wait,
	    WAIT_ONLINE, restart_one, e);
}

int
process_stop(struct request *q, const struct message *m, struct error *e)
{
	return act(q, m->process_stop.targets, m->process_stop.wait,
	    WAIT_STOPPED, stop_one, e);
}

int
process_delete(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	struct target_set set;
	int r, rc;

	if ((r = targets_find(s, m->process_delete.targets, &set, e)) < 0)
		return r;
	for (size_t i = 0; i < set.count && r >= 0; i++)
		r = check_owner(set.units[i]->app, q->peer, e);
	for (size_t i = 0; i < set.count && r >= 0; i++)
		if (set.units[i]->instance == 0 &&
		    !set.units[i]->app->is_doomed &&
		    (rc = app_doom(set.units[i]->app)) < 0)
			request_warn(q, "deleted, but not recorded: %s",
			    strerror(-rc));
	for (size_t i = 0; i < set.count && r >= 0; i++)
		if (m->process_delete.wait &&
		    (r = unit_wait(set.units[i], q, WAIT_STOPPED)) < 0)
			fail(e, r, "out of memory");
	targets_release(&set);
	durable_wait(s, q);
	return r;
}

int
process_reset(struct request *q, const struct message *m, struct error *e)
{
	struct target_set set;
	int r = targets_find(q->peer->s, m->process_reset.targets, &set, e);

	for (size_t i = 0; r == 0 && i < set.count; i++) {
		struct unit *u = set.units[i];

		u->now.restarts = 0;
		memset(&u->now.history, 0, sizeof(u->now.history));
		unit_commit(u);
	}
	targets_release(&set);
	return r;
}

int
process_signal(struct request *q, const struct message *m, struct error *e)
{
	struct target_set set;
	int r = targets_find(q->peer->s, m->process_signal.targets, &set, e);

	for (size_t i = 0; r == 0 && i < set.count; i++) {
		struct unit *u = set.units[i];

		if (u->run == NULL || u->now.phase != PHASE_EXECUTED) {
			r = fail(e, -ESRCH, "'%s' is not running", u->name);
			break;
		}
		r = run_signal(u->run, (int)m->process_signal.signal);
		if (r < 0)
			fail(e, r, "cannot signal '%s': %s", u->name,
			    strerror(-r));
	}
	targets_release(&set);
	return r;
}

/* ---- telling ---- */

int
process_list(struct request *q, const struct message *m, struct error *e)
{
	struct target_set set;
	int r = targets_find(q->peer->s, m->process_list.targets, &set, e);

	for (size_t i = 0; r == 0 && i < set.count; i++) {
		struct message row;

		unit_row(set.units[i], &row);
		request_row(q, &row, -1);
	}
	targets_release(&set);
	return r;
}

static const char *
source_word(const struct slot *n)
{
	static const char *const words[] = {
#define X(name, word) word,
		EXIT_SOURCES(X)
#undef X
	};

	return words[n->exit_source];
}

/* Where its log is, for people. */
static const char *
log_place(const struct unit *u, bool err, char *buf, size_t size)
{
	char path[PATH_BYTES + 1];

	app_log_path(u->app, u->instance, err, path, sizeof(path));
	if (path[0] == '/')
		snprintf(buf, size, "%s", path);
	else
		snprintf(buf, size, "%.*s/%.*s", PATH_BYTES / 2 - 1,
		    u->s->layout.log, PATH_BYTES / 2 - 1, path);
	return buf;
}

static void
fill_exit(const struct unit *u, struct process_detail *d, char *words,
    size_t size)
{
	const struct slot *n = &u->now;
	bool known = n->exit_source != SOURCE_unknown &&
	    n->exit_source != SOURCE_none;

	d->has_exited = n->exit_source != SOURCE_none;
	d->exit_code = known && WIFEXITED(n->exit_status) ?
	    WEXITSTATUS(n->exit_status) : -1;
	d->exit_signal = known && WIFSIGNALED(n->exit_status) ?
	    WTERMSIG(n->exit_status) : 0;
	d->exit_time_ms = n->exit_ms;
	d->exit_reason = d->has_exited ? run_words(n, words, size) : "";
	d->exit_source = source_word(n);
}

static void
send_detail(struct request *q, const struct unit *u)
{
	const struct process_define *def = &u->app->def.process_define;
	static const char *const when[] = { "always", "on-failure", "never" };
	char out[PATH_BYTES + 1], err[PATH_BYTES + 1], words[128];
	const struct supervisor *s = u->s;
	int64_t now = clock_ms();
	bool up = u->run != NULL && !u->run->has_ended;
	struct message m = { .type = MSG_process_detail, .process_detail = {
	    .id = u->id, .name = u->name, .instance = u->instance,
	    .instances = u->app->count, .namespace = app_namespace(u->app),
	    .mode = "fork", .pid = up ? u->now.pid : 0,
	    .status = state_name(unit_state(u)), .wanted = u->now.wanted,
	    .restarts = u->now.restarts,
	    .uptime_ms = up ? now - u->now.started_mono_ms : -1,
	    .started_ms = u->now.started_ms,
	    .next_restart_ms = unit_state(u) == STATE_waiting ?
	    (u->now.wake_mono_ms > now ? u->now.wake_mono_ms - now : 0) : -1,
	    .argv = def->argv, .cwd = def->cwd, .uid = def->uid,
	    .gid = def->gid, .log_out = log_place(u, false, out, sizeof(out)),
	    .log_err = def->log_combined ? "" :
	    log_place(u, true, err, sizeof(err)),
	    .restart = when[u->policy.when], .stop_signal = u->stop_signal,
	    .stop_timeout_ms = u->stop_timeout_ms, .problem = unit_complaint(u),
	    .tree = s->cgroups.available ? "cgroup v2" : s->no_cgroup } };

	fill_exit(u, &m.process_detail, words, sizeof(words));
	request_row(q, &m, -1);
}

int
process_info(struct request *q, const struct message *m, struct error *e)
{
	struct target_set set;
	int r = targets_find(q->peer->s, m->process_info.targets, &set, e);

	for (size_t i = 0; r == 0 && i < set.count; i++)
		send_detail(q, set.units[i]);
	targets_release(&set);
	return r;
}

/* ---- introducing him to od-logs ---- */

/* What a user's path leads to is opened by od-open, and sent to od-logs. */
static int
send_file(struct supervisor *s, const struct log_stream *t, size_t place)
{
	struct error e = { 0 };
	struct opener *o = opener_start(s, &(struct opening){
	    .who = &t->outside->who, .path = t->path, .to_read = true }, &e);
	int sock = o != NULL ? opener_take(o) : -1, r;

	if (o == NULL)
		log_warn("%s", e.text);
	r = actor_tell(s, ACTOR_logs, &(struct message){
	    .type = MSG_logs_file, .logs_file = { .source = (int64_t)place } },
	    sock);
	if (sock != -1)
		close(sock);
	return r;
}

static int
send_files(struct supervisor *s, const struct target_set *set,
    const struct logs_tail *t)
{
	size_t n = 0;
	int r = 0;

	/* As add_sources() counts them. */
	for (size_t i = 0; r == 0 && i < set->count; i++) {
		const struct unit *u = set->units[i];

		if (t->out && u->out->outside != NULL)
			r = send_file(s, u->out, n);
		n += t->out;
		if (r == 0 && t->err && u->err != NULL &&
		    u->err->outside != NULL)
			r = send_file(s, u->err, n);
		n += t->err && u->err != NULL;
	}
	return r;
}

static size_t
add_sources(const struct target_set *set, const struct logs_tail *t,
    char **list)
{
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct unit *u = set->units[i];

		if (t->out && (list[n] = stream_source(u->out)) != NULL)
			n++;
		if (t->err && u->err != NULL &&
		    (list[n] = stream_source(u->err)) != NULL)
			n++;
	}
	return n;
}

int
process_logs(struct request *q, const struct message *m, struct error *e)
{
	struct supervisor *s = q->peer->s;
	const struct logs_tail *t = &m->logs_tail;
	struct target_set set = { 0 };
	char **list = NULL;
	size_t n = 0;
	int pair[2] = { -1, -1 }, r;

	if (!actor_is_up(s, ACTOR_logs))
		return fail(e, -EAGAIN, "the plugin 'logs' is not up: %s; see "
		    "od plugin list", unit_problem(s->actors[ACTOR_logs].unit));
	if ((r = targets_find(s, t->targets, &set, e)) < 0)
		goto out;
	if ((list = calloc(set.count * 2 + 1, sizeof(*list))) == NULL) {
		r = fail(e, -ENOMEM, "out of memory");
		goto out;
	}
	n = add_sources(&set, t, list);
	if ((r = sys_socketpair(SOCK_STREAM, pair)) < 0) {
		fail(e, r, "cannot make a socket: %s", strerror(-r));
		goto out;
	}
	r = actor_tell(s, ACTOR_logs, &(struct message){
	    .type = MSG_logs_serve, .logs_serve = {
	    .sources = (field_list)list, .lines = t->lines,
	    .follow = t->follow, .cursors = t->cursors } }, pair[1]);
	if (r == 0)
		r = send_files(s, &set, t);
	if (r < 0) {
		/* Dead, and nobody has noticed: its successor will do it. */
		fail(e, r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN ?
		    -EAGAIN : r, "the plugin 'logs' takes nothing: %s",
		    strerror(-r));
		r = e->code;
		goto out;
	}
	request_row(q, &(struct message){ .type = MSG_stream }, pair[0]);
out:
	for (int i = 0; i < 2; i++)
		if (pair[i] != -1)
			close(pair[i]);
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
	targets_release(&set);
	return r;
}
