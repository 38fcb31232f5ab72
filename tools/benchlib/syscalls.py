# SPDX-License-Identifier: MIT
#
# Counts what an operation costs instead of timing it: the FUSE requests it causes (overpass counts
# them itself) and the system calls its daemon, and the broker, make for them (strace). One untimed
# pass of one thread per operation; counts depend on the program, not on the machine's speed or load.

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace

from benchlib import trace
from benchlib.columns import COLUMNS
from benchlib.measure import CellFailed, Driver, mounted
from benchlib.systems import MountFailed, Overpass


@dataclass
class Counts:
    row: object
    column: str
    operations: int = 0
    calls: dict = field(default_factory=dict)      # system call -> number
    recognizing: dict = field(default_factory=dict)    # of these, what recognizes objects, at most
    helper_calls: dict = field(default_factory=dict)   # the same, of the broker's processes
    requests: dict = field(default_factory=dict)   # FUSE request -> number; empty: not known
    failure: str = ""


def is_traced(pid):
    """True when every thread of the process has a tracer."""
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
                if "TracerPid:\t0\n" in status.read():
                    return False
        except OSError:
            continue   # The thread has ended meanwhile.
    return True


def family(pid):
    """The process and its children; nothing of nobody."""
    if pid is None:
        return []
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [pid, *map(int, children.read().split())]


class Trace:
    """strace on all threads of some processes for as long as this lasts."""

    def __init__(self, pids, path):
        self.pids, self.path, self.calls, self.recognizing = pids, path, {}, {}

    def __enter__(self):
        if not self.pids:
            return self
        self.process = subprocess.Popen(
            ["strace", *trace.OPTIONS, "-o", self.path, *(f"--attach={pid}" for pid in self.pids)],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 5
        while not all(map(is_traced, self.pids)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise CellFailed("strace could not attach")
            time.sleep(0.01)
        return self

    def __exit__(self, kind, error, traceback):
        if not self.pids:
            return
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=10)
        with open(self.path, encoding="utf-8", errors="replace") as file:
            calls = [call for call in trace.calls_in(file) if call.name not in trace.WAITING]
        self.calls = trace.counted(call.name for call in calls)
        self.recognizing = trace.counted(call.name for piece in trace.parts_of(calls)
                                         for call in trace.recognizing(piece))


def request_counts(system):
    return system.status()["requests"] if isinstance(system, Overpass) else {}


def count_cell(settings, row, column):
    counts = Counts(row, column)
    system = COLUMNS[column][0](column, settings.scratch, settings.programs)
    if isinstance(system, Overpass):
        row = replace(row, options=(*row.options, "busy_poll=off"))     # its calls depend on time
    with mounted(system, row, settings):
        with Driver(settings, row, system) as driver:
            before = request_counts(system)
            path = os.path.join(settings.scratch.path, "strace")
            with Trace([system.pid], path) as daemon, \
                    Trace(family(system.helper), path + "-helper") as helper:
                counts.operations, _ = driver.go()
                time.sleep(0.1)   # RELEASE and FORGET come after the operation
            after = request_counts(system)
    counts.calls, counts.helper_calls = daemon.calls, helper.calls
    if isinstance(system, Overpass):
        counts.recognizing = daemon.recognizing
    counts.requests = {name: number - before.get(name, 0) for name, number in after.items()
                       if number != before.get(name, 0)}
    return counts


def count_all(settings, rows, columns, progress):
    """Counts for the one-thread rows of names on the FUSE columns."""
    everything = []
    for row in rows:
        if not row.is_counted:
            continue
        for column in columns:
            if not COLUMNS[column][0].fuse:
                continue
            progress.show(f"system calls of {row.label}: {COLUMNS[column][1]}")
            try:
                everything.append(count_cell(settings, row, column))
            except (CellFailed, MountFailed, OSError) as failure:
                everything.append(Counts(row, column, failure=str(failure)))
            progress.step()
    return everything
