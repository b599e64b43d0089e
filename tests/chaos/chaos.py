#!/usr/bin/env python3
"""Kills our own processes at random while apps write numbered lines and end
with codes they have announced, and compares what was kept with what happened.

The daemon of OD_HOME is running. The same seed kills the same roles after the
same pauses; what the kernel makes of it differs.
"""

import argparse
import collections
import os
import random
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fixtures"))
from opendaemon import (Client, Failed, FIXTURES, Lost, alive,  # noqa: E402
                        eventually, log_bytes, od, processes_with, run_main)

LINES = os.path.join(FIXTURES, "lines")
STEADY = ["steady0", "steady1", "steady2", "steady3"]
RUNNERS = ["runner0", "runner1", "runner2", "runner3"]
ROLES = ["keeper", "supervisor", "supervisor", "capture", "capture",
         "journal", "logs"]
PADDING = "." * 64


class Chaos:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.client = Client()
        self.killed = {}
        self.kills = collections.Counter()
        self.acknowledged = []
        self.pids = {}

    def ask(self, method, **params):
        """Ask until somebody answers: whoever was asked may be killed."""
        for _ in range(100):
            try:
                return self.client.ask(method, **params)
            except Lost:
                continue
        raise Failed(f"nobody answers {method}")

    def define(self, name, argv, **changes):
        for _ in range(100):
            try:
                return self.client.define(name, argv, **changes)
            except Lost:
                continue
        raise Failed(f"nobody takes the definition of {name}")

    # ---- the apps ----

    def begin(self):
        small = {"rotate_size": 256 * 1024, "rotate_keep": 10000}
        for n, name in enumerate(STEADY):
            # One writes to stderr, one as fast as a disk takes it for a while.
            stream = "err" if n == 1 else "out"
            self.define(name, [LINES, name, str(200 * (n + 1)), "0", "0",
                               stream], **small)
        for n, name in enumerate(RUNNERS):
            self.define(name, [LINES, name, "2000", str(100 * (n + 1)), "-1"],
                        **small)
        self.ask("process.start", targets=["all"], wait=False)
        eventually("all apps run", lambda: all(
            self.row(name).get("pid") for name in STEADY))
        self.pids = {name: self.row(name)["pid"] for name in STEADY}

    def row(self, name):
        rows = self.ask("process.list", targets=[])
        return next((r for r in rows if r["name"] == name), {})

    # ---- our own processes ----

    def status(self):
        return self.ask("daemon.status")[0]

    def pid_of(self, role):
        if role in ("keeper", "supervisor"):
            return self.status()[f"{role}_pid"]
        rows = self.ask("plugin.list")
        return next((r["pid"] for r in rows if r["name"] == role), 0)

    def settled(self):
        """Both guards are there, and neither is one that we killed."""
        status = self.status()
        pids = [status["keeper_pid"], status["supervisor_pid"]]
        return all(pid > 0 and alive(pid) and
                   pid not in self.killed.values() for pid in pids)

    def living(self, role):
        pid = self.pid_of(role)
        return pid if pid > 0 and pid != self.killed.get(role) and \
            alive(pid) else 0

    def kill(self, role, signo=signal.SIGKILL):
        if role in ("keeper", "supervisor"):
            # Both at once is another promise, and another mode.
            eventually("keeper and supervisor have found each other",
                       self.settled)
        pid = eventually(f"{role} is there", lambda: self.living(role))
        os.kill(pid, signo)
        self.killed[role] = pid
        self.kills[role] += 1
        return pid

    def no_copies(self):
        for name in STEADY + RUNNERS:
            pids = processes_with(LINES, name)
            if len(pids) > 1:
                raise Failed(f"{name} runs {len(pids)} times: {pids}")

    def pause(self):
        """Often none at all: the next death falls into the recovery."""
        if self.random.random() < 0.7:
            time.sleep(self.random.random() * 0.12)

    def acknowledge(self, n):
        name = f"noted{n}"
        self.define(name, ["/bin/true"], autostart=False)
        self.acknowledged.append(name)

    # ---- the modes ----

    def random_kills(self):
        for n in range(self.options.kills):
            self.kill(self.random.choice(ROLES))
            if n % 10 == 9:
                self.no_copies()
                self.acknowledge(n)
            self.pause()

    def stopped_workers(self):
        pids = {role: self.kill(role, signal.SIGSTOP)
                for role in ("capture", "journal", "logs")}
        for role, pid in pids.items():
            eventually(f"a stopped {role} is replaced",
                       lambda r=role, p=pid: not alive(p) and self.living(r),
                       20)

    def stopped_guards(self):
        self.stopped_workers()
        for role in ("keeper", "supervisor"):
            before = {name: self.row(name)["restarts"] for name in RUNNERS}
            pid = self.kill(role, signal.SIGSTOP)
            # An app that ends while its guard is frozen.
            victims = processes_with(LINES, RUNNERS[0])
            for victim in victims:
                os.kill(victim, signal.SIGTERM)
            eventually(f"a stopped {role} is replaced",
                       lambda r=role, p=pid: not alive(p) and self.living(r),
                       20)
            eventually("the apps go on", lambda b=before: all(
                self.row(name)["restarts"] > b[name] for name in RUNNERS))
            self.no_copies()

    def both_killed(self):
        for _ in range(self.options.kills):
            eventually("keeper and supervisor have found each other",
                       self.settled)
            status = self.status()
            pids = [status["keeper_pid"], status["supervisor_pid"]]
            self.random.shuffle(pids)
            # Stopped first: or the second sees the first one die, and has a
            # successor for it before it dies itself.
            for signo in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    os.kill(pid, signo)
            self.killed["keeper"] = status["keeper_pid"]
            self.killed["supervisor"] = status["supervisor_pid"]
            self.kills["both"] += 1
            eventually("both are dead",
                       lambda p=pids: not any(alive(pid) for pid in p))
            od("daemon", "start")
            self.pause()
            self.no_copies()

    # ---- what was kept ----

    def end(self):
        eventually("everything has recovered", self.settled)
        for role in ("capture", "journal", "logs"):
            eventually(f"{role} is back", lambda r=role: self.living(r))
        self.no_copies()
        for name, pid in self.pids.items():
            row = self.row(name)
            if row["pid"] != pid or row["restarts"] != 0 or not alive(pid):
                raise Failed(f"{name} was {pid} and is {row}")
        listed = {row["name"] for row in self.ask("process.list", targets=[])}
        for name in self.acknowledged:
            if name not in listed:
                raise Failed(f"{name} was acknowledged and is lost")
        self.ask("process.stop", targets=["all"], wait=True)
        for name in STEADY + RUNNERS:
            if processes_with(LINES, name):
                raise Failed(f"{name} still runs")

    def events(self):
        rows = self.ask("events.subscribe", patterns=["process:*"], since=0,
                        follow=False)
        for row in rows:
            # The ring died with the two that had mapped it.
            if row["row"] == "gap" and self.options.mode != "both":
                raise Failed(f"events are lost: {row}")
        return [row for row in rows if row["row"] != "gap"]

    def check(self):
        codes, lines = {}, 0
        marked = self.options.mode == "both"
        for n, name in enumerate(STEADY + RUNNERS):
            stream = "0-err" if n == 1 else "0-out"
            kept = eventually(f"the log of {name} is complete",
                              lambda a=name, s=stream: complete(a, s), 10)
            found, count = read_lines(name, kept, marked)
            codes.update(found)
            lines += count
        exits, sources = self.exits()
        allowed = "unknown" if self.options.unknown_is_allowed else None
        for run, code in codes.items():
            if run not in exits and not marked:
                raise Failed(f"run {run} ended and nobody says so")
            got, source = exits.get(run, (None, "unknown"))
            if got != code and source != allowed and not marked:
                raise Failed(f"run {run} ended with {code}, said was {got} "
                             f"({source})")
        print(f"{sum(self.kills.values())} kills {dict(self.kills)}; "
              f"{lines} lines, {len(codes)} runs; statuses by "
              f"{dict(sources)}")

    def exits(self):
        exits, started, sources = {}, set(), collections.Counter()
        for row in self.events():
            if row["event"] == "process:starting":
                if row["run"] in started:
                    raise Failed(f"run {row['run']} began twice")
                started.add(row["run"])
            elif row["event"] == "process:exited":
                if row["run"] in exits:
                    raise Failed(f"run {row['run']} ended twice: {row}")
                exits[row["run"]] = (row["code"], row["source"])
                sources[row["source"]] += 1
        return exits, sources


