# SPDX-License-Identifier: MIT
"""Faults during service: full disks, quotas, broken or vanished layers, no descriptors left."""
import errno
import os
import resource
import subprocess

from harness import administrator, caches, equal, has, holds, lacking, only, read, refused, syscalls, write
from harness.loop_images import mount_image

WORLDS = ("root", "userns", "user")

DATA = bytes(range(256)) * 4096        # one MiB
TREE = {f"f{number}": DATA for number in range(6)} | {"small": "s", "d": {"x": "y"}}


def upper_on(t, root):
    os.mkdir(root + "/upper")
    return root + "/upper"


def fill(root):
    """Takes all space of a file system but leaves some names."""
    fd = os.open(root + "/ballast", os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1 << 20, 1 << 16, 1 << 12):
            try:
                while True:
                    os.write(fd, b"x" * size)
            except OSError as error:
                equal(error.errno, errno.ENOSPC, "errno of the ballast")
    finally:
        os.close(fd)


def test_a_full_disk_is_reported_to_the_caller_and_spoils_nothing(t):
    kinds = [("tmpfs", 4 << 20)] + [("ext4", 8 << 20)] * has("ext4")
    for kind, size in kinds:
        root = mount_image(t, kind, size)
        m = t.mount(t.layer(TREE), upper=upper_on(t, root))
        write(m / "before", "x")
        fill(root)
        refused(errno.ENOSPC, append, m / "f0")
        refused(errno.ENOSPC, os.truncate, m / "f1", len(DATA) - 1)
        refused(errno.ENOSPC, write, m / "new", DATA)
        equal(read(m / "f0") == DATA and read(m / "f1") == DATA, True, f"lower files are unchanged on a full {kind}")
        os.unlink(root + "/ballast")
        if os.path.exists(m / "new"):
            os.unlink(m / "new")
        append(m / "f0")
        equal(read(m / "f0") == DATA + b"+", True, f"a copy-up works when there is space again on {kind}")
        before = t.dump(m.path)
        m = t.remount(m)
        equal(t.dump(m.path), before, f"dump after a remount on {kind}")


def append(path):
    write(path, b"+", "ab")


def test_a_full_disk_leaves_no_part_of_a_copy_behind(t):
    root = mount_image(t, "tmpfs", 2 << 20)
    m = t.mount(t.layer({"large": DATA * 4}), upper=upper_on(t, root))
    for _ in range(5):
        refused(errno.ENOSPC, append, m / "large")
    equal(os.listdir(m.upper), [], "the upper layer")
    holds(os.statvfs(root).f_bavail * 4096 > 1 << 20, "the space of the failed copies is free again")


def test_a_lack_of_inodes_is_reported_to_the_caller(t):
    root = mount_image(t, "tmpfs", 8 << 20, "nr_inodes=12")
    m = t.mount(t.layer(TREE), upper=upper_on(t, root))
    made = 0
    try:
        for number in range(20):
            write(f"{m.path}/new{number}", "")
            made += 1
    except OSError as error:
        equal(error.errno, errno.ENOSPC, "errno")
    holds(0 < made < 20, f"some files were made ({made})")
    equal(read(m / "f0") == DATA, True, "lower files are readable")
    for number in range(made):
        os.unlink(f"{m.path}/new{number}")
    m.settle()
    write(m / "new", "x")


@only("overpass")
def test_a_rename_that_fails_leaves_the_directory_it_would_have_replaced(t):
    root = mount_image(t, "tmpfs", 8 << 20, "nr_inodes=40")
    m = t.mount(t.layer({"d": {"gone": "x"}, "from": "x"}), upper=upper_on(t, root))
    os.unlink(m / "d/gone")
    os.unlink(m / "from"), os.mkdir(m / "from"), write(m / "from/file", "moved")
    number, times = os.stat(m / "d").st_ino, os.stat(m / "d").st_mtime_ns
    ballast = 0
    while os.statvfs(root).f_ffree > 1:     # one for clearing the directory, none for the whiteout
        write(f"{root}/ballast{ballast}", "")
        ballast += 1
    refused(errno.ENOSPC, os.rename, m / "from", m / "d")
    equal(os.listdir(m / "d"), [], "names in the directory")
    equal((os.stat(m / "d").st_ino, os.stat(m / "d").st_mtime_ns), (number, times), "its number and time")
    equal(read(m / "from/file"), b"moved", "what was to be moved")
    for name in range(ballast):
        os.unlink(f"{root}/ballast{name}")
    os.rename(m / "from", m / "d")
    equal(read(m / "d/file"), b"moved", "after a second try")
    equal(sorted(os.listdir(m.path)), ["d"], "names at last")


