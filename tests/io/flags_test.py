# SPDX-License-Identifier: MIT
"""The flags of opens and calls act on the backing file as in a plain directory.

The upper layer is on a disk that writes down what reaches it and each flush (harness/block_recorder), so that O_DSYNC
or O_DIRECT show in what is on the disk when the call returns. Every row runs in a plain directory on such a disk, on
kernel overlayfs and on the mount, with a file that begins in the lower and one that begins in the upper. What is
answered, what the upper's file then holds and what the disk has must be the same; what FUSE forces to be otherwise is
listed in UNION, PASSED_THROUGH and BY_THE_DAEMON, and must be so.
"""
import fcntl
import itertools
import mmap
import os

from harness import equal, holds, read
from harness.block_recorder import A_FLUSH, RECORD
from harness.checks import name_of
from harness.recorded_disk import Disk, stack_on
from harness.syscalls import syncfs
from modes import EachMode

SIZE = 16384
MARK = bytes(range(1, 129)) * 32            # a page that is nowhere else
RWF_NOAPPEND, SECOND = 0x20, 1_000_000_000
OUTSIDE = b"outside"


class Scene:
    """One file of one row: its path for the row, the path of what is really written, and the disk below."""

    def __init__(self, path, backing, disk):
        self.path, self.backing, self.disk = path, backing, disk
        self.log_from, self.memory = 0, mmap.mmap(-1, 8192)

    def open(self, flags):
        fd = os.open(self.path, flags)
        root = os.open(self.disk.point, os.O_RDONLY)
        syncfs(root)                            # what the open itself made dirty, a copy-up say
        os.close(root)
        self.log_from = self.disk.recorder.position()
        return fd

    def write(self, fd, offset, data=MARK, flags=0, shift=0):
        place = memoryview(self.memory)[shift:shift + len(data)]
        place[:] = data
        return os.pwritev(fd, [place], offset, flags)

    def grow_outside(self):
        with open(self.backing, "ab", buffering=0) as file:
            file.write(OUTSIDE)

    def reached_disk(self):
        """Whether the mark is on the disk, and whether it was flushed after that."""
        with open(self.disk.log, "rb") as log:
            log.seek(self.log_from)
            new = log.read()
        place = new.rfind(MARK[:512])
        return "nothing" if place < 0 else "flushed" if self._is_flushed(new, place) else "written"

    @staticmethod
    def _is_flushed(new, place):
        at, found = 0, False
        while at < len(new):
            _, size, kind = RECORD.unpack_from(new, at)
            found |= kind == A_FLUSH and at > place
            at += RECORD.size + size
        return found


def with_open(flags, act):
    def run(scene):
        fd = scene.open(flags)
        try:
            return act(scene, fd)
        finally:
            os.close(fd)
    return run


def writing(open_flags, offset=4096, length=4096, flags=0, shift=0, then=None):
    def act(scene, fd):
        count = scene.write(fd, offset, MARK[:length], flags, shift)
        if then:
            then(fd)
        return count, scene.reached_disk()
    return with_open(os.O_RDWR | open_flags, act)


def appending(open_flags, flags=0, outside=True):
    def act(scene, fd):
        os.pwrite(fd, b"x", 0)
        if outside:
            scene.grow_outside()
        return scene.write(fd, 100, MARK[:1000], flags)
    return with_open(os.O_RDWR | open_flags, act)


def with_late_flags(open_flags, late, offset=4096):
    def act(scene, fd):
        fcntl.fcntl(fd, fcntl.F_SETFL, late)
        return scene.write(fd, offset), scene.reached_disk()
    return with_open(os.O_RDWR | open_flags, act)


def mapping(scene, fd):
    with mmap.mmap(fd, SIZE) as area:
        area[4096:8192] = MARK
        area.flush()
    return scene.reached_disk()


def reading(open_flags, flags=0):
    def act(scene, fd):
        os.utime(scene.path, ns=(SECOND, 2 * SECOND))        # read before it was changed: a read makes it newer
        place = memoryview(scene.memory)[:4096]
        count = os.preadv(fd, [place], 0, flags)
        return count, len(set(place[:count])), os.stat(scene.path).st_atime_ns != SECOND
    return with_open(os.O_RDWR | open_flags, act)


