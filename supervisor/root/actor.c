/* Our own processes: the table of them, their channels, their failures. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/actor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "config.h"
#include "protocol/codec.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/durable.h"
#include "supervisor/root/run.h"
#include "supervisor/root/streams.h"
#include "supervisor/root/unit.h"

#define QUEUE_BYTES	(4 * 1024 * 1024)
#define OWED_MS		5000	/* for a heartbeat to be answered */
#define LATE_MS		1000	/* our own loop was not on time */
#define QUARANTINE_MS	30000
#define VITAL_MAX_MS	1000
#define STORM		10
#define STORM_MS	50
#define READS_A_TURN	8
#define LINGER_MS	1000	/* from a closed channel to SIGKILL */

/* All further od-captures; the number is its argument. */
#define FURTHER(n)							\
	[ACTOR_capture_2 + (n) - 2] = { .name = "capture-" #n,		\
	    .program = "od-capture", .argument = #n,			\
	    .directory = PROMISED_LOCK, .is_vital = true },

/* clang-format off */
static const struct manifest manifests[ACTOR_COUNT] = {
	[ACTOR_capture] = { .name = "capture", .program = "od-capture",
	    .directory = PROMISED_LOG, .is_vital = true, .sends_fds = true },
	[ACTOR_journal] = { .name = "journal", .program = "od-journal",
	    .directory = PROMISED_STATE, .is_vital = true,
	    .hears_kept = true },
	[ACTOR_logs] = { .name = "logs", .program = "od-logs",
	    .directory = PROMISED_LOG },
	FURTHER(2) FURTHER(3) FURTHER(4) FURTHER(5) FURTHER(6) FURTHER(7)
	FURTHER(8) FURTHER(9) FURTHER(10) FURTHER(11) FURTHER(12)
	FURTHER(13) FURTHER(14) FURTHER(15) FURTHER(16)
};
/* clang-format on */

static void	on_channel(struct ev_loop *, struct ev_io *, int);
static void	on_owed(struct ev_loop *, struct ev_timer *, int);
static void	on_linger(struct ev_loop *, struct ev_timer *, int);

int
actors_init(struct supervisor *s, struct error *e)
{
	char path[64];
	int r;

	if ((s->actors = calloc(ACTOR_COUNT, sizeof(*s->actors))) == NULL)
		return fail(e, -ENOMEM, "out of memory");
	ev_init(&s->owed_timer, on_owed);
	s->owed_timer.data = s;
	for (int i = 0; i < ACTOR_COUNT; i++) {
		struct actor *a = &s->actors[i];
		int slot = -1;

		a->s = s;
		a->id = (enum actor_id)i;
		a->manifest = &manifests[i];
		a->channel.fd = a->child_fd = -1;
		ev_init(&a->io, on_channel);
		ev_init(&a->linger, on_linger);
		a->io.data = a->linger.data = a;
		for (int j = 0; j < OBSERVED_SLOTS && slot < 0; j++)
			if (observed_slot(&s->observed, j)->owner ==
			    UNIT_KEY(UNIT_ACTOR, i))
				slot = j;
		if ((r = unit_new(s, UNIT_ACTOR, i, slot, &a->unit, e)) < 0)
			return r;
		a->unit->name = a->manifest->name;
		a->unit->actor = a;
		a->unit->stop_timeout_ms = 5000;
		snprintf(path, sizeof(path), "opendaemon/%s.log",
		    a->manifest->name);
		a->unit->out = stream_get(s, &(struct stream_spec){
		    .id = STREAM_ID(a->unit->key, 0), .path = path,
		    .name = a->manifest->name, .rotate_size = 1024 * 1024,
		    .rotate_keep = 3 });
		if (a->unit->out == NULL)
			return fail(e, -ENOMEM, "out of memory");
	}
	return 0;
}

struct actor *
actor_named(struct supervisor *s, const char *name)
{
	for (int i = 0; i < ACTOR_COUNT; i++)
		if (strcmp(manifests[i].name, name) == 0)
			return &s->actors[i];
	return NULL;
}

bool
actor_is_capture(enum actor_id id)
{
	return id == ACTOR_capture || id >= ACTOR_capture_2;
}

bool
actor_is_used(const struct actor *a)
{
	return a->id < ACTOR_capture_2 || a->unit->now.wanted ||
	    a->unit->run != NULL;
}

bool
actor_is_up(const struct supervisor *s, enum actor_id id)
{
	return s->actors[id].has_greeted;
}

uid_t
actor_uid(enum actor_id id)
{
	return OD_ACTOR_UIDS + (uid_t)id;
}

bool
actor_owns_uid(const struct supervisor *s, uid_t uid)
{
	return s->is_root && uid >= OD_ACTOR_UIDS &&
	    uid < OD_ACTOR_UIDS + OD_ACTOR_UID_COUNT;
}

