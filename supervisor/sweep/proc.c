/* Reading /proc, relative to one descriptor, into bounded buffers. */
/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENVIRON_MAX	(4 << 20)	/* bytes of an environment we look at */

struct linux_dirent64 {
	uint64_t	ino;
	int64_t		off;
	unsigned short	len;
	unsigned char	type;
	char		name[];
};

static int proc_fd = -1;

int
proc_open(void)
{
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc_fd == -1 ? -errno : 0;
}

/*
 * The newest first, of each piece of the list: what forks and ends all the
 * time is to be met before its entry is stale.
 */
int
proc_each(void (*visit)(void *, pid_t), void *arg)
{
	static _Alignas(struct linux_dirent64) char room[32768];
	static pid_t pids[sizeof(room) / sizeof(struct linux_dirent64)];
	const struct linux_dirent64 *d;
	size_t count;
	long n;

	if (lseek(proc_fd, 0, SEEK_SET) == -1)
		return -errno;
	while ((n = syscall(SYS_getdents64, proc_fd, room,
	    sizeof(room))) > 0) {
		count = 0;
		for (long at = 0; at < n; at += d->len) {
			d = (const struct linux_dirent64 *)(room + at);
			if (d->name[0] >= '1' && d->name[0] <= '9')
				pids[count++] = (pid_t)atol(d->name);
		}
		while (count > 0)
			visit(arg, pids[--count]);
	}
	return n < 0 ? -errno : 0;
}

static int
open_file(pid_t pid, const char *file)
{
	char path[32];

	snprintf(path, sizeof(path), "%ld/%s", (long)pid, file);
	return openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* The name is in parentheses and may hold anything, even parentheses. */
int
proc_parse(const char *text, struct proc *p)
{
	const char *open = strchr(text, '('), *end = strrchr(text, ')');
	size_t len;
	long ppid, group, session;
	unsigned long long start;

	if (open == NULL || end == NULL || end < open)
		return -EBADMSG;
	/* After the name: state ppid pgrp session ..., start is field 22. */
	if (sscanf(end + 1, " %*c %ld %ld %ld %*d %*d %*u %*u %*u %*u %*u "
	    "%*u %*u %*d %*d %*d %*d %*d %*d %llu", &ppid, &group,
	    &session, &start) != 4)
		return -EBADMSG;
	p->pid = (pid_t)atol(text);
	p->ppid = (pid_t)ppid;
	p->group = (pid_t)group;
	p->session = (pid_t)session;
	p->start = start;
	len = (size_t)(end - open - 1);
	if (len >= sizeof(p->comm))
		len = sizeof(p->comm) - 1;
	memcpy(p->comm, open + 1, len);
	p->comm[len] = '\0';
	for (char *c = p->comm; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = '_';
	if (len == 0)
		memcpy(p->comm, "_", 2);
	return 0;
}

int
proc_read(pid_t pid, struct proc *p)
{
	char text[1024];
	int fd = open_file(pid, "stat");
	ssize_t n;

	if (fd == -1)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	return proc_parse(text, p);
}

/* Does this piece of an environment, which begins with a variable, hold the
 * mark? *used: what need not be seen again. */
static enum proc_mark
find_mark(const char *s, size_t len, const char *run, size_t *used)
{
	static const char name[] = "OD_RUN=";
	enum proc_mark mark = PROC_MARK_NONE;
	const char *end;
	size_t n = strlen(run);

	*used = 0;
	while ((end = memchr(s + *used, '\0', len - *used)) != NULL) {
		const char *at = s + *used;
		size_t vlen = (size_t)(end - at);

		*used += vlen + 1;
		if (vlen < sizeof(name) - 1 ||
		    memcmp(at, name, sizeof(name) - 1) != 0)
			continue;
		at += sizeof(name) - 1;
		vlen -= sizeof(name) - 1;
		if (vlen == n && memcmp(at, run, n) == 0)
			return PROC_MARK_OURS;
		mark = PROC_MARK_OTHER;
	}
	return mark;
}

enum proc_mark
proc_mark(pid_t pid, const char *run)
{
	static char room[65536];
	enum proc_mark mark = PROC_MARK_NONE, m;
	int fd = open_file(pid, "environ");
	size_t have = 0, used, total = 0;
	ssize_t n;

	if (fd == -1)
		return PROC_MARK_UNKNOWN;
	while (total < ENVIRON_MAX &&
	    (n = read(fd, room + have, sizeof(room) - have)) > 0) {
		have += (size_t)n;
		total += (size_t)n;
		m = find_mark(room, have, run, &used);
		if (m == PROC_MARK_OURS) {
			mark = m;
			break;
		}
		if (m == PROC_MARK_OTHER)
			mark = m;
		/* A variable longer than all the room is not ours: what is
		 * left of it cannot begin with the name, but for one NUL. */
		if (used == 0 && have == sizeof(room))
			used = have;
		have -= used;
		memmove(room, room + used, have);
	}
	close(fd);
	return mark;
}

bool
proc_writes_to(pid_t pid, uint64_t inode)
{
	char path[32], want[40], is[40];
	struct stat link;
	ssize_t n;

	snprintf(want, sizeof(want), "pipe:[%llu]",
	    (unsigned long long)inode);
	for (int fd = 1; fd <= 2; fd++) {
		snprintf(path, sizeof(path), "%ld/fd/%d", (long)pid, fd);
		n = readlinkat(proc_fd, path, is, sizeof(is) - 1);
		if (n <= 0)
			continue;
		is[n] = '\0';
		/* The link's own mode tells how the descriptor was opened. */
		if (strcmp(is, want) == 0 && fstatat(proc_fd, path, &link,
		    AT_SYMLINK_NOFOLLOW) == 0 && (link.st_mode & S_IWUSR))
			return true;
	}
	return false;
}

ssize_t
proc_environ(pid_t pid, char *room, size_t size)
{
	int fd = open_file(pid, "environ");
	size_t have = 0;
	ssize_t n = -1;

	if (fd == -1)
		return -errno;
	while (have < size && (n = read(fd, room + have, size - have)) > 0)
		have += (size_t)n;
	close(fd);
	return n < 0 && have == 0 ? -errno : (ssize_t)have;
}
