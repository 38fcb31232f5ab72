# SPDX-License-Identifier: MIT
#
# The layers the benchmark works on, below one scratch directory on a real file system:
#   lower/tree/dNNN/fNNN   4 KiB files, lower/data/inN big files; never changed after set-up
#   of-65534/lower/...     the same, of that user: whose files they are decides what is asked of them
#   large/tree/d000/fNNN   one directory of very many files of 100 bytes
#   l/N/tree/dNNN/xN       further lower layers: the same directories, with a file each
#   upper, work            the upper layer, made anew for every cell
#   upper-data, work-data  an upper layer that already holds data/outN, for rows that overwrite
#   root                   for systems without layers: a copy of tree, data/inN, data/outN
#   disk-<kind>/           a file system of its own for a row that copies a large file up (disks.py)
#   mnt-<system>           mountpoints
# Systems share these, one at a time: ext4 makes directories far apart in different parts of the
# disk, and a directory in a full part was seen to take ten times as long for mkdir as another.
# `settle` and `drop_names` bring the machine into the same state before each cell.

import ctypes
import glob
import os
import shutil
import subprocess

from benchlib.disks import Disk
from benchlib.files import fill_directory
from benchlib.isolation import LIBC
from benchlib.whole_programs import MADE

CHUNK = bytes(1 << 20)


class Scratch:
    """Owns the scratch directory's content."""

    def __init__(self, path, directories, files, data_mib, threads, large_files=0, copied_mib=0):
        self.path = path
        self.directories = directories
        self.files = files
        self.data_mib = data_mib
        self.threads = threads
        self.large_files = large_files
        self.copied_mib = copied_mib
        self.disk = None             # that of the row being measured, where it has one
        self.tree_is_stale = False   # a row has used up root/tree

    def at(self, name):
        return os.path.join(self.path, name)

    def own(self, name, owner):
        """Relative to the scratch directory: a layer of this user's, None being root."""
        return name if owner is None else f"of-{owner}/{name}"

    @property
    def lower(self):
        return self.at("lower")

    def make_tree(self, root):
        for d in range(self.directories):
            fill_directory(os.path.join(root, "tree", f"d{d:03}"), self.files, 4096)

    def make_big_files(self, directory, prefix):
        os.makedirs(directory, exist_ok=True)
        for index in range(self.threads):
            with open(os.path.join(directory, f"{prefix}{index}"), "wb", buffering=0) as file:
                for _ in range(self.data_mib):
                    file.write(CHUNK)

    def give(self, owner, *names):
        """Makes layers belong to the owner, if they did not before."""
        number = owner or 0
        subprocess.run(["chown", "-R", f"{number}:{number}", *names], check=True)

    def make_lower(self, with_data, owner):
        lower = self.at(self.own("lower", owner))
        self.make_tree(lower)
        if with_data:
            self.make_big_files(os.path.join(lower, "data"), "in")
        self.give(owner, lower)

    def lower_names(self, row, owner):
        """The lower layers for the row, topmost first, relative to the scratch directory: five
        hundred whole paths would not fit into the options of mount(2)."""
        if row.disk:
            return [f"disk-{row.disk}/lower"]
        if row.large:
            large = self.own("large", owner)
            if not os.path.isdir(self.at(large)):
                fill_directory(self.at(f"{large}/tree/d000"), self.large_files, 100)
                self.give(owner, self.at(large))
            return [large]
        for number in range(row.lowers - 1):
            for d in range(self.directories if not os.path.isdir(self.at(f"l/{number}")) else 0):
                directory = self.at(f"l/{number}/tree/d{d:03}")
                os.makedirs(directory)
                os.mknod(os.path.join(directory, f"x{number}"))
        return [f"l/{number}" for number in range(row.lowers - 1)] + [self.own("lower", owner)]

    def need_disk(self, kind):
        if self.disk is None:
            disk = Disk(self.at(f"disk-{kind}"), kind, self.copied_mib)
            disk.make()
            self.disk = disk

    def fresh_upper(self, row, owner):
        """Returns (upper, work) for one cell."""
        if row.writes_data:
            upper, work = self.at("upper-data"), self.at("work-data")
            if not os.path.isdir(upper):
                self.make_big_files(os.path.join(upper, "data"), "out")
                os.makedirs(work)
            self.give(owner, upper, work)   # another's daemon has made things there
            return upper, work
        upper, work = self.at("upper"), self.at("work")
        if row.disk:
            self.need_disk(row.disk)
            upper, work = os.path.join(self.disk.path, "upper"), os.path.join(self.disk.path, "work")
        for directory in (upper, work):
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
        self.give(owner, self.disk.path if row.disk else upper, work)
        return upper, work

    def fresh_root(self, row):
        """Returns the plain copy for one cell; the tree is remade only where a row used it up."""
        root = self.at("root")
        if self.tree_is_stale:
            shutil.rmtree(os.path.join(root, "tree"), ignore_errors=True)   # it may be gone
            self.tree_is_stale = False
        if not os.path.isdir(os.path.join(root, "tree")):
            self.make_tree(root)
        for name in (*MADE, *(f"w{index}" for index in range(self.threads))):
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)
        data = os.path.join(root, "data")
        if row.fio and not os.path.isdir(data):
            self.make_big_files(data, "out")
            for index in range(self.threads):
                os.link(os.path.join(self.lower, "data", f"in{index}"),
                        os.path.join(data, f"in{index}"))
        self.tree_is_stale = row.uses_up
        return root

    def settle(self):
        """Writes out what preparing left behind, so that the clock does not pay for it."""
        for path in [self.path, *([self.disk.path] if self.disk else [])]:
            fd = os.open(path, os.O_RDONLY)
            try:
                LIBC.syncfs(ctypes.c_int(fd))
            finally:
                os.close(fd)

    def forget_data(self):
        """Drops the cached content of the files that are read, and only theirs."""
        for name in glob.glob(self.at("lower/data/in*")) + glob.glob(self.at("of-*/lower/data/in*")):
            fd = os.open(name, os.O_RDONLY)
            try:
                os.fdatasync(fd)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)

    def leave(self):
        """After a row: its disk goes."""
        if self.disk is not None:
            self.disk.end()
            self.disk = None


def mount_memory_disk(path, mib):
    """Puts an ext4 in memory at `path`; it goes with the mount namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    image, root = os.path.join(path, "image"), os.path.join(path, "disk")
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    os.mkdir(root)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    return root


def drop_names():
    """Drops cached names and inodes of all file systems. Disk blocks stay in memory on purpose:
    the disk would hide the file systems that are to be compared."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")
