/*
 * Starts a daemon: makes its directories, takes its lock, and becomes or
 * leaves behind od-keeper, which does the rest.
 */
/* SPDX-License-Identifier: MIT */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/trust.h"

#define READY_MS	10000
#define HOLDER_MS	2000

/* What the keeper finds where. */
#define FD_LOCK		4
#define FD_READY	5

static void
part_of(const char *home, const char *part, char *path)
{
	static const struct {
		const char	*part, *path;
	} system_layout[] = {
		{ "run", "/run/opendaemon" },
		{ "state", "/var/lib/opendaemon" },
		{ "log", "/var/log/opendaemon" },
	};

	if (*home != '\0') {
		snprintf(path, PATH_MAX, "%s/%s", home, part);
		return;
	}
	for (size_t i = 0; i < COUNT(system_layout); i++)
		if (strcmp(system_layout[i].part, part) == 0)
			snprintf(path, PATH_MAX, "%s", system_layout[i].path);
}

static int
make_directory(const char *path, mode_t mode, struct error *e)
{
	struct stat st;

	if (mkdir(path, mode) == -1 && errno != EEXIST)
		return fail(e, CLI_FAILED, "cannot make the directory '%s': %s",
		    path, strerror(errno));
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
		return fail(e, CLI_FAILED, "'%s' is no directory", path);
	/* What is below root's belongs to the actors in time. */
	if (geteuid() != 0 && st.st_uid != geteuid())
		return fail(e, CLI_FAILED, "'%s' belongs to another user",
		    path);
	return 0;
}

/* The run directory's group says who may operate the host's daemon. */
static void
give_to_operators(const char *path)
{
	const struct group *g = getgrnam("opendaemon");

	if (g != NULL && chown(path, (uid_t)-1, g->gr_gid) == -1)
		fprintf(stderr, "od: cannot give '%s' to the group "
		    "opendaemon: %s\n", path, strerror(errno));
}

/*
 * Root trusts only a place that nobody else can change under its feet: the
 * way to run and state, and run itself. The log directory is only written to.
 */
static int
make_directories(const char *home, struct error *e)
{
	static const char *const parts[] = { "run", "state", "log" };
	char path[PATH_MAX];
	int r;

	if (*home != '\0' && (r = make_directory(home, 0700, e)) < 0)
		return r;
	for (size_t i = 0; i < COUNT(parts); i++) {
		part_of(home, parts[i], path);
		/* Members of the group opendaemon reach the host's socket. */
		if ((r = make_directory(path, *home == '\0' && i == 0 ? 0755 :
		    0700, e)) < 0)
			return r;
		if (i == 0 && *home == '\0' && geteuid() == 0)
			give_to_operators(path);
		if (i == 1)
			*strrchr(path, '/') = '\0';
		if (geteuid() == 0 && i < 2 && (r = trust_path(path, e)) < 0)
			return r;
	}
	return 0;
}

static pid_t
pid_in(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* Who has taken the lock just now is about to say who he is. */
static pid_t
await_pid(int fd)
{
	int64_t deadline = clock_ms() + HOLDER_MS;
	pid_t pid;

	while ((pid = pid_in(fd)) == 0 && clock_ms() < deadline)
		poll(NULL, 0, 10);
	return pid;
}

int
launch_holder(const char *home, pid_t *pid)
{
	char path[PATH_MAX];
	int fd, r = 0;

	part_of(home, "run", path);
	strncat(path, "/lock", sizeof(path) - strlen(path) - 1);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		*pid = pid_in(fd);
		r = errno == EWOULDBLOCK ? 1 : -errno;
	}
	close(fd);
	return r;
}

static int
take_lock(const char *home, pid_t *holder, struct error *e)
{
	char path[PATH_MAX];
	int fd;

	part_of(home, "run", path);
	strncat(path, "/lock", sizeof(path) - strlen(path) - 1);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return fail(e, CLI_FAILED, "cannot open '%s': %s", path,
		    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		/* The last one's pid is nobody's, until the keeper's is in. */
		if (ftruncate(fd, 0) == 0)
			return fd;
		fail(e, CLI_FAILED, "cannot empty '%s': %s", path,
		    strerror(errno));
	} else if (errno == EWOULDBLOCK) {
		*holder = await_pid(fd);
		fail(e, CLI_NO_DAEMON, "a daemon is running already for %s%s%s"
		    ": pid %d has the lock", *home == '\0' ? "the host" :
		    "home '", home, *home == '\0' ? "" : "'", (int)*holder);
	} else {
		fail(e, CLI_FAILED, "cannot lock '%s': %s", path,
		    strerror(errno));
	}
	close(fd);
	return e->code;
}

/* The directory of od-keeper: beside us in a build or an installed tree, or
 * where configure put it. */