/* ---- its channel ---- */

static void
watch(struct actor *a)
{
	int events = EV_READ | (channel_wants_write(&a->channel) ?
	    EV_WRITE : 0);

	if (a->channel.fd == -1)
		return;		/* convicted over what it was told */
	if (ev_is_active(&a->io) && (a->io.events & (EV_READ | EV_WRITE)) ==
	    events)
		return;
	ev_io_stop(a->s->loop, &a->io);
	ev_io_set(&a->io, a->channel.fd, events);
	ev_io_start(a->s->loop, &a->io);
}

static void
hang_up(struct actor *a)
{
	if (a->subscriber != NULL) {
		bus_unsubscribe(a->s, a->subscriber);
		a->subscriber = NULL;
	}
	a->has_greeted = false;
	a->owes_heartbeat = false;
	if (a->channel.fd == -1)
		return;
	ev_io_stop(a->s->loop, &a->io);
	channel_release(&a->channel);
	a->channel.fd = -1;
	if (a->id == ACTOR_journal)
		durable_lost(a->s);
}

void
actor_blame(struct actor *a, const char *why)
{
	log_warn("%s: %s: killed", a->manifest->name, why);
	snprintf(a->fault, sizeof(a->fault), "%s", why);
}

/* It broke the rules, or does not answer: its death brings the next. */
static void
convict(struct actor *a, const char *why)
{
	actor_blame(a, why);
	unit_trouble(a->unit, "%s", why);
	if (actor_is_capture(a->id))
		streams_hang(a->s, (int)a->id, why);
	hang_up(a);
	if (a->unit->run != NULL)
		run_signal(a->unit->run, SIGKILL);
}

void
actor_replace(struct supervisor *s, enum actor_id id, const char *why)
{
	convict(&s->actors[id], why);
}

/* A process that was killed closes its channel before its exit can be seen:
 * only who goes on without one has broken the rules. */
static void
let_it_end(struct actor *a)
{
	hang_up(a);
	ev_timer_set(&a->linger, LINGER_MS / 1000.0, 0.0);
	ev_timer_start(a->s->loop, &a->linger);
}

static void
on_linger(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct actor *a = w->data;

	(void)loop;
	(void)revents;
	convict(a, "it closed its channel");
}

static int
say(struct supervisor *s, enum actor_id id, enum frame_type type,
    uint32_t request, const struct message *m, int fd)
{
	struct actor *a = &s->actors[id];
	int r;

	if (!a->has_greeted)
		return -ENOTCONN;
	r = channel_send(&a->channel, type, request, m, fd);
	if (r < 0 && r != -ENOBUFS && r != -ENOMEM && r != -EMFILE)
		log_warn("cannot tell %s: %s", a->manifest->name,
		    strerror(-r));
	watch(a);
	return r;
}

int
actor_tell(struct supervisor *s, enum actor_id id, const struct message *m,
    int fd)
{
	return say(s, id, FRAME_NOTIFICATION, 0, m, fd);
}

int
actor_ask(struct supervisor *s, enum actor_id id, uint32_t request,
    const struct message *m)
{
	return say(s, id, FRAME_REQUEST, request, m, -1);
}

static void
subscriber_wake(struct subscriber *b)
{
	struct actor *a = b->owner;

	watch(a);
}

static void
subscriber_broken(struct subscriber *b)
{
	struct actor *a = b->owner;

	convict(a, "it does not read what it is sent");
}

static void
subscribe(struct actor *a)
{
	struct subscriber *b;

	if (!a->manifest->hears_kept)
		return;
	if ((b = bus_subscribe(a->s, NULL, a->seen_seq)) == NULL)
		return;
	b->channel = &a->channel;
	b->keep_only = true;
	b->wake = subscriber_wake;
	b->broken = subscriber_broken;
	b->owner = a;
	a->subscriber = b;
}

static void
greet(struct actor *a, const struct message *m)
{
	struct supervisor *s = a->s;

	if (m->hello.version < PROTOCOL_VERSION_MIN ||
	    m->hello.version > PROTOCOL_VERSION + 1) {
		convict(a, "it speaks another version of the protocol");
		return;
	}
	if (channel_send(&a->channel, FRAME_RESPONSE, 1, &(struct message){
	    .type = MSG_hello, .hello = { .version = PROTOCOL_VERSION,
	    .name = "supervisor" } }, -1) < 0) {
		convict(a, "its greeting could not be answered");
		return;
	}
	a->has_greeted = true;
	a->fault[0] = '\0';
	a->is_quarantined = false;
	unit_step(a->unit, EVENT_ready);
	if (actor_is_capture(a->id))
		streams_begin(s, (int)a->id);
	if (a->id == ACTOR_journal)
		durable_begin(s);
	watch(a);
}

