/* A disk that fills up, breaks, or loses its power. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES	256
#define OWN_FDS	200	/* ours are above that */

struct faults faults;

/* What a power cut may take away: bytes that were not synced (whether or not
 * the file is still open, so that we hold it), and a name whose directory was
 * not. */
static struct file {
	int	fd;
	off_t	synced;
} files[FILES];
static int file_count;
static struct {
	bool	is_open;	/* not yet synced */
	int	dir;
	char	from[128], to[128];	/* from is "" if the file was made */
} name;

ssize_t	__real_write(int, const void *, size_t);
int	__real_fsync(int);
int	__real_fdatasync(int);
int	__real_ftruncate(int, off_t);
int	__real_openat(int, const char *, int, ...);
int	__real_renameat(int, const char *, int, const char *);
int	__real_unlinkat(int, const char *, int);
ssize_t	__wrap_write(int, const void *, size_t);
int	__wrap_fsync(int);
int	__wrap_fdatasync(int);
int	__wrap_ftruncate(int, off_t);
int	__wrap_openat(int, const char *, int, ...);
int	__wrap_renameat(int, const char *, int, const char *);
int	__wrap_unlinkat(int, const char *, int);

static off_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* The file behind fd, or NULL. */
static struct file *
file_of(int fd)
{
	struct stat st, own;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return NULL;
	for (struct file *f = files; f < files + file_count; f++)
		if (fstat(f->fd, &own) == 0 && own.st_ino == st.st_ino &&
		    own.st_dev == st.st_dev)
			return f;
	return NULL;
}

/* Of what was not synced, any part may be there. */
static void
cut_power(void)
{
	off_t rest;

	for (struct file *f = files; f < files + file_count; f++) {
		rest = size_of(f->fd) - f->synced;
		if (rest > 0 && __real_ftruncate(f->fd, f->synced +
		    rand_r(&faults.seed) % (rest + 1)) == -1)
			abort();
	}
	if (name.is_open && rand_r(&faults.seed) % 2 == 0) {
		if (name.from[0] == '\0')
			__real_unlinkat(name.dir, name.to, 0);
		else
			__real_renameat(name.dir, name.to, name.dir,
			    name.from);
	}
	_exit(0);
}

/* True if this call is to fail; errno is set. */
static bool
strikes(void)
{
	faults.calls++;
	if (faults.mode == FAULT_NONE || faults.calls < faults.at ||
	    (faults.mode != FAULT_FROM && faults.calls > faults.at))
		return false;
	if (faults.mode == FAULT_CUT)
		cut_power();
	errno = faults.error;
	return true;
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	struct stat st;

	/* Standard error and the test's own pipes are no disk. */
	if (fd <= 2 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return __real_write(fd, bytes, len);
	if (faults.mode != FAULT_NONE && faults.calls + 1 == faults.at &&
	    __real_write(fd, bytes, len / 2) == -1)
		return -1;
	return strikes() ? -1 : __real_write(fd, bytes, len);
}

static int
sync_with(int (*sync_call)(int), int fd)
{
	struct file *f = file_of(fd);

	if (strikes())
		return -1;
	if (f != NULL)
		f->synced = size_of(fd);
	else
		name.is_open = false;
	return sync_call(fd);
}

int
__wrap_fsync(int fd)
{
	return sync_with(__real_fsync, fd);
}

int
__wrap_fdatasync(int fd)
{
	return sync_with(__real_fdatasync, fd);
}

int
__wrap_ftruncate(int fd, off_t size)
{
	return strikes() ? -1 : __real_ftruncate(fd, size);
}

static void
track(int fd)
{
	/* Only a power cut asks for it, and only its process lives so
	 * shortly. */
	if (faults.mode != FAULT_CUT || file_of(fd) != NULL)
		return;
	if (file_count == FILES)
		abort();
	files[file_count].synced = size_of(fd);
	files[file_count++].fd = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FDS);
}

static void
remember(int dir, const char *from, const char *to)
{
	name.is_open = true;
	name.dir = dir;
	snprintf(name.from, sizeof(name.from), "%s", from);
	snprintf(name.to, sizeof(name.to), "%s", to);
}

int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;
	int fd;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
		if (strikes())
			return -1;
	}
	fd = __real_openat(dir, path, flags, mode);
	if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		track(fd);
	if (fd >= 0 && (flags & O_EXCL) != 0)
		remember(dir, "", path);
	return fd;
}

int
__wrap_renameat(int dir, const char *from, int to_dir, const char *to)
{
	if (strikes())
		return -1;
	remember(dir, from, to);
	return __real_renameat(dir, from, to_dir, to);
}

int
__wrap_unlinkat(int dir, const char *path, int flags)
{
	return strikes() ? -1 : __real_unlinkat(dir, path, flags);
}
