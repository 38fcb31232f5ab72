# SPDX-License-Identifier: MIT
"""flock(2) on files that are first written while others have them open, and names that are read through the cache."""
import contextlib
import errno
import fcntl
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import time

from harness import equal, holds, refused, write

WORLDS = ("root", "userns", "user")
EXCLUSIVE, SHARED, NOW, NONE = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB, fcntl.LOCK_UN
# Locks the file in the way given and says so; then sleeps.
HOLDER = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
print("opened", flush=True)
fcntl.flock(fd, int(sys.argv[2]))
print("locked", flush=True)
time.sleep(1000)
"""
# Waits for a lock until a handled signal comes: once without SA_RESTART, then with it.
INTERRUPTED = """
import ctypes, errno, fcntl, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(sys.argv[1], os.O_RDONLY)
signal.signal(signal.SIGALRM, lambda *_: print("signal", flush=True))
signal.siginterrupt(signal.SIGALRM, sys.argv[2] == "interrupts")
signal.setitimer(signal.ITIMER_REAL, 0.2)
print("begins", flush=True)
result = libc.flock(fd, fcntl.LOCK_EX)
error = ctypes.get_errno()
print(errno.errorcode[error] if result else "locked", flush=True)
"""


@contextlib.contextmanager
def started(text, *arguments):
    """A process that runs `text`; it is killed at the end."""
    command = [sys.executable, "-c", text, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def all_started(count, text, *arguments):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(started(text, *arguments)) for _ in range(count)]


def said(process):
    return process.stdout.readline().strip()


def is_free(fd, kind):
    try:
        fcntl.flock(fd, kind | NOW)
    except BlockingIOError:
        return False
    return True


def test_a_reader_and_the_first_writer_exclude_each_other(t):
    for kind in ({}, {"index": "on"}):
        m = t.mount(t.layer({"file": b"content"}), options=[f"{key}={value}" for key, value in kind.items()])
        reader = os.open(m / "file", os.O_RDONLY)
        fcntl.flock(reader, EXCLUSIVE)
        writer = os.open(m / "file", os.O_RDWR)
        refused(errno.EWOULDBLOCK, fcntl.flock, writer, EXCLUSIVE | NOW)
        os.pwrite(writer, b"x", 0)
        later = os.open(m / "file", os.O_RDONLY)
        refused(errno.EWOULDBLOCK, fcntl.flock, later, SHARED | NOW)
        fcntl.flock(reader, SHARED)
        fcntl.flock(later, SHARED | NOW)
        refused(errno.EWOULDBLOCK, fcntl.flock, writer, EXCLUSIVE | NOW)
        os.close(reader)
        os.close(later)
        fcntl.flock(writer, EXCLUSIVE | NOW)
        os.close(writer)
        m.umount()


def test_the_lock_outlives_names(t):
    m = t.mount(t.layer({"file": b"content", "kept": b"content"}))
    reader = os.open(m / "file", os.O_RDONLY)
    fcntl.flock(reader, EXCLUSIVE)
    writer = os.open(m / "file", os.O_RDWR)
    os.rename(m / "file", m / "renamed")
    other = os.open(m / "renamed", os.O_RDONLY)
    refused(errno.EWOULDBLOCK, fcntl.flock, other, SHARED | NOW)
    os.unlink(m / "renamed")
    refused(errno.EWOULDBLOCK, fcntl.flock, writer, SHARED | NOW)
    os.close(reader)
    fcntl.flock(writer, SHARED | NOW)
    fcntl.flock(other, SHARED | NOW)
    os.close(writer), os.close(other)


def test_a_lock_is_free_as_soon_as_its_file_is_closed(t):
    m = t.mount(t.layer({"file": b"content"}))
    kept = os.open(m / "file", os.O_RDONLY)
    for count in range(500):
        fd = os.open(m / "file", os.O_RDONLY)
        holds(is_free(fd, EXCLUSIVE), f"the lock after {count} others were closed")
        os.close(fd)
    for count in range(20):
        with started(HOLDER, m / "file", EXCLUSIVE | NOW) as process:
            equal([said(process), said(process)], ["opened", "locked"], f"after {count} holders have ended")
            process.kill()
            process.wait()
    holds(is_free(kept, EXCLUSIVE), "the lock after all have ended")
    os.close(kept)


def test_waiting_requests_are_granted_when_the_lock_is_free(t):
    m = t.mount(t.layer({"file": b"content"}))
    first = os.open(m / "file", os.O_RDONLY)
    fcntl.flock(first, EXCLUSIVE)
    with all_started(5, HOLDER, m / "file", SHARED) as readers:
        equal([said(process) for process in readers], ["opened"] * 5, "those that wait")
        time.sleep(0.1)
        fcntl.flock(first, NONE)
        equal([said(process) for process in readers], ["locked"] * 5, "those that waited")
        holds(not is_free(first, EXCLUSIVE), "the readers have the lock")
        with started(HOLDER, m / "file", EXCLUSIVE) as writer:
            equal(said(writer), "opened", "one that waits for all readers")
            for process in readers:
                process.kill()
                process.wait()
            equal(said(writer), "locked", "the one that waited")
    fcntl.flock(first, EXCLUSIVE)
    os.close(first)


def test_a_killed_caller_stops_waiting(t):
    m = t.mount(t.layer({"file": b"content"}))
    held = os.open(m / "file", os.O_RDONLY)
    fcntl.flock(held, EXCLUSIVE)
    with all_started(4, HOLDER, m / "file", EXCLUSIVE) as waiting:
        equal([said(process) for process in waiting], ["opened"] * 4, "those that wait")
        time.sleep(0.1)
        for process in waiting:
            process.kill()
        for process in waiting:
            equal(process.wait(timeout=60), -signal.SIGKILL, "how it ended")
    os.close(held)
    other = os.open(m / "file", os.O_RDONLY)
    fcntl.flock(other, EXCLUSIVE)
    os.close(other)


def test_a_handled_signal_interrupts_the_wait_unless_it_restarts(t):
    m = t.mount(t.layer({"file": b"content"}))
    held = os.open(m / "file", os.O_RDONLY)
    fcntl.flock(held, EXCLUSIVE)
    with started(INTERRUPTED, m / "file", "interrupts") as process:
        equal(process.stdout.read().split(), ["begins", "signal", "EINTR"], "without SA_RESTART")
    with started(INTERRUPTED, m / "file", "restarts") as process:
        equal(said(process), "begins", "with SA_RESTART")
        time.sleep(0.5)
        os.close(held)
        holds("locked" in process.stdout.read().split(), "it got the lock in the end")


def outcome(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def test_random_locks_are_granted_as_in_a_plain_directory(t):
    m = t.mount(t.layer({f"f{number}": b"content" for number in range(3)}))
    plain = pathlib.Path(t.fresh("plain", {f"f{number}": b"content" for number in range(3)}))
    chance = random.Random(20261128)
    handles = []
    for step in range(1500):
        what = chance.choice(("open", "open", "write", "close", "lock", "lock", "lock", "lock"))
        if what == "open" and len(handles) < 12 or not handles:
            name, flags = f"f{chance.randrange(3)}", chance.choice((os.O_RDONLY, os.O_RDONLY, os.O_RDWR))
            handles.append((os.open(m / name, flags), os.open(plain / name, flags), flags))
            continue
        one = chance.choice(handles)
        if what == "write" and one[2] == os.O_RDWR:
            os.pwrite(one[0], b"x", 0), os.pwrite(one[1], b"x", 0)
        elif what == "close":
            handles.remove(one)
            os.close(one[0]), os.close(one[1])
        elif what == "lock":
            kind = chance.choice((SHARED | NOW, EXCLUSIVE | NOW, NONE))
            equal(outcome(fcntl.flock, one[0], kind), outcome(fcntl.flock, one[1], kind), f"step {step}")
    for one in handles:
        os.close(one[0]), os.close(one[1])


def test_a_log_of_a_lower_is_seen_to_grow(t):
    m = t.mount(t.layer({"app.log": b"one\n", "data": b"one\n"}))
    follower = os.open(m / "app.log", os.O_RDONLY)
    equal(os.read(follower, 99), b"one\n", "before")
    write(m / "app.log", b"two\n", "ab")
    equal(os.read(follower, 99), b"two\n", "the line that was written later")
    os.close(follower)


def test_all_locks_of_a_file_that_is_named_as_locked_exclude_the_first_writer(t):
    m = t.mount(t.layer({"db.lock": b"content", "lock": b"content"}))
    for name in ("db.lock", "lock"):
        reader = os.open(m / name, os.O_RDONLY)
        fcntl.fcntl(reader, fcntl.F_OFD_SETLK, lock_of(fcntl.F_RDLCK))
        writer = os.open(m / name, os.O_RDWR)
        refused(errno.EAGAIN, fcntl.fcntl, writer, fcntl.F_OFD_SETLK, lock_of(fcntl.F_WRLCK))
        os.pwrite(writer, b"x", 0)
        os.close(reader)
        fcntl.fcntl(writer, fcntl.F_OFD_SETLK, lock_of(fcntl.F_WRLCK))
        os.close(writer)


def lock_of(kind):
    """A struct flock over the whole file."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def test_the_names_are_chosen_by_an_option(t):
    lower = t.layer({"app.log": b"one\n", "notes": b"one\n"})
    m = t.mount(lower, options=("cached_names=notes*:*.x",))
    follower = os.open(m / "notes", os.O_RDONLY)
    equal(os.read(follower, 99), b"one\n", "before")
    write(m / "notes", b"two\n", "ab")
    equal(os.read(follower, 99), b"two\n", "the line that was written later")
    os.close(follower)