void
actor_hears_from(struct supervisor *s, enum actor_id id, int64_t seq)
{
	struct actor *a = &s->actors[id];

	a->seen_seq = seq;
	if (a->subscriber == NULL)
		subscribe(a);
}

/* A message of it; false: none that it may send. */
static bool
take_message(struct actor *a, const struct message *m, int fd)
{
	if (m->type == MSG_hello && !a->has_greeted) {
		greet(a, m);
		return true;
	}
	if (!a->has_greeted)
		return false;
	if (m->type == MSG_events_seen) {
		a->seen_seq = m->events_seen.seq;
		return true;
	}
	if (m->type == MSG_failed) {
		log_warn("%s: %s", a->manifest->name, m->failed.text);
		return true;
	}
	if (actor_is_capture(a->id))
		return streams_on_message(a->s, (int)a->id, m, fd);
	switch (a->id) {
	case ACTOR_journal:
		return durable_on_message(a->s, m);
	default:
		return m->type == MSG_done;
	}
}

static bool
take_frame(struct actor *a, const struct frame *f, int fd)
{
	struct message m;
	struct error e = { 0 };
	uint32_t id;
	bool ok;
	int r;

	if (f->type == FRAME_HEARTBEAT) {
		close_fd(&fd);
		a->owes_heartbeat = false;
		return true;
	}
	r = message_unpack(&m, &id, NULL, f->payload, f->len, &e);
	/* None comes with anything else: whatever it is, it must not stay. */
	if (r < 0 || m.type != MSG_capture_opened ||
	    a->id != ACTOR_capture || !a->has_greeted)
		close_fd(&fd);
	if (r == -ENOTSUP)
		return true;		/* of a later version */
	if (r < 0) {
		log_warn("%s: %s", a->manifest->name, e.text);
		return false;
	}
	ok = take_message(a, &m, fd);
	message_release(&m);
	return ok;
}

static void
read_channel(struct actor *a)
{
	struct frame f;
	int fd, r = 0;
	long n;

	for (int i = 0; i < READS_A_TURN && a->channel.fd != -1; i++) {
		n = channel_read(&a->channel);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n == 0 || n == -ECONNRESET) {
			let_it_end(a);
			return;
		}
		if (n < 0) {
			convict(a, "its channel broke");
			return;
		}
		while (a->channel.fd != -1 &&
		    (r = channel_next(&a->channel, &f, &fd)) > 0)
			if (!take_frame(a, &f, fd)) {
				convict(a, "it sent what is no message of it");
				return;
			}
		if (r < 0 && a->channel.fd != -1) {
			convict(a, "it sent rubbish");
			return;
		}
	}
}

static void
on_channel(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct actor *a = w->data;
	struct supervisor *s = a->s;

	(void)loop;
	/* An exit says more than an end of file. */
	if (a->unit->run != NULL)
		run_check_exit(a->unit->run);
	if (a->channel.fd == -1)
		return;
	if ((revents & EV_WRITE) != 0 && channel_flush(&a->channel) < 0) {
		let_it_end(a);
		return;
	}
	if ((revents & EV_READ) != 0)
		read_channel(a);
	if (a->channel.fd == -1)
		return;
	if ((revents & EV_WRITE) != 0 && actor_is_capture(a->id))
		streams_pump(s);
	if ((revents & EV_WRITE) != 0 && a->id == ACTOR_journal)
		durable_pump(s);
	if (a->channel.fd != -1)
		watch(a);
}

/* ---- signs of life ---- */

void
actor_heartbeats(struct supervisor *s)
{
	bool any = false;

	for (int i = 0; s->actors != NULL && i < ACTOR_COUNT; i++) {
		struct actor *a = &s->actors[i];

		if (!a->has_greeted || a->owes_heartbeat)
			continue;
		if (channel_send_frame(&a->channel, FRAME_HEARTBEAT, NULL, 0,
		    -1) < 0)
			continue;
		watch(a);
		a->owes_heartbeat = any = true;
	}
	if (!any || ev_is_active(&s->owed_timer))
		return;
	s->owed_due_ms = clock_ms() + OWED_MS;
	ev_timer_set(&s->owed_timer, OWED_MS / 1000.0, 0.0);
	ev_timer_start(s->loop, &s->owed_timer);
}

static void
on_owed(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;
	int64_t now = clock_ms();

	(void)revents;
	/* Stopped ourselves, we would find everybody silent: read first. */
	if (now - s->owed_due_ms > LATE_MS) {
		s->owed_due_ms = now + OWED_MS;
		ev_timer_set(w, OWED_MS / 1000.0, 0.0);
		ev_timer_start(loop, w);
		return;
	}
	for (int i = 0; i < ACTOR_COUNT; i++)
		if (s->actors[i].owes_heartbeat)
			convict(&s->actors[i], "it does not answer");
}

/* ---- its life as a unit ---- */

