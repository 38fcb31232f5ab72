# SPDX-License-Identifier: MIT
"""Daemons of mounts with survive=on, which are killed."""
import contextlib
import os
import signal
import threading
import time

from . import caches
from .checks import holds

PAUSE = 1.1     # seconds between two deaths: the keeper gives up after more than one a second


def kill_daemon(m):
    """Returns when it is dead and another one answers."""
    pid = m.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + m.settings.seconds(20)
    while m.status()["pid"] == pid:
        holds(time.monotonic() < deadline, "another daemon takes over")
        time.sleep(0.01)


def children_of(pid, has_ended=False):
    """Its children: those that have not ended, or those that have and were not waited for."""
    return [child for child, state, parent in _processes() if parent == pid and (state == "Z") == has_ended]


def _processes():
    """Of each: its number, its state and its parent."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
            yield int(name), state, int(parent)


def lives(m):
    return m.status()["survives"]["deaths"]


def replace(t, m, *arguments):
    """By the program that was built, whatever is at the daemon's path by now: the status, and what it says."""
    status, _, said = t.status_text("mount", "--replace", *arguments, m.path)
    return status, said


def wait_for_balance(m):
    """Returns when the daemon knows no inode that the kernel does not have."""
    deadline = time.monotonic() + m.settings.seconds(60)
    while m.status()["inodes"] > 3:     # the root, and what status itself looks at
        holds(time.monotonic() < deadline, f"inodes that are kept: {m.status()['inodes']}")
        caches.drop_of(m.path)
        time.sleep(0.3)


def kill_daemons_below(directory):
    """The daemons of all mounts below it, which may be in any namespace; how many."""
    killed = 0
    for pid, _, parent in _processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if _is_daemon(pid, parent, directory):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed


def _is_daemon(pid, parent, directory):
    """A child of its keeper, which is the same program with the same arguments."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read()
    if os.fsencode(directory) not in words or os.path.basename(os.readlink(f"/proc/{pid}/exe")) != "overpass":
        return False
    with open(f"/proc/{parent}/cmdline", "rb") as file:
        return file.read() == words


class Deaths:
    """`with Deaths(m):` kills the daemon again and again meanwhile; `Deaths(kill=f)` calls f(), which says how many died."""

    def __init__(self, m=None, kill=None):
        self.kill = kill or (lambda: _kill_one(m))
        self.count, self.over, self.failure = 0, threading.Event(), None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.over.set()
        self.thread.join()
        if self.failure and kind is None:
            raise self.failure

    def _run(self):
        try:
            while not self.over.wait(PAUSE):
                self.count += self.kill()
        except Exception as failure:     # pylint: disable=broad-except
            self.failure = failure


def _kill_one(m):
    os.kill(m.status()["pid"], signal.SIGKILL)
    return 1
