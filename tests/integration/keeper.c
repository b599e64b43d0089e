/* od-keeper, with a test in the supervisor's place: nothing gets lost. */
/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/root/observed_cells.h"
#include "tests/fixtures/puppet.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

#define PATIENCE_MS	30000

/* A keeper, the puppet it has started, and our ends of both. */
struct stage {
	char	home[64];
	int	listener;
	pid_t	keeper, puppet;
	int	strings;	/* to the puppet */
	int	peer;		/* the supervisor's socket to the keeper */
	int	ready;		/* read end of the ready pipe */
	char	arguments[240];
	uint64_t fds;
	uint32_t seq;
};

static struct stage st;

static void
wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
}

static void
make_home(struct stage *s)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[512], target[512];

	memset(s, 0, sizeof(*s));
	s->strings = s->peer = s->ready = -1;
	strcpy(s->home, "/tmp/od-keeper-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->home));
	snprintf(path, sizeof(path), "%s/opendaemon-supervisor", s->home);
	snprintf(target, sizeof(target), "%s/tests/fixtures/puppet",
	    getenv("OD_BUILD"));
	ck_assert_int_eq(symlink(target, path), 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/puppet.sock",
	    s->home);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	ck_assert_int_eq(listen(s->listener, 8), 0);
}

/* Start the keeper with these descriptors as its 3, 4 and 5 (-1: none). */
static void
start_keeper(struct stage *s, const char *how, int peer, int ready,
    rlim_t nofile)
{
	struct rlimit limit = { nofile, nofile };
	char path[512], lock[128];
	pid_t self = getpid();
	int fd;

	snprintf(path, sizeof(path), "%s/libexec/od-keeper",
	    getenv("OD_BUILD"));
	snprintf(lock, sizeof(lock), "%s/lock", s->home);
	s->keeper = fork();
	ck_assert_int_ne(s->keeper, -1);
	if (s->keeper != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self)
		_exit(1);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	peer = peer == -1 ? -1 : fcntl(peer, F_DUPFD_CLOEXEC, 20);
	ready = ready == -1 ? -1 : fcntl(ready, F_DUPFD_CLOEXEC, 20);
	if (peer != -1)
		dup2(peer, KEEPER_FD_PEER);
	if (ready != -1)
		dup2(ready, KEEPER_FD_READY);
	dup2(fd, KEEPER_FD_LOCK);
	if (nofile != 0)
		setrlimit(RLIMIT_NOFILE, &limit);
	execl(path, "od-keeper", "--home", s->home, "--libexec", s->home, how,
	    (char *)NULL);
	_exit(127);
}

/* Wait for the puppet that the keeper starts (again). */
static void
meet_puppet(struct stage *s)
{
	struct puppet_says says;
	int nfds;

	close_fd(&s->strings);
	close_fd(&s->peer);
	wait_for(s->listener);
	s->strings = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ne(s->strings, -1);
	wait_for(s->strings);
	ck_assert_int_eq(recv_fds(s->strings, &says, sizeof(says), &s->peer, 1,
	    &nfds), sizeof(says));
	ck_assert_int_eq(nfds, 1);
	ck_assert_int_eq(says.what, PUPPET_BEGAN);
	s->puppet = says.number;
	s->fds = says.fds;
	strcpy(s->arguments, says.text);
}

static void
order(struct stage *s, enum puppet_order what, int number)
{
	struct puppet_do o = { .what = (int32_t)what, .number = number };

	ck_assert_int_eq(send(s->strings, &o, sizeof(o), MSG_NOSIGNAL),
	    sizeof(o));
}

static struct puppet_says
hear(struct stage *s)
{
	struct puppet_says says;

	wait_for(s->strings);
	ck_assert_int_eq(recv(s->strings, &says, sizeof(says), 0),
	    sizeof(says));
	return says;
}

