/* Rotated files beside a log, found and made without a heap. */
/* SPDX-License-Identifier: MIT */
#include "rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOREPLACE	1	/* RENAME_NOREPLACE */
#define TRIES		100	/* to find a free number */
#define PRUNED_MAX	1000	/* at once; the next rotation goes on */

/* As the kernel writes it (getdents64(2)). */
struct entry {
	uint64_t	inode;
	int64_t		next;
	uint16_t	size;
	uint8_t		type;
	char		name[];
};

int64_t
rotated_number(const char *name, const char *base)
{
	size_t n = strlen(base), digits;
	int64_t number = 0;

	if (strncmp(name, base, n) != 0 || name[n] != '.')
		return 0;
	name += n + 1;
	digits = strspn(name, "0123456789");
	/* Six digits, more if need be, and nothing behind them but .gz. */
	if (digits < 6 || digits > 18 || (digits > 6 && name[0] == '0'))
		return 0;
	if (name[digits] != '\0' && strcmp(name + digits, ".gz") != 0)
		return 0;
	for (; digits > 0; digits--)
		number = number * 10 + (*name++ - '0');
	return number;
}

int
rotated_count(int dir, const char *base, int64_t *highest, int64_t *lowest,
    int64_t *count)
{
	static _Alignas(struct entry) char bytes[32 * 1024];
	const struct entry *e;
	int64_t number;
	long n;

	*highest = *lowest = *count = 0;
	if (lseek(dir, 0, SEEK_SET) == -1)
		return -errno;
	while ((n = syscall(SYS_getdents64, dir, bytes, sizeof(bytes))) > 0)
		for (char *p = bytes; p < bytes + n; p += e->size) {
			e = (const struct entry *)p;
			if ((number = rotated_number(e->name, base)) == 0)
				continue;
			(*count)++;
			if (number > *highest)
				*highest = number;
			if (*lowest == 0 || number < *lowest)
				*lowest = number;
		}
	return n == -1 ? -errno : 0;
}

/* Never onto a name that is taken. */
static int
rename_fresh(int dir, const char *from, const char *to)
{
	struct stat st;

	if (syscall(SYS_renameat2, dir, from, dir, to, NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system that does not know the flag. */
	if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, from, dir, to) == -1 ? -errno : 0;
}

static int
name_of(char to[NAME_MAX + 1], const char *base, int64_t number)
{
	int n = snprintf(to, NAME_MAX + 1, "%s.%06lld", base,
	    (long long)number);

	return n < 0 || n > NAME_MAX ? -ENAMETOOLONG : 0;
}

int64_t
rotated_move(int dir, const char *base)
{
	char name[NAME_MAX + 1];
	int64_t number, lowest, count;
	int r = rotated_count(dir, base, &number, &lowest, &count);

	if (r < 0)
		return r;
	r = -EEXIST;
	for (int i = 0; i < TRIES && r == -EEXIST; i++)
		if ((r = name_of(name, base, ++number)) == 0)
			r = rename_fresh(dir, base, name);
	return r < 0 ? r : number;
}

void
rotated_prune(int dir, const char *base, int64_t keep)
{
	char name[NAME_MAX + 1];
	int64_t highest, lowest, count;

	for (int i = 0; i < PRUNED_MAX; i++) {
		if (rotated_count(dir, base, &highest, &lowest, &count) < 0 ||
		    count <= keep || name_of(name, base, lowest) < 0)
			return;
		/* Packed or not; one that stays must not keep us here. */
		if (unlinkat(dir, name, 0) == 0)
			continue;
		if (strlen(name) + 3 > NAME_MAX)
			return;
		strcat(name, ".gz");
		if (unlinkat(dir, name, 0) == -1)
			return;
	}
}