def test_a_quota_is_reported_to_the_caller(t):
    root = mount_image(t, "btrfs", 256 << 20)
    quota = t.by_root(subprocess.run, ["btrfs", "quota", "enable", root], capture_output=True, check=False)
    if quota.returncode:
        lacking("quotas of btrfs")
    subprocess.run(["btrfs", "subvolume", "create", root + "/volume"], check=True, capture_output=True)
    administrator.run("btrfs", "qgroup", "limit", "2M", root + "/volume")
    m = t.mount(t.layer(TREE), upper=upper_on(t, root + "/volume"))

    def use_up():
        for number in range(6):
            with open(f"{m.path}/f{number}", "r+b") as file:
                file.write(b"changed")
                os.fsync(file.fileno())
    refused(errno.EDQUOT, use_up)
    equal(read(m / "f5")[7:] == DATA[7:], True, "a file that could not be changed is whole")
    write(m / "small", "", "ab")


@only("overpass")
def test_a_lower_layer_unmounted_below_us_still_serves_or_errs_cleanly(t):
    root = mount_image(t, "tmpfs")
    write(root + "/file", "content"), os.mkdir(root + "/d")
    m = t.mount(root, t.layer({"other": "x"}))
    t.let_lower_change(root, "it is unmounted")
    equal(read(m / "file"), b"content", "content before")
    t.by_root(syscalls.umount, root, syscalls.MNT_DETACH)
    try:
        equal(read(m / "file"), b"content", "content after")
    except OSError as error:
        holds(error.errno in (errno.EIO, errno.ENOENT, errno.ESTALE), f"a clean error: {error}")
    equal(read(m / "other"), b"x", "another layer")
    write(m / "new", "y")
    equal(read(m / "new"), b"y", "the upper layer")


def test_an_io_error_of_a_lower_is_reported_and_the_rest_goes_on(t):
    root = mount_image(t, "ext4", 32 << 20)
    write(root + "/bad", DATA * 8), write(root + "/good", "g")
    os.sync()
    m = t.mount(root, t.layer({"other": "x"}))
    t.let_lower_change(root, "its device is broken by the test")
    equal(read(m / "good"), b"g", "content before")
    fd = os.open(root + ".image", os.O_RDWR)
    os.truncate(fd, 4 << 20)                    # all beyond 4 MiB of the device is an I/O error now
    os.close(fd)
    caches.drop(3)
    refused(errno.EIO, read, m / "bad")
    refused(errno.EIO, append, m / "bad")
    holds(not os.path.exists(m.upper + "/bad"), "no part of a failed copy-up is in the upper layer")
    equal(read(m / "other"), b"x", "another layer")
    write(m / "new", "y")
    equal(read(m / "new"), b"y", "the upper layer")


@only("overpass")
def test_a_daemon_without_descriptors_errs_and_recovers(t):
    m = t.mount(t.layer({f"d{number}": {f"f{inner}": "x" for inner in range(5)} for number in range(60)} | {"file": "c"}))
    soft = m.status()["open_fds"] + 10
    old = resource.prlimit(m.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (soft, old[1]))
    held, refusals = [], set()
    for number in range(60):
        try:
            held.append(os.open(f"{m.path}/d{number}/new", os.O_RDWR | os.O_CREAT))
        except OSError as error:
            refusals.add(error.errno)
    holds(refusals <= {errno.ENFILE, errno.ENOMEM}, f"only errors of exhaustion: {refusals}")
    for fd in held:
        os.close(fd)
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, old)
    equal(read(m / "file"), b"c", "content afterwards")
    for number in range(60):
        write(f"{m.path}/d{number}/f0", "+", "ab")
    equal(read(m / "d59/f0"), b"x+", "a copy-up afterwards")


def test_a_full_disk_while_writing_an_upper_file_keeps_what_was_written(t):
    root = mount_image(t, "tmpfs", 4 << 20)
    m = t.mount(t.layer({}), upper=upper_on(t, root))
    fd = os.open(m / "file", os.O_RDWR | os.O_CREAT)
    written = 0
    try:
        while written < 16 << 20:
            written += os.write(fd, DATA)
    except OSError as error:
        equal(error.errno, errno.ENOSPC, "errno")
    holds(0 < written < 16 << 20, f"some was written ({written})")
    equal(os.fstat(fd).st_size, written, "size")
    equal(os.pread(fd, 100, 0), DATA[:100], "content")
    os.ftruncate(fd, 100)
    os.close(fd)
    write(m / "other", b"x" * 1000)
    equal(os.stat(m / "other").st_size, 1000, "size of a file written afterwards")
