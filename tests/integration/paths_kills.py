"""Kills od-capture (and its like for other file systems), od-open and the
supervisor while apps write numbered lines into files under their own paths,
which are rotated all the time: each line is there once, in order."""

import glob
import os
import random
import re
import signal
import sys
import time

from opendaemon import (Client, Failed, FIXTURES, Lost, alive, eventually,
                        run_main)

LINES = os.path.join(FIXTURES, "lines")
KILLS = int(os.environ.get("OD_KILLS", "100"))


class Kills:
    def __init__(self, directories, uid):
        self.client = Client()
        self.directories = directories
        self.uid = uid
        self.counts = {"od-open": 0, "capture": 0, "supervisor": 0}
        self.killed = set()

    def ask(self, method, **params):
        for _ in range(100):
            try:
                return self.client.ask(method, **params)
            except Lost:
                continue
        raise Failed(f"nobody answers {method}")

    def begin(self):
        for name, directory in self.directories.items():
            self.client.define(
                name, [LINES, name, "3000", "0"], uid=self.uid, gid=self.uid,
                log_out=f"{directory}/{{name}}.log", rotate_size=16384,
                rotate_keep=100000)
        self.ask("process.start", targets=["all"], wait=True)

    def supervisor(self):
        return self.ask("daemon.status")[0]["supervisor_pid"]

    def captures(self):
        return [row["pid"] for row in self.ask("plugin.list")
                if row["name"].startswith("capture") and row["pid"] > 0]

    def catch_open(self, parent):
        """The next od-open that the supervisor makes."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with open(f"/proc/{parent}/task/{parent}/children",
                      encoding="ascii") as children:
                pids = [int(pid) for pid in children.read().split()]
            for pid in reversed(pids):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as line:
                        if line.read() == b"od-open\0":
                            return pid
                except OSError:
                    continue
        raise Failed("no od-open was seen in 5 s: nothing is rotated")

    def kill_open(self):
        try:
            os.kill(self.catch_open(self.supervisor()), signal.SIGKILL)
            self.counts["od-open"] += 1
        except ProcessLookupError:
            pass

    def kill_capture(self):
        for pid in self.captures():
            if pid not in self.killed and alive(pid):
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)
                self.counts["capture"] += 1

    def kill_supervisor(self):
        pid = self.supervisor()
        os.kill(pid, signal.SIGKILL)
        self.counts["supervisor"] += 1
        eventually("a supervisor is there", lambda:
                   self.supervisor() != pid and
                   self.ask("daemon.status")[0]["keeper_pid"] > 0)

    def run(self, chance):
        while self.counts["od-open"] + self.counts["capture"] < KILLS:
            if chance.random() < 0.5:
                self.kill_open()
            else:
                self.kill_capture()
            if chance.random() < 0.08:
                self.kill_supervisor()
            time.sleep(chance.random() * 0.1)

    def files(self, name):
        base = f"{self.directories[name]}/{name}.log"
        numbered = [f for f in glob.glob(base + ".*")
                    if re.fullmatch(r".*\.log\.[0-9]{6,}", f)]
        return sorted(numbered, key=lambda f: int(f.rsplit(".", 1)[1])) + [
            base]

    def check(self, name):
        expected, files = 1, self.files(name)
        lines = []
        for path in files:
            if os.stat(path).st_uid != self.uid:
                raise Failed(f"{path} belongs to somebody else")
            with open(path, "rb") as file:
                lines.append(file.read())
        lines = b"".join(lines).split(b"\n")
        for line in lines[:-2]:
            words = line.split(b" ")
            if len(words) != 4 or int(words[2]) != expected:
                raise Failed(f"{name}: {line!r} where {expected} belongs")
            expected += 1
        if lines[-1] != b"" or not lines[-2].endswith(b"ended 0"):
            raise Failed(f"{name} ends with {lines[-2:]!r}")
        if expected < 1000 or len(files) < 10:
            raise Failed(f"{name}: only {expected} lines in {len(files)}")
        return f"{name}: {expected - 1} lines in {len(files)} files"

    def written(self):
        self.ask("process.stop", targets=["all"], wait=True)
        for name in self.directories:
            eventually(f"the end of {name} is written", lambda n=name:
                       open(self.files(n)[-1], "rb").read()
                       .endswith(b"ended 0\n") or
                       open(self.files(n)[-2], "rb").read()
                       .endswith(b"ended 0\n"))


def main():
    seed = int(os.environ.get("OD_SEED", time.time()))
    print(f"seed {seed}")
    kills = Kills(dict(word.split("=") for word in sys.argv[2:]),
                  int(sys.argv[1]))
    kills.begin()
    kills.run(random.Random(seed))
    print(kills.counts)
    kills.written()
    for name in kills.directories:
        print(kills.check(name))


run_main(main)
