# SPDX-License-Identifier: MIT
#
# The rows of the benchmark's table: which operation, with how many threads, from which state.
# What an operation does is in bench_ops.cpp, in fio's arguments (data_rows.py) and in
# copy_up_client.py; docs/benchmarks.md explains them to readers of the table.

from dataclasses import replace

from benchlib.data_rows import data_rows
from benchlib.row import Row
from benchlib.whole_programs import PROGRAMS


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


# What else costs a request or more: for its system calls rather than for its time, so one thread and
# no goals.
CALLS = [
    Row("stat-asking", "stat that asks the daemon (AT_STATX_FORCE_SYNC)"),
    Row("open-truncate", "open(O_TRUNC) + close of an upper file"),
    Row("chown-upper", "chown of an upper file"),
    Row("setxattr", "setxattr of an upper file"),
    Row("getxattr", "getxattr of an upper file"),
    Row("readlink", "readlink of an upper link, the first of each"),
    Row("link", "link of an upper file"),
]


# Large directories, many layers, large files: what a union can spoil, so unions only, one thread.
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
COPIES = [Row(f"copy-up-{disk}", f"copy-up of a large file on {disk}, for one byte", disk=disk, copies_up=True)
          for disk in ("ext4", "xfs", "btrfs")]

GROUPS = ("names", "programs", "calls", "data", "unions", "copies")   # words of --rows, each for all rows of one list


def all_rows(thread_counts):
    """Each operation with each number of threads, neighbours in the table; with its group's name."""
    for group, rows in zip(GROUPS, (NAMES, PROGRAMS, CALLS, data_rows(), UNIONS, COPIES), strict=True):
        for row in rows:
            counts = thread_counts if group in ("names", "data") else [1]
            for threads in counts:
                yield replace(row, threads=threads, group=group)
