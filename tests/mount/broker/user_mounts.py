# SPDX-License-Identifier: MIT
"""Mounts of users who may not register files themselves, beside a broker."""
import concurrent.futures
import os
import subprocess

from harness import File, equal, holds, need, read, systems, write
from harness.broker import Broker
from harness.credentials import as_user
from harness.patience import wait_for
from harness.worlds import hand_over, ordinary_fuse_device, umount

TREE = {"file": "content", "other": "other", "large": "x" * 300_000, "program": File("#!/bin/sh\necho hi\n", 0o755)}


def world(t, uid, *arguments, passed=False, **named):
    """Layers of uid's and a broker."""
    need("passthrough")
    ordinary_fuse_device(t)
    broker = Broker(t, *arguments, passed=passed)
    stack = t.stack(t.layer(TREE), **named)
    hand_over(t, stack, uid)
    return broker, stack


def mounted(t, broker, stack):
    """In the mounting process."""
    environment = {**os.environ, "OVERPASS_BROKER": broker.socket}
    return systems.mount_overpass(t.settings, stack, f"{t.directory}/log{os.getpid()}-{len(os.listdir(t.directory))}",
                                  env=environment)


def wait_for_broker(t, m):
    """Until files of that mount are registered by the broker."""
    wait_for(t, lambda: m.status()["files_registered_by"] == "broker", "the broker")


def use(m):
    """Reads and writes; the requests that reach the daemon while data move."""
    passed = m.status()["passthrough"]["active"], m.status()["files_registered_by"]
    equal(passed, (True, "broker"), "passthrough, and who registers")
    with m.requests() as counted:
        equal(len(read(m / "large")), 300_000, "size read")
        write(m / "made", b"y" * 300_000)
        equal(read(m / "made"), b"y" * 300_000, "what was written")
        write(m / "file", b"+", "ab")
        equal(read(m / "file"), b"content+", "a file copied up")
    moved = {name: count for name, count in counted.counts.items() if name in ("READ", "WRITE")}
    equal(moved, {}, "requests that move data")
    equal(subprocess.run([m / "program"], capture_output=True, check=True).stdout, b"hi\n", "a program")
    holds(m.status()["backing_ids"] > 0, "backing ids are counted")


def use_once(t, broker, stack, patiently=False):
    """The same with a mount of its own. `patiently`: it may have to ask for the broker again."""
    m = mounted(t, broker, stack)
    if patiently:
        wait_for_broker(t, m)
    use(m)
    umount(m)


class Meanwhile:
    """A user's process that waits in the middle until the test has done something."""

    def __init__(self):
        self._there, self._go = os.pipe(), os.pipe()

    def user(self, uid, work):
        """work(pause) as that user, in the background; pause(text) hands over."""
        def run():
            try:
                return work(self._pause)
            finally:
                os.write(self._there[1], b".")
        self._future = concurrent.futures.ThreadPoolExecutor(1).submit(as_user, uid, run)

    def _pause(self, text=""):
        os.write(self._there[1], text.encode() + b".")
        os.read(self._go[0], 1)

    def wait(self):
        return os.read(self._there[0], 100).rstrip(b".").decode()

    def step(self):
        """Lets the user go on until he hands over once more."""
        os.write(self._go[1], b".")
        self.wait()

    def go_on(self):
        os.write(self._go[1], b".")
        return self._future.result()