/* The next record that is not a PING, which is answered. */
static struct keeper_message
next(struct stage *s, int *fds, int *nfds)
{
	struct keeper_message m, pong = { .type = KEEPER_PONG };
	int mine[KEEPER_FDS], n = 0;

	for (;;) {
		wait_for(s->peer);
		ck_assert_int_eq(recv_fds(s->peer, &m, sizeof(m), mine,
		    KEEPER_FDS, &n), sizeof(m));
		if (m.type != KEEPER_PING)
			break;
		pong.seq = m.seq;
		ck_assert_int_eq(send(s->peer, &pong, sizeof(pong),
		    MSG_NOSIGNAL), sizeof(pong));
	}
	if (nfds != NULL) {
		memcpy(fds, mine, sizeof(mine));
		*nfds = n;
		return m;
	}
	for (int i = 0; i < n; i++)
		close(mine[i]);
	return m;
}

static void
put_record(struct stage *s, struct keeper_message *m, const int *fds,
    int nfds)
{
	m->seq = ++s->seq;
	ck_assert_int_eq(send_fds(s->peer, m, sizeof(*m), fds, nfds),
	    sizeof(*m));
}

/* Send a request and return the status of its ACK. */
static int
ask(struct stage *s, struct keeper_message *m, const int *fds, int nfds)
{
	struct keeper_message a;

	put_record(s, m, fds, nfds);
	a = next(s, NULL, NULL);
	ck_assert_int_eq(a.type, KEEPER_ACK);
	ck_assert_uint_eq(a.seq, s->seq);
	return a.status;
}

static int
hello(struct stage *s)
{
	struct keeper_message m = { .type = KEEPER_HELLO, .slot = -1,
	    .pid = s->puppet, .status = KEEPER_VERSION };

	return ask(s, &m, NULL, 0);
}

static int
put(struct stage *s, uint64_t key, pid_t pid, int slot, const int *fds,
    int nfds)
{
	struct keeper_message m = { .type = KEEPER_PUT, .key = key,
	    .pid = pid, .slot = slot, .len = sizeof(key) };

	memcpy(m.blob, &key, sizeof(key));
	return ask(s, &m, fds, nfds);
}

static void
got(struct stage *s, uint64_t key)
{
	struct keeper_message m = { .type = KEEPER_GOT, .key = key };

	ck_assert_int_eq(send(s->peer, &m, sizeof(m), MSG_NOSIGNAL),
	    sizeof(m));
}

/* LIST: check that all are there in order, each as it was put, and unlike
 * what it would be without the window. Returns the count. */
static int
list(struct stage *s, ino_t inode)
{
	struct keeper_message m = { .type = KEEPER_LIST }, i;
	uint64_t before = 0, key;
	int fds[KEEPER_FDS], nfds, n = 0;
	struct stat is;

	ck_assert_int_eq(ask(s, &m, NULL, 0), 0);
	for (;;) {
		i = next(s, fds, &nfds);
		ck_assert_uint_eq(i.seq, s->seq);
		if (i.type == KEEPER_END)
			break;
		ck_assert_int_eq(i.type, KEEPER_ITEM);
		ck_assert_uint_gt(i.key, before);
		before = i.key;
		ck_assert_uint_eq(i.len, sizeof(key));
		memcpy(&key, i.blob, sizeof(key));
		ck_assert_uint_eq(key, i.key);
		if (inode != 0 && i.key >= 1000) {
			ck_assert_int_eq(nfds, (int)(i.key % 5));
			for (int f = 0; f < nfds; f++) {
				ck_assert_int_eq(fstat(fds[f], &is), 0);
				ck_assert_uint_eq(is.st_ino, inode);
			}
		}
		for (int f = 0; f < nfds; f++)
			close(fds[f]);
		got(s, i.key);
		n++;
	}
	ck_assert_int_eq(i.status, n);
	return n;
}

static void
kill_puppet(struct stage *s)
{
	ck_assert_int_eq(kill(s->puppet, SIGKILL), 0);
	meet_puppet(s);
}

static void
open_stage(struct stage *s, rlim_t nofile)
{
	int ready[2];

	make_home(s);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	start_keeper(s, "--cold", -1, ready[1], nofile);
	close(ready[1]);
	s->ready = ready[0];
	meet_puppet(s);
}

