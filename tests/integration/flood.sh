#!/bin/sh
# Who asks and asks and never reads is left alone with it: others are answered
# at once, and the memory he takes is bounded.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon
od start -n app -i 4 -- sleep 1000
pid=$(field app pid)

python <<'PYTHON'
from raw import *

bearing = Bearing(grows_kib=24 * 1024)


def flood(what, asked, times):
    raw = Raw()
    left = asked * times
    slowest, end = 0, time.monotonic() + 20
    while left and time.monotonic() < end:
        try:
            left = left[raw.push(left[:1 << 20]):]
        except (BrokenPipeError, ConnectionResetError):
            break               # enough is enough
        began = time.monotonic()
        od("list")
        slowest = max(slowest, time.monotonic() - began)
        if rss_kib(bearing.pids[0]) > bearing.rss[0] + bearing.grows_kib:
            raise Failed(f"{what}: {rss_kib(bearing.pids[0])} KiB")
    if slowest > 1:
        raise Failed(f"{what}: others waited {slowest:.1f} s")
    raw.close()
    bearing.check(what)


flood("10,000 lists", request(number("process_list"), 7, []), 10000)
flood("10,000 details", request(number("process_info"), 7, ["app"]), 10000)
flood("10,000 refusals", request(9999, 7), 10000)
flood("10,000 subscriptions", request(
    number("events_subscribe"), 7, [], 0, True), 10000)
flood("1,000,000 heartbeats", frame(HEARTBEAT), 1000000)
PYTHON

[ "$(field app pid)" = "$pid" ] || fail "the app is another"