static int
find_libexec(char *dir, struct error *e)
{
	static const char *const beside[] = {
		"../libexec", "../libexec/opendaemon",
	};
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		for (size_t i = 0; i < COUNT(beside); i++) {
			snprintf(path, sizeof(path), "%s/%s/od-keeper", self,
			    beside[i]);
			if (access(path, X_OK) == 0) {
				*strrchr(path, '/') = '\0';
				if (realpath(path, dir) != NULL)
					return 0;
			}
		}
	}
	snprintf(dir, PATH_MAX, "%s", OD_LIBEXECDIR);
	snprintf(path, sizeof(path), "%s/od-keeper", dir);
	if (access(path, X_OK) == 0)
		return 0;
	return fail(e, CLI_FAILED, "cannot find od-keeper, neither beside this "
	    "program nor in '%s': is opendaemon installed whole?", dir);
}

/* Nothing of the caller shall stay with what lives for months. */
static void
leave_the_caller(void)
{
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	umask(022);
	if (chdir("/") == -1)
		_exit(1);
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, 0) == -1)
		_exit(1);
}

static void
silence(void)
{
	if (setsid() == -1 || dup2(0, 1) == -1 || dup2(0, 2) == -1)
		_exit(1);
}

/* Put the two where the keeper looks, whatever lies there now. */
static void
become_keeper(const char *home, const char *libexec, int lock, int ready)
{
	char path[PATH_MAX + 16];
	int high_lock, high_ready;

	snprintf(path, sizeof(path), "%s/od-keeper", libexec);
	high_lock = fcntl(lock, F_DUPFD_CLOEXEC, 16);
	high_ready = fcntl(ready, F_DUPFD_CLOEXEC, 16);
	if (high_lock == -1 || high_ready == -1 ||
	    dup2(high_lock, FD_LOCK) == -1 || dup2(high_ready, FD_READY) == -1)
		dprintf(ready, "cannot arrange descriptors: %s\n",
		    strerror(errno));
	else {
		close(3);
		close_range(FD_READY + 1, ~0U, CLOSE_RANGE_CLOEXEC);
		if (*home == '\0')
			execl(path, "od-keeper", "--system", "--libexec",
			    libexec, "--cold", (char *)NULL);
		else
			execl(path, "od-keeper", "--home", home, "--libexec",
			    libexec, "--cold", (char *)NULL);
		dprintf(FD_READY, "cannot execute '%s': %s\n", path,
		    strerror(errno));
	}
	_exit(1);
}

/* Read what the supervisor says at last: "ok", or a sentence. */
static int
hear(int fd, struct error *e)
{
	int64_t deadline = clock_ms() + READY_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[512];
	size_t len = 0;
	ssize_t n;

	for (;;) {
		left = deadline - clock_ms();
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return fail(e, -ETIMEDOUT, "the daemon was started, but "
			    "does not answer; what it says: od daemon start "
			    "--foreground");
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (memchr(text, '\n', len) != NULL)
			break;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "ok") == 0)
		return 0;
	if (*text == '\0')
		return fail(e, CLI_FAILED, "the daemon ended before it was "
		    "ready; what it says: od daemon start --foreground");
	return fail(e, CLI_FAILED, "%s", text);
}

/*
 * In the foreground we become the keeper, so that whoever started us has its
 * pid; what comes through the pipe is told by a grandchild, which is nobody's
 * child for long.
 */
static void
tell_apart(int lock, int fds[2])
{
	struct error e = { 0 };
	pid_t child = fork();

	if (child > 0)
		waitpid(child, NULL, 0);
	if (child != 0)
		return;
	if (fork() != 0)
		_exit(0);
	close(lock);
	close(fds[1]);
	if (hear(fds[0], &e) < 0)
		dprintf(2, "od daemon start: %s\n", e.text);
	else
		dprintf(2, "od daemon start: the daemon is ready\n");
	_exit(0);
}

int
launch(const char *home, bool in_foreground, pid_t *pid, struct error *e)
{
	char libexec[PATH_MAX];
	int lock = -1, ready[2] = { -1, -1 }, r;

	*pid = 0;
	if ((r = find_libexec(libexec, e)) < 0 ||
	    (r = make_directories(home, e)) < 0 ||
	    (r = lock = take_lock(home, pid, e)) < 0)
		goto out;
	if (pipe2(ready, O_CLOEXEC) == -1) {
		r = fail(e, CLI_FAILED, "cannot make a pipe: %s",
		    strerror(errno));
		goto out;
	}
	fflush(NULL);
	if (in_foreground) {
		tell_apart(lock, ready);
		leave_the_caller();
		become_keeper(home, libexec, lock, ready[1]);
	}
	if ((*pid = fork()) == -1) {
		r = fail(e, CLI_FAILED, "cannot start a process: %s",
		    strerror(errno));
		goto out;
	}
	if (*pid == 0) {
		leave_the_caller();
		silence();
		become_keeper(home, libexec, lock, ready[1]);
	}
	/* Ours would keep the lock, and the pipe open, for the dead. */
	close_fd(&lock);
	close_fd(&ready[1]);
	r = hear(ready[0], e);
out:
	close_fd(&lock);
	close_fd(&ready[0]);
	close_fd(&ready[1]);
	return r < 0 ? r : 0;
}