static void
close_stage(struct stage *s)
{
	char path[128];
	static const char *const names[] = { "opendaemon-supervisor",
	    "puppet.sock", "lock" };

	if (s->home[0] == '\0')
		return;
	if (s->keeper > 0) {
		kill(s->keeper, SIGKILL);
		waitpid(s->keeper, NULL, 0);
	}
	close_fd(&s->strings);
	close_fd(&s->peer);
	close_fd(&s->listener);
	close_fd(&s->ready);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->home, names[i]);
		unlink(path);
	}
	rmdir(s->home);
	s->home[0] = '\0';
}

static void
tear_down(void)
{
	close_stage(&st);
}

/* A memfd as supervisor/root makes it, mapped. */
static struct observed_cell *
make_observed(int *fd, unsigned int seals)
{
	struct observed_header h = { OBSERVED_MAGIC, OBSERVED_LAYOUT,
	    OBSERVED_SLOTS, 4096 + 64, 0 };
	char *map;

	h.size = h.cells_at + OBSERVED_SLOTS * sizeof(struct observed_cell);
	*fd = memfd_create("observed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ne(*fd, -1);
	ck_assert_int_eq(ftruncate(*fd, (off_t)h.size), 0);
	ck_assert_int_eq(pwrite(*fd, &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(fcntl(*fd, F_ADD_SEALS, seals), 0);
	map = mmap(NULL, h.size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	return (struct observed_cell *)(void *)(map + h.cells_at);
}

START_TEST(the_first_supervisor_starts_cold_with_lock_and_ready_pipe)
{
	char text[16] = { 0 }, path[128];
	int fd;

	open_stage(&st, 0);
	ck_assert_ptr_nonnull(strstr(st.arguments, "--cold "));
	ck_assert_uint_eq(st.fds, 1 << 3 | 1 << 4 | 1 << 5);
	ck_assert_int_eq(hello(&st), 0);
	kill_puppet(&st);
	ck_assert_ptr_nonnull(strstr(st.arguments, "--resume "));
	ck_assert_ptr_null(strstr(st.arguments, "--safe"));
	ck_assert_uint_eq(st.fds, 1 << 3 | 1 << 4);
	snprintf(path, sizeof(path), "%s/lock", st.home);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_int_eq(atoi(text), st.keeper);
	close(fd);
	/* The keeper has no end of the ready pipe any more. */
	wait_for(st.ready);
	ck_assert_int_eq(read(st.ready, text, 1), 0);
}
END_TEST

START_TEST(a_supervisor_that_cannot_begin_ends_the_daemon)
{
	int status;

	open_stage(&st, 0);
	order(&st, PUPPET_EXIT, 3);
	ck_assert_int_eq(waitpid(st.keeper, &status, 0), st.keeper);
	st.keeper = 0;
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

START_TEST(two_thousand_entries_outlive_fifty_supervisors)
{
	struct keeper_message m = { .type = KEEPER_DEL };
	int pipe_fds[2], fds[KEEPER_FDS];
	struct stat is;

	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fstat(pipe_fds[0], &is), 0);
	for (int i = 0; i < KEEPER_FDS; i++)
		fds[i] = pipe_fds[i & 1];
	/* Not in the order of keys, and some of them twice. */
	for (uint64_t i = 0; i < 2100; i++) {
		uint64_t key = 1000 + i * 1237 % 2100;

		ck_assert_int_eq(put(&st, key, 0, -1, fds, (int)(key % 5)),
		    0);
		if (i % 7 == 0)
			ck_assert_int_eq(put(&st, key, 0, -1, fds,
			    (int)(key % 5)), 0);
	}
	for (uint64_t key = 1000; key < 3100; key += 21) {
		m.key = key;
		ck_assert_int_eq(ask(&st, &m, NULL, 0), 0);
		ck_assert_int_eq(ask(&st, &m, NULL, 0), 0);
	}
	for (int i = 0; i < 50; i++) {
		kill_puppet(&st);
		ck_assert_int_eq(hello(&st), 0);
		ck_assert_int_eq(list(&st, is.st_ino), 2000);
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

START_TEST(exits_are_recorded_and_told_until_confirmed)
{
	enum { APPS = 60 };
	struct observed_cell *cells;
	struct keeper_message m;
	pid_t pids[APPS];
	int fd, told = 0;

	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	cells = make_observed(&fd, F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, &fd, 1), 0);
	for (int i = 0; i < APPS; i++) {
		order(&st, PUPPET_START_APP, i);
		pids[i] = hear(&st).number;
		ck_assert_int_eq(put(&st, (uint64_t)(1000 + i), pids[i],
		    OBSERVED_SLOTS - 1 - i, NULL, 0), 0);
	}
	kill_puppet(&st);
	/* Every third is killed, the others exit. */
	for (int i = 0; i < APPS; i++)
		ck_assert_int_eq(kill(pids[i], i % 3 == 0 ? SIGTERM :
		    SIGUSR1), 0);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), APPS + 1);
	/* The first half is confirmed, the rest is told to the next one. */
	for (; told < APPS; told++) {
		m = next(&st, NULL, NULL);
		ck_assert_int_eq(m.type, KEEPER_EXIT);
		if (m.key < 1000 + APPS / 2)
			got(&st, m.key);
	}
	ck_assert_int_eq(hello(&st), 0);
	kill_puppet(&st);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), APPS + 1);
	for (told = 0; told < APPS - APPS / 2; told++) {
		int i;

		m = next(&st, NULL, NULL);
		ck_assert_int_eq(m.type, KEEPER_EXIT);
		i = (int)m.key - 1000;
		ck_assert_int_ge(i, APPS / 2);
		ck_assert_int_eq(m.pid, pids[i]);
		ck_assert_int_eq(m.slot, OBSERVED_SLOTS - 1 - i);
		ck_assert_int_eq(m.status, i % 3 == 0 ? SIGTERM : i << 8);
		got(&st, m.key);
	}
	for (int i = 0; i < APPS; i++) {
		struct observed_cell *c = &cells[OBSERVED_SLOTS - 1 - i];

		ck_assert_int_eq((pid_t)__atomic_load_n(&c->committed,
		    __ATOMIC_ACQUIRE), pids[i]);
		ck_assert_int_eq(c->status, i % 3 == 0 ? SIGTERM : i << 8);
	}
	close(fd);
}
END_TEST

START_TEST(a_put_that_was_sent_with_the_last_breath_counts)
{
	struct keeper_message m = { .type = KEEPER_PUT, .key = 77,
	    .slot = 5, .len = 8 }, e;
	uint64_t key = 77;

	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	memcpy(m.blob, &key, sizeof(key));
	order(&st, PUPPET_START_APP, 21);
	m.pid = hear(&st).number;
	/* The keeper stands still while all of this happens. */
	ck_assert_int_eq(kill(st.keeper, SIGSTOP), 0);
	put_record(&st, &m, NULL, 0);
	ck_assert_int_eq(kill(st.puppet, SIGKILL), 0);
	ck_assert_int_eq(kill(m.pid, SIGUSR1), 0);
	ck_assert_int_eq(kill(st.keeper, SIGCONT), 0);
	meet_puppet(&st);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), 1);
	e = next(&st, NULL, NULL);
	ck_assert_int_eq(e.type, KEEPER_EXIT);
	ck_assert_uint_eq(e.key, 77);
	ck_assert_int_eq(e.status, 21 << 8);
}
END_TEST

