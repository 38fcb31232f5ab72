# SPDX-License-Identifier: MIT
"""A disk below the upper layer that cannot write some data: which callers learn of it, by which call, and how often.

Only blocks that carry a mark fail, so that the file system itself stays whole. The same rows run in a plain directory
on such a disk, which is the truth, and on the mount: an error of write-back is told once to each handle that was open
when it happened, to no others, and never to users of another file.
"""
import errno
import mmap
import os

from harness import equal, holds, read
from harness.checks import name_of
from harness.recorded_disk import Disk, stack_on
from modes import EachMode

MARK, SIZE = b"a block that cannot be written.." * 128, 65536
BEFORE = b"synced before" * 1000


def said(call, *arguments):
    """What a call says: "ok" or the name of an errno."""
    try:
        call(*arguments)
        return "ok"
    except OSError as error:
        return name_of(error.errno)


def failing_write(scene, handle):
    scene.disk.recorder.fail_writes(errno.EIO, MARK[:64])
    return said(os.pwrite, handle, MARK, 8192)


class Scene:
    def __init__(self, directory, name, disk):
        self.path, self.other, self.disk = f"{directory}/{name}", f"{directory}/{name}.other", disk

    def open(self, flags=0, path=None):
        return os.open(path or self.path, os.O_RDWR | flags)


def by_fsync(scene, sync=os.fsync):
    writer, early, other = scene.open(), scene.open(), scene.open(path=scene.other)
    os.pwrite(other, b"changed", 0)
    answers = [failing_write(scene, writer), said(sync, writer), said(sync, writer), said(sync, early), said(sync, early)]
    late = scene.open()
    answers += [said(sync, late), said(sync, other)]
    scene.disk.recorder.fail_writes(0)
    answers += [said(os.pwrite, writer, MARK, 8192), said(sync, writer), said(sync, late)]
    return answers + [said(os.close, handle) for handle in (writer, early, late, other)]


def by_a_synchronous_write(scene, flags):
    writer, early = scene.open(flags), scene.open()
    answers = [failing_write(scene, writer), said(os.pwrite, writer, b"else", 40_000), said(os.fsync, early),
               said(os.fsync, early)]
    scene.disk.recorder.fail_writes(0)
    answers += [said(os.pwrite, writer, MARK, 8192), said(os.fsync, early)]
    return answers + [said(os.close, handle) for handle in (writer, early)]


def by_msync(scene):
    writer, early = scene.open(), scene.open()
    scene.disk.recorder.fail_writes(errno.EIO, MARK[:64])
    with mmap.mmap(writer, SIZE) as area:
        area[8192:8192 + len(MARK)] = MARK
        answers = [said(area.flush), said(os.fsync, early), said(os.fsync, early)]
        scene.disk.recorder.fail_writes(0)
        area[8192:8192 + len(MARK)] = MARK
        answers += [said(area.flush), said(os.fsync, writer)]
    return answers + [said(os.close, handle) for handle in (writer, early)]


def behind_a_closed_handle(scene):
    writer, early = scene.open(), scene.open()
    answers = [failing_write(scene, writer), said(os.close, writer), said(os.fsync, early), said(os.fsync, early)]
    scene.disk.recorder.fail_writes(0)
    late = scene.open()
    answers += [said(os.pwrite, late, MARK, 8192), said(os.fsync, late), said(os.fsync, early)]
    return answers + [said(os.close, handle) for handle in (late, early)]


ROWS = {
    "fsync": by_fsync,
    "fdatasync": lambda scene: by_fsync(scene, os.fdatasync),
    "O_SYNC": lambda scene: by_a_synchronous_write(scene, os.O_SYNC),
    "O_DSYNC": lambda scene: by_a_synchronous_write(scene, os.O_DSYNC),
    "msync": by_msync,
    "fsync when the writer has closed": behind_a_closed_handle,
}
# A passed-through mapping is of the kernel's own handle on the backing file, fsync of the daemon's: each is told once.
OF_MAPPINGS_PASSED_THROUGH = {"msync": (["EIO", "EIO", "ok", "ok", "EIO", "ok", "ok"], True, True)}
TRUTH = {}


def build(directory):
    for name in ROWS:
        for file in (name, f"{name}.other"):
            with open(f"{directory}/{file}", "wb") as new:
                new.write(BEFORE.ljust(SIZE, b"o"))


def answers(disk, directory):
    """What each row is told, and whether the file is in the end what was written when the disk was well again."""
    found = {}
    for name, row in ROWS.items():
        told = row(Scene(directory, name, disk))
        content = read(f"{directory}/{name}")
        found[name] = told, content[:8192] == BEFORE[:8192], content[8192:8192 + len(MARK)] == MARK
    return found


def in_a_plain_directory(t):
    if not TRUTH:
        disk = Disk(t, "ext4", {})
        build(disk.point + "/upper")
        os.sync()
        TRUTH.update(answers(disk, disk.point + "/upper"))
        disk.end()
        holds(all("EIO" in told for told, _, _ in TRUTH.values()), "every row meets the error")
    return TRUTH


def errors_of_the_disk_are_told_as_in_a_plain_directory(t, mode):
    expected = dict(in_a_plain_directory(t))
    if mode.passes_through and t.settings.system == "overpass":
        expected |= OF_MAPPINGS_PASSED_THROUGH
    for place in ("upper", "lower"):
        disk, lower = Disk(t, "ext4", {}), t.layer()
        build(lower if place == "lower" else disk.point + "/upper")
        os.sync()
        m = mode.mount_stack(t, stack_on(t, disk.point, lower, mode.options))
        found = answers(disk, m.path)
        wrong = [f"{name}: {found[name]}\n        expected {expected[name]}" for name in ROWS if found[name] != expected[name]]
        holds(not wrong, f"files of the {place}: callers get equal answers:\n    " + "\n    ".join(wrong))
        m.umount()
        for name in ROWS:
            content = read(f"{m.upper}/{name}")
            equal((content[:8192] == BEFORE[:8192], content[8192:8192 + len(MARK)] == MARK, len(content)), (True, True, SIZE),
                  f"what was synced of {name} is in the upper")
        disk.end()


TABLE = EachMode([errors_of_the_disk_are_told_as_in_a_plain_directory])
