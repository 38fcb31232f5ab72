# SPDX-License-Identifier: MIT
"""The place of a test file's layers: an ext4 in memory if the machine can have one, else the scratch directory itself.

A real file system keeps the tests honest, memory keeps their many small syncs cheap. It is mounted
inside the private mount namespace and goes with it.
"""
import os
import subprocess

from . import syscalls

SIZE, MEMORY_SHARE = 16 << 30, 3


def prepare(directory, wanted):
    """Returns the directory to build layers in. wanted: "memory", or "" for the directory as it is."""
    if wanted != "memory":
        return directory
    return _in_memory(directory) or directory


def _in_memory(directory):
    ram, disk = os.path.join(directory, "ram"), os.path.join(directory, "disk")
    os.mkdir(ram)
    os.mkdir(disk)
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEMORY_SHARE
    syscalls.mount("tmpfs", ram, "tmpfs", 0, f"size={limit}")
    image = ram + "/ext4"
    with open(image, "wb") as file:
        file.truncate(SIZE)
    inodes = ("-N", "1000000") if limit > 2 << 30 else ()
    made = subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard", *inodes, image],
                          capture_output=True, check=False)
    mounted = made.returncode == 0 and subprocess.run(
        ["mount", "-t", "ext4", "-o", "loop,discard", image, disk], capture_output=True, check=False).returncode == 0
    if not mounted:
        syscalls.umount(ram)
        return None
    os.chmod(disk, 0o755)
    return disk
