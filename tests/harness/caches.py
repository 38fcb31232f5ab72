# SPDX-License-Identifier: MIT
"""The kernel's caches of names and inodes: dropping them, and noticing such a drop."""

import os

from . import administrator, syscalls, write


def drop(what=2):
    """2 drops names and inodes, 3 pages as well. It is machine-wide; see drops."""
    administrator.do(write, "/proc/sys/vm/drop_caches", str(what))


def drop_of(mountpoint):
    """Names and inodes of one FUSE mount: the kernel drops them when it is remounted, and disturbs no other test. The server is not asked."""
    administrator.do(syscalls.mount, None, os.fspath(mountpoint), None, syscalls.MS_REMOUNT | syscalls.MS_NOSUID | syscalls.MS_NODEV)


def drops():
    """How often names and inodes were dropped on this machine."""
    with open("/proc/vmstat", encoding="ascii") as file:
        for line in file:
            name, value = line.split()
            if name == "drop_slab":
                return int(value)
    return 0
