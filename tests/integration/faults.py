#!/usr/bin/env python3
"""Lets each call of the supervisor fail, use after use, while apps are
defined, started, killed, restarted, stopped and deleted; and looks after each
whether anything was lost, doubled, leaked or left unanswered.

The daemon of OD_HOME is running, with tests/fixtures/faulty for supervisor.
"""

import argparse
import mmap
import os
import re
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fixtures"))
from opendaemon import (HOME, Client, Failed, Lost, alive,  # noqa: E402
                        eventually, processes_with, run_main)

E = {name: number for number, name in __import__("errno").errorcode.items()}

# Each call, and how it fails where it does.
FAULTS = [
    ("pipe2", "EMFILE"), ("pipe2", "ENFILE"),
    ("socketpair", "EMFILE"), ("socketpair", "ENOBUFS"),
    ("memfd_create", "EMFILE"), ("memfd_create", "ENOMEM"),
    ("ftruncate", "ENOSPC"), ("fallocate", "ENOSPC"), ("mmap", "ENOMEM"),
    ("write", "ENOSPC"), ("write", "EAGAIN"),
    ("clone", "EAGAIN"), ("clone", "ENOMEM"),
    ("sendmsg", "EAGAIN"), ("sendmsg", "ENOBUFS"),
    ("sendmsg", "ETOOMANYREFS"), ("sendmsg", "ENOMEM"),
    ("recvmsg", "EAGAIN"), ("recvmsg", "ENOMEM"), ("recv", "EAGAIN"),
    ("accept4", "EMFILE"), ("accept4", "ECONNABORTED"),
    ("open", "EMFILE"), ("open", "ENOENT"), ("openat", "EMFILE"),
    ("read", "EAGAIN"), ("read", "EIO"),
    ("waitid", "ECHILD"), ("waitpid", "ECHILD"),
    ("syscall", "EMFILE"), ("syscall", "EPERM"), ("syscall", "ENOMEM"),
    ("fcntl", "EMFILE"), ("fcntl", "EPERM"),
    ("getsockopt", "ENOBUFS"), ("setsockopt", "ENOMEM"),
    ("epoll_ctl", "ENOSPC"), ("fstat", "ENOMEM"), ("poll", "ENOMEM"),
    ("ioctl", "ENOTTY"), ("mkdirat", "ENOSPC"), ("dup2", "EMFILE"), ("execve", "ENOMEM"),
    ("malloc", "ENOMEM"),
]
APPS = ["one", "two", "three"]
PAGE = struct.Struct("IIiIII")


def argv_of(name):
    """Nothing else on this machine has that command line."""
    return ["/bin/sleep", "1000000",
            f"0.{sum(name.encode())}", f"0.{os.getpid()}"]


class Page:
    """tests/fixtures/faulty.h"""

    def __init__(self):
        header = os.path.join(os.path.dirname(__file__), "..", "fixtures",
                              "faulty.h")
        with open(header, encoding="utf-8") as text:
            self.numbers = {name: n + 1 for n, name in enumerate(
                re.findall(r"X\(([a-z0-9_]+)\)",
                           text.read().split("FAULTY_CALLS(X)")[1]))}
        with open(os.path.join(HOME, "run", "faults"), "r+b") as file:
            self.map = mmap.mmap(file.fileno(), PAGE.size)

    def arm(self, call, nth, error, repeats=False):
        # Disarmed first, so that no use meets half of it.
        self.map[0:4] = struct.pack("I", 0)
        self.map[4:PAGE.size] = PAGE.pack(0, nth, E[error], repeats, 0, 0)[4:]
        self.map[0:4] = struct.pack("I", self.numbers[call])

    def disarm(self):
        """How often it was used, and how often it failed."""
        self.map[0:4] = struct.pack("I", 0)
        return PAGE.unpack(self.map[:PAGE.size])[4:6]


def descriptors(pid):
    names = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            pass
    return names


def count_of(names):
    """Kinds of descriptors, without what makes each unique."""
    kinds = {}
    for name in names:
        kind = re.sub(r"[0-9]+|\[.*\]", "", name)
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


