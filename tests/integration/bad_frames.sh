#!/bin/sh
# Rubbish on the control socket ends that connection, and nothing else.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon
od start -n app -- sleep 1000
pid=$(field app pid)

python <<'PYTHON'
import random

from raw import *

bearing = Bearing()
LIST = request(number("process_list"), 7, [])


def refused(what, data, greet=True):
    """The connection is ended by the daemon."""
    raw = Raw(greet)
    try:
        raw.send(data)
    except (BrokenPipeError, ConnectionResetError):
        pass                    # ended before it had heard it all
    raw.is_closed()
    raw.close()
    bearing.check(what)


def answered(what, data, code=None, greet=True):
    """It is answered by failed, and the connection goes on."""
    raw = Raw(greet)
    raw.send(data)
    got = raw.answer()
    if got is None or got[0] != number("failed"):
        raise Failed(f"{what}: answered by {got}")
    if code is not None and got[2] != code:
        raise Failed(f"{what}: {got[2:]}")
    raw.close()
    bearing.check(what)


dice = random.Random(1)
for size in (1, 5, 64, 70000):
    refused(f"{size} bytes of noise",
            b"\xff" + bytes(dice.randrange(256) for _ in range(size + 4)))
refused("text", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", greet=False)
for size in (0xffffffff, 0x80000000, 2 * 1024 * 1024):
    refused(f"a frame of {size} bytes", struct.pack(">BI", 1, size))
for kind in (0, 2, 3, 4, 6, 7, 8, 255):
    refused(f"a frame of type {kind}", frame(kind, b"xxxx"))
refused("an empty request", frame(REQUEST))
refused("a request that is no list", frame(REQUEST, pack("x")))
refused("8 GiB in five bytes", frame(REQUEST, b"\xdd\x40\0\0\0"))
refused("16 lists in each other", frame(REQUEST, b"\x91" * 16 + b"\x01"))
refused("a message behind the message", frame(
    REQUEST, pack([number("daemon_ping"), 5]) * 2))

answered("an unknown number", request(9999, 5), -95)
answered("no request", request(number("journal_put"), 5, 1, 1, b"x"), -95)
answered("an answer as a request", request(number("done"), 5), -95)
answered("a request before hello", LIST, -71, greet=False)
answered("hello of version 0", request(number("hello"), 5, 0, "x"),
         greet=False)

# One byte at a time is slow, and right.
raw = Raw(greet=False)
for byte in request(number("hello"), 1, 1, "slow") + LIST:
    raw.send(bytes([byte]))
raw.answer()
row = raw.answer()
if row[0] != number("process_row") or raw.answer()[0] != number("done"):
    raise Failed(f"one byte at a time: {row}")
raw.close()
bearing.check("one byte at a time")

# Ended in the midst of a frame, and half closed.
for cut in range(1, len(LIST)):
    raw = Raw()
    raw.send(LIST[:cut])
    raw.close()
bearing.check("frames that were cut off")
raw = Raw()
raw.send(LIST)
raw.socket.shutdown(1)
raw.is_closed()
raw.close()
bearing.check("half closed")
PYTHON

[ "$(field app pid)" = "$pid" ] || fail "the app is another"
