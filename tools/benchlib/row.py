# SPDX-License-Identifier: MIT
#
# One row of the benchmark's table: what makes an operation differ from another for those who
# prepare, run, judge and print it.

from dataclasses import dataclass


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
    piece: str = ""           # of a data row: how much one call moves, "1m" or "4k"
    direct: bool = False      # past the page cache
    synced: bool = False      # all of the file once, and then an fsync
    disk: str = ""            # a file system of this kind of its own, with one large file in the lower
    program: bool = False     # a whole program of whole_programs.py, run once
    read_only: bool = False   # without an upper layer
    group: str = ""           # one of GROUPS in rows.py

    @property
    def layered_only(self):
        return self.group in ("unions", "copies")

    @property
    def is_counted(self):
        """Whether its requests and system calls are counted as well."""
        return not self.fio and self.threads == 1 and not self.layered_only and not self.program

    @property
    def key(self):
        return self.operation if self.threads == 1 else f"{self.operation}@{self.threads}"

    @property
    def label(self):
        return self.title if self.threads == 1 else f"{self.title}, {self.threads} threads"

    @property
    def unit(self):
        return "MiB/s" if self.fio else "ms" if self.disk or self.program else "op/s"

    def figure(self, rate):
        """What is printed in the row's unit: everywhere else, more is better."""
        return 1000 / rate if self.unit == "ms" else rate
