# SPDX-License-Identifier: MIT
"""writeback=on: the kernel gathers what is written, and nothing of it is lost."""
import errno
import mmap
import os

from harness import MountFailed, contains, equal, holds, read, refused, write
from harness.loop_images import mount_image

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def mount(t, tree=None, **named):
    return t.mount(t.layer(tree or {}), options=("writeback=on",), **named)


def test_it_excludes_passthrough(t):
    status = mount(t).status()
    equal((status["writeback"]["active"], status["passthrough"]["active"]), (True, False), "what is in use")
    contains(("writeback=on, which excludes it", "switched off by option"), status["passthrough"]["reason"], "reasons")
    try:
        t.mount(t.layer({}), options=("writeback=on", "passthrough=on"))
    except MountFailed as refusal:
        contains(str(refusal), "exclude each other", "message")
    else:
        holds(False, "both at once are refused")
    read_only = t.mount(t.layer({}), options=("writeback=on",), upper=False).status()["writeback"]
    equal(read_only, {"active": False, "reason": "the mount is read-only"}, "without an upper")


def test_small_writes_are_gathered(t):
    m = mount(t)
    pieces = [b"%04d" % number * 25 for number in range(1000)]
    with m.requests() as counted:
        fd = os.open(m / "file", os.O_CREAT | os.O_WRONLY)
        for piece in pieces:
            os.write(fd, piece)
        equal(os.fstat(fd).st_size, 100_000, "size while it is open")
        os.close(fd)
    holds(counted.counts["WRITE"] < 10, f"few requests: {counted.counts}")
    equal(read(m.upper + "/file"), b"".join(pieces), "content in the upper once it is closed")
    holds(os.stat(m / "file").st_mtime_ns <= os.stat(m.upper + "/file").st_mtime_ns, "the kernel's time is the earlier one")


def test_a_handle_that_only_writes_keeps_what_surrounds_its_bytes(t):
    content = bytes(range(256)) * 100
    m = mount(t, {"file": content})
    fd = os.open(m / "file", os.O_WRONLY)
    os.pwrite(fd, b"new", 5000)
    os.close(fd)
    equal(read(m.upper + "/file"), content[:5000] + b"new" + content[5003:], "content in the upper")


def test_a_file_that_only_may_be_written_can_be(t):
    m = mount(t)
    fd = os.open(m / "file", os.O_CREAT | os.O_WRONLY, 0o200)
    os.write(fd, b"first")
    os.close(fd)
    fd = os.open(m / "file", os.O_WRONLY)
    os.pwrite(fd, b"then", 3)
    os.close(fd)
    os.chmod(m.upper + "/file", 0o600)
    equal(read(m.upper + "/file"), b"firthen", "content in the upper")


def test_the_place_of_data_is_given_only_when_it_is_known(t):
    m = mount(t)
    fd = os.open(m / "file", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x" * 4096, 1 << 20)
    refused(errno.EINVAL, os.lseek, fd, 0, os.SEEK_DATA)
    os.close(fd)
    fd = os.open(m / "file", os.O_RDONLY)
    equal(os.lseek(fd, 0, os.SEEK_DATA), 1 << 20, "the first data")
    os.close(fd)


def test_every_way_of_changing_a_file_leaves_the_same_bytes_and_size(t):
    m = mount(t, {"source": b"s" * 10_000})
    plain = t.fresh("plain")
    results = []
    for where in (m.path, plain):
        write(f"{where}/from", b"f" * 10_000)
        fd = os.open(f"{where}/file", os.O_CREAT | os.O_RDWR)
        other = os.open(f"{where}/from", os.O_RDWR)
        os.write(fd, b"a" * 9000)
        os.ftruncate(fd, 6000)
        with mmap.mmap(fd, 6000) as memory:
            memory[100:104] = b"mmap"
        os.pwrite(fd, b"b" * 100, 7000)
        os.pwrite(other, b"DIRTY", 3)
        os.copy_file_range(other, fd, 5000, 0, 8000)
        os.posix_fallocate(fd, 0, 20_000)
        with mmap.mmap(-1, 4096) as page:
            page[:] = b"d" * 4096
            direct = os.open(f"{where}/file", os.O_RDWR | os.O_DIRECT)
            os.pwrite(direct, page, 12288)
            os.close(direct)
        os.pwrite(fd, b"end", 20_000)
        results.append((os.fstat(fd).st_size, os.pread(fd, 1 << 20, 0)))
        os.close(fd), os.close(other)
    equal(results[0] == results[1], True, "size and content are those of a plain directory")
    equal(read(m.upper + "/file") == results[1][1], True, "the upper has them too")


def test_a_signal_to_the_daemon_loses_nothing(t):
    m = mount(t, {"lower": b"l" * 5000, "d": {}})
    fds = [os.open(m / name, os.O_CREAT | os.O_RDWR) for name in ("new", "lower", "d/new")]
    for fd in fds:
        os.pwrite(fd, b"w" * 3_000_000, 4000)
    os.unlink(m / "new")
    m.daemon.signal()
    m.daemon.end()
    m.alive = False
    equal(read(m.upper + "/lower") == b"l" * 4000 + b"w" * 3_000_000, True, "a file of the lower")
    equal(read(m.upper + "/d/new") == bytes(4000) + b"w" * 3_000_000, True, "a new file")
    for fd in fds:
        refused((errno.ENOTCONN, errno.ECONNABORTED), os.fsync, fd)
        try:
            os.close(fd)
        except OSError as error:
            contains((errno.ENOTCONN, errno.ECONNABORTED, errno.EIO), error.errno, "errors of close")


def test_a_full_disk_is_reported_once_to_the_writer(t):
    upper = mount_image(t, "ext4", 16 << 20) + "/upper"
    os.mkdir(upper)
    m = mount(t, upper=upper)
    write(m / "before", b"kept")
    full, small = (os.open(m / name, os.O_CREAT | os.O_WRONLY) for name in ("full", "small"))
    try:
        for _ in range(32):
            os.write(full, b"x" * (1 << 20))
    except OSError as error:
        equal(error.errno, errno.ENOSPC, "error of a write")
    refused((errno.ENOSPC, errno.EIO), os.fsync, full)
    os.close(full)
    os.unlink(m / "full")
    m.settle()
    os.write(small, b"small")
    os.fsync(small)
    os.close(small)
    equal((read(upper + "/small"), read(upper + "/before")), (b"small", b"kept"), "other files")
    equal(m.status()["writeback"]["active"], True, "the service goes on")
