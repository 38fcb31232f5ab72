# SPDX-License-Identifier: MIT
"""Reads and writes through the daemon whose own transfers come in pieces, late, out of order, or fail."""
import errno
import os
import random
import threading

from harness import equal, holds, read, refused, write
from harness.parallel import in_parallel
from harness.unruly_transfers import UnrulyTransfers

WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's seccomp filter would keep fusermount3 from mounting"
SYSTEMS = ("overpass",)
SIZE = 256 * 1024


def unruly_mount(t, lower=None, **ways):
    """A mount without passthrough, whose upper is transferred to and from in these ways."""
    stack = t.stack(t.layer(lower or {}), options=("passthrough=off",))
    unruly = UnrulyTransfers(stack.upper, **ways)
    m = t.mount_stack(stack, preexec_fn=unruly.install)
    t.at_end(unruly.close)
    return m, unruly


def content_of(number, size=SIZE):
    return random.Random(number).randbytes(size)


def test_writes_in_small_pieces_are_whole(t):
    m, unruly = unruly_mount(t, longest_write=5000)
    for number in range(3):
        write(m / f"file{number}", content_of(number))
    for number in range(3):
        equal(read(m / f"file{number}") == content_of(number), True, f"file {number} as it was written")
        equal(read(m.upper + f"/file{number}") == content_of(number), True, f"file {number} in the upper")
    holds(unruly.disturbed > 100, f"{unruly.disturbed} writes were split")


def test_reads_in_small_pieces_are_whole(t):
    m, unruly = unruly_mount(t, longest_read=5000)
    write(m / "file", content_of(1))
    m.settle()
    with open(m / "file", "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        data = b""
        while piece := file.read(100_000):
            data += piece
    equal(data == content_of(1), True, f"the {len(data)} bytes that were read")
    holds(unruly.disturbed > 50, f"{unruly.disturbed} reads were split")


def test_late_transfers_of_many_files_do_not_mix(t):
    m, unruly = unruly_mount(t, longest_write=30_000, latest=0.003)

    def work(number):
        write(m / f"file{number}", content_of(number))
        with open(m / f"file{number}", "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), b"changed", 1000 * number)
        expected = bytearray(content_of(number))
        expected[1000 * number:1000 * number + 7] = b"changed"
        equal(read(m / f"file{number}") == expected, True, f"file {number}")
    in_parallel(work, 6)
    for number in range(6):
        equal(len(read(m.upper + f"/file{number}")), SIZE, f"size of file {number} in the upper")
    holds(unruly.disturbed > 50, f"{unruly.disturbed} transfers were disturbed")


def test_a_completed_write_is_never_beyond_the_size_that_is_shown(t):
    m, unruly = unruly_mount(t, longest_write=10_000, latest=0.002)
    write(m / "file", b"")
    written, ended = [0], threading.Event()

    def writer():
        with open(m / "file", "r+b", buffering=0) as file:
            for number in range(30):
                written[0] += file.write(content_of(number, 20_000))
        ended.set()

    def observer():
        last = 0
        while not ended.is_set():
            least = written[0]
            size = os.stat(m / "file").st_size
            holds(size >= least, f"{size} bytes are shown, {least} were written")
            holds(size >= last, f"the size went back from {last} to {size}")
            last = size
    in_parallel(lambda number: (writer, observer)[number](), 2)
    equal(os.stat(m / "file").st_size, 600_000, "size at the end")
    holds(unruly.disturbed > 30, f"{unruly.disturbed} transfers were disturbed")


def test_a_write_that_fails_fails_for_its_caller_only(t):
    m, unruly = unruly_mount(t, fails=lambda transfer: errno.ENOSPC if transfer.writes and "bad" in transfer.path else 0)
    write(m / "good", content_of(1))
    with open(m / "bad", "wb", buffering=0) as file:
        refused(errno.ENOSPC, file.write, content_of(2))
    equal(os.stat(m / "bad").st_size, 0, "size of the file that took nothing")
    equal(read(m / "good") == content_of(1), True, "the other file")
    holds(unruly.disturbed > 0, "a write failed")


def test_reads_after_an_error_are_right(t):
    failing = threading.Event()
    m, unruly = unruly_mount(t, fails=lambda transfer: errno.EIO if failing.is_set() and not transfer.writes else 0)
    write(m / "file", content_of(1))
    m.settle()
    with open(m / "file", "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        failing.set()
        refused(errno.EIO, file.read, SIZE)
        failing.clear()
        file.seek(0)
        data = b""
        while piece := file.read(SIZE):
            data += piece
    equal(data == content_of(1), True, "content once it can be read")
    holds(unruly.disturbed > 0, "a read failed")
