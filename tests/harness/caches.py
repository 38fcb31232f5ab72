# SPDX-License-Identifier: MIT
"""The kernel's caches of names and inodes: dropping them, and noticing such a drop."""

from . import administrator, write


def drop(what=2):
    """2 drops names and inodes, 3 pages as well. It is machine-wide; see drops."""
    administrator.do(write, "/proc/sys/vm/drop_caches", str(what))


def drops():
    """How often names and inodes were dropped on this machine."""
    with open("/proc/vmstat", encoding="ascii") as file:
        for line in file:
            name, value = line.split()
            if name == "drop_slab":
                return int(value)
    return 0
