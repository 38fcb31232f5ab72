# SPDX-License-Identifier: MIT
"""A FUSE server in a few lines: one directory with files that are all backing files. For attacks, which no decent
server would make.
"""
import array
import errno
import fcntl
import os
import socket
import stat
import struct
import subprocess

from . import checks, syscalls, systems

LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 15, 18, 36, 42
PASSTHROUGH, INIT_EXT, FOPEN_DIRECT_IO, FOPEN_PASSTHROUGH = 1 << 37, 1 << 30, 1 << 0, 1 << 7
BACKING_OPEN = 0x4010E501


class RawFuse:
    """A mount of this process's user through fusermount3. `files` maps names to backing ids, 0: not passed through;
    `open_flags` go with each open that is. `options` are fusermount3's.
    """

    def __init__(self, mountpoint, options="fsname=raw"):
        self.mountpoint, self.files, self.names, self.open_flags = mountpoint, {}, [None], FOPEN_PASSTHROUGH
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            environment = {**os.environ, "_FUSE_COMMFD": str(theirs.fileno())}
            done = subprocess.run(["fusermount3", "-o", options, "--", mountpoint], env=environment,
                                  pass_fds=[theirs.fileno()], capture_output=True, check=False)
            if done.returncode != 0:
                raise checks.Failure(f"fusermount3: {done.stderr.decode()}")
            _, rights, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(rights[0][2][:4])
        self.fd = fds[0]
        self._agree()

    def _agree(self):
        request = os.read(self.fd, 1 << 17)
        unique, = struct.unpack_from("=Q", request, 8)
        readahead, = struct.unpack_from("=I", request, 48)
        self._answer(unique, struct.pack("=IIIIHHIIHHII6I", 7, 40, readahead, INIT_EXT, 16, 12, 1 << 16, 1, 32, 0,
                                         PASSTHROUGH >> 32, 1, 0, 0, 0, 0, 0, 0))

    def serve(self):
        """Answers from a process of its own until the mount ends: a thread would wait for the interpreter's lock, which
        some calls hold while they wait for us.
        """
        if os.fork() == 0:
            try:
                syscalls.die_with_parent()
                self._loop()
            finally:
                os._exit(0)

    def register(self, fd):
        """The backing id of a file by this process's own right, as a broker without any checks would have it."""
        return fcntl.ioctl(self.fd, BACKING_OPEN, bytearray(struct.pack("=iIQ", fd, 0, 0)))

    def umount(self):
        systems.unmount_by_program(self.mountpoint, lazily=True)

    def _loop(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 17)
            except OSError:
                return
            _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            try:
                self._answer(unique, self._reply(opcode, node, request[40:]))
            except OSError as error:
                self._answer(unique, b"", error.errno)
            except (struct.error, LookupError, ValueError):
                self._answer(unique, b"", errno.EIO)    # this server's mistake: no caller waits for it for ever

    def _reply(self, opcode, node, body):
        if opcode == LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name not in self.files:
                raise OSError(errno.ENOENT, name)
            if name not in self.names:
                self.names.append(name)
            number = self.names.index(name) + 1
            return struct.pack("=QQQQII", number, 1, 3600, 3600, 0, 0) + self._attributes(number)
        if opcode == GETATTR:
            return struct.pack("=QII", 3600, 0, 0) + self._attributes(node)
        if opcode == OPEN:
            backing = self.files[self.names[node - 1]]
            return struct.pack("=QIi", 1, self.open_flags if backing else 0, backing)
        if opcode == READ:
            return b"read by the server"
        if opcode == RELEASE:
            return b""
        raise OSError(errno.ENOSYS, str(opcode))

    def _attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o666
        user = os.getuid()
        return struct.pack("=QQQQQQIIIIIIIIII", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, user, user, 0, 4096, 0)

    def _answer(self, unique, body, error=0):
        try:
            os.write(self.fd, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            pass                        # the request was interrupted