START_TEST(observed_memory_that_lies_is_refused)
{
	struct observed_header h;
	int fd;

	open_stage(&st, 0);
	make_observed(&fd, F_SEAL_GROW);
	ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, &fd, 1),
	    -EINVAL);
	ck_assert_int_eq(pread(fd, &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	for (int what = 0; what < 7; what++) {
		struct observed_header lie = h;

		lie.magic += what == 0;
		lie.layout += what == 1;
		lie.slots += what == 2;
		lie.cells_at += what == 3 ? 8 : what == 4 ? 2 :
		    what == 5 ? 0xfffff000u - h.cells_at : 0;
		lie.size += what == 6 ? 4096 : 0;
		ck_assert_int_eq(pwrite(fd, &lie, sizeof(lie), 0),
		    sizeof(lie));
		ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, &fd, 1),
		    -EINVAL);
	}
	ck_assert_int_eq(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, NULL, 0),
	    -EINVAL);
	ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, &fd, 1), 0);
	ck_assert_int_eq(put(&st, KEEPER_KEY_OBSERVED, 0, -1, &fd, 1), 0);
	close(fd);
}
END_TEST

START_TEST(malformed_records_are_refused)
{
	static const struct keeper_message bad[] = {
		{ .type = 0 },
		{ .type = 99 },
		{ .type = KEEPER_ACK },
		{ .type = KEEPER_ITEM },
		{ .type = KEEPER_PUT, .key = 9, .slot = OBSERVED_SLOTS },
		{ .type = KEEPER_PUT, .key = 9, .slot = -2 },
		{ .type = KEEPER_PUT, .key = 9, .pid = -1 },
		{ .type = KEEPER_PUT, .key = 9, .len = KEEPER_BLOB + 1 },
	};
	struct keeper_message m, a;
	int five[5] = { 0, 0, 0, 0, 0 };
	char big[sizeof(m) + 1] = { 0 };

	open_stage(&st, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = bad[i];
		ck_assert_int_eq(ask(&st, &m, five, 2), -EINVAL);
	}
	m = (struct keeper_message){ .type = KEEPER_PUT, .key = 9 };
	ck_assert_int_eq(ask(&st, &m, five, 5), -EINVAL);
	/* Too short, too long, and nothing at all. */
	m.seq = 4711;
	ck_assert_int_eq(send(st.peer, &m, 12, MSG_NOSIGNAL), 12);
	a = next(&st, NULL, NULL);
	ck_assert_int_eq(a.status, -EINVAL);
	ck_assert_uint_eq(a.seq, 4711);
	memcpy(big, &m, sizeof(m));
	ck_assert_int_eq(send(st.peer, big, sizeof(big), MSG_NOSIGNAL),
	    sizeof(big));
	a = next(&st, NULL, NULL);
	ck_assert_int_eq(a.status, -EINVAL);
	ck_assert_int_eq(send(st.peer, big, 3, MSG_NOSIGNAL), 3);
	ck_assert_int_eq(send(st.peer, big, 0, MSG_NOSIGNAL), 0);
	got(&st, 12345);
	m = (struct keeper_message){ .type = KEEPER_HELLO, .status = 2 };
	ck_assert_int_eq(ask(&st, &m, NULL, 0), -EPROTONOSUPPORT);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), 0);
}
END_TEST

