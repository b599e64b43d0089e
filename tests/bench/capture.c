/*
 * od-capture beside the two programs anybody would write: one that splices,
 * one that reads and writes. Same pipe, same file system, alternating runs,
 * medians. The directory for the files is the argument, or TMPDIR, or /tmp.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "protocol/channel.h"
#include "protocol/codec.h"

#define RUNS		11
#define PIPE_BYTES	(256 * 1024)
#define FILE_NAME	"bench/0-out.log"
#define MIB		(1024.0 * 1024.0)

struct result {
	double	seconds;		/* until the last byte is in the file */
	double	cpu;			/* of whoever took it there */
};

struct load {
	const char	*name;
	size_t		 write_bytes;	/* of each write(2) */
	size_t		 total;
	double		 speed_limit;	/* capture / yardstick, at least */
	double		 cpu_limit;	/* at most; 0: none */
};

static int dir;
static char directory[4096];

/* The app: total bytes in writes of one size. */
static pid_t
write_load(const struct load *l, int fd)
{
	static char block[65536];
	pid_t pid = fork();

	if (pid == -1)
		die("cannot fork: %s", strerror(errno));
	if (pid != 0)
		return pid;
	memset(block, 'x', sizeof(block));
	block[l->write_bytes - 1] = '\n';
	for (size_t n = 0; n < l->total; n += l->write_bytes)
		if (write_all(fd, block, l->write_bytes) < 0)
			_exit(1);
	_exit(0);
}

static void
make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) == -1 ||
	    fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES) == -1)
		die("cannot make a pipe: %s", strerror(errno));
}

static void
check_size(const struct load *l)
{
	size_t rest = l->total % l->write_bytes;
	struct stat st;

	if (rest != 0)
		rest = l->write_bytes - rest;
	if (fstatat(dir, FILE_NAME, &st, 0) == -1 ||
	    (size_t)st.st_size != l->total + rest)
		die("%s: the file has not what was written", l->name);
	unlinkat(dir, FILE_NAME, 0);
	unlinkat(dir, "bench/0-out.idx", 0);
}

static int
splice_all(int from, int to)
{
	ssize_t n;

	while ((n = splice(from, NULL, to, NULL, 1 << 20,
	    SPLICE_F_MOVE)) > 0)
		;
	return n == 0 ? 0 : 1;
}

static int
copy_all(int from, int to)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write_all(to, bytes, (size_t)n) < 0)
			return 1;
	return n == 0 ? 0 : 1;
}

