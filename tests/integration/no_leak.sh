#!/bin/sh
# After 1,000 starts, stops and deletions the daemon holds what it held before:
# descriptors, memory, control groups, and places for units.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon
eventually plugin_is_online logs

python <<'PYTHON'
import json
import sys

from opendaemon import Client
from raw import *

client = Client()
CYCLES = int(os.environ.get("OD_LEAK_CYCLES", "1000"))


def cycle(first, count):
    """So many apps, ten at a time: defined, started, stopped, deleted."""
    for n in range(first, first + count, 10):
        names = [f"leak{i}" for i in range(n, n + 10)]
        for name in names:
            client.define(name, ["/bin/sleep", "1000"])
        client.ask("process.start", targets=names, wait=False)
        client.ask("process.stop", targets=names, wait=True)
        client.ask("process.delete", targets=names, wait=True)


def groups():
    """Of runs of this daemon; the mark's lies among them."""
    pid = json.loads(od("list", "mark", "--json"))[0]["pid"]
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        path = re.search(r"^0::(.*)$", file.read(), re.M)
    if path is None or "opendaemon" not in path[1]:
        return 0                # none are used here
    with open("/proc/mounts", encoding="utf-8") as file:
        top = re.search(r"^\S+ (\S+) cgroup2 ", file.read(), re.M)[1]
    return len(next(os.walk(top + os.path.dirname(path[1])))[1])


def anonymous_kib(pid):
    """What is its own: the ring of events, shared memory, fills up first."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"RssAnon:\s*(\d+)", file.read())[1])


client.define("mark", ["/bin/sleep", "1000"])
client.ask("process.start", targets=["mark"], wait=True)
bearing = Bearing()
had = groups()
cycle(0, 200)           # buffers have grown to what is needed
before = [anonymous_kib(pid) for pid in bearing.pids]
cycle(200, CYCLES)
bearing.check("the cycles")
for pid, was in zip(bearing.pids, before):
    now = anonymous_kib(pid)
    print(f"{pid}: {was} KiB before, {now} KiB after", file=sys.stderr)
    if now > was * 1.1 + 64:
        raise Failed(f"{pid} had {was} KiB and has {now} KiB")

eventually(f"there are {had} control groups again", lambda: groups() == had)

# A place for each that was deleted: all there are can be had still.
if len(json.loads(od("list", "--json"))) != 1:
    raise Failed("some are left")
client.define("last", ["/bin/sleep", "1000"])
client.ask("process.start", targets=["last"], wait=True)
client.close()
PYTHON
state_is last online || fail "it is $(field last status)"
