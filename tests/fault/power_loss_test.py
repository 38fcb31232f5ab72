# SPDX-License-Identifier: MIT
"""The power fails: the upper layer's disk is cut off at every flush, and in the middle between two.

The upper layer is on a file system of its own, whose writes and flushes are recorded in order
(block_recorder). After a number of operations the disk is made again as it was at each flush, and, in
a second image, with a random half of what was on its way to the next flush. Each is mounted, by
overpass and by kernel overlayfs in turns, and judged (timeline): nothing is lost that an fsync(2) had
promised, nothing is seen half done, and a copied-up file is never without the lower's bytes.
"""
import os

from gate import IN_VAIN, Gate
from harness import WHITEOUT, Dir, File, Link, checks, syscalls, systems
from harness.block_recorder import Replay
from harness.recorded_disk import Disk, stack_on
from timeline import Timeline

SYSTEMS = ("overpass",)
PATIENCE = 900
LOWER = {
    "big": File(bytes(range(251)) * 1200), "holes": File(b"begin" * 2000, size=400_000),
    "a": {"b": {"deep": File(b"deep" * 3000), "gone": "g"}, "moved": File(b"moved" * 2000)},
    "replaced": File(b"old" * 5000), "full": {"x": "1", "y": "2"}, "dir": {"in": File(b"in" * 4000), "sub": {"z": "z"}},
    "cut": File(b"cut" * 9000), "exchanged": File(b"exchanged" * 900), "meta": File(b"meta" * 9000),
    "first": File(b"linked" * 900), "second": Link("first"),
}
UPPER = {"full": Dir({"x": WHITEOUT, "y": WHITEOUT})}


def put(path, data, offset=0, flags=os.O_RDWR):
    fd = os.open(path, flags, 0o644)
    os.pwrite(fd, data, offset)
    os.close(fd)


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


# Each changes the tree by one call whose bytes are in one block; "sync" promises what stands behind it.
OPERATIONS = [
    ("chmod of a large file", lambda m: os.chmod(m / "big", 0o600)),
    ("chown of a file with holes", lambda m: os.chown(m / "holes", 3, 4)),
    ("a write to a file deep below", lambda m: put(m / "a/b/deep", b"DEEP")),
    ("sync", "a/b/deep"),
    ("creating a file", lambda m: put(m / "new", b"", 0, os.O_RDWR | os.O_CREAT)),
    ("writing it", lambda m: put(m / "new", b"new")),
    ("sync", "new"),
    ("unlink of a lower file", lambda m: os.unlink(m / "a/b/gone")),
    ("sync", "a/b/"),
    ("rename of a lower file", lambda m: os.rename(m / "a/moved", m / "arrived")),
    ("creating a replacement", lambda m: put(m / "temporary", b"", 0, os.O_RDWR | os.O_CREAT)),
    ("writing the replacement", lambda m: put(m / "temporary", b"replacement")),
    ("sync", "temporary"),
    ("putting the replacement in place", lambda m: os.rename(m / "temporary", m / "replaced")),
    ("a change without sync", lambda m: os.setxattr(m / "big", "user.note", b"n")),
    ("sync", ""),
    ("rmdir of an emptied directory", lambda m: os.rmdir(m / "full")),
    ("mkdir in its place", lambda m: os.mkdir(m / "full", 0o700)),
    ("a file in there", lambda m: put(m / "full/x", b"", 0, os.O_RDWR | os.O_CREAT)),
    ("sync", "full/"),
    ("cutting a file", lambda m: os.truncate(m / "cut", 0)),
    ("writing what was cut", lambda m: put(m / "cut", b"fresh")),
    ("sync", "cut"),
    ("exchange with an upper file", lambda m: syscalls.renameat2(m / "exchanged", m / "new", syscalls.RENAME_EXCHANGE)),
    ("sync", ""),
    ("chmod of what gets its data later", lambda m: os.chmod(m / "meta", 0o640)),
    ("a link to it", lambda m: os.link(m / "meta", m / "link")),
    ("writing to it", lambda m: put(m / "meta", b"META")),
    ("sync", "meta"),
    ("symbolic link", lambda m: os.symlink("target", m / "a/symlink")),
    ("unlink of the last file", lambda m: os.unlink(m / "full/x")),
    ("rmdir of a directory just made", lambda m: os.rmdir(m / "full")),
    ("sync", ""),
]
WITH_ALL = [
    ("rename of a lower directory", lambda m: os.rename(m / "dir", m / "a/moved-dir")),
    ("sync", ""), ("sync", "a/"),
    ("a write below the renamed one", lambda m: put(m / "a/moved-dir/in", b"IN")),
    ("sync", "a/moved-dir/in"),
    ("rename of a directory below it", lambda m: os.rename(m / "a/moved-dir/sub", m / "sub")),
    ("sync", ""),
    ("a write to one of two links", lambda m: put(m / "first", b"LINKED")),
    ("sync", "first"),
    ("unlink of the other", lambda m: os.unlink(m / "second")),
    ("rename of the one", lambda m: os.rename(m / "first", m / "a/first")),
    ("sync", ""), ("sync", "a/"),
]


