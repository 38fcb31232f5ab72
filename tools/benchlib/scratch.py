# SPDX-License-Identifier: MIT
#
# The layers the benchmark works on, below one scratch directory on a real file system:
#   lower/tree/dNNN/fNNN   4 KiB files, lower/data/inN big files; never changed after set-up
#   <system>/upper, work   the upper layer, made anew for every cell
#   <system>/upper-data    an upper layer that already holds data/outN, for rows that overwrite
#   <system>/root          for systems without layers: their own copy of tree, data/inN, data/outN
# `settle` and `drop_names` bring the machine into the same state before each cell.

import ctypes
import os
import shutil

from benchlib.isolation import LIBC

CHUNK = bytes(1 << 20)


class Scratch:
    """Owns the scratch directory's content."""

    def __init__(self, path, directories, files, data_mib, threads):
        self.path = path
        self.directories = directories
        self.files = files
        self.data_mib = data_mib
        self.threads = threads
        self.stale_trees = set()   # copies of tree that a row has used up

    def of(self, system, name):
        return os.path.join(self.path, system, name)

    @property
    def lower(self):
        return os.path.join(self.path, "lower")

    def make_tree(self, root):
        text = bytes(4096)
        for d in range(self.directories):
            directory = os.path.join(root, "tree", f"d{d:03}")
            os.makedirs(directory)
            for f in range(self.files):
                with open(os.path.join(directory, f"f{f:03}"), "wb", buffering=0) as file:
                    file.write(text)

    def make_big_files(self, directory, prefix):
        os.makedirs(directory, exist_ok=True)
        for index in range(self.threads):
            with open(os.path.join(directory, f"{prefix}{index}"), "wb", buffering=0) as file:
                for _ in range(self.data_mib):
                    file.write(CHUNK)

    def make_lower(self, with_data):
        self.make_tree(self.lower)
        if with_data:
            self.make_big_files(os.path.join(self.lower, "data"), "in")

    def fresh_upper(self, system, row):
        """Returns (upper, work) for one cell."""
        if row.writes_data:
            upper, work = self.of(system, "upper-data"), self.of(system, "work-data")
            if not os.path.isdir(upper):
                self.make_big_files(os.path.join(upper, "data"), "out")
                os.makedirs(work)
            return upper, work
        upper, work = self.of(system, "upper"), self.of(system, "work")
        for directory in (upper, work):
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
        return upper, work

    def fresh_root(self, system, row):
        """Returns the plain copy for one cell; the tree is remade only where a row used it up."""
        root = self.of(system, "root")
        if system in self.stale_trees:
            shutil.rmtree(os.path.join(root, "tree"))
            self.stale_trees.discard(system)
        if not os.path.isdir(os.path.join(root, "tree")):
            self.make_tree(root)
        for index in range(self.threads):
            shutil.rmtree(os.path.join(root, f"w{index}"), ignore_errors=True)
        data = os.path.join(root, "data")
        if row.fio and not os.path.isdir(data):
            self.make_big_files(data, "out")
            for index in range(self.threads):
                os.link(os.path.join(self.lower, "data", f"in{index}"),
                        os.path.join(data, f"in{index}"))
        if row.uses_up:
            self.stale_trees.add(system)
        return root

    def settle(self):
        """Writes out what preparing left behind, so that the clock does not pay for it."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            LIBC.syncfs(ctypes.c_int(fd))
        finally:
            os.close(fd)


def drop_names():
    """Drops cached names and inodes of all file systems. Disk blocks stay in memory on purpose:
    the disk would hide the file systems that are to be compared."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")