ROWS = {
    "a write reaches the disk later": writing(0),
    "O_SYNC": writing(os.O_SYNC),
    "O_DSYNC": writing(os.O_DSYNC),
    "O_SYNC beyond the end": writing(os.O_SYNC, offset=20_000),
    "RWF_SYNC": writing(0, flags=os.RWF_SYNC),
    "RWF_DSYNC": writing(0, flags=os.RWF_DSYNC),
    "RWF_DSYNC of an append": writing(os.O_APPEND, flags=os.RWF_DSYNC),
    "RWF_HIPRI": writing(0, flags=os.RWF_HIPRI),
    "RWF_NOWAIT": writing(0, flags=os.RWF_NOWAIT),
    "fsync": writing(0, then=os.fsync),
    "fdatasync": writing(0, then=os.fdatasync),
    "msync": with_open(os.O_RDWR, mapping),
    "O_DIRECT": writing(os.O_DIRECT),
    "O_DIRECT and O_DSYNC": writing(os.O_DIRECT | os.O_DSYNC),
    "O_DIRECT and O_APPEND": writing(os.O_DIRECT | os.O_APPEND),
    "O_DIRECT at an odd offset": writing(os.O_DIRECT, offset=4097),
    "O_DIRECT of an odd length": writing(os.O_DIRECT, length=1000),
    "O_DIRECT from odd memory": writing(os.O_DIRECT, shift=1),
    "O_DIRECT that comes late": with_late_flags(0, os.O_DIRECT),
    "O_APPEND that comes late": with_late_flags(0, os.O_APPEND),
    "O_APPEND that goes": with_late_flags(os.O_APPEND, 0),
    "O_APPEND lands at the end": appending(os.O_APPEND, outside=False),
    "O_APPEND lands behind what was written outside": appending(os.O_APPEND),
    "RWF_APPEND lands at the end": appending(0, os.RWF_APPEND, outside=False),
    "RWF_APPEND lands behind what was written outside": appending(0, os.RWF_APPEND),
    "RWF_NOAPPEND lands where it says": appending(os.O_APPEND, RWF_NOAPPEND, outside=False),
    "a read is seen in the access time": reading(0),
    "O_NOATIME": reading(os.O_NOATIME),
    "a read that may not wait": reading(0, os.RWF_NOWAIT),
    "a direct read": reading(os.O_DIRECT),
    "a truncating open": with_open(os.O_RDWR | os.O_TRUNC, lambda scene, fd: (os.fstat(fd).st_size, scene.write(fd, 0))),
}


def content_of(number):
    return bytes([200 + number]) * SIZE


def answers(disk, root, backing_root, kinds):
    """What each row does in the directory `root`, whose files are written as those of `backing_root`."""
    found = {}
    for kind in kinds:
        for number, (name, row) in enumerate(ROWS.items()):
            file = f"{kind}{number}"
            scene = Scene(os.path.join(root, file), os.path.join(backing_root, file), disk)
            try:
                answer = row(scene)
            except OSError as error:
                answer = name_of(error.errno)
            found[name, kind] = (answer, brief(read(scene.backing), number))
    return found


def brief(content, number):
    """A file's content in a few words: runs of what it had, of what came from outside, and of what the row wrote."""
    words = []
    for kind, run in itertools.groupby(content.replace(OUTSIDE, b"\0" * len(OUTSIDE)),
                                       lambda byte: {200 + number: "old", 0: "outside"}.get(byte, "new")):
        words.append(f"{len(list(run))} {kind}")
    return ", ".join(words)


def build(directory, kind):
    for number in range(len(ROWS)):
        with open(f"{directory}/{kind}{number}", "wb") as file:
            file.write(content_of(number))


# Row -> what is answered and left instead, in which modes, and why. A row that is here and does not differ fails.
UNION = {
    "RWF_NOAPPEND lands where it says": ((1000, "16384 old, 1001 new"), "backing files are opened with O_APPEND"),
    "a read that may not wait": (("EOPNOTSUPP", "16384 old"), "FUSE and overlayfs take no RWF_NOWAIT"),
}
PASSED_THROUGH = {
    "O_DIRECT that comes late": (((4096, "nothing"), "4096 old, 4096 new, 8192 old"), "backing files keep their flags"),
    "O_APPEND that goes": (((4096, "nothing"), "16384 old, 4096 new"), "backing files keep their flags"),
}
BY_THE_DAEMON = {
    "RWF_APPEND lands behind what was written outside": (
        (1000, "1 new, 16383 old, 1000 new"), "FUSE makes of it a write to the end that the kernel knows"),
    "O_DIRECT from odd memory": (
        ((4096, "written"), "4096 old, 4096 new, 8192 old"), "what FUSE hands over lies in memory of the daemon's"),
}


def differences(t, mode):
    if t.settings.system == "kernel":
        return UNION
    return UNION | (PASSED_THROUGH if mode.passes_through else BY_THE_DAEMON)


TRUTH = {}


def in_a_plain_directory(t):
    if not TRUTH:
        disk = Disk(t, "ext4", {})
        for kind in ("lower", "upper"):
            build(disk.point + "/upper", kind)
        os.sync()
        TRUTH.update(answers(disk, disk.point + "/upper", disk.point + "/upper", ("lower", "upper")))
        disk.end()
    return TRUTH


def flags_do_what_they_do_in_a_plain_directory(t, mode):
    expected = dict(in_a_plain_directory(t))
    for name, (instead, why) in differences(t, mode).items():
        for kind in ("lower", "upper"):
            holds(expected[name, kind] != instead, f"{name} differs from a plain directory ({why})")
            expected[name, kind] = instead
    disk, lower = Disk(t, "ext4", {}), t.layer()
    build(lower, "lower"), build(disk.point + "/upper", "upper")
    m = mode.mount_stack(t, stack_on(t, disk.point, lower, mode.options))
    found = answers(disk, m.path, m.upper, ("lower", "upper"))
    wrong = [f"{name} ({kind}): {found[name, kind]}, expected {expected[name, kind]}" for name, kind in expected
             if found[name, kind] != expected[name, kind]]
    m.umount()
    disk.end()
    holds(not wrong, "each flag does what it does in a plain directory:\n    " + "\n    ".join(wrong))
    equal(len(found), 2 * len(ROWS), "rows")


TABLE = EachMode([flags_do_what_they_do_in_a_plain_directory])
