/* Channels: frames and their descriptors through sockets of every mood. */
/* SPDX-License-Identifier: MIT */
#include "protocol/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "protocol/codec.h"
#include "tests/unit/random_message.h"
#include "tests/unit/run.h"

#define QUEUE	(4 * 1024 * 1024)

static struct channel a, b;

static void
open_pair(size_t queue_limit)
{
	int sv[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	channel_init(&a, sv[0], FRAME_BYTES_BIG, queue_limit, false);
	channel_init(&b, sv[1], FRAME_BYTES_BIG, queue_limit, true);
}

static void
close_pair(void)
{
	channel_release(&a);
	channel_release(&b);
}

static void
small_buffers(int fd)
{
	/* The kernel makes of it the least it has: a few KiB. */
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 1 },
	    sizeof(int)), 0);
}

/* Descriptors that this process has open. */
static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* A file that says which one it is: its size. */
static int
numbered_file(unsigned int number)
{
	int fd = memfd_create("numbered", MFD_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ftruncate(fd, number), 0);
	return fd;
}

static unsigned int
number_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (unsigned int)st.st_size;
}

static void
send_number(struct channel *c, unsigned int number, int fd)
{
	struct message m = { .type = MSG_events_seen,
	    .events_seen = { .seq = number } };

	ck_assert_int_eq(channel_send(c, FRAME_NOTIFICATION, number, &m, fd),
	    0);
}

/* The next frame must be that number, with a descriptor or not. */
static void
check_number(const struct frame *f, unsigned int number, int fd, bool has_fd)
{
	struct message m;
	uint32_t id;

	ck_assert_int_eq(f->type, FRAME_NOTIFICATION);
	ck_assert_int_eq(message_unpack(&m, &id, NULL, f->payload, f->len,
	    NULL), 0);
	ck_assert_uint_eq(id, number);
	ck_assert_int_eq(m.events_seen.seq, number);
	message_release(&m);
	ck_assert_msg((fd != -1) == has_fd, "frame %u: descriptor %d", number,
	    fd);
	if (fd == -1)
		return;
	ck_assert_uint_eq(number_of(fd), number);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

START_TEST(messages_arrive_in_order_with_their_descriptors)
{
	int before = count_fds(), fd, sent;
	unsigned int n = 0;
	struct frame f;

	open_pair(QUEUE);
	for (unsigned int i = 0; i < 60; i++) {
		sent = i % 3 == 1 || i % 7 == 0 ? numbered_file(i) : -1;
		send_number(&a, i, sent);
		close_fd(&sent);
	}
	while (channel_read(&b) > 0)
		while (channel_next(&b, &f, &fd) == 1) {
			check_number(&f, n, fd, n % 3 == 1 || n % 7 == 0);
			n++;
		}
	ck_assert_uint_eq(n, 60);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* Frames of all sizes, some with descriptors, through a socket that takes a
 * little at a time, with a reader that reads a little at a time. */
START_TEST(nothing_is_lost_through_a_narrow_socket)
{
	enum { FRAMES = 400 };
	static uint8_t bytes[100000];
	struct random r = { 5 };
	int before = count_fds(), fd, sent, got = 0, queued = 0;
	size_t sizes[FRAMES];
	struct frame f;

	open_pair(QUEUE);
	small_buffers(a.fd);
	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < FRAMES; i++)
		sizes[i] = 4 + random_next(&r) %
		    (i % 20 == 0 ? sizeof(bytes) - 4 : 300);
	while (got < FRAMES) {
		while (queued < FRAMES && a.out.len < 200000 &&
		    a.out_count < CHANNEL_FDS) {
			memcpy(bytes, &queued, sizeof(queued));
			sent = queued % 3 == 0 ?
			    numbered_file((unsigned int)queued) : -1;
			ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA,
			    bytes, sizes[queued], sent), 0);
			close_fd(&sent);
			queued++;
		}
		ck_assert_int_eq(channel_flush(&a), 0);
		ck_assert_int_gt(channel_read(&b), 0);
		while (channel_next(&b, &f, &fd) == 1) {
			int number;

			memcpy(&number, f.payload, sizeof(number));
			ck_assert_int_eq(number, got);
			ck_assert_uint_eq(f.len, sizes[got]);
			ck_assert_int_eq(fd != -1, got % 3 == 0);
			if (fd != -1)
				ck_assert_int_eq((int)number_of(fd), got);
			close_fd(&fd);
			got++;
		}
	}
	ck_assert(!channel_wants_write(&a));
	ck_assert_int_eq(a.out_count, 0);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* What a peer of another make may do: send every byte by itself. */
