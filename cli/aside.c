/*
 * Steps aside for the od of coreutils, whose name we share: scripts (those
 * that configure makes among them) call it, and must not notice us.
 */
/* SPDX-License-Identifier: MIT */
#include "cli/aside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* One of our global options; letters only as a word of their own, because
 * "-q5" or "-hx" is nothing of ours. */
static bool
is_global_option(const char *word)
{
	const struct option *const tables[2] = { global_options, NULL };

	if (word[0] == '-' && word[1] != '-' && strlen(word) > 2)
		return false;
	return strcmp(word, "-h") != 0 && option_find(tables, word) != NULL;
}

bool
aside_is_meant(int argc, char *const *argv)
{
	struct stat st;
	int words;

	if (argc < 2)
		return !isatty(STDIN_FILENO);
	/* "od -h file" dumps file in hexadecimal. */
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return false;
	if (is_global_option(argv[1]) || command_is_group(argv[1]) ||
	    command_find(argc - 1, argv + 1, &words) != NULL)
		return false;
	if (argv[1][0] == '-' || argv[1][0] == '+')
		return true;
	return stat(argv[1], &st) == 0 || command_suggest(argv[1]) == NULL;
}

/* The n-th directory of PATH with "/od" behind it; false at the end. */
static bool
candidate(const char *path, size_t n, char *buf)
{
	size_t len;

	for (; n > 0; n--) {
		if ((path = strchr(path, ':')) == NULL)
			return false;
		path++;
	}
	len = strcspn(path, ":");
	snprintf(buf, PATH_MAX, "%.*s%sod", (int)len, path,
	    len == 0 ? "" : "/");
	return true;
}

/*
 * Only what comes after the last of ourselves in PATH is tried. Were there
 * two copies of us, each would otherwise find the other, for ever.
 */
void
aside_exec(char *const *argv)
{
	const char *path = getenv("PATH");
	struct stat self, st;
	char buf[PATH_MAX];
	size_t from = 0;

	if (path == NULL || stat("/proc/self/exe", &self) == -1)
		return;
	for (size_t n = 0; candidate(path, n, buf); n++)
		if (stat(buf, &st) == 0 && st.st_dev == self.st_dev &&
		    st.st_ino == self.st_ino)
			from = n + 1;
	for (size_t n = from; candidate(path, n, buf); n++)
		if (stat(buf, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(buf, X_OK) == 0)
			execv(buf, argv);
}
