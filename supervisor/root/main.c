/*
 * opendaemon-supervisor: decides and forks. It is started by od-keeper, with
 * the socket to it as descriptor 3 and the daemon's lock as descriptor 4.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "config.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/app.h"
#include "supervisor/root/arena.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/control.h"
#include "supervisor/root/daemon.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/recover.h"
#include "supervisor/root/run.h"
#include "supervisor/root/spawn.h"
#include "supervisor/root/streams.h"

#define PRESSING_MS	50	/* what can wait may be put off for so long */
#define FD_READY	5	/* who started the daemon waits for a word */

static struct supervisor supervisor;

static void
set_layout(struct layout *l, const char *home, const char *libexec)
{
	l->home = home;
	if (home[0] == '\0') {
		snprintf(l->run, sizeof(l->run), "/run/opendaemon");
		snprintf(l->state, sizeof(l->state), "/var/lib/opendaemon");
		snprintf(l->log, sizeof(l->log), "/var/log/opendaemon");
	} else {
		snprintf(l->run, sizeof(l->run), "%s/run", home);
		snprintf(l->state, sizeof(l->state), "%s/state", home);
		snprintf(l->log, sizeof(l->log), "%s/log", home);
	}
	snprintf(l->libexec, sizeof(l->libexec), "%s", libexec);
}

static void
parse_arguments(struct supervisor *s, int argc, char **argv)
{
	const char *home = NULL, *libexec = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
			home = argv[++i];
		else if (strcmp(argv[i], "--system") == 0)
			home = "";
		else if (strcmp(argv[i], "--libexec") == 0 && i + 1 < argc)
			libexec = argv[++i];
		else if (strcmp(argv[i], "--cold") == 0)
			s->mode = START_COLD;
		else if (strcmp(argv[i], "--resume") == 0)
			s->mode = START_RESUME;
		else if (strcmp(argv[i], "--safe") == 0)
			s->is_safe = true;
		else
			die("unknown argument '%s'", argv[i]);
	}
	if (home == NULL || libexec == NULL || strlen(home) > PATH_BYTES / 2 ||
	    strlen(libexec) > PATH_BYTES / 2)
		die("started without --home and --libexec; use od daemon "
		    "start");
	set_layout(&s->layout, home, libexec);
}

static int
open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd == -1)
		die("cannot open '%s': %s", path, strerror(errno));
	return fd;
}

static int
open_program(const struct supervisor *s, const char *name)
{
	char path[PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", s->layout.libexec, name);
	return open_or_die(path, O_PATH);
}

/* Each od-capture but the first locks a byte of it. */
static int
open_lock(const struct supervisor *s)
{
	char path[PATH_BYTES + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/captures.lock", s->layout.run);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		die("cannot open '%s': %s", path, strerror(errno));
	return fd;
}

/* As root, each actor owns what it writes, and od-logs may read the logs by
 * its group. */
static void
give_directories(struct supervisor *s)
{
	struct stat st;

	s->operator_gid = NO_GID;
	if (!s->is_root)
		return;
	if (fchown(s->log_dir_fd, actor_uid(ACTOR_capture),
	    actor_uid(ACTOR_logs)) == -1 ||
	    fchmod(s->log_dir_fd, 02750) == -1)
		log_warn("cannot give '%s' to its actor: %s", s->layout.log,
		    strerror(errno));
	if (fchown(s->state_dir_fd, actor_uid(ACTOR_journal),
	    actor_uid(ACTOR_journal)) == -1 ||
	    fchmod(s->state_dir_fd, 0700) == -1)
		log_warn("cannot give '%s' to its actor: %s",
		    s->layout.state, strerror(errno));
	if (stat(s->layout.run, &st) == 0 && st.st_gid != 0)
		s->operator_gid = st.st_gid;
}

static void
read_boot_id(struct supervisor *s)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, s->boot_id,
	    sizeof(s->boot_id) - 1);

	if (n > 0)
		s->boot_id[strcspn(s->boot_id, "\n")] = '\0';
	close_fd(&fd);
}

static void
raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
prepare_process(struct supervisor *s)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	raise_limits();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_DUMPABLE, 0);
	fcntl(KEEPER_FD_PEER, F_SETFD, FD_CLOEXEC);
	fcntl(KEEPER_FD_LOCK, F_SETFD, FD_CLOEXEC);
	s->ready_fd = -1;
	if (s->mode == START_COLD && fcntl(FD_READY, F_SETFD,
	    FD_CLOEXEC) == 0)
		s->ready_fd = FD_READY;
	s->is_root = geteuid() == 0;
	s->started_ms = clock_ms();
}

