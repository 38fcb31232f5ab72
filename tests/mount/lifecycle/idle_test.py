# SPDX-License-Identifier: MIT
"""A mount that nobody uses costs no processor time."""
import os
import time

from harness import equal, holds, read
from harness.daemon import need_no_sanitizer

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def run_time(pid):
    """Of all threads, in nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def test_an_idle_mount_uses_no_processor_time(t):
    need_no_sanitizer(t.settings, "ThreadSanitizer has a thread of its own that wakes up again and again")
    for options in ((), ("busy_poll=10000",), ("busy_poll=off",)):
        m = t.mount(t.layer({f"f{number}": "content" for number in range(50)}), options=options)
        pid = m.pid
        for number in range(50):
            equal(read(m / f"f{number}"), b"content", "content")
        before = run_time(pid)
        time.sleep(0.3)
        deadline = time.monotonic() + t.settings.seconds(20)
        while run_time(pid) != before and time.monotonic() < deadline:
            before = run_time(pid)
            time.sleep(0.3)
        holds(run_time(pid) == before, f"the daemon comes to rest with {options}")