/* One of the two plain programs. */
static struct result
run_plain(const struct load *l, int (*move)(int, int))
{
	struct result r;
	struct rusage usage;
	int64_t begin;
	int ends[2], status;
	pid_t reader, writer;

	make_pipe(ends);
	begin = clock_us();
	reader = fork();
	if (reader == 0) {
		int file = openat(dir, FILE_NAME,
		    O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		close(ends[1]);
		_exit(file == -1 ? 1 : move(ends[0], file));
	}
	close(ends[0]);
	writer = write_load(l, ends[1]);
	close(ends[1]);
	if (reader == -1 || wait4(reader, &status, 0, &usage) != reader ||
	    status != 0)
		die("the reader failed");
	r.seconds = (double)(clock_us() - begin) / 1e6;
	r.cpu = (double)usage.ru_utime.tv_sec +
	    (double)usage.ru_stime.tv_sec +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	waitpid(writer, &status, 0);
	check_size(l);
	return r;
}

static struct result
run_splice(const struct load *l)
{
	return run_plain(l, splice_all);
}

static struct result
run_copy(const struct load *l)
{
	return run_plain(l, copy_all);
}

static pid_t
start_capture(struct channel *c)
{
	const char *build = getenv("OD_BUILD");
	char path[4200];
	int pair[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/libexec/od-capture",
	    build != NULL ? build : ".");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    (pid = fork()) == -1)
		die("cannot start '%s': %s", path, strerror(errno));
	if (pid == 0) {
		int channel = fcntl(pair[1], F_DUPFD, 100);
		int files = fcntl(dir, F_DUPFD, 100);

		dup2(channel, 3);
		dup2(files, 4);
		close_range(5, ~0U, 0);
		execl(path, "od-capture", (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	channel_init(c, pair[0], FRAME_BYTES, 1 << 20, true);
	return pid;
}

/* Wait for a message of that type. */
static void
expect(struct channel *c, enum message_type type)
{
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };
	enum message_type is = MSG_none;
	struct message m;
	struct frame f;
	uint32_t id;
	int r, fd;

	while (is != type) {
		while ((r = channel_next(c, &f, &fd)) == 0) {
			poll(&wait, 1, -1);
			if (channel_read(c) == 0)
				die("od-capture is gone");
		}
		close_fd(&fd);
		if (r < 0 || message_unpack(&m, &id, NULL, f.payload, f.len,
		    NULL) < 0)
			die("od-capture cannot be understood");
		is = m.type;
		message_release(&m);
	}
}

static void
say(struct channel *c, enum frame_type type, uint32_t id,
    const struct message *m, int fd)
{
	if (channel_send(c, type, id, m, fd) < 0)
		die("od-capture does not listen");
}

static double
cpu_of(pid_t pid)
{
	struct timespec t;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) != 0)
		die("cannot read the clock of %d", (int)pid);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct result
run_capture(const struct load *l)
{
	const struct message hello = { .type = MSG_hello, .hello = {
	    .version = PROTOCOL_VERSION, .name = "bench" } };
	const struct message file = { .type = MSG_capture_file,
	    .capture_file = { .stream = 1, .path = FILE_NAME } };
	const struct message feed = { .type = MSG_capture_pipe,
	    .capture_pipe = { .stream = 1, .pipe = 1 } };
	struct channel c;
	struct result r;
	int64_t begin;
	double cpu;
	int ends[2];
	pid_t capture = start_capture(&c), writer;

	expect(&c, MSG_hello);
	say(&c, FRAME_RESPONSE, 1, &hello, -1);
	say(&c, FRAME_NOTIFICATION, 0, &file, -1);
	expect(&c, MSG_capture_opened);
	make_pipe(ends);
	cpu = cpu_of(capture);
	begin = clock_us();
	say(&c, FRAME_NOTIFICATION, 0, &feed, ends[0]);
	close(ends[0]);
	writer = write_load(l, ends[1]);
	close(ends[1]);
	expect(&c, MSG_capture_ended);
	r.seconds = (double)(clock_us() - begin) / 1e6;
	r.cpu = cpu_of(capture) - cpu;
	waitpid(writer, NULL, 0);
	kill(capture, SIGKILL);
	waitpid(capture, NULL, 0);
	channel_release(&c);
	check_size(l);
	return r;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(const double *of)
{
	double values[RUNS];

	memcpy(values, of, sizeof(values));
	qsort(values, RUNS, sizeof(values[0]), by_value);
	return values[RUNS / 2];
}

/* Ratios are taken of neighbours, so that what else the machine does weighs
 * on both sides alike. */
static bool
compare(const struct load *l, const char *name,
    struct result (*yardstick)(const struct load *))
{
	double our_speed[RUNS], speed[RUNS], our_cpu[RUNS], cpu[RUNS];
	double faster[RUNS], dearer[RUNS];
	bool ok;

	for (int i = 0; i < RUNS; i++) {
		struct result theirs = yardstick(l), ours = run_capture(l);

		speed[i] = (double)l->total / MIB / theirs.seconds;
		our_speed[i] = (double)l->total / MIB / ours.seconds;
		cpu[i] = theirs.cpu;
		our_cpu[i] = ours.cpu;
		faster[i] = theirs.seconds / ours.seconds;
		dearer[i] = ours.cpu / theirs.cpu;
	}
	ok = median(faster) >= l->speed_limit &&
	    (l->cpu_limit == 0 || median(dearer) <= l->cpu_limit);
	printf("%-14s od-capture %5.0f MiB/s %5.2f s cpu   %-10s %5.0f MiB/s "
	    "%5.2f s cpu   speed x%.2f (>= %.2f)   cpu x%.2f%s\n", l->name,
	    median(our_speed), median(our_cpu), name, median(speed),
	    median(cpu), median(faster), l->speed_limit, median(dearer),
	    ok ? "" : "   MISSED");
	fflush(stdout);
	return ok;
}

int
main(int argc, char **argv)
{
	static const struct load blocks = { "64 KiB blocks", 65536, 1 << 30,
	    0.85, 0.0 };
	static const struct load lines = { "100 B lines", 100, 256 << 20,
	    1.0, 1.0 };
	const char *where = argc > 1 ? argv[1] : getenv("TMPDIR");
	bool ok;

	log_init("bench/capture");
	snprintf(directory, sizeof(directory), "%s/od-bench.XXXXXX",
	    where != NULL ? where : "/tmp");
	if (mkdtemp(directory) == NULL || (dir = open(directory,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    mkdirat(dir, "bench", 0700) == -1)
		die("cannot make '%s': %s", directory, strerror(errno));
	ok = compare(&blocks, "splice", run_splice);
	ok = compare(&lines, "read+write", run_copy) && ok;
	unlinkat(dir, ".capture.lock", 0);
	unlinkat(dir, "bench", AT_REMOVEDIR);
	rmdir(directory);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
