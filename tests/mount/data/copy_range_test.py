# SPDX-License-Identifier: MIT
"""copy_file_range of more than one wants to wait for: answered in parts, and ended with its caller.

Each copy_file_range of the daemon stops before it is made, for as long as a test likes (harness/unruly_transfers).
"""
import os
import signal
import threading
import time

from harness import at_most, equal, has, holds, read
from harness.patience import wait_for
from harness.unruly_transfers import UnrulyTransfers

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's seccomp filter would keep fusermount3 from mounting"
MIB = 1 << 20
SIZE = 48 * MIB
EVERYTHING = 1 << 30


class Copied:
    """A mount with a file "from" in its upper, and what the daemon copies to "to" in how many calls."""

    def __init__(self, t, waits, *options):
        stack = t.stack(t.layer({}), options=options)
        self.calls = []
        self.waits = waits
        self.unruly = UnrulyTransfers(stack.upper, rings=True, copies=True, waits=self._wait)
        self.m = t.mount_stack(stack, preexec_fn=self.unruly.install)
        t.at_end(self.unruly.close)
        with open(self.m / "from", "wb") as file:
            for number in range(SIZE // MIB):
                file.write(bytes([number + 1]) * MIB)

    def _wait(self, transfer):
        if transfer.path.endswith("/to") and transfer.length > MIB:
            self.calls.append(transfer.length)
            self.waits()

    def copying(self):
        """A process that asks for everything at once, once; it ends with the number of MiB that it got."""
        child = os.fork()
        if child == 0:
            try:
                source = os.open(self.m / "from", os.O_RDONLY)
                target = os.open(self.m / "to", os.O_WRONLY | os.O_CREAT, 0o644)
                os._exit(os.copy_file_range(source, target, EVERYTHING, 0, 0) // MIB)
            finally:
                os._exit(255)
        return child


def transports():
    return ("io_uring=off", "io_uring=on") if has("io_uring transport") else ("io_uring=off",)


def test_a_copy_ends_with_its_caller(t):
    for transport in transports():
        is_held, may_go_on = threading.Event(), threading.Event()
        copied = Copied(t, lambda: (is_held.set(), may_go_on.wait()), transport)
        child = copied.copying()
        holds(is_held.wait(t.settings.seconds(20)), f"the copy begins ({transport})")
        os.kill(child, signal.SIGKILL)
        may_go_on.set()
        equal(os.WTERMSIG(os.waitpid(child, 0)[1]), signal.SIGKILL, f"the end of the caller ({transport})")
        wait_for(t, lambda: copied.m.status()["worker_tasks"] == 0, "the end of the copy")
        equal(len(copied.calls), 1, f"calls of the daemon ({transport})")
        at_most(os.stat(copied.m.upper + "/to").st_size, copied.calls[0], "bytes that were copied")
        holds(copied.calls[0] < SIZE, "not everything is asked of the file system at once")


def test_a_copy_that_takes_long_is_answered_in_parts(t):
    copied = Copied(t, lambda: time.sleep(0.6))
    child = copied.copying()
    parts = os.WEXITSTATUS(os.waitpid(child, 0)[1])
    equal(parts * MIB, copied.calls[0], "bytes of the first answer")
    holds(0 < parts < SIZE // MIB, "a part of the file")
    source = os.open(copied.m / "from", os.O_RDONLY)
    target = os.open(copied.m / "to", os.O_WRONLY)
    done = parts * MIB
    while count := os.copy_file_range(source, target, EVERYTHING, done, done):
        done += count
    os.close(source), os.close(target)
    equal(done, SIZE, "bytes copied in all parts")
    content = read(copied.m / "to")
    equal([content[number * MIB] for number in range(SIZE // MIB)], [n + 1 for n in range(SIZE // MIB)], "each MiB")


def test_a_short_file_is_copied_by_one_request(t):
    copied = Copied(t, lambda: None)
    with open(copied.m / "small", "wb") as file:
        file.write(b"x" * 100_000)
    with open(copied.m / "small", "rb") as source, open(copied.m / "copy", "wb") as target:
        equal(os.copy_file_range(source.fileno(), target.fileno(), EVERYTHING, 0, 0), 100_000, "bytes of one answer")
        equal(os.copy_file_range(source.fileno(), target.fileno(), EVERYTHING, 100_000, 100_000), 0, "beyond the end")
    equal(read(copied.m / "copy"), b"x" * 100_000, "the copy")