START_TEST(a_frame_in_single_bytes_is_put_together)
{
	struct buffer raw = { 0 };
	int fd = numbered_file(7), got, n = 0;
	struct frame f;

	open_pair(QUEUE);
	ck_assert_int_eq(frame_put(&raw, FRAME_DATA, "first", 5), 0);
	ck_assert_int_eq(frame_put(&raw, FRAME_DATA, "other", 5), 0);
	for (size_t i = 0; i < raw.len; i++) {
		/* the descriptor rides on the second frame's first byte */
		ck_assert_int_eq(send_fds(a.fd, raw.data + i, 1, &fd, i == 10),
		    1);
		ck_assert_int_eq(channel_read(&b), 1);
		while (channel_next(&b, &f, &got) == 1) {
			ck_assert_uint_eq(i, n == 0 ? 9 : 19);
			ck_assert_int_eq(got != -1, n == 1);
			close_fd(&got);
			n++;
		}
	}
	ck_assert_int_eq(n, 2);
	close(fd);
	buffer_release(&raw);
	close_pair();
}
END_TEST

START_TEST(a_descriptor_is_not_mistaken_for_that_of_the_frame_before)
{
	struct frame f;
	int fd, sent = numbered_file(2);

	open_pair(QUEUE);
	/* One recvmsg takes all three at once, up to and with the second. */
	send_number(&a, 1, -1);
	send_number(&a, 2, sent);
	send_number(&a, 3, -1);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	check_number(&f, 1, fd, false);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	check_number(&f, 2, fd, true);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 0);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	check_number(&f, 3, fd, false);
	close(sent);
	close_pair();
}
END_TEST

START_TEST(sixty_four_descriptors_wait_and_no_more)
{
	static uint8_t bytes[400000];
	int before = count_fds(), fd, sent;
	unsigned int n = 0;
	struct frame f;

	open_pair(QUEUE);
	small_buffers(a.fd);
	/* Something large, so that nothing behind it gets through. */
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes,
	    sizeof(bytes), -1), 0);
	for (unsigned int i = 0; i < CHANNEL_FDS; i++) {
		sent = numbered_file(i);
		send_number(&a, i, sent);
		close(sent);
	}
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, "x", 1, 0),
	    -ENOBUFS);
	send_number(&a, CHANNEL_FDS, -1);	/* without one it may */
	while (n <= CHANNEL_FDS) {
		ck_assert_int_gt(channel_read(&b), 0);
		while (channel_next(&b, &f, &fd) == 1) {
			if (f.type == FRAME_DATA)
				continue;
			check_number(&f, n, fd, n < CHANNEL_FDS);
			n++;
		}
		ck_assert_int_eq(channel_flush(&a), 0);
	}
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(descriptors_that_never_went_are_closed_at_the_end)
{
	static uint8_t bytes[400000];
	int before = count_fds();

	open_pair(QUEUE);
	small_buffers(a.fd);
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes,
	    sizeof(bytes), -1), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, "x", 1,
		    0), 0);
	ck_assert_int_eq(count_fds(), before + 2 + 10);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(descriptors_that_came_are_closed_at_the_end)
{
	int before = count_fds();

	open_pair(QUEUE);
	for (int i = 0; i < 5; i++) {
		send_number(&a, (unsigned int)i, 0);
		ck_assert_int_gt(channel_read(&b), 0);
	}
	ck_assert_int_eq(count_fds(), before + 2 + 5);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(a_full_queue_refuses_and_keeps_what_it_has)
{
	static uint8_t bytes[1000];
	struct frame f;
	int fd, sent = 0, got = 0, before;

	open_pair(50000);
	small_buffers(a.fd);
	while (channel_send_frame(&a, FRAME_DATA, bytes, sizeof(bytes),
	    -1) == 0)
		sent++;
	ck_assert_int_ge(sent, 50);
	ck_assert_uint_le(a.out.len, 50000);
	before = count_fds();
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes,
	    sizeof(bytes), 0), -ENOBUFS);
	ck_assert_int_eq(count_fds(), before);
	while (got < sent) {
		ck_assert_int_gt(channel_read(&b), 0);
		while (channel_next(&b, &f, &fd) == 1) {
			ck_assert_uint_eq(f.len, sizeof(bytes));
			got++;
		}
		ck_assert_int_eq(channel_flush(&a), 0);
	}
	ck_assert_int_eq(channel_read(&b), -EAGAIN);
	/* and now there is room again */
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes,
	    sizeof(bytes), -1), 0);
	close_pair();
}
END_TEST

