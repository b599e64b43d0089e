/*
 * The plainest supervisor there can be, to measure ours against: N children,
 * each with a pipe for its output, started by vfork and exec, and started
 * again as soon as wait says that one is gone. Nothing is recorded, nothing is
 * read, nobody is asked.
 */
/* SPDX-License-Identifier: MIT */

#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct child {
	pid_t	pid;
	int	pipe;	/* read end */
};

static void
start(struct child *c, char **argv)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		err(1, "pipe2");
	if ((c->pid = vfork()) == -1)
		err(1, "vfork");
	if (c->pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	c->pipe = fds[0];
}

int
main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0, status;
	struct child *children;
	pid_t pid;

	if (n < 1)
		errx(2, "usage: yardstick count program [argument ...]");
	if ((children = calloc((size_t)n, sizeof(*children))) == NULL)
		err(1, "calloc");
	for (int i = 0; i < n; i++)
		start(&children[i], argv + 2);
	while ((pid = wait(&status)) > 0) {
		for (int i = 0; i < n; i++) {
			if (children[i].pid != pid)
				continue;
			close(children[i].pipe);
			start(&children[i], argv + 2);
		}
	}
	return 0;
}
