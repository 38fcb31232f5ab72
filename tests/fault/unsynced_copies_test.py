# SPDX-License-Identifier: MIT
"""Copies that were never synced: with copy_up=ordered a power loss shows the lower's file or the whole copy.

The copies are of all sizes that file systems treat differently, with holes, and from a lower of
another file system and of the same one (where blocks may be shared). A file beside them is synced now
and then, which makes the file system write its log while copies are under way.
"""
import os

from gate import IN_VAIN, Gate
from harness import File, checks
from outages import DiskKind, lose_power, put

SYSTEMS = ("overpass",)
PATIENCE = 900

SIZES = (1, 100, 4095, 4096, 4097, 12288, 65536, 300_000)
LOWER = {f"of-{size}": File((b"%07d;" % size * (size // 8 + 1))[:size]) for size in SIZES}
LOWER |= {f"chmod-{size}": File((b"%07d:" % size * (size // 8 + 1))[:size]) for size in SIZES}
LOWER |= {"holes": File(b"begin" * 3000, size=600_000), "dir": {"in": File(b"in" * 5000)}, "moved": File(b"moved" * 4000),
          "linked": File(b"linked" * 4000), "gone": File(b"gone" * 2000), "cut": File(b"cut" * 6000)}
DISKS = {
    "ext4": DiskKind("ext4"),
    "ext4 with fast commits": DiskKind("ext4", ("-O", "fast_commit")),
    "ext4 without delayed allocation": DiskKind("ext4", (), "nodelalloc,nodioread_nolock"),
    "xfs": DiskKind("xfs"),
    "btrfs": DiskKind("btrfs"),
}


def operations():
    """First writes and changes of attributes, with a sync of something else after every fourth."""
    for number, size in enumerate(SIZES):
        yield f"a first write to {size} bytes", lambda m, size=size: put(m / f"of-{size}", b"X")
        yield f"chmod of {size} bytes", lambda m, size=size: os.chmod(m / f"chmod-{size}", 0o600)
        if number % 2:
            yield f"creating bystander {number}", lambda m, n=number: put(m / f"by-{n}", b"", 0, os.O_RDWR | os.O_CREAT)
            yield "sync", f"by-{number}"
    yield "a write behind a hole", lambda m: put(m / "holes", b"END", 599_000)
    yield "a first write below a directory", lambda m: put(m / "dir/in", b"IN")
    yield "rename of a lower file", lambda m: os.rename(m / "moved", m / "arrived")
    yield "a link to a lower file", lambda m: os.link(m / "linked", m / "dir/link")
    yield "chmod of what goes", lambda m: os.chmod(m / "gone", 0o600)
    yield "unlink of it", lambda m: os.unlink(m / "gone")
    yield "cutting a file", lambda m: os.truncate(m / "cut", 0)
    yield "chmod of what was cut", lambda m: os.chmod(m / "cut", 0o600)
    yield "sync", "dir/"


def lose_copies(t, kind, options=(), every=1, **how):
    every, parts = (1, 6) if t.settings.full else (every, 3)
    lose_power(t, DISKS[kind], LOWER, {}, list(operations()), options, every=every, parts=parts, **how)


def test_copies_on_ext4_are_whole(t):
    lose_copies(t, "ext4")


def test_copies_on_ext4_with_fast_commits_are_whole(t):
    lose_copies(t, "ext4 with fast commits", every=2)


def test_copies_on_ext4_without_delayed_allocation_are_whole(t):
    lose_copies(t, "ext4 without delayed allocation", every=2)


def test_metacopies_on_ext4_get_their_data_before_they_lose_their_mark(t):
    lose_copies(t, "ext4", ("metacopy=on", "redirect_dir=on"), every=2)


def test_copies_on_xfs_are_whole(t):
    lose_copies(t, "xfs", every=2)


def test_copies_on_btrfs_are_whole(t):
    lose_copies(t, "btrfs", every=4, in_order=False)


def test_copies_that_are_not_written_out_are_found_out(t):
    gate = Gate(lambda call: IN_VAIN if call.name == "sync_file_range" else 0)
    try:
        lose_copies(t, "ext4", gate=gate)
    except checks.Failure as failure:
        checks.contains(str(failure), "allowed:", "what is said of a copy without its data")
    else:
        raise checks.Failure("copies whose data are not written out are not missed")
    finally:
        gate.close()
