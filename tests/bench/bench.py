#!/usr/bin/env python3
"""Measures the daemon against a plain C supervisor in the same run.

OD_HOME names a home in which no daemon runs yet. Prints a table; the exit
status is 1 when a limit was passed.
"""

import os
import signal
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fixtures"))
from opendaemon import (BUILD, Client, Failed, FIXTURES, HOME, OD,  # noqa: E402
                        eventually, od, run_main)

FIRST = os.path.join(FIXTURES, "firstinstr")
YARDSTICK = os.path.join(BUILD, "tests", "bench", "yardstick")
BEGINNING = struct.Struct("=QII")
MANY = 100
IDLE_SECONDS = 30


class Table:
    def __init__(self):
        self.over = False
        print(f"{'':44}{'value':>12}{'yardstick':>12}{'ratio':>8}"
              f"{'limit':>12}")

    def row(self, name, value, unit, limit, yardstick=None):
        """limit is a ratio when there is a yardstick, else a value."""
        ratio = "" if yardstick is None else f"{value / yardstick:.2f}"
        beside = "" if yardstick is None else f"{yardstick:.4g} {unit}"
        held = value / yardstick if yardstick is not None else value
        verdict = ""
        if limit is not None and held > limit:
            self.over, verdict = True, "  over"
        bound = "" if limit is None else (
            f"{limit:.4g} x" if yardstick is not None else f"{limit:.4g} {unit}")
        print(f"{name:44}{f'{value:.4g} {unit}':>12}{beside:>12}{ratio:>8}"
              f"{bound:>12}{verdict}", flush=True)


class Beginnings:
    """A FIFO into which each fixture writes when and as what it began."""

    def __init__(self, name):
        self.path = os.path.join(os.path.dirname(HOME), name)
        os.mkfifo(self.path)
        os.chmod(self.path, 0o666)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def read(self, count=1):
        """count beginnings as (ns, pid)."""
        data = b""
        while len(data) < count * BEGINNING.size:
            data += os.read(self.fd, count * BEGINNING.size - len(data))
        return [BEGINNING.unpack_from(data, at)[:2]
                for at in range(0, len(data), BEGINNING.size)]


def kill_all(pids):
    """SIGKILL to each; the moment before the first."""
    began = time.monotonic_ns()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return began


def restarts(fifo, pids, rounds):
    """Milliseconds from SIGKILL to all of pids to the last first instruction."""
    began = kill_all(pids)
    back = fifo.read(len(pids))
    rounds.append((max(ns for ns, _ in back) - began) / 1e6)
    return [pid for _, pid in back]


def yardstick(count, fifo):
    process = subprocess.Popen([YARDSTICK, str(count), FIRST, fifo.path])
    return process, [pid for _, pid in fifo.read(count)]


def end_yardstick(process, pids):
    process.kill()
    process.wait()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def compare_restarts(table, client, count, rounds, limit):
    ours, theirs = Beginnings(f"ours{count}"), Beginnings(f"theirs{count}")
    names = [f"kill{count}-{n}" for n in range(count)]
    for name in names:
        client.define(name, [FIRST, ours.path], namespace=f"kill{count}",
                      autostart=False)
    client.ask("process.start", targets=[f"namespace:kill{count}"], wait=False)
    our_pids = [pid for _, pid in ours.read(count)]
    process, their_pids = yardstick(count, theirs)
    our_ms, their_ms = [], []
    for _ in range(rounds):
        our_pids = restarts(ours, our_pids, our_ms)
        their_pids = restarts(theirs, their_pids, their_ms)
    end_yardstick(process, their_pids)
    client.ask("process.delete", targets=[f"namespace:kill{count}"], wait=True)
    what = "one app" if count == 1 else f"{count} apps at once"
    table.row(f"SIGKILL of {what} to the next, median",
              statistics.median(our_ms), "ms", limit,
              statistics.median(their_ms))


def start_and_stop(table, client, fifo):
    started, stopped = [], []
    for n in range(MANY):
        client.define(f"many-{n}", [FIRST, fifo.path], namespace="many",
                      autostart=False)
    for _ in range(5):
        began = time.monotonic_ns()
        client.ask("process.start", targets=["namespace:many"], wait=False)
        started.append((max(ns for ns, _ in fifo.read(MANY)) - began) / 1e9)
        began = time.monotonic_ns()
        client.ask("process.stop", targets=["namespace:many"], wait=True)
        stopped.append((time.monotonic_ns() - began) / 1e9)
    table.row(f"{MANY} apps started", statistics.median(started), "s", 0.15)
    table.row(f"{MANY} apps stopped", statistics.median(stopped), "s", 0.08)
    client.ask("process.start", targets=["namespace:many"], wait=False)
    fifo.read(MANY)