class Faults:
    def __init__(self, options):
        self.options = options
        self.page = Page()
        self.client = Client()
        self.injected = self.refused = self.lost = self.replaced = 0
        self.trouble = []

    def ask(self, method, **params):
        for _ in range(50):
            try:
                return self.client.ask(method, **params)
            except Lost:
                self.lost += 1
        raise Failed(f"nobody answers {method}")

    def define(self, name):
        for _ in range(50):
            try:
                return self.client.define(name, argv_of(name),
                                          stop_timeout_ms=1000)
            except Lost:
                self.lost += 1
        raise Failed(f"nobody takes the definition of {name}")

    def attempt(self, what, *words, **params):
        """Under a fault it may be refused, but it must be answered."""
        began = time.monotonic()
        try:
            what(*words, **params)
        except Failed:
            self.refused += 1
        if time.monotonic() - began > 15:
            self.trouble.append(f"{words} took "
                                f"{time.monotonic() - began:.1f} s")

    def rows(self):
        return {row["name"]: row for row in
                self.ask("process.list", targets=[])}

    def guards(self):
        """Who they are; asked until memory is found for the answer, and
        the keeper has all that it is to hold."""
        def both():
            try:
                row = self.ask("daemon.status")[0]
            except Failed:
                self.refused += 1
                return None
            return row["keeper_pid"] > 0 and (row["supervisor_pid"],
                                              row["keeper_pid"])
        return eventually("keeper and supervisor are known", both)

    def plugins(self):
        for _ in range(50):
            try:
                return self.ask("plugin.list")
            except Failed:
                self.refused += 1
        raise Failed("nobody lists the plugins")

    # ---- one fault ----

    def scenario(self):
        for name in APPS:
            self.attempt(self.define, name)
        self.attempt(self.ask, "process.start", targets=["all"], wait=False)
        for pid in processes_with(*argv_of("one")):
            os.kill(pid, signal.SIGKILL)
        self.attempt(self.ask, "process.restart", targets=["two"],
                     wait=False)
        self.attempt(self.ask, "process.stop", targets=["three"], wait=True)
        self.attempt(self.ask, "process.info", targets=["all"])
        self.attempt(self.ask, "process.delete", targets=["three"],
                     wait=True)
        self.attempt(self.ask, "plugin.list")
        self.attempt(self.ask, "process.list", targets=[])

    def deaths(self):
        """Everybody dies once, and an app as well while they are away."""
        pids = {row["name"]: row["pid"] for row in self.plugins()}
        supervisor, keeper = self.guards()
        for pid in (pids[self.options.actor], keeper):
            if pid > 0:
                os.kill(pid, signal.SIGKILL)
        self.attempt(self.define, "one")
        self.attempt(self.ask, "process.start", targets=["one"], wait=False)
        other = Client()
        try:
            other.ask("daemon.ping")
        except (Failed, Lost):
            self.lost += 1
        other.close()
        eventually("the keeper is another",
                   lambda: self.guards()[1] != keeper)
        if self.options.supervisor:
            os.kill(supervisor, signal.SIGKILL)
            eventually("the supervisor is another",
                       lambda: self.guards()[0] != supervisor)
        self.attempt(self.ask, "process.restart", targets=["one"],
                     wait=False)
        self.attempt(self.ask, "process.stop", targets=["one"], wait=True)

    def no_copies(self):
        for name in APPS:
            pids = processes_with(*argv_of(name))
            if len(pids) > 1:
                raise Failed(f"{name} runs {len(pids)} times: {pids}")
        if processes_with(*argv_of("steady")) != [self.steady]:
            raise Failed("the steady app was not left alone: "
                         f"{processes_with(*argv_of('steady'))}")

    def runs_once(self, name):
        pids = processes_with(*argv_of(name))
        return self.rows().get(name, {}).get("pid") in pids and \
            len(pids) == 1

    def converge(self):
        """All can be had that was asked for, once nothing fails."""
        for name in APPS:
            eventually(f"{name} can be defined", lambda n=name: self.takes(n))
        self.ask("process.start", targets=["all"], wait=False)
        for name in APPS:
            eventually(f"{name} runs", lambda n=name: self.runs_once(n))
        self.no_copies()
        self.ask("process.delete", targets=APPS, wait=True)
        eventually("nothing is left", lambda: not any(
            processes_with(*argv_of(name)) for name in APPS))
        eventually("nothing is listed", lambda: set(self.rows()) ==
                   {"steady"})

    def takes(self, name):
        try:
            self.define(name)
            return True
        except Failed:      # it is being deleted still
            return False

    def is_clean(self):
        supervisor, keeper = self.guards()
        if any(row["status"] != "online"
               for row in self.plugins()):
            return False
        self.seen = [count_of(descriptors(p)) for p in (supervisor, keeper)]
        if supervisor in self.known and keeper in self.known:
            return all(sum(seen.values()) <= sum(base.values()) for
                       seen, base in zip(self.seen, self.base))
        # One that has taken over holds what the first did, or less.
        return True

    def one(self, call, error, nth, repeats=False):
        before = self.guards()
        self.page.arm(call, nth, error, repeats)
        if self.options.deaths:
            self.deaths()
        else:
            self.scenario()
        self.no_copies()
        uses, fired = self.page.disarm()
        self.injected += fired
        self.converge()
        after = self.guards()
        if before[0] != after[0] and not self.options.supervisor:
            self.replaced += 1
            self.trouble.append(f"{call} {error} {nth}: the supervisor was "
                                "replaced")
        if before != after:
            self.begin()
            return uses
        try:
            eventually("nothing leaked", self.is_clean, 10)
        except Failed:
            self.trouble.append(f"{call} {error} {nth}: leaked: {self.seen} "
                                f"were {self.base}")
            self.begin()
        return uses

    def begin(self):
        """What it has when nothing goes on."""
        self.known = self.guards()
        eventually("all is up", lambda: all(
            row["status"] == "online" for row in self.plugins()))
        self.base = [count_of(descriptors(p)) for p in self.known]

    def run(self):
        self.define("steady")
        self.ask("process.start", targets=["steady"], wait=True)
        self.steady = processes_with(*argv_of("steady"))[0]
        self.converge()
        self.begin()
        for call, error in FAULTS:
            if self.options.call not in (None, call):
                continue
            first = self.injected
            limit = self.options.memory if call == "malloc" else \
                self.options.uses
            nth = 1
            while nth <= limit:
                uses = self.attempt_one(call, error, nth)
                if uses < nth:
                    break
                nth += self.options.step if call == "malloc" else 1
            # A supervisor that begins may end for want of memory, and would
            # do so again and again.
            if call in ("malloc", "clone", "sendmsg", "pipe2", "syscall") \
                    and not self.options.supervisor:
                # Every third answer would be lost, and asked for again.
                if call != "sendmsg" and not self.options.deaths:
                    self.attempt_one(call, error, 3, True)
                self.attempt_one(call, error, 7, True)
            if self.options.verbose:
                print(f"{call} {error}: {self.injected - first}", flush=True)

    def attempt_one(self, call, error, nth, repeats=False):
        try:
            return self.one(call, error, nth, repeats)
        except (Failed, Lost) as why:
            self.page.disarm()
            raise Failed(f"{call} {error} at use {nth}"
                         f"{' and each such' if repeats else ''}: "
                         f"{why}") from why


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--call")
    parser.add_argument("--deaths", action="store_true",
                        help="of our own processes, under the same faults")
    parser.add_argument("--supervisor", action="store_true",
                        help="among them the supervisor")
    parser.add_argument("--actor", default="capture",
                        choices=["capture", "journal", "logs"])
    parser.add_argument("--uses", type=int, default=10)
    parser.add_argument("--memory", type=int, default=400)
    parser.add_argument("--step", type=int, default=7)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    faults = Faults(options)
    faults.run()
    print(f"{faults.injected} faults, {faults.refused} requests refused, "
          f"{faults.lost} lost and asked again, "
          f"{faults.replaced} supervisors replaced")
    if faults.trouble:
        raise Failed("\n".join(faults.trouble))
    if not alive(faults.steady):
        raise Failed("the steady app has ended")
    faults.client.close()


run_main(main)