int
actor_prepare(struct unit *u, struct error *e)
{
	struct actor *a = u->actor;
	int pair[2], r;

	hang_up(a);
	if ((r = sys_socketpair(SOCK_STREAM, pair)) < 0)
		return fail(e, r, "cannot make a socket: %s", strerror(-r));
	channel_init(&a->channel, pair[0], FRAME_BYTES_BIG, QUEUE_BYTES,
	    a->manifest->sends_fds);
	a->child_fd = pair[1];
	return 0;
}

void
actor_plan(const struct unit *u, struct plan *p)
{
	struct actor *a = u->actor;
	static const char *argv[3];
	static const char *const env[] = { "PATH", "/usr/bin:/bin", NULL };
	static char path[PATH_BYTES + 64];

	snprintf(path, sizeof(path), "%s/%s", a->s->layout.libexec,
	    a->manifest->program);
	argv[0] = a->manifest->program;
	argv[1] = a->manifest->argument;
	p->argv = argv;
	p->path = path;
	p->own_env = env;
	p->cwd = "/";
	p->flags = EXEC_ACTOR | EXEC_NO_NEW_PRIVS | EXEC_NO_CAPS;
	if (a->s->is_root) {
		p->uid = p->gid = actor_uid(a->id);
		p->umask_plus_1 = 027 + 1;
	} else {
		p->flags |= EXEC_KEEP_IDS;
	}
	p->passed[p->npassed++] = 3;
	if (a->manifest->directory != PROMISED_NOTHING)
		p->passed[p->npassed++] = 4;
}

int
actor_passed_fds(const struct unit *u, int *fds)
{
	const struct actor *a = u->actor;
	int n = 0;

	fds[n++] = a->child_fd;
	if (a->manifest->directory == PROMISED_LOG)
		fds[n++] = a->s->log_dir_fd;
	if (a->manifest->directory == PROMISED_STATE)
		fds[n++] = a->s->state_dir_fd;
	if (a->manifest->directory == PROMISED_LOCK)
		fds[n++] = a->s->captures_fd;
	return n;
}

void
actor_launched(struct unit *u, bool ok)
{
	struct actor *a = u->actor;

	close_fd(&a->child_fd);
	if (ok)
		watch(a);
	else
		hang_up(a);
}

void
actor_run_ended(struct unit *u)
{
	ev_timer_stop(u->s->loop, &u->actor->linger);
	hang_up(u->actor);
}

/* Killed by somebody else: no fault of its own. */
static bool
is_somebodys_act(const struct actor *a, const struct restart_end *end)
{
	return a->fault[0] == '\0' && end->is_known &&
	    WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGKILL;
}

static int64_t
storm_pause(struct actor *a, int64_t now)
{
	if (now - a->storm_from_ms > 1000) {
		a->storm_from_ms = now;
		a->storm_count = 0;
	}
	return ++a->storm_count > STORM ? STORM_MS : 0;
}

int64_t
actor_judge(struct unit *u, const struct restart_end *end)
{
	static const struct restart_policy policy = {
		.when = RESTART_ALWAYS, .first_ms = 50, .base_ms = 50,
		.factor_percent = 200, .max_ms = VITAL_MAX_MS,
		.reset_after_ms = 60000, .give_up_after = -1,
	};
	struct actor *a = u->actor;
	int64_t delay = 0, *oldest;
	bool is_loop;

	if (is_somebodys_act(a, end))
		return storm_pause(a, end->now_ms);
	restart_judge(&policy, &u->now.history, end, &delay, &is_loop);
	if (a->fault[0] != '\0')
		unit_trouble(u, "%s", a->fault);
	a->fault[0] = '\0';
	oldest = &a->failed_ms[a->nfailed++ % RESTART_LOOP_FAILURES];
	a->is_quarantined = !a->manifest->is_vital &&
	    a->nfailed >= RESTART_LOOP_FAILURES &&
	    end->now_ms - a->failed_ms[a->nfailed % RESTART_LOOP_FAILURES] <
	    RESTART_LOOP_MS;
	*oldest = end->now_ms;
	return a->is_quarantined ? QUARANTINE_MS : delay;
}

void
actor_crashed(struct unit *u)
{
	struct actor *a = u->actor;

	log_warn("%s: %s; again in %lld ms", u->name, unit_problem(u),
	    (long long)u->retry_ms);
	if (!a->is_quarantined) {
		bus_emit(u->s, &(struct message){ .type = MSG_plugin_crashed,
		    .plugin_crashed = { .subject = u->name,
		    .reason = unit_problem(u) } });
		return;
	}
	bus_emit(u->s, &(struct message){ .type = MSG_plugin_quarantined,
	    .plugin_quarantined = { .subject = u->name,
	    .reason = unit_problem(u), .retry_ms = u->retry_ms } });
}
