# SPDX-License-Identifier: MIT
"""Small file systems of a chosen kind for upper layers, on loop devices inside the private mount namespace."""
import os
import subprocess

from . import features, syscalls

MAKERS = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
SMALLEST = {"ext4": 4 << 20, "xfs": 320 << 20, "btrfs": 128 << 20}


def mount_image(t, kind, size=64 << 20, options=""):
    """Mounts a fresh file system for the duration of test t and returns its root."""
    point = t.fresh(kind)
    if kind == "tmpfs":
        features.need("tmpfs user xattrs")
        syscalls.mount("tmpfs", point, "tmpfs", 0, f"size={size}" + ("," + options if options else ""))
        return point
    features.need(kind)
    image = point + ".image"
    with open(image, "wb") as file:
        file.truncate(max(size, SMALLEST[kind]))
    subprocess.run([*MAKERS[kind], image], check=True, capture_output=True)
    subprocess.run(["mount", "-t", kind, "-o", "loop" + ("," + options if options else ""), image, point],
                   check=True, capture_output=True)
    t.at_end(lambda: os.unlink(image))
    return point
