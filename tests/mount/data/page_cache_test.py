# SPDX-License-Identifier: MIT
"""The kernel's page cache of files that are not passed through: what it keeps, and when it drops it."""
import mmap
import os

from harness import equal, holds, read, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
ALONE = True        # another test's drop of caches would cost reads


def mount(t, *options, tree=None):
    return t.mount(t.layer(tree or {"file": b"lower " * 4096}), options=("passthrough=off", *options))


def test_a_file_that_did_not_change_is_read_once(t):
    for name in ("file", "made"):
        m = mount(t)
        if name == "made":
            write(m / name, b"upper " * 4096)
            m.settle()
            read(m / name)
        content = read(m / name)
        with m.requests() as counted:
            for _ in range(5):
                equal(read(m / name), content, "content")
        equal(counted.counts.get("READ", 0), 0, f"reads of {name} that the daemon had to answer")


def test_a_file_that_was_changed_is_read_anew(t):
    m = mount(t)
    read(m / "file")
    with open(m / "file", "r+b") as file:
        file.write(b"UPPER")
    equal(read(m / "file")[:6], b"UPPER ", "content after a write")
    os.truncate(m / "file", 3)
    equal(read(m / "file"), b"UPP", "content after a truncation")
    m.settle()
    write(m.upper + "/file", b"out")
    os.utime(m.upper + "/file", (1, 1))
    equal(read(m / "file"), b"out", "content after a change of the same length outside the mount")


def test_bytes_that_went_elsewhere_than_the_kernel_thought_are_read_anew(t):
    m = mount(t)
    with open(m / "file", "ab", buffering=0) as file, open(m / "file", "rb") as reader:
        reader.read()
        end = os.path.getsize(m / "file")
        file.write(b"one")
        write(m.upper + "/file", b"outside", "ab")
        file.write(b"two")
        for _ in range(200):            # the kernel is told after the reply
            m.settle()
            reader.seek(end)
            if reader.read() == b"oneoutsidetwo":
                break
        reader.seek(end)
        equal(reader.read(), b"oneoutsidetwo", "what a descriptor opened before reads")
        equal(os.path.getsize(m / "file"), end + 13, "size")


def test_pages_changed_by_mmap_are_there_when_the_daemon_ends(t):
    m = mount(t)
    fd = os.open(m / "file", os.O_RDWR)
    with mmap.mmap(fd, 0) as memory:
        memory[:5] = b"MMAP!"
        m.daemon.signal()
        m.daemon.end()
        m.alive = False
    os.close(fd)
    equal(read(m.upper + "/file")[:6], b"MMAP! ", "content in the upper")


def test_direct_io_goes_past_the_pages(t):
    m = mount(t)
    read(m / "file")
    fd = os.open(m / "file", os.O_RDWR | os.O_DIRECT)
    with mmap.mmap(-1, 4096) as page:
        page[:] = b"D" * 4096
        equal(os.pwrite(fd, page, 4096), 4096, "bytes written")
        equal(os.preadv(fd, [page], 0), 4096, "bytes read")
        equal(page[:6], b"lower ", "what was read")
    os.close(fd)
    equal(read(m / "file")[4090:4102], (b"lower " * 700)[4090:4096] + b"D" * 6, "content through the pages")
    holds(os.stat(m / "file").st_mtime_ns == os.stat(m.upper + "/file").st_mtime_ns, "times are the disk's")
