#!/bin/sh
# 300 connections that say nothing, or half a frame, keep nobody out.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon
od start -n app -- sleep 1000
pid=$(field app pid)

python <<'PYTHON'
from raw import *

bearing = Bearing()
for what, said in (("silent", b""), ("greeted", None),
                   ("half a frame", b"\x01\0\0\0\x40half")):
    crowd = []
    for _ in range(300):
        crowd.append(Raw(greet=said is None))
        if said:
            crowd[-1].send(said)
    began = time.monotonic()
    od("list")
    if time.monotonic() - began > 1:
        raise Failed(f"{what}: od list took {time.monotonic() - began:.1f} s")
    for raw in crowd:
        raw.close()
    bearing.check(what)
PYTHON

[ "$(field app pid)" = "$pid" ] || fail "the app is another"