START_TEST(a_full_table_refuses_and_a_storm_is_quick)
{
	int64_t began = clock_ms();
	struct keeper_message m = { .type = KEEPER_DEL };

	open_stage(&st, 0);
	for (uint64_t i = 0; i < KEEPER_ENTRIES; i++)
		ck_assert_int_eq(put(&st, 1000 + KEEPER_ENTRIES - i, 0, -1,
		    NULL, 0), 0);
	ck_assert_int_eq(put(&st, 10, 0, -1, NULL, 0), -ENOSPC);
	ck_assert_int_eq(put(&st, 1001, 0, -1, NULL, 0), 0);
	ck_assert_int_eq(list(&st, 0), KEEPER_ENTRIES);
	m.key = 2000;
	ck_assert_int_eq(ask(&st, &m, NULL, 0), 0);
	ck_assert_int_eq(put(&st, 10, 0, -1, NULL, 0), 0);
	ck_assert_int_eq(put(&st, 11, 0, -1, NULL, 0), -ENOSPC);
	ck_assert_int_lt(clock_ms() - began, 10000);
}
END_TEST

START_TEST(out_of_descriptors_is_an_answer_not_an_end)
{
	int fds[KEEPER_FDS] = { 0, 0, 0, 0 }, n = 0, r;

	open_stage(&st, 64);
	ck_assert_int_eq(hello(&st), 0);
	while ((r = put(&st, (uint64_t)(2000 + n), 0, -1, fds,
	    KEEPER_FDS)) == 0)
		n++;
	ck_assert_int_eq(r, -EMFILE);
	ck_assert_int_ge(n, 10);
	ck_assert_int_lt(n, 16);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(put(&st, (uint64_t)(3000 + i), 0, -1, fds,
		    KEEPER_FDS), -EMFILE);
	kill_puppet(&st);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), n);
}
END_TEST

