/* Exit statuses from the kernel's process events. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/run.h"

#define QUEUE_BYTES	(1024 * 1024)	/* exits while nobody reads */
#define BEFORE_EVENT	(NLMSG_HDRLEN + sizeof(struct cn_msg))

/* Let through only the exits of whole processes; words are compared in the
 * order in which the filter loads them. */
static int
filter(int fd)
{
	const unsigned int what = BEFORE_EVENT +
	    offsetof(struct proc_event, what);
	const unsigned int pid = BEFORE_EVENT + offsetof(struct proc_event,
	    event_data.exit.process_pid);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, what),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    htonl(PROC_EVENT_EXIT), 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, pid),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, pid + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]),
	    .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog));
}

static int
listen_to(int fd)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = CN_IDX_PROC };
	enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	struct cn_msg cn = { .id = { CN_IDX_PROC, CN_VAL_PROC },
	    .len = sizeof(op) };
	unsigned char bytes[NLMSG_SPACE(sizeof(cn) + sizeof(op))] = { 0 };
	struct nlmsghdr head = { .nlmsg_len = sizeof(bytes),
	    .nlmsg_type = NLMSG_DONE };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + NLMSG_HDRLEN, &cn, sizeof(cn));
	memcpy(bytes + NLMSG_HDRLEN + sizeof(cn), &op, sizeof(op));
	if (bind(fd, (struct sockaddr *)&nl, sizeof(nl)) == -1 ||
	    filter(fd) == -1 ||
	    send(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -errno;
	return 0;
}

static void
take(struct supervisor *s, const unsigned char *bytes, size_t len)
{
	struct proc_event event;
	struct run *r;
	pid_t pid;

	if (len < BEFORE_EVENT + sizeof(event))
		return;
	memcpy(&event, bytes + BEFORE_EVENT, sizeof(event));
	if (event.what != PROC_EVENT_EXIT)
		return;
	pid = event.event_data.exit.process_tgid;
	HASH_FIND(hh_pid, s->runs_by_pid, &pid, sizeof(pid), r);
	if (r == NULL)
		return;
	r->is_told = true;
	r->told_status = (int)event.event_data.exit.exit_code;
}

void
connector_read(struct supervisor *s)
{
	unsigned char bytes[512];
	struct sockaddr_nl from;
	socklen_t len;
	ssize_t n;

	while (s->connector_fd > 0) {
		len = sizeof(from);
		n = recvfrom(s->connector_fd, bytes, sizeof(bytes),
		    MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n == -1 && errno != EINTR && errno != ENOBUFS)
			return;
		/* Only the kernel is believed. */
		if (n > 0 && from.nl_pid == 0)
			take(s, bytes, (size_t)n);
	}
}

static void
on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	connector_read(w->data);
}

static void
watch(struct supervisor *s, int fd, bool is_held)
{
	struct guard_item item = { .key = KEEPER_KEY_CONNECTOR, .slot = -1,
	    .fds = { fd }, .nfds = 1 };

	s->connector_fd = fd;
	ev_io_init(&s->connector_io, on_readable, fd, EV_READ);
	s->connector_io.data = s;
	ev_io_start(s->loop, &s->connector_io);
	if (is_held)
		guard_note(s, &item);
	else
		guard_put(s, &item);
}

void
connector_take(struct supervisor *s, int fd)
{
	watch(s, fd, true);
}

static void
begin(struct supervisor *s)
{
	int fd, size = QUEUE_BYTES, rc;

	fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_CONNECTOR);
	if (fd == -1)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if ((rc = listen_to(fd)) < 0) {
		log_warn("no process events: %s; how a process ends that was "
		    "taken over may stay unknown", strerror(-rc));
		close(fd);
		return;
	}
	watch(s, fd, false);
}

void
connector_prepare(struct supervisor *s)
{
	int self, status, rc;

	if (s->connector_fd > 0 || !s->is_root ||
	    (self = sys_pidfd_open(getpid())) < 0)
		return;
	rc = sys_pidfd_status(self, &status);
	close(self);
	if (rc < 0)
		begin(s);
}

void
connector_need(struct supervisor *s, const struct run *r)
{
	struct sys_exit e;

	/* Of a child of ours we are told by wait(2). */
	if (!r->is_actor && sys_peek_pidfd(r->pidfd, &e) == -ECHILD)
		connector_prepare(s);
}
