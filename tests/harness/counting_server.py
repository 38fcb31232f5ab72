# SPDX-License-Identifier: MIT
"""A FUSE server with a tree that never changes: a lower on another machine. The kernel may keep contents, and neither names nor
attributes. It counts what it is asked, by name of the request.
"""
import errno
import mmap
import os
import stat
import struct

from . import raw_fuse

NAMES = {1: "LOOKUP", 3: "GETATTR", 5: "READLINK", 14: "OPEN", 15: "READ", 17: "STATFS", 22: "GETXATTR", 23: "LISTXATTR",
         27: "OPENDIR", 28: "READDIR"}
STATFS, FLUSH, RELEASE, OPENDIR, READDIR, RELEASEDIR = 17, 25, 18, 27, 28, 29
FOPEN_KEEP_CACHE = 1 << 1
WHEN = 1_700_000_000


class CountingServer(raw_fuse.RawFuse):
    """`tree`: names to bytes or to such a dictionary."""

    def __init__(self, mountpoint, tree):
        self._shared = mmap.mmap(-1, 4096)
        self._nodes = [None, (1, tree)]         # number -> (the parent's number, what it is)
        self._numbers = {}
        super().__init__(mountpoint, "fsname=counting")
        self.serve()

    def counts(self):
        """What was asked since the last call."""
        found = {name: struct.unpack_from("=I", self._shared, 4 * opcode)[0] for opcode, name in NAMES.items()}
        self._shared[:] = bytes(len(self._shared))
        return {name: number for name, number in found.items() if number}

    def _reply(self, opcode, node, body):
        struct.pack_into("=I", self._shared, 4 * opcode, struct.unpack_from("=I", self._shared, 4 * opcode)[0] + 1)
        if opcode == raw_fuse.LOOKUP:
            number = self._number(node, body.rstrip(b"\0").decode())
            return struct.pack("=QQQQII", number, 1, 0, 0, 0, 0) + self._attributes(number)
        if opcode == raw_fuse.GETATTR:
            return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        if opcode in (raw_fuse.OPEN, OPENDIR):
            return struct.pack("=QIi", 1, FOPEN_KEEP_CACHE if opcode == raw_fuse.OPEN else 0, 0)
        if opcode == raw_fuse.READ:
            offset, size = struct.unpack_from("=QI", body, 8)
            return self._nodes[node][1][offset:offset + size]
        if opcode == READDIR:
            return self._listing(node, *struct.unpack_from("=QI", body, 8))
        if opcode == STATFS:
            return struct.pack("=5Q4I24x", 1 << 20, 1 << 19, 1 << 19, 1000, 900, 4096, 255, 4096, 0)
        if opcode in (RELEASE, RELEASEDIR, FLUSH):
            return b""
        raise OSError(errno.ENOSYS, str(opcode))

    def _number(self, parent, name):
        tree = self._nodes[parent][1]
        if name not in tree:
            raise OSError(errno.ENOENT, name)
        if (parent, name) not in self._numbers:
            self._numbers[parent, name] = len(self._nodes)
            self._nodes.append((parent, tree[name]))
        return self._numbers[parent, name]

    def _listing(self, node, offset, size):
        parent, tree = self._nodes[node]
        entries = [(".", node), ("..", parent), *((name, self._number(node, name)) for name in sorted(tree))]
        answer = b""
        for at, (name, number) in enumerate(entries[offset:], offset + 1):
            kind = stat.S_IFDIR if isinstance(self._nodes[number][1], dict) else stat.S_IFREG
            entry = struct.pack("=QQII", number, at, len(name.encode()), kind >> 12) + name.encode()
            entry += bytes(-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer

    def _attributes(self, node):
        content = self._nodes[node][1]
        is_directory = isinstance(content, dict)
        mode, size = (stat.S_IFDIR | 0o755, 0) if is_directory else (stat.S_IFREG | 0o644, len(content))
        user = os.getuid()
        return struct.pack("=QQQQQQIIIIIIIIII", node, size, (size + 511) // 512, WHEN, WHEN, WHEN, 0, 0, 0, mode, 2 if is_directory else 1,
                           user, user, 0, 4096, 0)