def lines_of(t, path):
    return {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in t.dump(path, mtime=None, links=False)}


def live(t, disk, lower, options, operations, gate):
    """Makes the operations on the recorded disk. Gives the timeline of what they did."""
    named = {"preexec_fn": gate.install} if gate else {}
    mount = t.mount_stack(stack_on(t, disk.point, lower, options), **named)
    timeline = Timeline(lines_of(t, mount.path))
    for name, what in operations:
        before = disk.recorder.position()
        if name != "sync":
            what(mount)
            timeline.changed(name, before, lines_of(t, mount.path))
            continue
        sync(mount / what)
        if what == "" or what.endswith("/"):
            timeline.directory_synced(f"./{what}".rstrip("/"), disk.recorder.position())
        else:
            timeline.file_synced(f"./{what}", disk.recorder.position())
    mount.umount()
    return timeline


def judge_outage(t, disk, replay, lower, options, timeline, reader, scattered):
    replay.copy(disk.trial)
    begun = replay.position
    if scattered:
        replay.scatter(disk.trial, f"{t.settings.seed} {replay.position}")
        begun = next((flush for flush in replay.flushes if flush > replay.position), replay.position)
    point = disk.mount(disk.trial)
    stack = stack_on(t, point, lower, options)
    if reader == "kernel":
        mount = systems.mount_kernel(t.settings, stack)
        t.mounts.append(mount)
    else:
        mount = t.mount_stack(stack)
    try:
        timeline.judge(lines_of(t, mount.path), replay.position, begun)
    finally:
        mount.umount()
        syscalls.umount(point)
    if t.settings.full:
        disk.check()


def lose_power(t, kind, operations, options=(), every=1, gate=None, in_order=True):
    """in_order: the file system's log keeps the order of operations, so that none is seen in part."""
    lower = t.layer(LOWER)
    disk = Disk(t, kind, UPPER)
    timeline = live(t, disk, lower, options, operations, gate)
    if not in_order:
        timeline.groups.clear()
    disk.end()
    replay = Replay(disk.log, disk.start)
    try:
        readers = ("overpass", "kernel") if in_order else ("overpass", "overpass")
        for number, flush in enumerate(replay.flushes, 1):
            replay.advance(flush)
            if number != t.settings.step and (t.settings.step or number % every):
                continue
            t.progress(f"{t.sentence}: flush {number} of {len(replay.flushes)}")
            turn = number // every
            for scattered in (False, True) if t.settings.full or t.settings.step or turn % 2 else (False,):
                # In a full run both read both images, else they take turns.
                for reader in dict.fromkeys(readers) if t.settings.full else [readers[(turn // 2 + scattered) % 2]]:
                    try:
                        judge_outage(t, disk, replay, lower, options, timeline, reader, scattered)
                    except Exception as error:
                        what = "and a part of what came after" if scattered else "exactly"
                        raise checks.Failure(f"the disk as of flush {number} of {len(replay.flushes)} {what}, read by "
                                             f"{reader}; repeat with --step {number} --seed {t.settings.seed}\n{error}") from error
    finally:
        replay.close()


def test_an_ext4_upper_that_loses_power_keeps_what_was_synced(t):
    lose_power(t, "ext4", OPERATIONS)


def test_an_ext4_upper_with_every_mark_that_loses_power_keeps_what_was_synced(t):
    lose_power(t, "ext4", OPERATIONS + WITH_ALL, ("redirect_dir=on", "metacopy=on", "index=on"))


def test_an_xfs_upper_that_loses_power_keeps_what_was_synced(t):
    lose_power(t, "xfs", OPERATIONS, every=1 if t.settings.full else 7)


def test_a_btrfs_upper_that_loses_power_keeps_what_was_synced(t):
    # Its log holds what was synced and not all that came before: after a rename without a sync the lower's
    # file may be seen beside the moved one, which kernel overlayfs then refuses to show (ESTALE).
    lose_power(t, "btrfs", OPERATIONS, every=1 if t.settings.full else 7, in_order=False)


def test_a_daemon_that_only_says_it_has_synced_is_found_out(t):
    gate = Gate(lambda call: IN_VAIN if call.name in ("fsync", "fdatasync") else 0)
    try:
        lose_power(t, "ext4", OPERATIONS[:4], gate=gate)
    except checks.Failure as failure:
        checks.contains(str(failure), "a/b/deep is", "what is said of the lost write")
    else:
        raise checks.Failure("a write that was not synced is not missed")
    finally:
        gate.close()
