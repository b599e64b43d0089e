/* From a file to the argv that runs it. */
/* SPDX-License-Identifier: MIT */
#include "cli/script.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"

/* Extensions and who runs them. */
static const struct {
	const char	*extension, *interpreter;
} interpreters[] = {
	{ ".py", "python3" }, { ".js", "node" }, { ".mjs", "node" },
	{ ".cjs", "node" }, { ".ts", "node" }, { ".sh", "sh" },
	{ ".rb", "ruby" }, { ".pl", "perl" }, { ".php", "php" },
};

static const char *
extension_of(const char *file)
{
	const char *base = strrchr(file, '/'), *dot;

	base = base == NULL ? file : base + 1;
	dot = strrchr(base, '.');
	return dot == NULL || dot == base ? "" : dot;
}

static const char *
interpreter_for(const char *file)
{
	for (size_t i = 0; i < COUNT(interpreters); i++)
		if (strcmp(interpreters[i].extension, extension_of(file)) == 0)
			return interpreters[i].interpreter;
	return NULL;
}

static bool
begins_with(const char *file, const char *magic)
{
	char buf[4] = { 0 };
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd == -1 ? -1 : read_all(fd, buf, strlen(magic));

	close_fd(&fd);
	return n == (ssize_t)strlen(magic) && memcmp(buf, magic, (size_t)n) == 0;
}

static bool
is_configuration(const char *file)
{
	const char *extension = extension_of(file);

	return strcmp(extension, ".yaml") == 0 ||
	    strcmp(extension, ".yml") == 0 || strcmp(extension, ".json") == 0;
}

static int
choose(struct script *s, const char *file, const char *interpreter,
    struct error *e)
{
	bool runs = access(file, X_OK) == 0;

	if (interpreter != NULL && strcmp(interpreter, "none") != 0) {
		s->interpreter = interpreter;
		return 0;
	}
	if (interpreter == NULL && (!runs || (!begins_with(file, "#!") &&
	    !begins_with(file, "\177ELF"))))
		s->interpreter = interpreter_for(file);
	if (s->interpreter != NULL || runs)
		return 0;
	if (is_configuration(file))
		return fail(e, CLI_FAILED, "'%s' looks like a configuration "
		    "file, which this version does not read: start its apps "
		    "one by one", file);
	return fail(e, CLI_FAILED, "'%s' is not executable%s: chmod +x it, or "
	    "say what runs it with --interpreter", file, interpreter == NULL ?
	    " and its extension is none we know" : "");
}

int
script_look(struct script *s, const char *file, const char *interpreter,
    struct error *e)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	if (stat(file, &st) == -1)
		return fail(e, CLI_FAILED, "cannot start '%.256s': %s", file,
		    strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail(e, CLI_FAILED, "'%s' is a directory: name the file "
		    "in it that shall run", file);
	if (!S_ISREG(st.st_mode))
		return fail(e, CLI_FAILED, "'%s' is no regular file", file);
	if ((s->path = realpath(file, NULL)) == NULL)
		return fail(e, CLI_FAILED, "cannot resolve '%s': %s", file,
		    strerror(errno));
	return choose(s, file, interpreter, e);
}

void
script_release(struct script *s)
{
	free(s->path);
	memset(s, 0, sizeof(*s));
}

char *
script_name(const char *file)
{
	const char *base = strrchr(file, '/');

	base = base == NULL ? file : base + 1;
	return strndup(base, strlen(base) - strlen(extension_of(base)));
}

bool
program_exists(const char *program, const char *path)
{
	char buf[PATH_MAX];
	size_t len;

	if (strchr(program, '/') != NULL)
		return access(program, X_OK) == 0;
	for (const char *p = path; p != NULL; p = p[len] == ':' ?
	    p + len + 1 : NULL) {
		len = strcspn(p, ":");
		snprintf(buf, sizeof(buf), "%.*s%s%s", (int)len, p,
		    len == 0 ? "" : "/", program);
		if (access(buf, X_OK) == 0)
			return true;
	}
	return false;
}
