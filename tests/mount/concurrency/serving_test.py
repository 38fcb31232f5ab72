# SPDX-License-Identifier: MIT
"""The threads that serve /dev/fuse: slow requests beside quick ones, and every end of the session in the middle of it.

A layer is made slow by being a union itself whose daemon is stopped: what asks it waits until that goes on.
"""
import contextlib
import os
import signal
import time

from harness import equal, holds, read, refused, syscalls, systems, write
from harness.silent_server import connection

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
ABSENT = 2
QUICK = {f"quick{number}": "q" for number in range(8)}
SLOW = {f"slow{number}": "s" for number in range(8)}


class SlowUnion:
    """A union whose lower layer answers nothing while `stopped` lasts."""

    def __init__(self, t, threads):
        self.t, self.children = t, []
        self.below = t.mount(t.layer(SLOW))
        self.waiting = connection(self.below) + "/waiting"
        self.m = t.mount(t.layer(QUICK | {"dir": {"file": "x"}}), self.below.path, options=(f"threads={threads}", "io_uring=off"))
        # In this directory nothing needs the slow layer: a change of a directory waits for lookups in it.
        write(self.m / "dir/old", "x")

    @contextlib.contextmanager
    def stopped(self):
        self.below.daemon.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.below.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.below.daemon.signal(signal.SIGCONT)

    def ask_slow(self, count):
        """As many processes ask for an absent name each; returns when all of these requests wait for the layer. Names that
        are there would not do: the kernel knows them since the layer was checksummed."""
        for number in range(count):
            child = os.fork()
            if child == 0:
                try:
                    os._exit(os.stat(self.m / f"absent{number}").st_size)
                except OSError as error:
                    os._exit(error.errno)
            self.children.append(child)
        deadline = time.monotonic() + self.t.settings.seconds(20)
        while int(read(self.waiting)) < count:
            holds(time.monotonic() < deadline, f"{count} requests reach the layer")
            time.sleep(0.002)

    def answers(self):
        """The errnos that the processes got."""
        return {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in self.children}


def test_slow_requests_hold_up_no_others_while_a_thread_is_left(t):
    for threads in (2, 5):
        union = SlowUnion(t, threads)
        with union.stopped():
            union.ask_slow(threads - 1)
            equal([os.stat(union.m / name).st_size for name in QUICK], [1] * len(QUICK), "answers meanwhile")
            write(union.m / "dir/new", "x")
            write(union.m / "dir/file", "x", "ab")
        equal(union.answers(), {ABSENT}, "answers to the slow ones")
        equal(sorted(os.listdir(union.m)), sorted([*QUICK, *SLOW, "dir"]), "names")
        equal(sorted(os.listdir(union.m / "dir")), ["file", "new", "old"], "names made and changed meanwhile")


def test_slow_requests_after_an_idle_time_hold_up_no_others(t):
    union = SlowUnion(t, 2)
    time.sleep(1.5)      # The threads are not looked at any more.
    with union.stopped():
        union.ask_slow(1)
        equal(os.stat(union.m / "quick0").st_size, 1, "answer meanwhile")
    equal(union.answers(), {ABSENT}, "the slow answer")


def test_more_slow_requests_than_threads_are_all_answered_at_last(t):
    union = SlowUnion(t, 2)
    with union.stopped():
        union.ask_slow(2)
        for _ in range(2):
            child = os.fork()
            if child == 0:
                os._exit(ABSENT if os.stat(union.m / "quick1").st_size == 1 else 99)
            union.children.append(child)
        time.sleep(0.1)
    equal(union.answers(), {ABSENT}, "answers")


def test_termination_with_requests_under_way_answers_them_and_ends(t):
    union = SlowUnion(t, 3)
    with union.stopped():
        union.ask_slow(2)
        union.m.daemon.signal(signal.SIGTERM)
        time.sleep(0.1)
    union.m.daemon.end()
    union.m.alive = False
    equal(union.answers(), {ABSENT}, "answers")


def test_an_aborted_connection_with_requests_under_way_ends_the_daemon(t):
    union = SlowUnion(t, 3)
    abort = connection(union.m) + "/abort"
    with union.stopped():
        union.ask_slow(2)
        write(abort, "1")
        refused((103, 107), os.stat, union.m / "quick0")
    union.m.daemon.end()
    union.m.alive = False
    holds(union.answers() <= {103, 107}, "the slow requests were given up")


def test_an_aborted_connection_without_requests_ends_the_daemon(t):
    m = t.mount(t.layer(QUICK), options=("threads=4",))
    write(connection(m) + "/abort", "1")
    m.daemon.end()
    m.alive = False
    refused((107, 2), os.stat, m / "quick0")


def test_a_detached_mount_serves_until_its_last_file_is_closed(t):
    m = t.mount(t.layer(QUICK), options=("threads=4",))
    root, fd = os.open(m.path, os.O_RDONLY), os.open(m / "new", os.O_RDWR | os.O_CREAT)
    systems.unmount(m.path, syscalls.MNT_DETACH)
    m.alive = False
    os.write(fd, b"written afterwards")
    os.fchmod(fd, 0o600)
    equal(os.stat("quick0", dir_fd=root).st_size, 1, "a name below a directory that is open")
    os.close(root)
    os.close(fd)
    m.daemon.end()
    equal(read(m.upper + "/new"), b"written afterwards", "the upper layer")


def test_a_session_ends_at_every_stage_on_request(t):
    """At once after the mount, and in the middle of many requests."""
    for round_ in range(12):
        m = t.mount(t.layer(QUICK), options=("threads=3",))
        children = []
        for _ in range(round_ % 4):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(OSError):
                    for number in range(100_000):
                        os.close(os.open(m / f"quick{number % 8}", os.O_RDONLY))
                os._exit(0)
            children.append(child)
        if round_ % 3:
            time.sleep(0.03)
        m.daemon.signal(signal.SIGTERM)
        m.daemon.end()
        m.alive = False
        equal([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], [0] * len(children), "callers end")
