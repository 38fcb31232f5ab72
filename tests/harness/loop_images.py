# SPDX-License-Identifier: MIT
"""Small file systems of a chosen kind for upper layers, on loop devices inside the private mount namespace."""
import os
import subprocess

from . import administrator, features, syscalls, trees, worlds

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
        owner = f"uid={os.geteuid()},gid={os.getegid()}"
        text = f"size={size},{owner}" + ("," + options if options else "")
        if os.geteuid() == 0:
            syscalls.mount("tmpfs", point, "tmpfs", 0, text)
        else:
            administrator.do(syscalls.mount, "tmpfs", point, "tmpfs", 0, text)
        return point
    features.need(kind)
    image = point + ".image"
    with open(image, "wb") as file:
        file.truncate(max(size, SMALLEST[kind]))
    subprocess.run([*MAKERS[kind], image], check=True, capture_output=True)
    mount_loop(t, kind, image, point, options)
    return point


def mount_loop(t, kind, image, point, options=""):
    """Mounts an image that is there for the duration of test t. Its root, as made, is the mount point's owner's."""
    owner = administrator.do(trees.owner_of, point)
    administrator.run("mount", "-t", kind, "-o", "loop" + ("," + options if options else ""), image, point)
    if owner != (0, 0) and "ro" not in options.split(","):
        administrator.do(worlds.give_to, point, owner[0])
    t.at_end(lambda: os.unlink(image))
