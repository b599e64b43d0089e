/* Inotify: which sources may have something new. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uthash.h>

#include "actors/logs/logs.h"

#define EVENTS	(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR |	\
		 IN_DONT_FOLLOW)

/* A directory that is watched, and for how many sources. */
struct watch {
	int		wd;
	int		users;
	UT_hash_handle	hh;
};

static int
watch_use(struct logs *l, int wd)
{
	struct watch *w;

	HASH_FIND_INT(l->watches, &wd, w);
	if (w == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL) {
			inotify_rm_watch(l->inotify, wd);
			return -ENOMEM;
		}
		w->wd = wd;
		HASH_ADD_INT(l->watches, wd, w);
	}
	w->users++;
	return 0;
}

void
watch_remove(struct logs *l, struct source *s)
{
	struct watch *w;

	if (s->watch == -1)
		return;
	HASH_FIND_INT(l->watches, &s->watch, w);
	s->watch = -1;
	if (w == NULL || --w->users > 0)
		return;
	inotify_rm_watch(l->inotify, w->wd);
	HASH_DEL(l->watches, w);
	free(w);
}

int
watch_add(struct logs *l, struct source *s)
{
	char path[PATH_MAX];
	char *slash;
	int wd = -1, r;

	if (s->path[0] == '/' || strlen(s->path) >= sizeof(path) - 2)
		return -EXDEV;
	/* The log directory is where we are; the nearest directory that
	 * exists tells us when the next one comes. */
	memcpy(path, "./", 2);
	strcpy(path + 2, s->path);
	watch_remove(l, s);
	s->is_watched_near = true;
	while ((slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		wd = inotify_add_watch(l->inotify, path, EVENTS);
		if (wd != -1 || (errno != ENOENT && errno != ENOTDIR))
			break;
		s->is_watched_near = false;
	}
	if (wd == -1)
		return -errno;
	if ((r = watch_use(l, wd)) < 0)
		return r;
	s->watch = wd;
	return 0;
}

static bool
is_about(const struct source *s, const struct inotify_event *e)
{
	const char *slash = strrchr(s->path, '/');
	const char *base = slash != NULL ? slash + 1 : s->path;

	return e->len == 0 || !s->is_watched_near ||
	    strncmp(e->name, base, strlen(base)) == 0;
}

static void
mark(struct logs *l, struct source *s, const struct inotify_event *e)
{
	if ((e->mask & IN_Q_OVERFLOW) == 0 &&
	    (s->watch != e->wd || !is_about(s, e)))
		return;
	s->is_dirty = true;
	/* Closer now, or anew if the directory itself is gone. */
	if (!s->is_watched_near || (e->mask & IN_IGNORED) != 0)
		watch_add(l, s);
}

/* The kernel took the watch away: its number means nothing any more. */
static void
forget(struct logs *l, int wd)
{
	struct watch *w;

	HASH_FIND_INT(l->watches, &wd, w);
	if (w != NULL) {
		HASH_DEL(l->watches, w);
		free(w);
	}
}

static void
on_changed(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct logs *l = w->data;
	_Alignas(struct inotify_event) char bytes[16384];
	const struct inotify_event *e;
	struct client *c, *next;
	ssize_t n = read(l->inotify, bytes, sizeof(bytes));

	(void)loop;
	(void)revents;
	for (char *p = bytes; n > 0 && p < bytes + n;
	    p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)p;
		if ((e->mask & IN_IGNORED) != 0)
			forget(l, e->wd);
		LIST_FOREACH(c, &l->clients, of_logs)
			for (size_t i = 0; i < c->count; i++)
				mark(l, &c->sources[i], e);
	}
	LIST_FOREACH_SAFE(c, &l->clients, of_logs, next)
		client_pump(c);
}

int
watches_init(struct logs *l)
{
	l->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->inotify == -1)
		return -errno;
	ev_io_init(&l->changed, on_changed, l->inotify, EV_READ);
	l->changed.data = l;
	ev_io_start(l->actor->loop, &l->changed);
	return 0;
}
