# SPDX-License-Identifier: MIT
#
# The rows of data: fio's engines, buffered and direct, warm and cold, with large and small pieces.
# Passing through is to cost nothing with any of them, and a daemon that moves the data itself is
# seen by all of them.

from benchlib.row import Row

DEPTH = 16   # operations under way, where the engine can have several
PIECES = {"1m": "1 MiB", "4k": "4 KiB"}
KINDS = {"read": "sequential read", "randread": "random read", "write": "sequential write",
         "randwrite": "random write"}


def data_row(kind, piece, engine="psync", direct=False, cold=False, synced=False):
    """One kind of transfer through one engine. The name says what is not usual about it."""
    words = [] if engine == "psync" else [engine]
    words += (["direct"] if direct else []) + (["cold"] if cold else []) + (["synced"] if synced else [])
    name = {"uring": "io_uring"}.get(engine, engine)
    arguments = [f"--ioengine={name}", f"--rw={kind}", f"--bs={piece}"]
    arguments += [f"--iodepth={DEPTH}"] if engine in ("libaio", "uring") else []
    arguments += ["--direct=1"] if direct else []
    arguments += ["--end_fsync=1"] if synced else []
    title = ", ".join([KINDS[kind], PIECES[piece], *(name if word == engine else word for word in words)])
    return Row("-".join([kind, piece, *words]), title, fio=tuple(arguments), piece=piece, direct=direct,
               cold=cold, synced=synced, writes_data="write" in kind)


def mapped(kind):
    return Row(f"mmap-{kind}", f"mmap {kind}, 4 KiB", fio=("--ioengine=mmap", f"--rw={kind}", "--bs=4k"),
               writes_data=kind == "write")


def data_rows():
    """All of them, in the order of the table."""
    for piece in PIECES:
        for kind in KINDS:
            yield data_row(kind, piece)
    yield data_row("read", "1m", cold=True)
    yield data_row("write", "1m", synced=True)
    for engine in ("psync", "libaio", "uring"):
        for direct in (False, True):
            if (engine, direct) != ("psync", False):
                yield data_row("read", "1m", engine, direct)
                yield data_row("write", "1m", engine, direct)
    for engine in ("psync", "libaio", "uring"):
        yield data_row("randread", "4k", engine, direct=True)
        yield data_row("randwrite", "4k", engine, direct=True)
    yield mapped("read")
    yield mapped("write")
