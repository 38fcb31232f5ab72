# SPDX-License-Identifier: MIT
"""Those who may not register files themselves have them passed through by overpass-broker."""
import concurrent.futures
import os
import subprocess
import time

from harness import File, equal, holds, need, read, refused, systems, write
from harness.broker import Broker
from harness.credentials import as_user
from harness.worlds import NOBODY, give_to, in_user_namespace, ordinary_fuse_device

SYSTEMS = ("overpass",)
TREE = {"file": "content", "other": "other", "large": "x" * 300_000, "program": File("#!/bin/sh\necho hi\n", 0o755)}


def world(t, uid, *arguments, **named):
    """Layers of uid's and a broker."""
    need("passthrough")
    ordinary_fuse_device(t)
    broker = Broker(t, *arguments)
    stack = t.stack(t.layer(TREE), **named)
    for path in (stack.lowers[0], stack.upper, stack.work, stack.mountpoint):
        give_to(path, uid)
    os.chmod(t.directory, 0o777)
    t.watch_lower(stack.lowers[0])
    return broker, stack


def mounted(t, broker, stack):
    """In the mounting process."""
    environment = {**os.environ, "OVERPASS_BROKER": broker.socket}
    return systems.mount_overpass(t.settings, stack, f"{t.directory}/log{os.getpid()}-{len(os.listdir(t.directory))}",
                                  env=environment)


def umount(m):
    if os.geteuid() == 0:
        m.umount()
    else:
        subprocess.run(["fusermount3", "-u", m.path], check=True, capture_output=True)
        m.alive = False
        m.daemon.end()


def use(m):
    """Reads and writes; the requests that reach the daemon while data move."""
    passed = m.status()["passthrough"]["active"], m.status()["files_registered_by"]
    equal(passed, (True, "broker"), "passthrough, and by whom")
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


def test_an_ordinary_users_mount_is_passed_through(t):
    broker, stack = world(t, NOBODY)

    def work():
        m = mounted(t, broker, stack)
        use(m)
        umount(m)
    as_user(NOBODY, work)
    broker.wait_for_children(0, "after the unmount")
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


def test_a_mount_in_a_user_namespace_is_passed_through(t):
    broker, stack = world(t, 100_000)

    def work():
        m = mounted(t, broker, stack)
        holds(m.status()["layers"][1]["write_protected"], "the lower is taken through a clone of the daemon's own")
        use(m)
        umount(m)
    in_user_namespace(work, 100_000, 65536)
    broker.wait_for_children(0, "after the unmount")
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


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

    def go_on(self):
        os.write(self._go[1], b".")
        return self._future.result()


def test_a_broker_that_dies_costs_new_opens_their_passthrough_only(t):
    broker, stack = world(t, NOBODY)

    def work(pause):
        m = mounted(t, broker, stack)
        held = open(m / "large", "rb")
        holds(m.status()["backing_ids"] > 0, "it was passed through")
        pause()
        equal(len(held.read()), 300_000, "an open file goes on")
        write(m / "file", b"+", "ab")
        equal(read(m / "file"), b"content+", "a file opened later")
        write(m / "made", b"z" * 100_000)
        equal(read(m / "made"), b"z" * 100_000, "a file made later")
        equal(len(read(m / "large")), 300_000, "another reader")
        held.close()
        status = m.status()["passthrough"]
        equal(status["active"], False, "passthrough")
        holds("broker" in status["reason"], "the status says why")
        umount(m)
        return "done"
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    meanwhile.wait()
    broker.kill()
    equal(meanwhile.go_on(), "done", "the user's work")


def test_a_daemon_that_dies_leaves_nothing_with_the_broker(t):
    broker, stack = world(t, NOBODY)

    def work():
        m = mounted(t, broker, stack)
        fds = [os.open(m / name, os.O_RDONLY) for name in TREE]
        served = len(broker.children())
        m.daemon.process.kill()
        m.daemon.process.wait()
        refused((103, 107), lambda: os.stat(m / "unseen"))        # ECONNABORTED, ENOTCONN: at once
        equal(os.read(fds[0], 7), b"content", "an open file lives on")
        return served
    equal(as_user(NOBODY, work), 1, "clients while it lived")
    broker.wait_for_children(0, "after its end")


def test_the_administrator_sees_who_has_how_many_files(t):
    broker, stack = world(t, NOBODY)

    def work(pause):
        m = mounted(t, broker, stack)
        fds = [os.open(m / name, os.O_RDONLY) for name in TREE]
        time.sleep(1.5)                 # counts are reported once a second
        pause(str(m.pid))
        for fd in fds:
            os.close(fd)
        umount(m)
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    pid = meanwhile.wait()
    rows = broker.listed()
    meanwhile.go_on()
    equal(rows, [[pid, str(NOBODY), str(len(TREE)), os.path.realpath(stack.mountpoint)]], "the list")


def test_a_mount_may_cover_the_brokers_socket(t):
    broker, stack = world(t, NOBODY)
    give_to(broker.directory, NOBODY)
    stack.mountpoint = broker.directory

    def work():
        m = mounted(t, broker, stack)
        use(m)
        equal(os.path.exists(broker.socket), False, "the socket's name is covered")
        umount(m)
    as_user(NOBODY, work)
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


def test_a_broker_is_used_only_where_it_may_be(t):
    broker, stack = world(t, NOBODY, options=("broker=off",))

    def work():
        m = mounted(t, broker, stack)
        status = m.status()
        umount(m)
        return status
    status = as_user(NOBODY, work)
    equal((status["passthrough"]["active"], status["files_registered_by"]), (False, "none"), "passthrough")
    holds("broker=off" in status["passthrough"]["reason"], "the status says why")


def test_the_superuser_needs_no_broker(t):
    broker = Broker(t)
    m = t.mount_stack(t.stack(t.layer(TREE)), env={**os.environ, "OVERPASS_BROKER": broker.socket})
    equal(m.status()["files_registered_by"], "daemon", "who registers files")
    equal(len(read(m / "large")), 300_000, "size read")


def test_upper_files_that_the_user_may_not_write_are_served_by_the_daemon(t):
    broker, stack = world(t, NOBODY)
    write(stack.upper + "/locked", "locked")
    os.chmod(stack.upper + "/locked", 0o444)
    give_to(stack.upper + "/locked", NOBODY)

    def work():
        m = mounted(t, broker, stack)
        equal(read(m / "locked"), b"locked", "content")
        reader = open(m / "locked", "rb")
        os.chmod(m / "locked", 0o644)
        write(m / "locked", "+", "ab")
        equal(reader.read(), b"locked+", "what an older reader sees")
        reader.close()
        equal(read(m / "locked"), b"locked+", "content in the end")
        umount(m)
    as_user(NOBODY, work)
    equal(broker.text(), "", "what the broker logged")