def complete(name, stream):
    kept = log_bytes(name, stream)
    return kept if re.search(rb" ended -?[0-9]+\n$", kept) else None


def read_lines(name, kept, gaps_are_marked):
    """Every line exactly once, in order, whole. Codes by run, and a count."""
    codes, last, count = {}, {}, 0
    line_form = re.compile(re.escape(name) +
                           r" (\d+) (?:ended (\d+)|(\d{10}) (\.*))")
    for line in kept.decode(errors="replace").splitlines():
        found = line_form.fullmatch(line)
        if found is None:
            if gaps_are_marked:
                continue
            raise Failed(f"{name}: a line that nobody wrote: {line!r}")
        run = int(found[1])
        if run in codes:
            raise Failed(f"{name}: run {run} goes on behind its end")
        if found[2] is not None:
            codes[run] = int(found[2])
            continue
        number = int(found[3])
        if found[4] != PADDING[:number % 64]:
            raise Failed(f"{name}: a damaged line: {line!r}")
        expected = last.get(run, 0) + 1
        if number < expected or (number > expected and not gaps_are_marked):
            raise Failed(f"{name}: run {run}: line {number} "
                         f"where {expected} should be")
        last[run] = number
        count += 1
    for run in last:
        if run not in codes and not gaps_are_marked:
            raise Failed(f"{name}: run {run} has no end")
    return codes, count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["plain", "stopped", "both"],
                        default="plain")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("OD_CHAOS_SEED", random.SystemRandom().getrandbits(32))))
    parser.add_argument("--unknown-is-allowed", action="store_true",
                        help="of statuses; for a kernel that does not tell")
    options = parser.parse_args()
    print(f"seed {options.seed} (again with OD_CHAOS_SEED={options.seed})",
          flush=True)
    chaos = Chaos(options)
    chaos.begin()
    {"plain": chaos.random_kills, "stopped": chaos.stopped_guards,
     "both": chaos.both_killed}[options.mode]()
    chaos.end()
    chaos.check()
    chaos.client.close()


run_main(main)