START_TEST(a_supervisor_that_fails_three_times_starts_safe)
{
	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	order(&st, PUPPET_EXIT, 1);
	meet_puppet(&st);
	/* Closing the socket is a failure, too, and the process is ended. */
	close_fd(&st.peer);
	order(&st, PUPPET_CLOSE, 0);
	meet_puppet(&st);
	ck_assert_ptr_null(strstr(st.arguments, "--safe"));
	kill(st.puppet, SIGSEGV);
	meet_puppet(&st);
	ck_assert_ptr_nonnull(strstr(st.arguments, "--resume --safe "));
	ck_assert_int_eq(hello(&st), 0);
}
END_TEST

START_TEST(thirty_kills_are_no_failure)
{
	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	for (int i = 0; i < 30; i++) {
		kill_puppet(&st);
		ck_assert_ptr_null(strstr(st.arguments, "--safe"));
	}
}
END_TEST

/* A process in the supervisor's place that only has to live and die. */
static pid_t
start_victim(void)
{
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 3, ~0U, 0);
		for (;;)
			pause();
	}
	return pid;
}

START_TEST(an_adopting_keeper_takes_over)
{
	struct keeper_message m = { .type = KEEPER_HELLO, .slot = -1,
	    .status = KEEPER_VERSION };
	int pair[2], pidfd;
	pid_t victim;

	make_home(&st);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair), 0);
	st.peer = pair[0];
	victim = start_victim();
	start_keeper(&st, "--adopt", pair[1], -1, 0);
	close(pair[1]);
	m.pid = victim;
	ck_assert_int_eq(ask(&st, &m, &st.listener, 1), -EINVAL);
	pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	ck_assert_int_eq(ask(&st, &m, &pidfd, 1), 0);
	close(pidfd);
	for (uint64_t key = 1000; key < 1100; key++)
		ck_assert_int_eq(put(&st, key, 0, -1, &st.listener, 1), 0);
	/* Its end alone counts, whatever became of the socket. */
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	meet_puppet(&st);
	ck_assert_ptr_nonnull(strstr(st.arguments, "--resume "));
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(list(&st, 0), 100);
}
END_TEST

