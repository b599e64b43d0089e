/*
 * od-open: opens a file that a user named, as that user, and hands it to
 * whoever writes or reads it. A process of its own, because opening can block
 * for ever, and because nobody else of ours is ever that user.
 */
/* SPDX-License-Identifier: MIT */
#include "open.h"
#include "rotated.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LOG_MODE	0640

/* File systems where the kernel answers for what is written (linux/magic.h,
 * which not every C library comes with): what such a file does with bytes is
 * nothing to try out with somebody else's process. */
static const uint32_t kernels_own[] = {
	0x9fa0,		/* proc */
	0x62656572,	/* sysfs */
	0x64626720,	/* debugfs */
	0x74726163,	/* tracefs */
	0x27e0eb,	/* cgroup */
	0x63677270,	/* cgroup2 */
	0x73636673,	/* securityfs */
	0xf97cff8c,	/* selinuxfs */
	0x43415d53,	/* smackfs */
	0xcafe4a11,	/* bpf */
	0x6165676c,	/* pstore */
	0xde5e81e4,	/* efivarfs */
};

static struct open_request request;

static void
report(const struct open_report *r)
{
	send(OPEN_FD_TALK, r, sizeof(*r), MSG_NOSIGNAL);
}

static void
need(enum open_step step, bool is_done)
{
	struct open_report r = { .step = (int32_t)step, .error = errno };

	if (is_done)
		return;
	report(&r);
	_exit(1);
}

static void
read_request(void)
{
	ssize_t n = recv(OPEN_FD_TALK, &request, sizeof(request), 0);

	if (n != -1)
		errno = EBADMSG;
	need(OPEN_STEP_request, n == (ssize_t)sizeof(request) &&
	    request.magic == OPEN_MAGIC &&
	    request.ngroups <= OPEN_GROUPS_MAX &&
	    request.path[0] == '/' &&
	    memchr(request.path, '\0', sizeof(request.path)) != NULL);
}

/* By system call: the C library would look for threads to take along. */
static void
become_user(void)
{
	pid_t parent = getppid();

	if ((request.flags & OPEN_KEEP_IDS) == 0) {
		need(OPEN_STEP_ids, syscall(SYS_setgroups,
		    (size_t)request.ngroups, request.groups) == 0);
		need(OPEN_STEP_ids, syscall(SYS_setresgid, request.gid,
		    request.gid, request.gid) == 0);
		need(OPEN_STEP_ids, syscall(SYS_setresuid, request.uid,
		    request.uid, request.uid) == 0);
	}
	need(OPEN_STEP_ids, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	/* Whom we would tell is the supervisor that started us. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* The directory of path; *base becomes the name within it. */
static int
open_parent(char *path, const char **base)
{
	char *slash = strrchr(path, '/');
	int dir;

	*base = slash + 1;
	errno = EISDIR;
	need(OPEN_STEP_open, **base != '\0' && strcmp(*base, ".") != 0 &&
	    strcmp(*base, "..") != 0);
	*slash = '\0';
	dir = open(path[0] != '\0' ? path : "/",
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(OPEN_STEP_parent, dir != -1);
	return dir;
}

/*
 * The first half of a rotation, if it is not done already: whoever was killed
 * after it left a path that names another file, or none.
 */
static bool
move_away(int dir, const char *base, struct open_report *r)
{
	struct stat st;
	int list;

	if (request.inode == 0 || fstatat(dir, base, &st,
	    AT_SYMLINK_NOFOLLOW) == -1 ||
	    ((uint64_t)st.st_ino & INT64_MAX) != request.inode ||
	    ((uint64_t)st.st_dev & INT64_MAX) != request.device)
		return false;
	list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(OPEN_STEP_list, list != -1);
	r->number = rotated_move(list, base);
	errno = (int)-r->number;
	need(OPEN_STEP_rename, r->number > 0);
	r->size = st.st_size;
	close(list);
	return true;
}

static void
check(int fd, struct open_report *r)
{
	struct statfs fs;
	struct stat st;

	need(OPEN_STEP_open, fstat(fd, &st) == 0);
	errno = EINVAL;
	need(OPEN_STEP_kind, S_ISREG(st.st_mode));
	errno = EMLINK;
	/* Deleted between open and here: nobody could read it. */
	need(OPEN_STEP_links, st.st_nlink == 1);
	need(OPEN_STEP_open, fstatfs(fd, &fs) == 0);
	errno = EPERM;
	for (size_t i = 0; i < sizeof(kernels_own) / sizeof(kernels_own[0]);
	    i++)
		need(OPEN_STEP_place, (uint32_t)fs.f_type != kernels_own[i]);
	r->device = st.st_dev;
}

static int
open_file(int dir, const char *base, bool is_new)
{
	/* O_NONBLOCK: a FIFO in the way must not hold us. */
	int how = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd;

	if ((request.flags & OPEN_TO_READ) != 0)
		how |= O_RDONLY;
	else
		how |= O_WRONLY | O_CREAT | (is_new ? O_EXCL : 0);
	fd = openat(dir, base, how, LOG_MODE);
	need(errno == ENXIO || errno == EISDIR ? OPEN_STEP_kind :
	    OPEN_STEP_open, fd != -1);
	return fd;
}

static void
prune(int dir, const char *base)
{
	int list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (list == -1)
		return;
	rotated_prune(list, base, request.keep);
	close(list);
}

/* Who reads it may not name it: what is to be told of it, tell us. */
static int
watch(int fd)
{
	char path[32];
	int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (inotify != -1)
		inotify_add_watch(inotify, path,
		    IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
	return inotify;
}

/* As soon as it is asked for; whoever asks is gone where this ends. */
static void
hand_over(const int *fds, size_t count)
{
	char byte = 'f', control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	do {
		n = read(OPEN_FD_FILE, &byte, 1);
	} while (n == -1 && errno == EINTR);
	if (n != 1)
		_exit(1);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	if (sendmsg(OPEN_FD_FILE, &m, MSG_NOSIGNAL) != 1)
		_exit(1);
}

int
main(void)
{
	struct open_report r = { .step = -1 };
	const char *base;
	bool is_new;
	int dir, fds[2] = { -1, -1 };

	read_request();
	umask(~LOG_MODE & 0777);
	become_user();
	dir = open_parent(request.path, &base);
	is_new = move_away(dir, base, &r);
	fds[0] = open_file(dir, base, is_new);
	check(fds[0], &r);
	report(&r);
	if (is_new)
		prune(dir, base);
	if ((request.flags & OPEN_TO_READ) != 0)
		fds[1] = watch(fds[0]);
	hand_over(fds, fds[1] != -1 ? 2 : 1);
	return 0;
}
