# SPDX-License-Identifier: MIT
"""Outages: what a power loss leaves of an upper layer whose disk was recorded, tried one by one.

After a number of operations the disk is made again as it was at each flush, and in further images with
a part of what was on its way to the next flush: what reaches the disk between two flushes does so in
no order. Each image is mounted, by overpass and by kernel overlayfs in turns, and judged (timeline):
nothing is lost that an fsync(2) had promised, nothing is seen half done, and a copied-up file is never
without the lower's bytes.
"""
import dataclasses
import os
import random

from harness import checks, syscalls, systems
from harness.block_recorder import Replay
from harness.recorded_disk import Disk, stack_on
from timeline import Timeline

EVERY_SUBSET = 4            # of so many pieces on the way each subset is tried, where several images are


@dataclasses.dataclass(frozen=True)
class DiskKind:
    """A file system for the upper layer: more arguments of mkfs, and options of its mount."""
    name: str
    maker: tuple = ()
    options: str = ""


@dataclasses.dataclass(frozen=True)
class Arrival:
    """Which pieces of what was on its way have arrived."""
    description: str
    includes: object            # number -> bool; None: none of them


def put(path, data, offset=0, flags=os.O_RDWR):
    fd = os.open(path, flags, 0o644)
    os.pwrite(fd, data, offset)
    os.close(fd)


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


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


def judge_outage(t, disk, replay, lower, options, timeline, reader, arrival):
    replay.copy(disk.trial)
    begun = replay.position
    if arrival.includes:
        replay.scatter(disk.trial, arrival.includes)
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


def arrivals(seed, replay, parts):
    """What to try at this flush: nothing of what was on its way, and `parts` of it, or every subset of a few."""
    yield Arrival("exactly", None)
    pieces = replay.pieces_on_the_way() if parts else 0
    if parts > 1 and 0 < pieces <= EVERY_SUBSET:
        for subset in range(1, 2 ** pieces):
            yield Arrival(f"and the pieces {subset:b} of what came after", lambda number, subset=subset: subset >> number & 1)
        return
    for part in range(parts if pieces else 0):
        share = (0.5, 0.9, 0.1)[part % 3]
        chance = random.Random(f"{seed} {replay.position} {part}")
        yield Arrival(f"and part {part} of what came after", lambda _, chance=chance, share=share: chance.random() < share)


def lose_power(t, disk_kind, lower, upper, operations, options=(), every=1, parts=None, gate=None, in_order=True):
    """parts: how many images of each flush beside the exact one; by default one at every other flush.
    in_order: the file system's log keeps the order of operations, so that none is seen in part."""
    lower = t.layer(lower)
    disk = Disk(t, disk_kind.name, upper, disk_kind.maker, disk_kind.options)
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
            wanted = parts if parts is not None else 1 if t.settings.full or t.settings.step or turn % 2 else 0
            for at, arrival in enumerate(arrivals(t.settings.seed, replay, wanted)):
                # In a full run both read every image, else they take turns.
                for reader in dict.fromkeys(readers) if t.settings.full else [readers[(turn // 2 + at) % 2]]:
                    try:
                        judge_outage(t, disk, replay, lower, options, timeline, reader, arrival)
                    except Exception as error:
                        raise checks.Failure(f"the disk as of flush {number} of {len(replay.flushes)} {arrival.description}, "
                                             f"read by {reader}; repeat with --step {number} --seed {t.settings.seed}\n"
                                             f"{error}") from error
    finally:
        replay.close()
