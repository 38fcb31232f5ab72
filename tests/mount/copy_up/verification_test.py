# SPDX-License-Identifier: MIT
"""verify_copy_up=on: a disk that does not keep what was written to it.

The upper layer lies on a disk of ours (harness/block_recorder) that changes one bit of each write which contains a mark,
and reports success. The file system above has the right bytes in its page cache, so that nobody sees it who does not
ask the disk.
"""
import errno
import os

from harness import File, contains, equal, holds, mark, only_in, read, refused, write
from harness.recorded_disk import Disk, stack_on

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
MARK = b"the bytes that this disk does not keep"
TEXT = os.urandom(300_000) + MARK + os.urandom(200_000)


class Scene:
    def __init__(self, t, tree, *options):
        self.t, self.disk = t, Disk(t, "ext4", {})
        t.at_end(self.disk.end)
        self.m = t.mount_stack(stack_on(t, self.disk.point, t.layer(tree), options))
        self.before = os.listdir(self.m.work + "/work")

    def spoil(self):
        self.disk.recorder.spoil_writes(MARK)

    def is_refused(self, path):
        refused(errno.EIO, open, self.m / path, "r+b")
        equal(read(self.m / path) == TEXT, True, "the file still holds what it did")
        equal(os.listdir(self.m.work + "/work"), self.before, "what is left in the workdir")
        lines = [line for line in self.m.daemon.text().splitlines() if path in line]
        equal(len(lines), 1, f"lines of the log about {path}: {lines}")
        contains(lines[0], "differs from the file", "what it says")
        contains(lines[0], "try again", "its remedy")


@only_in("root", why="a loop device reads the file server of root alone")
def test_a_copy_that_the_disk_spoils_is_refused_and_leaves_nothing(t):
    scene = Scene(t, {"dir": {"file": TEXT}}, "verify_copy_up=on")
    scene.spoil()
    scene.is_refused("dir/file")
    equal(os.listdir(scene.m.upper + "/dir"), [], "the directory in the upper layer")
    scene.disk.recorder.fail_writes(0)
    write(scene.m / "dir/file", "more", "ab")
    equal(read(scene.m / "dir/file") == TEXT + b"more", True, "the file after the disk was repaired")


@only_in("root", why="a loop device reads the file server of root alone")
def test_without_the_option_the_fault_goes_unnoticed(t):
    scene = Scene(t, {"file": TEXT})
    scene.spoil()
    write(scene.m / "file", "more", "ab")
    equal(read(scene.m / "file") == TEXT + b"more", True, "the file in the page cache is right")
    fd = os.open(scene.m.upper + "/file", os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    content = read(scene.m.upper + "/file")
    equal((len(content), sum(a != b for a, b in zip(content, TEXT))), (len(TEXT) + 4, 1), "size on disk, bytes that differ")


@only_in("root", why="a loop device reads the file server of root alone")
def test_the_bytes_of_a_metacopy_are_verified_before_its_mark_goes(t):
    scene = Scene(t, {"file": TEXT}, "verify_copy_up=on", "metacopy=on")
    os.chmod(scene.m / "file", 0o600)
    scene.spoil()
    scene.is_refused("file")
    equal(os.getxattr(scene.m.upper + "/file", mark("metacopy")), b"", "its mark")
    scene.disk.recorder.fail_writes(0)
    write(scene.m / "file", "more", "ab")
    equal(read(scene.m / "file") == TEXT + b"more", True, "the file after the disk was repaired")


@only_in("root", why="a loop device reads the file server of root alone")
def test_a_volatile_mount_verifies_what_is_on_the_disk_too(t):
    scene = Scene(t, {"file": TEXT}, "verify_copy_up=on", "volatile")
    scene.spoil()
    scene.is_refused("file")


def test_holes_sizes_and_cuts_are_no_difference(t):
    low = t.layer({"holes": File(b"start", size=3 << 20), "odd": b"x" * 70_001, "empty": b"", "cut": TEXT})
    with open(low + "/holes", "r+b") as file:
        file.seek(2 << 20)
        file.write(b"island")
    os.utime(low + "/holes", (1, 1))
    m = t.mount(low, options=["verify_copy_up=on"])
    for name in ("holes", "odd", "empty"):
        before = read(m / name)
        write(m / name, b"+", "ab")
        equal(read(m / name) == before + b"+", True, f"content of {name}")
    os.truncate(m / "cut", 100_001)
    equal(read(m / "cut") == TEXT[:100_001], True, "content of what was cut")
    holds(os.stat(m.upper + "/holes").st_blocks * 512 < 2 << 20, "holes stay holes")
