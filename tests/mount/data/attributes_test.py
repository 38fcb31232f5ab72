# SPDX-License-Identifier: MIT
"""The attributes of files that the daemon writes, which it keeps in memory (docs/copyattr.md), are those of the disk
whatever was done before: by a stat that reaches the daemon, by a lookup, and by a listing.
"""
import fcntl
import os
import threading
import time

from harness import equal, has, holds, syscalls, write
from harness.syscalls import AT_STATX_FORCE_SYNC, AT_SYMLINK_NOFOLLOW

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def modes():
    transports = ("io_uring=off", "io_uring=on") if has("io_uring transport") else ("io_uring=off",)
    return [("passthrough=off", transport) for transport in transports] + [("writeback=on", "io_uring=off")]


def asked(path):
    """What the daemon says, not what the kernel remembers."""
    return syscalls.statx(path, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW)


def equal_to_the_disk(m, name, options, after):
    here, there = asked(m / name), syscalls.statx(m.upper + "/" + name)
    fields = ("mode", "nlink", "uid", "gid", "size", "blocks")
    if "writeback=on" in options:
        # The kernel tells its own size and times.
        fields = ("mode", "nlink", "uid", "gid")
    else:
        fields += ("mtime", "ctime")
    for field in fields:
        equal(getattr(here, field), getattr(there, field), f"{field} of {name} after {after} ({' '.join(options)})")


def steps(m, fd):
    """Every kind of change of a file, by name."""
    path = m / "file"

    def copy():
        write(m / "source", b"s" * 5000)
        with open(m / "source", "rb") as source:
            os.copy_file_range(source.fileno(), fd, 5000, 0, 100)

    def read_it():
        with open(path, "rb") as file:
            file.read()

    def append():
        with open(path, "ab") as file:
            file.write(b"appended")

    return (("a write", lambda: os.pwrite(fd, b"x" * 10_000, 0)),
            ("a write in the middle", lambda: os.pwrite(fd, b"y" * 10, 5000)),
            ("a write beyond the end", lambda: os.pwrite(fd, b"z", 200_000)),
            ("an append", append),
            ("ftruncate", lambda: os.ftruncate(fd, 7000)),
            ("truncate", lambda: os.truncate(path, 6000)),
            ("fallocate", lambda: os.posix_fallocate(fd, 0, 50_000)),
            ("a punched hole", lambda: syscalls.fallocate(fd, ("punch_hole", "keep_size"), 0, 8192)),
            ("copy_file_range", copy),
            ("chmod", lambda: os.chmod(path, 0o600)),
            ("utimes", lambda: os.utime(path, (5, 6))),
            ("setxattr", lambda: os.setxattr(path, "user.a", b"b")),
            ("link", lambda: os.link(path, m / "second")),
            ("rename of the second name", lambda: os.rename(m / "second", m / "third")),
            ("unlink of the second name", lambda: os.unlink(m / "third")),
            ("a read", read_it),
            ("fsync", lambda: os.fsync(fd)),
            ("another write", lambda: os.pwrite(fd, b"q", 3)))


def test_they_are_those_of_the_disk_after_every_change(t):
    for options in modes():
        m = t.mount(t.layer({}), options=options)
        write(m / "file", b"first")
        fd = os.open(m / "file", os.O_RDWR)
        for name, change in steps(m, fd):
            change()
            if "writeback=on" in options:
                os.fsync(fd)
            equal_to_the_disk(m, "file", options, name)
            equal_to_the_disk(m, "file", options, name + ", once more")
        os.close(fd)
        equal_to_the_disk(m, "file", options, "close")


def test_a_lookup_and_a_listing_show_them(t):
    for options in modes():
        m = t.mount(t.layer({}), options=options)
        os.mkdir(m / "dir")
        for number in range(20):
            with open(m / f"dir/{number}", "wb") as file:
                file.write(b"x" * number * 100)
                file.flush()
                os.fsync(file.fileno())
        for entry in os.scandir(m / "dir"):
            equal(entry.stat().st_size, int(entry.name) * 100, f"size in the listing ({' '.join(options)})")
        for number in range(20):
            equal_to_the_disk(m, f"dir/{number}", options, "a listing")


def test_appends_of_several_are_never_lost_to_who_asks(t):
    for options in modes()[:-1]:
        m = t.mount(t.layer({}), options=options)
        write(m / "log", b"")
        written, lock, done = [0], threading.Lock(), threading.Event()

        def append():
            fd = os.open(m / "log", os.O_WRONLY | os.O_APPEND)
            for _ in range(200):
                os.write(fd, b"0123456789")
                with lock:
                    written[0] += 10
            os.close(fd)

        def ask():
            last = 0
            while not done.is_set():
                with lock:
                    least = written[0]
                here = asked(m / "log")
                if last and here.mtime < last:
                    here = asked(m / "log")     # the kernel reads seconds and nanoseconds one after the other
                holds(here.size >= least, f"{least} bytes were written, the size is {here.size}")
                holds(here.mtime >= last if last else True, "the time does not go back")
                if here.mtime <= divmod(time.time_ns(), 10 ** 9):
                    last = here.mtime

        appenders = [threading.Thread(target=append) for _ in range(3)]
        asker = threading.Thread(target=ask)
        for thread in (*appenders, asker):
            thread.start()
        for thread in appenders:
            thread.join()
        done.set()
        asker.join()
        equal(asked(m / "log").size, 3 * 200 * 10, f"size at the end ({' '.join(options)})")
        equal_to_the_disk(m, "log", options, "appends of several")


def test_set_id_bits_fall_with_a_write_that_comes_after_others(t):
    """The daemon knows of a file that it has written that there are no such bits, until somebody sets one."""
    for options in modes():
        m = t.mount(t.layer({}), options=options)
        write(m / "file", b"first")
        fd = os.open(m / "file", os.O_WRONLY)
        os.write(fd, b"second")
        os.chmod(m / "file", 0o2755)
        equal(asked(m / "file").mode & 0o7777, 0o2755, "mode as it was set")
        os.write(fd, b"third")
        os.fsync(fd)
        equal_to_the_disk(m, "file", options, "a write to a file with a set-id bit")
        os.close(fd)


def test_locks_and_times_of_a_file_that_is_open_twice(t):
    for options in modes()[:-1]:
        m = t.mount(t.layer({}), options=options)
        write(m / "file", b"first")
        one, two = os.open(m / "file", os.O_RDWR), os.open(m / "file", os.O_RDWR)
        fcntl.flock(one, fcntl.LOCK_SH)
        for number in range(10):
            os.pwrite(one if number % 2 else two, b"x" * 100, number * 100)
            equal_to_the_disk(m, "file", options, f"write {number}")
        os.close(one)
        equal_to_the_disk(m, "file", options, "the close of one")
        os.close(two)
        equal_to_the_disk(m, "file", options, "the close of both")