def seconds_of(*argv):
    """Wall time of a program, output thrown away."""
    null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    began = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    status = os.waitpid(pid, 0)[1]
    took = (time.monotonic_ns() - began) / 1e9
    if status != 0:
        raise Failed(f"{' '.join(argv)} failed")
    return took


def our_processes(client):
    status = client.ask("daemon.status")[0]
    pids = {"keeper": status["keeper_pid"],
            "supervisor": status["supervisor_pid"]}
    pids.update({row["name"]: row["pid"] for row in client.ask("plugin.list")
                 if row["pid"] > 0})
    return pids


def pss_kib(pids):
    total = 0
    for pid in pids.values():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith("Pss:"))
    return total


def memory(table, client, none):
    """Before the other measures: they leave events in the ring, whose bytes
    are bounded and belong to no app."""
    fifo = Beginnings("memory")
    for n in range(MANY):
        client.define(f"memory-{n}", [FIRST, fifo.path], namespace="memory",
                      autostart=False)
    client.ask("process.start", targets=["namespace:memory"], wait=True)
    fifo.read(MANY)
    each = (pss_kib(our_processes(client)) - none) / MANY
    table.row("PSS for each app more", each, "KiB", 6)
    client.ask("process.delete", targets=["namespace:memory"], wait=True)


def wakeups_and_ticks(pids):
    counts = {}
    for name, pid in pids.items():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            switches = next(int(line.split()[1]) for line in file
                            if line.startswith("voluntary_ctxt_switches"))
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        counts[name] = (switches, int(fields[11]) + int(fields[12]))
    return counts


def idle(table, client):
    """Every 10 s each pair of ours asks each other once; nothing else."""
    pids = our_processes(client)
    before = wakeups_and_ticks(pids)
    time.sleep(IDLE_SECONDS)
    after = wakeups_and_ticks(pids)
    rounds = IDLE_SECONDS // 10 + 1
    ticks = 0
    for name in pids:
        switches = after[name][0] - before[name][0]
        ticks += after[name][1] - before[name][1]
        # A heartbeat is a timer and an answer; the supervisor has one with
        # each of the others.
        limit = 2 * rounds * (len(pids) - 1 if name == "supervisor" else 1)
        table.row(f"wake-ups of {name} in {IDLE_SECONDS} s", switches, "",
                  limit)
    table.row(f"CPU of all of ours in {IDLE_SECONDS} s",
              ticks * 1000 / os.sysconf("SC_CLK_TCK"), "ms", 10)


def main():
    table = Table()
    starts = []
    for _ in range(5):
        began = time.monotonic_ns()
        od("daemon", "start")
        od("daemon", "status", "--json")
        starts.append((time.monotonic_ns() - began) / 1e6)
        od("daemon", "stop")
    table.row("od daemon start and the first answer",
              statistics.median(starts), "ms", 30)
    od("daemon", "start")
    client = Client()
    eventually("our processes run", lambda: len(our_processes(client)) >= 5)
    may_measure = os.geteuid() == 0
    if may_measure:
        none = pss_kib(our_processes(client))
        table.row("PSS of all of ours, no apps", none, "KiB", 3 * 1024)
        memory(table, client, none)
    else:
        print("PSS: only root may read it of our processes")
    compare_restarts(table, client, 1, 51, 2.2)
    compare_restarts(table, client, MANY, 7, 2.0)
    start_and_stop(table, client, Beginnings("many"))
    lists = [1000 * seconds_of(OD, "list", "--json") for _ in range(21)]
    table.row(f"od list --json of {MANY}", statistics.median(lists), "ms", 8)
    eventually("all are online", lambda: all(
        row["status"] == "online" for row in client.ask(
            "process.list", targets=["namespace:many"])))
    idle(table, client)
    client.ask("process.delete", targets=["all"], wait=True)
    client.close()
    if table.over:
        raise Failed("a limit was passed")


run_main(main)
