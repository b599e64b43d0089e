/* Laying out what od-exec is told. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/io.h"

static int
add_text(struct buffer *b, const char *text)
{
	return buffer_add(b, text, strlen(text) + 1);
}

static int
add_env(struct buffer *b, field_map env, field_map besides, uint32_t *count)
{
	int r = 0;

	for (size_t i = 0; env != NULL && env[i] != NULL && r >= 0; i += 2) {
		if (map_get(besides, env[i]) != NULL)
			continue;
		r = buffer_add(b, env[i], strlen(env[i]));
		if (r >= 0)
			r = buffer_add(b, "=", 1);
		if (r >= 0)
			r = add_text(b, env[i + 1]);
		(*count)++;
	}
	return r;
}

/* The strings behind the header; offsets go into *x. */
static int
add_strings(struct buffer *b, struct exec_plan *x, const struct plan *p)
{
	int r = 0;

	x->argv_at = (uint32_t)b->len;
	for (size_t i = 0; p->argv[i] != NULL && r >= 0; i++, x->argc++)
		r = add_text(b, p->argv[i]);
	x->env_at = (uint32_t)b->len;
	if (r >= 0)
		r = add_env(b, p->env, p->own_env, &x->envc);
	if (r >= 0)
		r = add_env(b, p->own_env, NULL, &x->envc);
	x->path_at = (uint32_t)b->len;
	if (r >= 0)
		r = add_text(b, p->path != NULL ? p->path : p->argv[0]);
	x->cwd_at = (uint32_t)b->len;
	if (r >= 0)
		r = add_text(b, p->cwd);
	x->size = (uint32_t)b->len;
	return r;
}

static void
fill_header(struct exec_plan *x, const struct plan *p)
{
	x->magic = EXEC_MAGIC;
	x->flags = p->flags;
	x->uid = p->uid;
	x->gid = p->gid;
	x->umask_plus_1 = p->umask_plus_1;
	x->cgroup_fd = p->cgroup_fd;
	for (int i = 0; i < p->ngroups && i < EXEC_GROUPS_MAX; i++)
		x->groups[x->ngroups++] = p->groups[i];
	for (int i = 0; i < p->npassed && i < EXEC_PASSED_MAX; i++)
		x->passed[x->npassed++] = p->passed[i];
}

int
plan_memfd(const struct plan *p, struct error *e)
{
	struct exec_plan x = { 0 };
	struct buffer b = { 0 };
	int fd = -1, r;

	fill_header(&x, p);
	if ((r = buffer_add(&b, &x, sizeof(x))) < 0 ||
	    (r = add_strings(&b, &x, p)) < 0) {
		r = fail(e, r, "out of memory");
		goto out;
	}
	memcpy(b.data + b.head, &x, sizeof(x));
	fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1) {
		r = fail(e, -errno, "cannot make a plan: %s", strerror(errno));
		goto out;
	}
	if ((r = write_all(fd, buffer_bytes(&b), b.len)) < 0) {
		fail(e, r, "cannot write a plan: %s", strerror(-r));
		goto out;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	r = fd;
	fd = -1;
out:
	close_fd(&fd);
	buffer_release(&b);
	return r;
}