START_TEST(an_adopting_keeper_never_starts_a_second_supervisor)
{
	struct keeper_message m = { .type = KEEPER_HELLO, .slot = -1,
	    .status = KEEPER_VERSION };
	int pair[2], pidfd, status;
	pid_t victim;

	make_home(&st);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair), 0);
	st.peer = pair[0];
	victim = start_victim();
	start_keeper(&st, "--adopt", pair[1], -1, 0);
	close(pair[1]);
	m.pid = victim;
	pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	ck_assert_int_eq(ask(&st, &m, &pidfd, 1), 0);
	close(pidfd);
	/* The socket closes, the process lives: it is ended first. */
	close_fd(&st.peer);
	meet_puppet(&st);
	ck_assert_int_eq(waitpid(victim, &status, WNOHANG), victim);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(stop_ends_the_daemon)
{
	struct keeper_message m = { .type = KEEPER_STOP };
	int status;

	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(put(&st, 1000, 0, -1, &st.listener, 1), 0);
	ck_assert_int_eq(ask(&st, &m, NULL, 0), 0);
	ck_assert_int_eq(list(&st, 0), 0);
	order(&st, PUPPET_EXIT, 0);
	ck_assert_int_eq(waitpid(st.keeper, &status, 0), st.keeper);
	st.keeper = 0;
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(sigterm_is_passed_on_and_ends_nothing)
{
	open_stage(&st, 0);
	/* Before HELLO it waits. */
	ck_assert_int_eq(kill(st.keeper, SIGTERM), 0);
	ck_assert_int_eq(kill(st.keeper, SIGHUP), 0);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(hear(&st).what, PUPPET_GOT_SIGNAL);
	ck_assert_int_eq(kill(st.keeper, SIGINT), 0);
	ck_assert_int_eq(hear(&st).what, PUPPET_GOT_SIGNAL);
	ck_assert_int_eq(hello(&st), 0);
}
END_TEST

START_TEST(a_peer_that_does_not_read_loses_nothing)
{
	enum { PUTS = 3000 };
	struct keeper_message m = { .type = KEEPER_PUT, .slot = -1 };
	uint32_t first, sent, acked = 0;

	open_stage(&st, 0);
	ck_assert_int_eq(hello(&st), 0);
	first = st.seq;
	/* Send until both directions are full, then read it all. */
	for (sent = 0; sent < PUTS;) {
		ssize_t n;

		m.key = 1000 + sent;
		m.seq = st.seq + 1;
		n = send_fds(st.peer, &m, sizeof(m), NULL, 0);
		if (n == (ssize_t)sizeof(m)) {
			st.seq++;
			sent++;
			continue;
		}
		ck_assert_int_eq(n, -EAGAIN);
		ck_assert_uint_eq(next(&st, NULL, NULL).seq,
		    first + ++acked);
	}
	while (acked < sent)
		ck_assert_uint_eq(next(&st, NULL, NULL).seq,
		    first + ++acked);
}
END_TEST

START_TEST(a_hung_supervisor_is_killed_but_not_a_sleeping_machine)
{
	static struct stage asleep;
	struct keeper_message m;
	int64_t began;

	open_stage(&st, 0);
	open_stage(&asleep, 0);
	ck_assert_int_eq(hello(&st), 0);
	ck_assert_int_eq(hello(&asleep), 0);
	/* One of them hangs; the other, and its keeper, are stopped. */
	ck_assert_int_eq(kill(asleep.keeper, SIGSTOP), 0);
	ck_assert_int_eq(kill(asleep.puppet, SIGSTOP), 0);
	began = clock_ms();
	ck_assert_int_eq(kill(st.puppet, SIGSTOP), 0);
	meet_puppet(&st);
	ck_assert_int_ge(clock_ms() - began,
	    KEEPER_PING_MS + KEEPER_OWED_MS - 500);
	ck_assert_int_lt(clock_ms() - began,
	    KEEPER_PING_MS + KEEPER_OWED_MS + 5000);
	ck_assert_int_eq(kill(asleep.keeper, SIGCONT), 0);
	/* It asks at once or in its own time, and is content. */
	m = (struct keeper_message){ .type = KEEPER_PING, .seq = 5 };
	ck_assert_int_eq(send(asleep.peer, &m, sizeof(m), MSG_NOSIGNAL),
	    sizeof(m));
	ck_assert_int_eq(next(&asleep, NULL, NULL).type, KEEPER_PONG);
	ck_assert_int_eq(kill(asleep.puppet, SIGCONT), 0);
	ck_assert_int_eq(hello(&asleep), 0);
	close_stage(&asleep);
}
END_TEST

static Suite *
keeper_suite(void)
{
	Suite *s = suite_create("keeper");
	TCase *t = tcase_create("keeper");

	tcase_add_checked_fixture(t, NULL, tear_down);
	tcase_set_timeout(t, 90);
	tcase_add_test(t,
	    the_first_supervisor_starts_cold_with_lock_and_ready_pipe);
	tcase_add_test(t, a_supervisor_that_cannot_begin_ends_the_daemon);
	tcase_add_test(t, two_thousand_entries_outlive_fifty_supervisors);
	tcase_add_test(t, exits_are_recorded_and_told_until_confirmed);
	tcase_add_test(t, a_put_that_was_sent_with_the_last_breath_counts);
	tcase_add_test(t, observed_memory_that_lies_is_refused);
	tcase_add_test(t, malformed_records_are_refused);
	tcase_add_test(t, a_full_table_refuses_and_a_storm_is_quick);
	tcase_add_test(t, out_of_descriptors_is_an_answer_not_an_end);
	tcase_add_test(t, a_supervisor_that_fails_three_times_starts_safe);
	tcase_add_test(t, thirty_kills_are_no_failure);
	tcase_add_test(t, an_adopting_keeper_takes_over);
	tcase_add_test(t,
	    an_adopting_keeper_never_starts_a_second_supervisor);
	tcase_add_test(t, stop_ends_the_daemon);
	tcase_add_test(t, sigterm_is_passed_on_and_ends_nothing);
	tcase_add_test(t, a_peer_that_does_not_read_loses_nothing);
	tcase_add_test(t,
	    a_hung_supervisor_is_killed_but_not_a_sleeping_machine);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(keeper_suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
