# SPDX-License-Identifier: MIT
"""A lower file that is written while it is copied up: the copy is one state of it, or there is none.

Each write of the daemon to the copy stops before it is made (harness/unruly_transfers), so that the lower is changed in the
middle of the copy and at no other time; the layers lie on two file systems, or the kernel would copy by itself.
"""
import errno
import os
import threading

from harness import contains, equal, holds, loop_images, read, refused, write
from harness.unruly_transfers import UnrulyTransfers

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's seccomp filter would keep fusermount3 from mounting"
MIB = 1 << 20
SIZE = 4 * MIB


def state(number, size=SIZE):
    return bytes([ord("a") + number % 26]) * size


def is_metacopy(path):
    return any(name.endswith(".overlay.metacopy") for name in os.listxattr(path))


class Scene:
    """A mount of a lower file "file", which changes to its next state in the middle of the first `changes` copies."""

    def __init__(self, t, changes, *options, change=None, begin=lambda path: None):
        self.low = loop_images.mount_image(t, "tmpfs", 64 * MIB)
        self.lower = self.low + "/file"
        write(self.lower, state(0))
        os.chmod(self.lower, 0o640)
        t.let_lower_change(self.low, "the test writes to it, as others do")
        self.left, self.number, self.lock = 0, 0, threading.Lock()
        self.change = change or self._write_next
        stack = t.stack(self.low, options=options)
        self.unruly = UnrulyTransfers(os.path.dirname(stack.upper), rings=True, waits=self._wait)
        self.m = t.mount_stack(stack, preexec_fn=self.unruly.install)
        t.at_end(self.unruly.close)
        self.path = self.m / "file"
        begin(self.path)
        self.left = changes

    def _write_next(self):
        with open(self.lower, "r+b") as file:
            file.write(state(self.number))

    def _wait(self, transfer):
        with self.lock:
            if transfer.writes and transfer.offset + transfer.length > SIZE // 2 >= transfer.offset and self.left > 0:
                self.left, self.number = self.left - 1, self.number + 1
                self.change()

    def has_left_nothing(self):
        left = set(os.listdir(self.m.work + "/work")) - {"whiteout"}     # one that is linked to each place
        equal(left, set(), "what is left in the workdir")

    def log(self):
        return [line for line in self.m.daemon.text().splitlines() if "is written in the lower" in line]


def test_a_copy_that_was_torn_is_made_again(t):
    for changes in (1, 3):
        scene = Scene(t, changes)
        os.close(os.open(scene.path, os.O_RDWR))
        equal(read(scene.path) == state(changes), True, f"the copy after {changes} changes is the last state")
        equal(read(scene.m.upper + "/file") == state(changes), True, "so is the upper's file")
        equal(scene.log(), [], "lines of the log")
        scene.has_left_nothing()


def test_a_file_that_is_always_written_is_busy(t):
    for value in ("warn", "follow"):
        scene = Scene(t, 1000, f"lower_changes={value}")
        refused(errno.EBUSY, os.open, scene.path, os.O_RDWR)
        equal(os.path.exists(scene.m.upper + "/file"), False, "there is a copy")
        [line] = scene.log()
        contains(line, "'/file'", "the line of the log")
        scene.has_left_nothing()
        refused(errno.EBUSY, os.truncate, scene.path, SIZE - 1)
        equal(len(scene.log()), 1, "lines of the log after another attempt")
        scene.left = 0
        os.close(os.open(scene.path, os.O_RDWR))
        equal(read(scene.path) == state(scene.number), True, "the copy is the last state")


def test_a_torn_copy_is_not_made_again_if_changes_are_refused(t):
    scene = Scene(t, 1, "lower_changes=refuse")
    refused(errno.ESTALE, os.open, scene.path, os.O_RDWR)
    equal(os.path.exists(scene.m.upper + "/file"), False, "there is a copy")
    scene.has_left_nothing()


def test_a_change_of_attributes_tears_a_copy_too(t):
    scene = None

    def change():
        os.chmod(scene.lower, 0o600)

    scene = Scene(t, 1, change=change)
    os.close(os.open(scene.path, os.O_RDWR))
    equal(os.stat(scene.m.upper + "/file").st_mode & 0o777, 0o600, "the mode of the copy")


def test_a_file_that_shrinks_or_grows_is_copied_as_it_is_then(t):
    for size in (0, SIZE // 4, SIZE + MIB):
        scene = None

        def change(size=size):
            write(scene.lower, state(1, size))    # truncates first

        scene = Scene(t, 1, change=change)
        os.close(os.open(scene.path, os.O_RDWR))
        equal(read(scene.m.upper + "/file") == state(1, size), True, f"the copy of what has {size} bytes by now")


def test_the_later_copy_of_the_data_is_whole_too(t):
    scene = Scene(t, 2, "metacopy=on", begin=lambda path: os.chmod(path, 0o600))
    copy = scene.m.upper + "/file"
    holds(is_metacopy(copy), "there is a metacopy")
    before = os.stat(copy)
    os.close(os.open(scene.path, os.O_RDWR))
    equal(read(copy) == state(2), True, "the data are the last state")
    equal(is_metacopy(copy), False, "it is a metacopy")
    equal(os.stat(copy).st_mtime_ns, before.st_mtime_ns, "the time of the copy")


def test_a_metacopy_stays_one_if_its_data_are_always_written(t):
    scene = Scene(t, 1000, "metacopy=on", begin=lambda path: os.chmod(path, 0o600))
    copy = scene.m.upper + "/file"
    blocks = os.stat(copy).st_blocks
    refused(errno.EBUSY, os.open, scene.path, os.O_RDWR)
    holds(is_metacopy(copy), "it is still a metacopy")
    equal(os.stat(copy).st_blocks, blocks, "its blocks")
    equal(len(scene.log()), 1, "lines of the log")
    equal(read(scene.path) == state(scene.number), True, "the union shows the lower's data")
