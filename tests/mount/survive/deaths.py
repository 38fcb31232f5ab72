# SPDX-License-Identifier: MIT
"""The daemon of a mount that survives it."""
import os
import signal
import time

from harness import holds


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
    children = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and (state == "Z") == has_ended:
            children.append(int(name))
    return children


def lives(m):
    return m.status()["survives"]["deaths"]
