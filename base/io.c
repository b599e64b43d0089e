/* Reading, writing and passing descriptors. */
/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX		253	/* SCM_MAX_FD: the kernel passes no more */

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83	/* Linux 6.16 */
#endif

/* Aligned as the kernel wants it, with room for the most there can be. */
union control {
	struct cmsghdr	 header;
	char		 bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, p, len)) == -1) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
read_all(int fd, void *data, size_t len)
{
	char *p = data;
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		if ((n = read(fd, p + at, len - at)) == -1) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

ssize_t
send_fds(int sock, const void *data, size_t len, const int *fds, int nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
	    .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c;
	ssize_t n;

	if (nfds < 0 || nfds > FDS_MAX)
		return -EINVAL;
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	do
		n = sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}

/* Hand out what came; what does not fit is closed. */
static void
take_fds(struct msghdr *m, int *fds, int room, int *nfds)
{
	struct cmsghdr *c;
	size_t count;
	int fd;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (*nfds < room)
				fds[(*nfds)++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t
recv_fds(int sock, void *data, size_t len, int *fds, int room, int *nfds)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	*nfds = 0;
	if (room < 0 || room > FDS_MAX)
		return -EINVAL;
	do {
		if (room > 0) {
			/* CMSG_LEN, for the padding of CMSG_SPACE could hold
			 * one more, which we would have to close. */
			m.msg_control = control.bytes;
			m.msg_controllen =
			    CMSG_LEN((size_t)room * sizeof(int));
		}
		n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return -errno;
	if (room > 0)
		take_fds(&m, fds, room, nfds);
	return n;
}

void
refuse_fds(int sock)
{
	/* An older kernel says ENOPROTOOPT: then it is the missing control
	 * buffer of recv_fds() alone that keeps them out. */
	(void)setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 },
	    sizeof(int));
}

int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -errno;
	return 0;
}

void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}
