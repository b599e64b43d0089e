/* From a name to a running program, or to the reason why not. */
/* SPDX-License-Identifier: MIT */
#include "search.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH	"/usr/local/bin:/usr/bin:/bin"

static const char *
path_of(char *const envp[])
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return DEFAULT_PATH;
}

/*
 * Put the next candidate into name and return what follows it in the path, or
 * NULL behind the last. One that is too long becomes "", which nothing has.
 */
static const char *
next_candidate(const char *path, const char *file, char name[PATH_MAX])
{
	size_t dir = strcspn(path, ":"), len = strlen(file);

	name[0] = '\0';
	if (dir + 1 + len < PATH_MAX) {
		memcpy(name, path, dir);
		if (dir > 0)
			name[dir] = '/';
		memcpy(name + dir + (dir > 0), file, len + 1);
	}
	return path[dir] == ':' ? path + dir + 1 : NULL;
}

/* Errors after which execvp(3) tries the next directory. */
static bool
is_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	    error == ENAMETOOLONG || error == ELOOP || error == ESTALE ||
	    error == ENODEV || error == ETIMEDOUT;
}

static bool
is_script(const char *name)
{
	char head[2] = { 0 };
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1)
		return false;
	if (read(fd, head, sizeof(head)) != (ssize_t)sizeof(head))
		head[0] = '\0';
	close(fd);
	return head[0] == '#' && head[1] == '!';
}

/*
 * The file was refused: was it the file? ENOENT for one that is there, and
 * EACCES for one that may be executed, are about what its first line names.
 */
static struct exec_report
explain(const char *name, int error)
{
	struct exec_report r = { EXEC_STEP_exec, error };

	if (faccessat(AT_FDCWD, name, F_OK, AT_EACCESS) == -1) {
		if (error == ENOENT || error == ENOTDIR || error == EACCES ||
		    error == ENAMETOOLONG || error == ELOOP)
			r.step = EXEC_STEP_find;
		return r;
	}
	if ((error == ENOENT || error == ENOTDIR || error == ELOOP ||
	    (error == EACCES &&
	    faccessat(AT_FDCWD, name, X_OK, AT_EACCESS) == 0)) &&
	    is_script(name))
		r.step = EXEC_STEP_interp;
	return r;
}

/* None of the candidates was executed: find the first that is there at all. */
static struct exec_report
explain_search(const char *path, const char *file, char *const argv[],
    char *const envp[])
{
	struct exec_report r, first = { EXEC_STEP_find, ENOENT };
	char name[PATH_MAX];

	while (path != NULL) {
		path = next_candidate(path, file, name);
		execve(name, argv, envp);
		r = explain(name, errno);
		if (r.step != EXEC_STEP_find)
			return r;
		if (r.error == EACCES)
			first = r;
	}
	return first;
}

struct exec_report
search_and_exec(const char *file, char *const argv[], char *const envp[])
{
	const char *path = path_of(envp), *rest = path;
	char name[PATH_MAX];

	if (strchr(file, '/') != NULL) {
		execve(file, argv, envp);
		return explain(file, errno);
	}
	while (rest != NULL) {
		rest = next_candidate(rest, file, name);
		execve(name, argv, envp);
		if (!is_elsewhere(errno))
			return (struct exec_report){ EXEC_STEP_exec, errno };
	}
	return explain_search(path, file, argv, envp);
}
