# SPDX-License-Identifier: MIT
"""Just enough of io_uring for a test to read and write through it, one operation at a time."""
import ctypes
import mmap
import os
import struct

from . import features, syscalls

SETUP, ENTER = 425, 426
OP_FSYNC, OP_READ, OP_WRITE = 3, 22, 23
OFF_SQ_RING, OFF_CQ_RING, OFF_SQES = 0, 0x8000000, 0x10000000
GETEVENTS = 1


class Ring:
    """Invariant: at most one operation is under way, so slot 0 of the submission entries serves all."""

    def __init__(self):
        features.need("io_uring")
        parameters = ctypes.create_string_buffer(120)
        self.fd = syscalls.libc.syscall(SETUP, 4, parameters)
        head = struct.unpack_from("=IIIIIII3I", parameters.raw, 0)
        self.sq = struct.unpack_from("=IIIIIII", parameters.raw, 40)     # head tail mask entries flags dropped array
        self.cq = struct.unpack_from("=IIIIIII", parameters.raw, 80)     # head tail mask entries overflow cqes flags
        entries, completions = head[0], head[1]
        self.sq_ring = mmap.mmap(self.fd, self.sq[6] + entries * 4, offset=OFF_SQ_RING)
        self.cq_ring = mmap.mmap(self.fd, self.cq[5] + completions * 16, offset=OFF_CQ_RING)
        self.sqes = mmap.mmap(self.fd, entries * 64, offset=OFF_SQES)

    def close(self):
        for area in (self.sq_ring, self.cq_ring, self.sqes):
            area.close()
        os.close(self.fd)

    def run(self, opcode, fd, buffer=None, length=0, offset=0):
        """Submits one operation, waits for it, returns its result."""
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer)) if buffer is not None else 0
        self.sqes[0:64] = struct.pack("=BBHiQQIIQ24x", opcode, 0, 0, fd, offset, address, length, 0, 1)
        tail, mask = self._get(self.sq_ring, self.sq[1]), self._get(self.sq_ring, self.sq[2])
        self._put(self.sq_ring, self.sq[6] + 4 * (tail & mask), 0)
        self._put(self.sq_ring, self.sq[1], tail + 1)
        syscalls.libc.syscall(ENTER, self.fd, 1, 1, GETEVENTS, None, 0)
        head, mask = self._get(self.cq_ring, self.cq[0]), self._get(self.cq_ring, self.cq[2])
        _, result, _ = struct.unpack_from("=QiI", self.cq_ring, self.cq[5] + 16 * (head & mask))
        self._put(self.cq_ring, self.cq[0], head + 1)
        return result

    @staticmethod
    def _get(ring, offset):
        return struct.unpack_from("=I", ring, offset)[0]

    @staticmethod
    def _put(ring, offset, value):
        struct.pack_into("=I", ring, offset, value & 0xFFFFFFFF)
