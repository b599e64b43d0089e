#!/bin/sh
# Descriptors that a client attaches to what it sends are not kept.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon

python <<'PYTHON'
from raw import *

bearing = Bearing()
LIST = request(number("process_list"), 7, [])
for count in (1, 2, 100, 250):
    raw = Raw()
    pipes = [os.pipe() for _ in range(count)]
    for data in (LIST[:1], LIST[1:], b"\x01\0\0", b"\xff" * 100):
        try:
            socket.send_fds(raw.socket, [data], [r for r, _ in pipes])
        except OSError:
            break               # not even taken
        # While the connection lives, too: no reader is left of a pipe but us.
    for r, _ in pipes:
        os.close(r)
    for _, w in pipes:
        def nobody_reads(fd=w):
            poll = select.poll()
            poll.register(fd, 0)
            return any(what & select.POLLERR for _, what in poll.poll(0))
        eventually(f"of {count}: it is dropped", nobody_reads, 10)
        os.close(w)
    raw.close()
    bearing.check(f"{count} descriptors a frame")
PYTHON
