# SPDX-License-Identifier: MIT
"""Faults of the layers during service that are no single call's: a broken disk below the upper layer, an upper
unmounted from outside, no room for names. tests/mount/faults has those of lower layers, quotas and full disks.
"""
import errno
import os

from harness import checks, equal, holds, read, refused, syscalls, write
from harness.loop_images import mount_image
from harness.recorded_disk import Disk, stack_on

SYSTEMS = ("overpass",)
DATA = bytes(range(256)) * 1024
LOWER = {"large": DATA, "small": "s", "d": {"x": "y"}, "gone": "g"}


def test_fsync_reports_a_failing_disk_below_the_upper_and_nothing_is_spoiled(t):
    disk = Disk(t, "ext4", {})
    lower = t.layer(LOWER)
    m = t.mount_stack(stack_on(t, disk.point, lower, ()))
    write(m / "before", b"kept"), sync(m / "before")
    fd = os.open(m / "written", os.O_RDWR | os.O_CREAT)
    os.fsync(fd)
    disk.recorder.fail_writes(errno.EIO)
    os.write(fd, DATA)
    refused(errno.EIO, os.fsync, fd)
    os.close(fd)
    refused((errno.EIO, errno.EROFS), os.chmod, m / "large", 0o600)
    os.unlink(m / "gone")                                    # in memory so far
    refused((errno.EIO, errno.EROFS), sync, m.path)
    refused((errno.EIO, errno.EROFS), os.mkdir, m / "new")
    equal(read(m / "large") == DATA and read(m / "small") == b"s", True, "lower files are whole")
    equal(sorted(os.listdir(m.path)), ["before", "d", "large", "small", "written"], "names")
    disk.recorder.fail_writes(0)
    m.umount()
    disk.end()
    disk.start_again()
    m = t.mount_stack(stack_on(t, disk.point, lower, ()))
    equal(read(m / "before"), b"kept", "what had been synced")
    equal(read(m / "large") == DATA and os.stat(m / "large").st_mode & 0o777 == 0o644, True, "the file not copied up")
    equal(sorted(os.listdir(m.path)), ["before", "d", "gone", "large", "small", "written"], "names that were synced")
    os.chmod(m / "large", 0o600), os.unlink(m / "gone"), os.mkdir(m / "new"), sync(m.path)
    equal(sorted(os.listdir(m.path)), ["before", "d", "large", "new", "small", "written"], "names afterwards")
    m.umount()
    disk.end()


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def test_an_upper_unmounted_below_us_goes_on_serving(t):
    root = mount_image(t, "tmpfs")
    os.mkdir(root + "/upper")
    m = t.mount(t.layer(LOWER), upper=root + "/upper")
    write(m / "first", "1")
    syscalls.umount(root, syscalls.MNT_DETACH)
    write(m / "second", "2"), os.chmod(m / "large", 0o600), os.rename(m / "small", m / "d/moved")
    os.mkdir(m / "emptied"), os.rmdir(m / "emptied")
    equal(read(m / "first") + read(m / "second") + read(m / "d/moved"), b"12s", "contents")
    equal(read(m / "large") == DATA, True, "the copied-up file")
    holds(not os.path.exists(m / "small"), "the old name is gone")
    m.umount()


def test_an_upper_without_room_for_names_keeps_every_tree_whole(t):
    """Names are made and removed until nothing fits; each refused change leaves what was there."""
    root = mount_image(t, "ext4", 4 << 20)
    os.mkdir(root + "/upper")
    names = {f"lower-{'n' * 200}-{number}": "x" for number in range(300)}
    m = t.mount(t.layer({"d": names, "large": DATA * 4}), upper=root + "/upper")
    fill(root)
    refusals = set()
    for name in names:
        before = sorted(os.listdir(m / "d"))
        try:
            os.unlink(m / f"d/{name}")
            before.remove(name)
        except OSError as error:
            refusals.add(checks.name_of(error.errno))
            equal(sorted(os.listdir(m / "d")), before, "names after a refused unlink")
            break
    for change in (lambda: os.mkdir(m / "d/new"), lambda: os.rename(m / f"d/{before[-1]}", m / "moved"),
                   lambda: os.symlink("t" * 900, m / "link"), lambda: os.chmod(m / "large", 0o600)):
        try:
            change()
        except OSError as error:
            refusals.add(checks.name_of(error.errno))
    equal(refusals, {"ENOSPC"}, "errnos on the full disk")
    shown = t.dump(m.path)
    m.umount()
    os.unlink(root + "/ballast")
    m = t.mount_stack(m.stack)
    equal(t.dump(m.path), shown, "dump after a remount")
    os.chmod(m / "large", 0o600), os.unlink(m / f"d/{before[0]}"), os.mkdir(m / "d/other")
    equal(read(m / "large") == DATA * 4, True, "the copied-up file when there is room again")


def fill(root):
    """Takes all blocks of a file system."""
    with open(root + "/ballast", "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 10):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError as error:
                equal(error.errno, errno.ENOSPC, "errno of the ballast")
