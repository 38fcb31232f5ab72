# SPDX-License-Identifier: MIT
"""A recorded disk (block_recorder) with a file system on it that holds an upper layer and a workdir."""
import errno
import os
import subprocess
import time

from . import checks, features, syscalls, trees
from .block_recorder import Recorder
from .loop_images import MAKERS, SMALLEST
from .systems import Stack

SIZES = {"ext4": 16 << 20, "xfs": SMALLEST["xfs"], "btrfs": SMALLEST["btrfs"]}


class Disk:
    """A recorded disk with a file system, and the images of it that a power loss would have left."""

    def __init__(self, t, kind, upper, maker=(), options=""):
        """maker: more arguments of mkfs. options: more of mount(8)."""
        features.need(kind)
        self.t, self.kind, self.options = t, kind, options
        memory = t.fresh("memory")
        syscalls.mount("tmpfs", memory, "tmpfs")
        self.start, self.trial, self.log = memory + "/start", memory + "/trial", memory + "/log"
        with open(self.start, "wb") as file:
            file.truncate(SIZES[kind])
        subprocess.run([*MAKERS[kind], *maker, self.start], check=True, capture_output=True)
        point = self.mount(self.start)
        os.mkdir(point + "/work"), os.mkdir(point + "/upper")
        trees.build(point + "/upper", upper)
        syscalls.umount(point)
        subprocess.run(["cp", "--sparse=always", self.start, memory + "/image"], check=True)
        self._memory = memory
        self.start_again()

    def start_again(self):
        """Mounts the disk, from a new log on."""
        self.recorder = Recorder(self._memory + "/image", self._memory + "/disk", self.log)
        self.point = self.mount(self._memory + "/disk")

    def begin_here(self):
        """After end(): what is on the disk now is its start. Mounts it at the same place, from a new log on."""
        subprocess.run(["cp", "--sparse=always", self._memory + "/image", self.start], check=True)
        self.recorder = Recorder(self._memory + "/image", self._memory + "/disk", self.log)
        self.mount(self._memory + "/disk", self.point)

    def mount(self, image, point=None):
        point = point or self.t.fresh("disk")
        options = "loop" + ("," + self.options if self.options else "")
        subprocess.run(["mount", "-t", self.kind, "-o", options, image, point], check=True, capture_output=True)
        return point

    def end(self):
        """The kernel takes a mount namespace apart, a sandbox's perhaps, after the last process in it has ended."""
        deadline = time.monotonic() + self.t.settings.seconds(20)
        while True:
            try:
                syscalls.umount(self.point)
                break
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.recorder.stop()

    def check(self):
        """What the file system's own checker says of a trial that has been mounted and unmounted."""
        if self.kind == "ext4":
            done = subprocess.run(["e2fsck", "-fn", self.trial], capture_output=True, check=False)
            checks.equal(done.returncode, 0, f"status of e2fsck: {done.stdout.decode()}")


def stack_on(t, point, lower, options):
    return Stack([lower], point + "/upper", point + "/work", options, t.fresh("mnt"))
