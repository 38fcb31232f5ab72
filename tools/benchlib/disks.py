# SPDX-License-Identifier: MIT
#
# A file system of a chosen kind in an image, with both layers on it: what a copy-up of a large file
# costs depends on it more than on anything else. Made for one row and gone after it.
#   lower/big                the file that is copied up
#   lower/tree/dNNN/fNNN     files whose stat is timed meanwhile

import os
import subprocess

from benchlib.files import fill_directory
from benchlib.systems import MountFailed

MAKERS = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
DIRECTORIES, FILES = 80, 100
SPARE_MIB = 1024   # for metadata, the tree and what a file system has not yet freed


class Disk:
    def __init__(self, path, kind, mib):
        self.path, self.kind, self.mib, self.image = path, kind, mib, f"{path}.image"

    def make(self):
        """Raises MountFailed where that cannot be."""
        os.makedirs(self.path, exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate((2 * self.mib + SPARE_MIB) << 20)
        for command in ([*MAKERS[self.kind], self.image],
                        ["mount", "-t", self.kind, "-o", "loop", self.image, self.path]):
            try:
                subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
            except (OSError, subprocess.CalledProcessError) as failure:
                raise MountFailed(f"{command[0]}: {getattr(failure, 'stderr', None) or failure}") from None
        for d in range(DIRECTORIES):
            fill_directory(os.path.join(self.path, f"lower/tree/d{d:03}"), FILES, 100)
        chunk = os.urandom(1 << 20)
        with open(os.path.join(self.path, "lower/big"), "wb", buffering=0) as file:
            for _ in range(self.mib):
                file.write(chunk)

    def end(self):
        subprocess.run(["umount", self.path], stderr=subprocess.DEVNULL, check=False)
        os.unlink(self.image)
