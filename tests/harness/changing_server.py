# SPDX-License-Identifier: MIT
"""A FUSE server with one file, "file", that changes, is late, or answers ESTALE at will: a lower on a file server."""
import errno
import mmap
import os
import stat
import struct
import time

from . import raw_fuse

SIZE = 640 * 1024
STATFS = 17


def state(number):
    """The content of the file in its state of this number."""
    return bytes([ord("a") + number % 26]) * SIZE


class ChangingServer(raw_fuse.RawFuse):
    """What is set in this process counts in the server's, which shares the memory:
    `number`: of the file's state; a size is never another, only content and times.
    `tears`: the file goes on to its next state after so many answers to READ.
    `stale`: so many questions (LOOKUP, GETATTR, READ) are answered ESTALE.
    `late_ms`: each READ is late by that.
    """

    def __init__(self, mountpoint):
        self._shared = mmap.mmap(-1, 4096)
        super().__init__(mountpoint, "fsname=changing")
        self.serve()

    def _field(at):
        def get(self):
            return struct.unpack_from("=I", self._shared, at)[0]

        def put(self, value):
            struct.pack_into("=I", self._shared, at, value)
        return property(get, put)

    number, tears, stale, late_ms = _field(0), _field(4), _field(8), _field(12)

    def _reply(self, opcode, node, body):
        if opcode in (raw_fuse.LOOKUP, raw_fuse.GETATTR, raw_fuse.READ) and self.stale > 0:
            self.stale -= 1
            raise OSError(errno.ESTALE, "stale")
        if opcode == raw_fuse.LOOKUP:
            if body.rstrip(b"\0") != b"file":
                raise OSError(errno.ENOENT, "absent")
            return struct.pack("=QQQQII", 2, 1, 0, 0, 0, 0) + self._attributes(2)
        if opcode == raw_fuse.GETATTR:
            return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        if opcode == raw_fuse.OPEN:
            return struct.pack("=QIi", 1, 0, 0)
        if opcode == raw_fuse.READ:
            return self._read(*struct.unpack_from("=QQI", body)[1:])
        if opcode == STATFS:
            return struct.pack("=5Q4I24x", 1 << 20, 1 << 19, 1 << 19, 1000, 900, 4096, 255, 4096, 0)
        return super()._reply(opcode, node, body)

    def _read(self, offset, size):
        time.sleep(self.late_ms / 1000)
        answer = state(self.number)[offset:offset + size]
        if self.tears > 0:
            self.tears -= 1
            self.number += 1
        return answer

    def _attributes(self, node):
        is_root = node == 1
        mode, size = (stat.S_IFDIR | 0o755, 0) if is_root else (stat.S_IFREG | 0o644, SIZE)
        when = 1_700_000_000 + (0 if is_root else self.number)
        user = os.getuid()
        return struct.pack("=QQQQQQIIIIIIIIII", node, size, size // 512, when, when, when, 0, 0, 0, mode, 1, user, user, 0, 4096, 0)
