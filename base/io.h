/* Reading, writing and passing descriptors, the small change of it. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Write all of it, in spite of EINTR and short writes; 0 or a negative errno. */
int	write_all(int fd, const void *, size_t);

/* Read up to n bytes, until the end of file; the count or a negative errno. */
ssize_t	read_all(int fd, void *, size_t n);

/*
 * Send bytes, and fds[0..nfds) on the first of them, without blocking and
 * without SIGPIPE. Returns what sendmsg(2) does, or a negative errno.
 */
ssize_t	send_fds(int sock, const void *, size_t, const int *fds, int nfds);

/*
 * Receive up to n bytes and at most room descriptors, which arrive CLOEXEC
 * and belong to the caller; *nfds says how many came. Descriptors that do not
 * fit are closed. Returns what recvmsg(2) does, or a negative errno; 0 is the
 * end. MSG_DONTWAIT is set.
 */
ssize_t	recv_fds(int sock, void *, size_t n, int *fds, int room, int *nfds);

/*
 * Have the kernel refuse descriptors that are sent to this socket, or to one
 * that a listening socket will accept (Linux 6.16; else without effect).
 */
void	refuse_fds(int sock);

/* Add O_NONBLOCK; 0 or a negative errno. */
int	set_nonblocking(int fd);

/* Close *fd unless it is -1, and make it -1. */
void	close_fd(int *fd);

/* crc32c (Castagnoli, RFC 3720 appendix B.4) of the bytes, begun with 0. */
unsigned int	crc32c(unsigned int crc, const void *, size_t);

#endif
