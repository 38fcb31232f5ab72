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


def lives(m):
    return m.status()["survives"]["deaths"]
