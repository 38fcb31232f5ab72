# SPDX-License-Identifier: MIT
"""The kernel's caches of names and inodes: dropping them, and noticing that somebody did."""

from . import administrator


def drop(what=2):
    """2 drops names and inodes, 3 pages as well. It is machine-wide; see drops."""
    administrator.do(_write, "/proc/sys/vm/drop_caches", str(what))


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def drops():
    """How often anybody on this machine has dropped names and inodes."""
    with open("/proc/vmstat", encoding="ascii") as file:
        for line in file:
            name, value = line.split()
            if name == "drop_slab":
                return int(value)
    return 0
