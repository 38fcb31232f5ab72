# SPDX-License-Identifier: MIT
"""The processes that make the random tester's system calls: this one, or another one that it commands.

An actor has descriptors and mappings under the numbers that the tester gives them. Each method is one step; it
returns a plain value, or raises OSError.
"""
import mmap
import os
import pickle
import random
import socket
import struct

from harness import syscalls

NOISE = random.Random(99).randbytes(1 << 20)
MOST = 1 << 19


def data_of(fill, length):
    """Bytes to write that say which write they are of."""
    start = fill * 7919 % (len(NOISE) - MOST)
    return NOISE[start:start + length]


class Actor:
    def __init__(self):
        self.fds, self.maps = {}, {}
        self.memory = mmap.mmap(-1, MOST + 8192)         # at the start of a page, as direct transfers want it

    def open(self, number, path, flags):
        self.fds[number] = os.open(path, flags, 0o644)

    def close(self, number):
        os.close(self.fds.pop(number))

    def close_all(self):
        for area in self.maps.values():
            area.close()
        for fd in self.fds.values():
            os.close(fd)
        self.maps.clear(), self.fds.clear()

    def end(self):
        self.memory.close()

    def pread(self, number, offset, length, shift=0):
        with memoryview(self.memory)[shift:shift + length] as place:
            count = os.preadv(self.fds[number], [place], offset)
            return bytes(place[:count])

    def read(self, number, offset, length):
        os.lseek(self.fds[number], offset, os.SEEK_SET)
        return os.read(self.fds[number], length)

    def pwrite(self, number, offset, length, fill, shift=0, flags=0):
        with memoryview(self.memory)[shift:shift + length] as place:
            place[:] = data_of(fill, length)
            return os.pwritev(self.fds[number], [place], offset, flags)

    def write(self, number, offset, length, fill):
        os.lseek(self.fds[number], offset, os.SEEK_SET)
        return os.write(self.fds[number], data_of(fill, length))

    def reopened(self, number):
        """A path by which others reach the open file, be it that its name is gone."""
        return f"/proc/{os.getpid()}/fd/{self.fds[number]}"

    def ftruncate(self, number, size):
        os.ftruncate(self.fds[number], size)

    def sync(self, number, data_only):
        (os.fdatasync if data_only else os.fsync)(self.fds[number])
        return self.stat(number)

    def stat(self, number):
        return shown(os.fstat(self.fds[number]))

    def fallocate(self, number, modes, offset, length):
        syscalls.fallocate(self.fds[number], modes, offset, length)
        return True

    def copy_range(self, source, at, target, to, length):
        return os.copy_file_range(self.fds[source], self.fds[target], length, at, to)

    def sendfile(self, source, at, target, to, length):
        os.lseek(self.fds[target], to, os.SEEK_SET)
        return os.sendfile(self.fds[target], self.fds[source], at, length)

    def splice(self, source, at, target, to, length):
        receive, send = os.pipe()
        try:
            count = done = os.splice(self.fds[source], send, length, offset_src=at)
            while done > 0:
                moved = os.splice(receive, self.fds[target], done, offset_dst=to)
                done, to = done - moved, to + moved
            return count
        finally:
            os.close(receive), os.close(send)

    def holes(self, number):
        """The file's holes as lseek tells them, and the size at which they end."""
        fd, at, found = self.fds[number], 0, []
        size = os.lseek(fd, 0, os.SEEK_END)
        while at < size:
            try:
                data = os.lseek(fd, at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != 6:                    # ENXIO: nothing but a hole from here on
                    raise
                data = size
            found.append((at, data))
            at = os.lseek(fd, data, os.SEEK_HOLE) if data < size else size
        return size, at, found

    def forget(self, number):
        os.posix_fadvise(self.fds[number], 0, 0, os.POSIX_FADV_DONTNEED)

    def map(self, number, source, length, protection):
        self.maps[number] = mmap.mmap(self.fds[source], length, mmap.MAP_SHARED, protection)

    def unmap(self, number):
        self.maps.pop(number).close()

    def map_read(self, number, offset, length):
        return self.maps[number][offset:offset + length]

    def map_write(self, number, offset, length, fill):
        self.maps[number][offset:offset + length] = data_of(fill, length)

    def msync(self, number):
        self.maps[number].flush()


def shown(info):
    return {"size": info.st_size, "blocks": info.st_blocks, "mtime": info.st_mtime_ns, "ctime": info.st_ctime_ns}


class OtherProcess:
    """An actor in a process of its own. It ends with the tester, whatever happens."""

    def __init__(self):
        self.socket, other = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            syscalls.die_with_parent()
            self.socket.close()
            try:
                self._serve(other)
            finally:
                os._exit(0)
        other.close()

    def __getattr__(self, name):
        def call(*arguments):
            send(self.socket, (name, arguments))
            number, answer = receive(self.socket)
            if number:
                raise OSError(number, os.strerror(number))
            return answer
        return call

    def end(self):
        """Told by a word: the other end of the socket may be open in a later child as well."""
        send(self.socket, None)
        self.socket.close()
        os.waitpid(self.pid, 0)

    @staticmethod
    def _serve(connection):
        actor = Actor()
        while (request := receive(connection)) is not None:
            name, arguments = request
            try:
                answer = (0, getattr(actor, name)(*arguments))
            except OSError as error:
                answer = (error.errno, None)
            send(connection, answer)


def send(connection, thing):
    text = pickle.dumps(thing)
    connection.sendall(struct.pack("=I", len(text)) + text)


def receive(connection):
    head = connection.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    return pickle.loads(connection.recv(struct.unpack("=I", head)[0], socket.MSG_WAITALL))
