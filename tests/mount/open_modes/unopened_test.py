# SPDX-License-Identifier: MIT
"""Read-only unions whose files the kernel reads without opening them (open=none)."""
import mmap
import os
import shutil
import subprocess

from harness import at_most, caches, equal, holds, only_in, read, refused, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
ALONE = True        # another test's drop of caches would cost reads
BIG = b"".join(b"%07d\n" % number for number in range(300_000))
TREE = {"file": b"lower " * 4096, "big": BIG, "empty": "", "dir": {f"f{number}": f"text {number}" for number in range(700)}}


def mount(t, *options, tree=None):
    return t.mount(t.layer(tree or TREE), upper=None, options=options)


def read_all(path):
    """Without the ioctl that Python's own open() makes."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 100_000)
    finally:
        os.close(fd)


def test_warm_files_are_read_without_a_request(t):
    m = mount(t, "open=none")
    equal(m.status()["open"], "none", "what the status says")
    equal(read(m / "file"), TREE["file"], "content")
    with m.requests() as counted:
        for _ in range(10):
            equal(read_all(m / "file"), TREE["file"], "content")
    equal(counted.counts, {}, "requests")


def test_a_small_file_is_read_by_one_request(t):
    m = mount(t, "open=none")
    read(m / "empty")     # the first open is answered once for all
    os.listdir(m / "dir")
    with m.requests() as counted:
        equal(read_all(m / "dir/f1"), b"text 1", "content")
    equal(counted.counts, {"READ": 1}, "requests")


def test_content_is_that_of_the_lower(t):
    m = mount(t, "open=none")
    for name in ("file", "big", "empty", "dir/f5"):
        expected = TREE["dir"]["f5"].encode() if "/" in name else TREE[name] or b""
        equal(read(m / name), expected, f"content of {name}")
    with open(m / "big", "rb") as file:
        for offset in (0, 4095, 4096, 1_000_001, len(BIG) - 5, len(BIG)):
            equal(os.pread(file.fileno(), 9000, offset), BIG[offset:offset + 9000], f"content at {offset}")
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping:
            equal(mapping[2_000_000:2_000_100], BIG[2_000_000:2_000_100], "mapped content")
        os.fsync(file.fileno())
        equal(os.lseek(file.fileno(), 0, os.SEEK_HOLE), len(BIG), "the end of the data")
    caches.drop()
    equal(read(m / "big"), BIG, "content read again after the kernel has forgotten")


def test_a_program_runs(t):
    low = t.layer({})
    shutil.copy("/bin/true", low + "/true")
    m = t.mount(low, upper=None, options=("open=none",))
    for _ in range(2):
        equal(subprocess.run([m / "true"]).returncode, 0, "its exit status")


def test_few_descriptors_are_kept(t):
    m = mount(t, "open=none")
    for number in range(700):
        read(m / f"dir/f{number}")
    at_most(m.status()["open_fds"], 400, "descriptors of the daemon")


def test_changes_are_refused(t):
    m = mount(t, "open=none")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
        refused(30, os.open, m / "file", flags)
    refused(30, write, m / "new", "x")


@only_in("root", "userns", why="an ordinary user may not remount")
def test_a_mount_that_was_made_writable_refuses_changes_as_before(t):
    m = mount(t, "open=none")
    subprocess.run(["mount", "-i", "-o", "remount,rw", m.path], check=True)
    fd = os.open(m / "file", os.O_RDWR)
    refused(30, os.pwrite, fd, b"x", 0)
    refused(30, os.posix_fallocate, fd, 0, 100_000)
    os.close(fd)
    equal(read(m / "file"), TREE["file"], "content")


def test_an_upper_that_is_read_only_is_read_so_too(t):
    low = t.layer(TREE)
    m = t.mount(low)
    write(m / "dir/f1", "changed")
    m.umount()
    m = t.mount(low, upper=m.upper, options=("open=none", "ro"))
    equal((read(m / "dir/f1"), read(m / "dir/f2")), (b"changed", b"text 2"), "content")
    equal(m.status()["open"], "none", "what the status says")


def test_files_are_opened_where_that_is_asked_for_or_has_a_use(t):
    equal(mount(t, "open=ask", "passthrough=off").status()["open"], "ask", "with open=ask")
    m = mount(t)
    equal(m.status()["open"], "ask" if m.status()["passthrough"]["active"] else "none", "by itself")
    m = t.mount(t.layer({"file": "x"}), upper=None, options=("passthrough=off", "rule=deny:file"))
    equal(m.status()["open"], "ask", "where a rule decides")
    refused(13, os.open, m / "file", os.O_RDONLY)
    equal(t.mount(t.layer({})).status()["open"], "ask", "where files can be written")


@only_in("root", why="only root may change how far the kernel reads ahead")
def test_the_kernel_reads_farther_ahead_where_the_daemon_moves_the_data(t):
    for options, wanted in ((("open=none",), 512), (("passthrough=off",), 512), ((), 128)):
        m = mount(t, *options)
        device = os.stat(m.path).st_dev
        with open(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb", encoding="ascii") as file:
            holds(m.status()["passthrough"]["active"] == (wanted == 128), "who moves the data")
            equal(int(file.read()), wanted, f"KiB read ahead with {options}")