START_TEST(a_message_that_is_refused_leaves_no_trace)
{
	struct message bad = { .type = MSG_hello };
	struct frame f;
	int fd;

	open_pair(QUEUE);
	ck_assert_int_eq(channel_send(&a, FRAME_REQUEST, 1, &bad, -1),
	    -EMSGSIZE);
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, "x", 1, 1000000),
	    -EBADF);
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, NULL,
	    FRAME_BYTES_BIG + 1, -1), -EMSGSIZE);
	ck_assert(!channel_wants_write(&a));
	send_number(&a, 1, -1);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	check_number(&f, 1, fd, false);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 0);
	close_pair();
}
END_TEST

START_TEST(without_descriptors_to_spare_a_send_says_so)
{
	struct rlimit all, few;
	struct frame f;
	int fd;

	open_pair(QUEUE);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = 4;	/* the lowest free one is beyond the pair */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, "x", 1, 0),
	    -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert(!channel_wants_write(&a));
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, "y", 1, -1), 0);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 1);
	ck_assert_int_eq(f.payload[0], 'y');
	close_pair();
}
END_TEST

START_TEST(a_peer_that_closed_is_seen_by_both)
{
	open_pair(QUEUE);
	send_number(&a, 1, -1);
	channel_release(&a);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_read(&b), 0);
	ck_assert_int_eq(channel_send_frame(&b, FRAME_HEARTBEAT, NULL, 0, -1),
	    -EPIPE);
	close_pair();
}
END_TEST

START_TEST(a_peer_that_closed_unread_is_seen)
{
	open_pair(QUEUE);
	send_number(&b, 1, -1);
	channel_release(&a);
	ck_assert_int_eq(channel_read(&b), -ECONNRESET);
	close_pair();
}
END_TEST

START_TEST(a_frame_over_the_limit_ends_it)
{
	struct frame f;
	int fd;

	open_pair(QUEUE);
	b.frame_limit = 100;
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, (uint8_t[101]){ 0 },
	    101, -1), 0);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), -EMSGSIZE);
	ck_assert_int_eq(channel_next(&b, &f, &fd), -EMSGSIZE);
	close_pair();
}
END_TEST

START_TEST(garbage_ends_it)
{
	struct frame f;
	int fd;

	open_pair(QUEUE);
	ck_assert_int_eq(write_all(a.fd, "GET / HTTP/1.1\r\n", 16), 0);
	ck_assert_int_gt(channel_read(&b), 0);
	ck_assert_int_eq(channel_next(&b, &f, &fd), -EPROTO);
	ck_assert_int_eq(fd, -1);
	close_pair();
}
END_TEST

START_TEST(two_descriptors_on_one_frame_end_it)
{
	int before = count_fds(), two[] = { 0, 1 }, one = 0, fd;
	struct buffer raw = { 0 };
	struct frame f;

	ck_assert_int_eq(frame_put(&raw, FRAME_DATA, "xx", 2), 0);
	open_pair(QUEUE);
	ck_assert_int_eq(send_fds(a.fd, raw.data, raw.len, two, 2), 7);
	ck_assert_int_eq(channel_read(&b), -EPROTO);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
	/* and one on each of two of its bytes */
	open_pair(QUEUE);
	ck_assert_int_eq(send_fds(a.fd, raw.data, 3, &one, 1), 3);
	ck_assert_int_eq(send_fds(a.fd, raw.data + 3, 4, &one, 1), 4);
	ck_assert_int_eq(channel_read(&b), 3);
	ck_assert_int_eq(channel_read(&b), 4);
	ck_assert_int_eq(channel_next(&b, &f, &fd), -EPROTO);
	ck_assert_int_eq(fd, -1);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
	buffer_release(&raw);
}
END_TEST