static void
open_places(struct supervisor *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct stat st;
	char name[16];

	s->null_fd = open_or_die("/dev/null", O_RDWR);
	spawn_init(s->null_fd);
	s->exec_fd = open_program(s, "od-exec");
	s->sweep_fd = open_program(s, "od-sweep");
	s->open_fd = open_program(s, "od-open");
	s->log_dir_fd = open_or_die(s->layout.log, O_RDONLY | O_DIRECTORY);
	if (fstat(s->log_dir_fd, &st) == 0)
		s->log_device = st.st_dev;
	s->captures_fd = open_lock(s);
	s->state_dir_fd = open_or_die(s->layout.state,
	    O_RDONLY | O_DIRECTORY);
	give_directories(s);
	read_boot_id(s);
	s->launch_limit = cores > 2 ? 2 * (int)cores : 4;
	/* Two daemons of one host have groups of their own. */
	snprintf(name, sizeof(name), "%08x", crc32c(0, s->layout.home,
	    strlen(s->layout.home)));
	s->can_join_cgroup = spawn_can_join();
	cgroup_setup(&s->cgroups, name, s->no_cgroup, sizeof(s->no_cgroup));
}

static void
prepare_lists(struct supervisor *s)
{
	TAILQ_INIT(&s->runs);
	TAILQ_INIT(&s->start_queue);
	TAILQ_INIT(&s->peers);
	TAILQ_INIT(&s->subscribers);
	TAILQ_INIT(&s->undurable);
}

/* ---- the loop's own ends ---- */

static struct run *
run_of(const struct supervisor *s, pid_t pid)
{
	struct run *r;

	HASH_FIND(hh_pid, s->runs_by_pid, &pid, sizeof(pid), r);
	return r;
}

/* Orphans of apps come to us: nobody else would reap them. What cannot be
 * taken away would be found for ever: the next to end brings us back. */
static void
reap_orphans(struct supervisor *s)
{
	struct sys_exit e;
	struct run *r;

	while (sys_peek_any(&e) == 1) {
		if ((r = run_of(s, e.pid)) == NULL) {
			if (sys_reap(e.pid) < 0)
				return;
			continue;
		}
		run_check_exit(r);
		if (run_of(s, e.pid) != NULL)
			return;
	}
}

static void
on_signal(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct supervisor *s = w->data;
	struct signalfd_siginfo si;

	(void)loop;
	(void)revents;
	while (read(w->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap_orphans(s);
		else
			daemon_begin_stop(s, false, si.ssi_uid);
	}
}

static void
watch_signals(struct supervisor *s)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		die("cannot watch signals: %s", strerror(errno));
	ev_io_init(&s->signal_io, on_signal, fd, EV_READ);
	s->signal_io.data = s;
	ev_io_start(s->loop, &s->signal_io);
}

/*
 * While a process waits for its "go", nobody else is woken for what can wait:
 * there may be fewer cores than processes that would like to run. It is put
 * off for a few milliseconds, not more.
 */
static bool
is_pressing(struct supervisor *s)
{
	if (s->launching == 0)
		return false;
	if (clock_ms() - s->pressing_from_ms < PRESSING_MS) {
		if (!ev_is_active(&s->pressing_timer)) {
			ev_timer_set(&s->pressing_timer,
			    PRESSING_MS / 1000.0, 0.0);
			ev_timer_start(s->loop, &s->pressing_timer);
		}
		return true;
	}
	s->pressing_from_ms = clock_ms();
	return false;
}

static void
on_pressing(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;		/* the turn itself is what was wanted */
}

/* The end of each turn: what happened is committed and told. */
static void
on_prepare(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct supervisor *s = w->data;
	bool pressing = is_pressing(s);

	(void)revents;
	app_sweep(s);
	if (!pressing) {
		ev_timer_stop(loop, &s->pressing_timer);
		runs_sweep(s);
		streams_pump(s);
	}
	daemon_go_on_stopping(s);
	observed_commit_events(&s->observed);
	if (!pressing)
		bus_deliver(s);
	control_sweep(s);
}

static void
on_group_event(void *arg, uint64_t number)
{
	struct supervisor *s = arg;
	struct run *r;

	HASH_FIND(hh_number, s->runs_by_number, &number, sizeof(number), r);
	if (r != NULL)
		run_check_group(r);
}

/* Whoever waits for the start is told why there is none. */
static void
give_up(struct supervisor *s, const struct error *e)
{
	if (s->ready_fd != -1)
		dprintf(s->ready_fd, "%s\n", e->text);
	die("%s", e->text);
}

int
main(int argc, char **argv)
{
	struct supervisor *s = &supervisor;
	struct error e = { 0 };

	log_init("opendaemon-supervisor");
	parse_arguments(s, argc, argv);
	prepare_process(s);
	prepare_lists(s);
	open_places(s);
	arena_use();
	if ((s->loop = ev_loop_new(EVFLAG_NOENV)) == NULL)
		die("cannot make an event loop");
	watch_signals(s);
	if (groups_start(&s->groups, s->loop, on_group_event, s) < 0)
		die("cannot watch cgroups: %s", strerror(errno));
	if (guard_init(s, KEEPER_FD_PEER, getppid(), &e) < 0 ||
	    recover_begin(s, &e) < 0)
		give_up(s, &e);
	guard_watch(s);
	control_start(s);
	ev_init(&s->pressing_timer, on_pressing);
	ev_prepare_init(&s->prepare, on_prepare);
	s->prepare.data = s;
	ev_prepare_start(s->loop, &s->prepare);
	unit_run_queue(s);
	reap_orphans(s);
	ev_run(s->loop, 0);
	log_info("stopped");
	return s->exit_status;
}
