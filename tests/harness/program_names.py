# SPDX-License-Identifier: MIT
"""The program under the other names that it answers to, and where mount(8) looks for its helpers."""
import os

from . import syscalls

HELPERS = ("mount.overpass", "mount.fuse.overpass")


def under_the_names(t):
    """A directory in which the program has each name that it answers to."""
    directory = t.fresh("names")
    for name in (*HELPERS, "fuse-overlayfs", "overpass"):
        os.symlink(t.settings.overpass, f"{directory}/{name}")
    return directory


def cover_sbin(helpers, old):
    syscalls.mount("/usr/sbin", old, None, syscalls.MS_BIND)
    syscalls.mount("tmpfs", "/usr/sbin", "tmpfs")
    for name in os.listdir(old):
        os.symlink(f"{old}/{name}", f"/usr/sbin/{name}")
    for name in HELPERS:
        os.symlink(f"{helpers}/{name}", f"/usr/sbin/{name}")


def uncover_sbin(old):
    syscalls.umount("/usr/sbin", syscalls.MNT_DETACH)
    syscalls.umount(old, syscalls.MNT_DETACH)


def in_sbin(t):
    """Where mount(8) looks for helpers, in this private mount namespace only."""
    helpers, old = under_the_names(t), t.fresh("sbin")
    os.chmod(helpers, 0o755)
    t.by_root(cover_sbin, helpers, old)
    t.at_end(lambda: t.by_root(uncover_sbin, old))
