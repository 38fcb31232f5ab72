# SPDX-License-Identifier: MIT
#
# The rows of the benchmark's table: which operation, with how many threads, from which state.
# What an operation does is in bench_ops.cpp and fio's arguments below; docs/benchmarks.md explains
# both to readers of the table.

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Row:
    """One line of the table. `key` is what --rows selects and what the files call it."""

    operation: str
    title: str
    threads: int = 1
    cold: bool = False        # caches dropped, then a fresh mount, then at once the clock
    uses_up: bool = False     # changes files of the (plain copy of the) lower tree
    copies_up: bool = False   # a union must copy a lower file; a mirror need not
    fio: tuple = ()           # fio's own arguments; empty: bench_ops does it
    writes_data: bool = False  # needs the upper layer that already holds the big files
    work: str = ""            # bench_ops' name for it, where that is another
    lowers: int = 1           # that many lower layers, of which all but the last are nearly empty
    large: bool = False       # the lower has one large directory instead of the tree
    options: tuple = ()       # mount options, for overlayfs and overpass
    without: tuple = ()       # columns that cannot do it
    base: str = ""            # the operation that this one is compared with in its own column

    @property
    def layered_only(self):
        return self in UNIONS

    @property
    def is_counted(self):
        """Whether its requests and system calls are counted as well."""
        return not self.fio and self.threads == 1 and not self.layered_only

    @property
    def key(self):
        return self.operation if self.threads == 1 else f"{self.operation}@{self.threads}"

    @property
    def label(self):
        return self.title if self.threads == 1 else f"{self.title}, {self.threads} threads"

    @property
    def unit(self):
        return "MiB/s" if self.fio else "op/s"


NAMES = [
    Row("stat-cold", "stat, cold", cold=True),
    Row("stat-warm", "stat, warm"),
    Row("absent-cold", "stat of an absent name, cold", cold=True),
    Row("absent-warm", "stat of an absent name, warm"),
    Row("readdir-cold", "readdir, cold, per entry", cold=True),
    Row("readdir-warm", "readdir, warm, per entry"),
    Row("walk-cold", "readdir + stat of each, cold, per entry", cold=True),
    Row("open-first", "open + close, the first of each file"),
    Row("open-close", "open + close"),
    Row("open-read-close", "open + read 4 KiB + close"),
    Row("open-mmap-close", "open + mmap + touch + close"),
    Row("create-write-close", "create + write 100 B + close"),
    Row("append-lower", "append 100 B to a lower 4 KiB file", uses_up=True, copies_up=True),
    Row("chmod-upper", "chmod of an upper file"),
    Row("chmod-lower", "chmod of a lower 4 KiB file", uses_up=True, copies_up=True),
    Row("rename", "rename of an upper file"),
    Row("mkdir", "mkdir"),
    Row("unlink-upper", "unlink of an upper file"),
    Row("unlink-lower", "unlink of a lower file", uses_up=True),
    Row("rmdir", "rmdir of an upper directory"),
]


def data_rows():
    """The combinations of fio: piece, order, direction; and reading through a mapping."""
    for size, piece in (("1m", "1 MiB"), ("4k", "4 KiB")):
        for mode, title in (("read", "sequential read"), ("randread", "random read"),
                            ("write", "sequential write"), ("randwrite", "random write")):
            yield Row(f"{mode}-{size}", f"{title}, {piece}",
                      fio=("--ioengine=psync", f"--rw={mode}", f"--bs={size}"),
                      writes_data="write" in mode)
    yield Row("mmap-read", "mmap read, 4 KiB",
              fio=("--ioengine=mmap", "--rw=read", "--bs=4k"))


# Large directories and many layers: what a union can spoil, so unions only, one thread.
UNIONS = [
    Row("rename-large", "rename of a large lower directory", large=True,
        options=("redirect_dir=on",), without=("fuse-overlayfs",)),
    Row("chown-large", "chown -R of a large lower directory, metacopy=on, per file", large=True, copies_up=True,
        options=("redirect_dir=on", "metacopy=on"), without=("overpass-user", "overpass-alone")),
    Row("unlink-large", "unlink of the files of a large lower directory", large=True, work="unlink-lower"),
    *(Row(f"absent-next-{lowers}",
          f"stat of an absent name, cold, not the first in its directory, {lowers} lowers",
          cold=True, work="absent-next", lowers=lowers,
          base="" if lowers == 1 else "absent-next-1")
      for lowers in (1, 100, 500)),
]


def all_rows(thread_counts):
    """Each operation with each number of threads, neighbours in the table."""
    for row in [*NAMES, *data_rows()]:
        for threads in thread_counts:
            yield replace(row, threads=threads)
    yield from UNIONS