START_TEST(a_frame_full_of_descriptors_ends_it)
{
	int one = 0, before = count_fds();
	uint8_t header[FRAME_HEADER];

	open_pair(QUEUE);
	frame_header(header, FRAME_DATA, 1000);
	ck_assert_int_eq(write_all(a.fd, header, sizeof(header)), 0);
	ck_assert_int_eq(channel_read(&b), 5);
	for (int i = 0; i < CHANNEL_FDS; i++) {
		ck_assert_int_eq(send_fds(a.fd, "x", 1, &one, 1), 1);
		ck_assert_int_eq(channel_read(&b), 1);
	}
	ck_assert_int_eq(send_fds(a.fd, "x", 1, &one, 1), 1);
	ck_assert_int_eq(channel_read(&b), -EPROTO);
	close_pair();
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(a_strangers_descriptor_never_gets_in)
{
	int before, fd = 0;
	struct buffer raw = { 0 };
	struct frame f;
	ssize_t n;

	ck_assert_int_eq(frame_put(&raw, FRAME_DATA, "xx", 2), 0);
	open_pair(QUEUE);
	before = count_fds();
	/* Since Linux 6.16 the sender is told; before, it is dropped. */
	n = send_fds(b.fd, raw.data, raw.len, &fd, 1);
	if (n == -EPERM)
		n = send_fds(b.fd, raw.data, raw.len, NULL, 0);
	ck_assert_int_eq(n, 7);
	ck_assert_int_eq(channel_read(&a), 7);
	ck_assert_int_eq(channel_next(&a, &f, &fd), 1);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(count_fds(), before);
	close_pair();
	buffer_release(&raw);
}
END_TEST

/* The same where the kernel does not help. */
START_TEST(a_strangers_descriptor_is_dropped_by_recvmsg)
{
	int sv[2], fd = 0, before, nfds;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	before = count_fds();
	ck_assert_int_eq(send_fds(sv[0], "x", 1, &fd, 1), 1);
	ck_assert_int_eq(recv_fds(sv[1], &byte, 1, NULL, 0, &nfds), 1);
	ck_assert_int_eq(nfds, 0);
	ck_assert_int_eq(count_fds(), before);
	close(sv[0]);
	close(sv[1]);
}
END_TEST

START_TEST(an_owner_who_takes_nothing_is_told)
{
	static uint8_t bytes[60000];

	open_pair(QUEUE);
	b.frame_limit = 70000;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes,
		    sizeof(bytes), -1), 0);
		ck_assert_int_gt(channel_read(&b), 0);
	}
	ck_assert_int_eq(channel_send_frame(&a, FRAME_DATA, bytes, 10, -1), 0);
	ck_assert_int_eq(channel_read(&b), -ENOBUFS);
	close_pair();
}
END_TEST

START_TEST(a_large_definition_gets_through_and_leaves_no_room_behind)
{
	static char big[ITEM_BYTES + 1];
	const char *argv[8];
	struct message m = { .type = MSG_process_define, .process_define = {
	    .name = "web", .argv = argv, .cwd = "/", .instances = 1 } }, got;
	struct frame f;
	uint32_t id;
	int fd, r;

	memset(big, 'a', ITEM_BYTES);
	for (int i = 0; i < 7; i++)
		argv[i] = big;
	argv[7] = NULL;
	open_pair(QUEUE);
	ck_assert_int_eq(channel_send(&a, FRAME_REQUEST, 3, &m, -1), 0);
	while ((r = channel_next(&b, &f, &fd)) == 0) {
		ck_assert_int_gt(channel_read(&b), 0);
		ck_assert_int_eq(channel_flush(&a), 0);
	}
	ck_assert_int_eq(r, 1);
	ck_assert_int_eq(message_unpack(&got, &id, NULL, f.payload, f.len,
	    NULL), 0);
	ck_assert_str_eq(got.process_define.argv[6], big);
	message_release(&got);
	ck_assert_int_eq(channel_next(&b, &f, &fd), 0);
	ck_assert_uint_le(a.out.room, 128 * 1024);
	ck_assert_uint_le(b.in.room, 128 * 1024);
	close_pair();
}
END_TEST

START_TEST(more_than_a_frame_may_hold_is_refused)
{
	static char big[ITEM_BYTES + 1];
	const char *argv[10];
	struct message m = { .type = MSG_process_define, .process_define = {
	    .name = "web", .argv = argv, .cwd = "/", .instances = 1 } };

	memset(big, 'a', ITEM_BYTES);
	for (int i = 0; i < 9; i++)
		argv[i] = big;
	argv[9] = NULL;
	open_pair(QUEUE);
	ck_assert_int_eq(channel_send(&a, FRAME_REQUEST, 3, &m, -1),
	    -EMSGSIZE);
	ck_assert(!channel_wants_write(&a));
	close_pair();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		messages_arrive_in_order_with_their_descriptors,
		nothing_is_lost_through_a_narrow_socket,
		a_frame_in_single_bytes_is_put_together,
		a_descriptor_is_not_mistaken_for_that_of_the_frame_before,
		sixty_four_descriptors_wait_and_no_more,
		descriptors_that_never_went_are_closed_at_the_end,
		descriptors_that_came_are_closed_at_the_end,
		a_full_queue_refuses_and_keeps_what_it_has,
		a_message_that_is_refused_leaves_no_trace,
		without_descriptors_to_spare_a_send_says_so,
		a_peer_that_closed_is_seen_by_both,
		a_peer_that_closed_unread_is_seen,
		a_frame_over_the_limit_ends_it,
		garbage_ends_it,
		two_descriptors_on_one_frame_end_it,
		a_frame_full_of_descriptors_ends_it,
		a_strangers_descriptor_never_gets_in,
		a_strangers_descriptor_is_dropped_by_recvmsg,
		an_owner_who_takes_nothing_is_told,
		a_large_definition_gets_through_and_leaves_no_room_behind,
		more_than_a_frame_may_hold_is_refused,
		NULL
	};

	return run_tests("channel", tests);
}
