# SPDX-License-Identifier: MIT
"""Draws the steps of the random tester, with regard to what is open at the moment, and makes its first layers.

A few files are in work at a time; each is given up after a while for an untouched one, so that files are
copied up all along. Offsets and lengths like the ends of pages and of files.
"""
import os

from data_actors import data_of

LARGEST, AT_A_TIME, HANDLES, MAPS, ACTORS = 150_000, 4, 14, 6, 3
KINDS = ("lower", "lower", "lower", "lower", "upper", "new")
EXTRA_FLAGS = (0, 0, 0, 0, os.O_APPEND, os.O_APPEND, os.O_DIRECT, os.O_DIRECT, os.O_DSYNC, os.O_SYNC,
               os.O_APPEND | os.O_DIRECT, os.O_DSYNC | os.O_DIRECT)
WEIGHTS = {"open": 10, "close": 7, "pread": 22, "read": 4, "pwrite": 18, "write": 6, "ftruncate": 5, "truncate": 2,
           "chmod": 1, "sync": 3, "fallocate": 6, "copy_range": 6, "sendfile": 3, "splice": 3, "map": 4, "unmap": 3,
           "map_read": 6, "map_write": 6, "msync": 3, "holes": 4, "stat": 8, "forget": 2, "verify": 1}


def first_content(source):
    """Bytes of a file that is there at the beginning, at times with holes in it."""
    size = source.choice((0, 1, 4096, 5000, source.randrange(60_000), source.randrange(LARGEST)))
    content = bytearray(data_of(source.randrange(1 << 16), size))
    if source.random() < 0.4 and size > 20_000:
        start = source.randrange(size // 4096) * 4096
        end = min(size, start + source.randrange(1, 12) * 4096)
        content[start:end] = bytes(end - start)
    return content


def sparse_write(path, content):
    """A file whose pages without data are holes."""
    with open(path, "wb") as file:
        for at in range(0, len(content), 4096):
            if any(content[at:at + 4096]):
                file.seek(at)
                file.write(content[at:at + 4096])
        file.truncate(len(content))


class Generator:
    def __init__(self, source, steps):
        """source: random.Random. steps: the Steps whose open descriptors count."""
        self.source, self.steps, self.serial = source, steps, 0
        self.in_work, self.waiting = [], []

    def next(self):
        chance = self.source
        if len(self.in_work) < AT_A_TIME and self.waiting:
            self.in_work.append(self.waiting.pop(0))
        if chance.random() < 0.004 and self.waiting:
            return self._give_up(self.in_work.pop(0))
        while True:
            name = chance.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
            step = getattr(self, f"_{name}")(name)
            if step:
                return step

    def _give_up(self, name):
        return ("unlink", name) if self.source.random() < 0.3 else ("verify", name)

    # Which

    def _handle(self, wanted=lambda handle: True):
        fitting = [handle for handle in self.steps.handles.values() if wanted(handle)]
        return self.source.choice(fitting) if fitting else None

    def _area(self, wanted=lambda area: True):
        fitting = [area for area in self.steps.maps.values() if wanted(area)]
        return self.source.choice(fitting) if fitting else None

    def _number(self):
        self.serial += 1
        return self.serial

    # Where

    def _offset(self, size, beyond=True):
        chance = self.source
        most = max(1, min(size + (20_000 if beyond else 0), LARGEST))
        at = chance.choice((0, size, chance.randrange(most), chance.randrange(most), chance.randrange(most) // 4096 * 4096,
                            max(0, size - chance.randrange(5000)), chance.randrange(most) // 4096 * 4096 + 4095))
        return min(at, LARGEST)

    def _length(self):
        chance = self.source
        return chance.choice((1, 10, 100, 512, 4095, 4096, 4097, 8192, chance.randrange(1, 3000),
                              chance.randrange(1, 20_000), chance.randrange(1, 70_000)))

    def _span(self, handle, beyond=True):
        offset, length = self._offset(len(handle.file.content), beyond), self._length()
        if handle.direct and self.source.random() < 0.8:
            offset, length = offset // 4096 * 4096, (length + 4095) // 4096 * 4096
        return offset, length

    def _shift(self, handle):
        return self.source.choice((1, 512)) if handle.direct and self.source.random() < 0.1 else 0

    def _fill(self):
        return self.source.randrange(1 << 16)

    # Steps

    def _open(self, name):
        chance = self.source
        if len(self.steps.handles) >= HANDLES or not self.in_work:
            return None
        access = chance.choice((os.O_RDONLY, os.O_RDWR, os.O_RDWR, os.O_WRONLY))
        flags = access | (chance.choice(EXTRA_FLAGS) if access else chance.choice((0, 0, 0, os.O_DIRECT)))
        if access and chance.random() < 0.06:
            flags |= os.O_TRUNC
        actor = chance.choice((0, 0, 0, *range(1, ACTORS)))
        return (name, self._number(), actor, chance.choice(self.in_work), flags)

    def _of_handle(self, name):
        handle = self._handle()
        return handle and (name, handle.number)

    _close = _stat = _forget = _holes = _of_handle

    def _verify(self, name):
        return (name, self.source.choice(self.in_work)) if self.in_work else None

    def _pread(self, name):
        handle = self._handle(lambda handle: handle.reads)
        return handle and (name, handle.number, *self._span(handle), self._shift(handle))

    def _read(self, name):
        handle = self._handle(lambda handle: handle.reads and not handle.direct)
        return handle and (name, handle.number, *self._span(handle))

    def _pwrite(self, name):
        handle = self._handle(lambda handle: handle.writes)
        flags = self.source.choice((0, 0, 0, 0, 0, 0, os.RWF_DSYNC, os.RWF_SYNC))
        return handle and (name, handle.number, *self._span(handle), self._fill(), self._shift(handle), flags)

    def _write(self, name):
        handle = self._handle(lambda handle: handle.writes and not handle.direct)
        return handle and (name, handle.number, *self._span(handle), self._fill())

    def _ftruncate(self, name):
        handle = self._handle(lambda handle: handle.writes)
        return handle and (name, handle.number, self._offset(len(handle.file.content)))

    def _truncate(self, name):
        if not self.in_work:
            return None
        file = self.steps.files.get(self.source.choice(self.in_work))
        return file and (name, file.name, self._offset(len(file.content)))

    def _chmod(self, name):
        return (name, self.source.choice(self.in_work), self.source.choice((0o600, 0o644, 0o640))) if self.in_work else None

    def _sync(self, name):
        handle = self._handle()
        return handle and (name, handle.number, self.source.random() < 0.5)

    def _fallocate(self, name):
        handle = self._handle(lambda handle: handle.writes)
        modes = self.source.choice(((), ("keep_size",), ("punch_hole", "keep_size"), ("punch_hole", "keep_size"),
                                    ("zero_range",), ("zero_range", "keep_size")))
        return handle and (name, handle.number, modes, *self._span(handle))

    def _copy_range(self, name):
        source = self._handle(lambda handle: handle.reads and not handle.direct)
        target = source and self._handle(lambda handle: handle.writes and not handle.direct and not handle.appends and
                                         handle.actor == source.actor)
        if not target:
            return None
        at, length = self._span(source)
        return (name, source.number, at, target.number, self._offset(len(target.file.content)), length)

    _sendfile = _splice = _copy_range

    def _map(self, name):
        source = self._handle(lambda handle: handle.reads and len(handle.file.content) > 0)
        if len(self.steps.maps) >= MAPS or not source:
            return None
        length = self.source.randrange(1, len(source.file.content) + 1)
        return (name, self._number(), source.number, length, source.writes and self.source.random() < 0.8)

    def _unmap(self, name):
        area = self._area()
        return area and (name, area.number)

    def _msync(self, name):
        area = self._area(lambda area: area.writes)
        return area and (name, area.number)

    def _map_read(self, name):
        area = self._area()
        return area and (name, area.number, self._offset(area.length, beyond=False), self._length())

    def _map_write(self, name):
        area = self._area(lambda area: area.writes)
        return area and (name, area.number, self._offset(area.length, beyond=False), self._length(), self._fill())
