# SPDX-License-Identifier: MIT
"""`overpass status --trace` shows each request as it is answered, and ends with the union; `status` tells latencies, and
shows itself again and again."""
import contextlib
import os
import re
import select
import signal
import subprocess
import time

from harness import equal, holds, only_in, read, refused
from harness.credentials import as_user
from harness.worlds import NOBODY

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"dir": {"file": "content"}, "other": "x"}
LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{6} (?P<type>\w+) +(?P<caller>\d+) +[0-9.]+ ms  (?P<path>/\S*)(?:  (?P<error>\w+))?$")


class Trace:
    """The command, with what it has printed."""

    def __init__(self, t, m):
        self.t = t
        self.process = subprocess.Popen([t.settings.overpass, "status", "--trace", m.path], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        t.at_end(self.process.kill)
        self.printed = b""
        os.set_blocking(self.process.stdout.fileno(), False)

    @property
    def lines(self):
        """Those that are whole."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self.process.stdout.fileno(), 65536):
                self.printed += more
        return self.printed.decode().split("\n")[:-1]

    def wait_for(self, *fields):
        """Until there is such a line: type, path and error."""
        deadline = time.monotonic() + self.t.settings.seconds(20)
        while not any(self.fields(line) == fields for line in self.lines):
            holds(time.monotonic() < deadline, f"{fields} is shown: {self.lines}")
            time.sleep(0.01)

    @staticmethod
    def fields(line):
        match = LINE.match(line)
        return match and (match["type"], match["path"], match["error"])

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=self.t.settings.seconds(20))
        return status, self.process.stderr.read().decode()


def begun(t, m):
    """A trace that shows requests already: none before its first is its own affair."""
    trace = Trace(t, m)
    deadline = time.monotonic() + t.settings.seconds(20)
    number = 0
    while not trace.lines:
        holds(time.monotonic() < deadline, "a trace begins")
        refused((2,), os.lstat, m / f"absent{number}")
        number += 1
        time.sleep(0.05)
    return trace


def test_requests_are_shown_as_they_are_answered(t):
    m = t.mount(t.layer(TREE))
    trace = begun(t, m)
    os.lstat(m / "dir/file")
    refused((2,), os.lstat, m / "dir/absent")
    os.chmod(m / "dir/file", 0o600)
    trace.wait_for("LOOKUP", "/dir", None)
    trace.wait_for("LOOKUP", "/dir", "ENOENT")
    trace.wait_for("SETATTR", "/dir/file", None)
    equal(trace.end(signal.SIGINT), (0, ""), "the end by a signal")
    equal([line for line in trace.lines if not LINE.match(line)], [], "lines of another shape")


def test_a_trace_neither_holds_the_union_nor_outlives_it(t):
    m = t.mount(t.layer(TREE))
    trace = begun(t, m)
    equal(t.status_text("umount", m.path), (0, "", ""), "the unmount")
    m.alive = False
    equal(trace.end(), (0, ""), "the end of the trace")


def test_latencies_are_told_of_each_type_that_there_was(t):
    m = t.mount(t.layer(TREE))
    equal(read(m / "dir/file"), b"content", "content")
    latencies = m.status()["latencies"]
    holds("LOOKUP" in latencies and "MKDIR" not in latencies, f"types: {sorted(latencies)}")
    for name, told in latencies.items():
        holds(0 < told["median_us"] <= told["p99_us"], f"{name}: {told}")


@only_in("root", why="it becomes another user")
def test_requests_are_not_shown_to_others(t):
    m = t.mount(t.layer(TREE), options=("allow_other",))
    answer = as_user(NOBODY, lambda: subprocess.run([t.settings.overpass, "status", "--trace", m.path], check=False,
                                                    capture_output=True, text=True))
    equal(answer.returncode, 1, "exit status")
    holds("cannot be shown: Operation not permitted" in answer.stderr, f"the message: {answer.stderr}")


def test_what_is_no_call(t):
    m = t.mount(t.layer(TREE))
    for call in (("--trace",), ("--trace", "--json", m.path)):
        status, out, err = t.status_text("status", *call)
        equal((status, out), (2, ""), f"status {call}")
        holds("--trace takes one mountpoint" in err, f"the message: {err}")
    equal(t.status_text("status", "--watch")[0], 2, "status --watch without a mount")


def test_a_watch_shows_the_status_again_and_ends_with_the_union(t):
    m = t.mount(t.layer(TREE))
    watch = subprocess.Popen([t.settings.overpass, "status", "--watch", m.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.at_end(watch.kill)
    printed = b""
    while printed.count(b"Requests ") < 2:
        refused((2,), os.lstat, m / f"absent{len(printed)}")
        holds(select.select([watch.stdout], [], [], t.settings.seconds(20))[0], f"another status comes: {printed}")
        printed += os.read(watch.stdout.fileno(), 65536)
    equal(t.status_text("umount", m.path), (0, "", ""), "the unmount")
    m.alive = False
    equal((watch.wait(timeout=t.settings.seconds(20)), watch.stderr.read()), (0, b""), "the end of the watch")
    holds(b"a second" in printed and b"\033" not in printed, f"a rate, and no control sequences: {printed}")
