# SPDX-License-Identifier: MIT
"""A disk that writes down what is written to it, and what a power loss would have left of that.

A FUSE file system of our own, whose root is one regular file, lies below a loop device. So every write
of the file system on it, and every flush, arrives here in order and is appended to a log before it is
acknowledged. A position in the log is a moment: what was acknowledged by then lies before it.
"""
import mmap
import os
import struct
import subprocess

from . import syscalls

(GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, DESTROY) = (
    3, 4, 14, 15, 16, 17, 18, 20, 25, 26, 38)
UNANSWERED = (2, 36, 42)                     # FORGET, INTERRUPT, BATCH_FORGET
FOPEN_DIRECT_IO, BIG_WRITES, MAX_PAGES = 1, 1 << 5, 1 << 22
ENOSYS, PIECE = 38, 1 << 20
RECORD = struct.Struct("=QIB3x")
A_WRITE, A_FLUSH = 1, 2
SPOIL = 0xFFFF             # in the place of an errno


class Recorder:
    """Serves `image` (a file) at `point` (another file) from a process of its own until it is stopped."""

    def __init__(self, image, point, log):
        self.log, self._point = log, point
        self._shared = mmap.mmap(-1, 4096)      # an errno, 0 or SPOIL, the length of a text, the text (see fail_writes)
        for path in (point, log):
            with open(path, "wb"):
                pass
        device = os.open("/dev/fuse", os.O_RDWR)
        syscalls.mount("recorder", point, "fuse", 0, f"fd={device},rootmode=100600,user_id=0,group_id=0,allow_other")
        self._child = os.fork()
        if self._child == 0:
            try:
                _Server(device, image, log, self._shared).serve()
            finally:
                os._exit(1)
        os.close(device)

    def position(self):
        return os.stat(self.log).st_size

    def fail_writes(self, number, of=b""):
        """From now on writes fail with this errno (0: none does), if they contain the bytes `of`."""
        self._shared[4:8 + len(of)] = struct.pack("=I", len(of)) + of
        self._shared[:4] = struct.pack("=I", number)

    def spoil_writes(self, of):
        """From now on a write that contains the bytes `of` arrives with one bit of them changed, and reports success."""
        self.fail_writes(SPOIL, of)

    def stop(self):
        syscalls.umount(self._point)
        os.waitpid(self._child, 0)


class _Server:
    def __init__(self, device, image, log, shared):
        self.device, self.shared = device, shared
        self.image = os.open(image, os.O_RDWR)
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND)
        self.size = os.fstat(self.image).st_size

    def serve(self):
        while True:
            try:
                request = os.read(self.device, PIECE + 4096)
            except OSError:                  # unmounted
                os._exit(0)
            _, operation, unique, _ = struct.unpack_from("=IIQQ", request)
            if operation in UNANSWERED:
                continue
            error, body = self.answer(operation, memoryview(request)[40:])
            os.write(self.device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)

    def answer(self, operation, body):
        if operation == INIT:
            flags, = struct.unpack_from("=I", body, 12)
            return 0, struct.pack("=IIIIHHIIH30x", 7, 31, PIECE, flags & (BIG_WRITES | MAX_PAGES), 16, 12, PIECE, 1,
                                  PIECE // 4096)
        if operation in (GETATTR, SETATTR):
            return 0, self.attributes()
        if operation == OPEN:
            return 0, struct.pack("=QIi", 0, FOPEN_DIRECT_IO, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            return 0, os.pread(self.image, size, offset)
        if operation == WRITE:
            return self.write(*struct.unpack_from("=QQI", body)[1:], body[40:])
        if operation == FSYNC:
            os.write(self.log, RECORD.pack(0, 0, A_FLUSH))
            return 0, b""
        if operation == STATFS:
            return 0, struct.pack("=QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        return (0 if operation in (RELEASE, FLUSH, DESTROY) else ENOSYS), b""

    def attributes(self):
        return struct.pack("=QIIQQQQQQIIIIIIIIII", 1, 0, 0, 1, self.size, self.size // 512, 0, 0, 0, 0, 0, 0, 0o100600, 1,
                           0, 0, 0, 4096, 0)

    def write(self, offset, size, data):
        error, length = struct.unpack("=II", self.shared[:8])
        at = bytes(data).find(self.shared[8:8 + length]) if error else -1
        if at >= 0 and error != SPOIL:
            return error, b""
        if at >= 0:
            data = bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1:])
        os.write(self.log, RECORD.pack(offset, size, A_WRITE) + data)
        os.pwrite(self.image, data, offset)
        return 0, struct.pack("=II", size, 0)


class Replay:
    """Walks through a log. `image` starts as the disk did and is what the disk was at `position`."""

    def __init__(self, log, image):
        self.image, self.position = image, 0
        self._log = open(log, "rb")
        self._disk = os.open(image, os.O_RDWR)
        self.flushes = [position for kind, position, _, _ in self._records() if kind == A_FLUSH]

    def _records(self, start=0):
        """From a position on: kind, position behind it, offset, data."""
        at = start
        self._log.seek(at)
        while head := self._log.read(RECORD.size):
            offset, size, kind = RECORD.unpack(head)
            data = self._log.read(size)
            at += RECORD.size + size
            yield kind, at, offset, data

    def advance(self, position):
        for _, self.position, offset, data in self._records(self.position):
            os.pwrite(self._disk, data, offset)
            if self.position >= position:
                break

    def copy(self, path):
        """The disk as it is now, as a file of its own."""
        subprocess.run(["cp", "--sparse=always", self.image, path], check=True)

    def _on_the_way(self, sector):
        """The pieces that are written between now and the next flush: offset, data."""
        for kind, _, offset, data in self._records(self.position):
            if kind == A_FLUSH:
                return
            for at in range(0, len(data), sector):
                yield offset + at, data[at:at + sector]

    def pieces_on_the_way(self, sector=4096):
        return sum(1 for _ in self._on_the_way(sector))

    def scatter(self, path, arrives, sector=4096):
        """On a copy: of what was on its way at the next flush those pieces have arrived for whose number
        `arrives` says so. No order rules between two flushes."""
        disk = os.open(path, os.O_RDWR)
        for number, (offset, piece) in enumerate(self._on_the_way(sector)):
            if arrives(number):
                os.pwrite(disk, piece, offset)
        os.close(disk)

    def close(self):
        self._log.close()
        os.close(self._disk)
