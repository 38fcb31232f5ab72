# SPDX-License-Identifier: MIT
"""A daemon whose reads and writes of files are moved in pieces, late, in another order, or not at all.

The daemon is started with a seccomp filter whose listener this process holds. Each pread, pwrite and their
vectored kin stops before it is made; a thread of ours makes it in the daemon's place, on the daemon's own
descriptor and memory, after a while and not to its end, and tells the daemon so; or it lets it fail. An
attempt that must not wait (RWF_NOWAIT) is refused, so that nothing is done at once. The daemon's own
io_uring does not exist: what is done by a ring cannot be stopped. Nothing of the daemon is changed.

    unruly = UnrulyTransfers(stack.upper, longest_write=100)
    m = t.mount_stack(stack, preexec_fn=unruly.install)
    ...
    unruly.close()          # after the daemon's end
"""
import concurrent.futures
import dataclasses
import errno
import fcntl
import mmap
import os
import random
import select
import socket
import struct
import threading
import time
import typing

from . import seccomp, syscalls
from .seccomp import ALLOW, JUMP_EQUAL, NOTIFY, RETURN

# Call -> its number on x86_64 and elsewhere.
STOPPED = {"pread64": (17, 67), "pwrite64": (18, 68), "preadv2": (327, 286), "pwritev2": (328, 287)}
COPYING = {"copy_file_range": (326, 285)}
PIDFD_GETFD = 438
RECEIVE, SEND, PASS = 0xC0502100, 0xC0182101, 1
RWF_NOWAIT, PAGE = 8, 4096


@dataclasses.dataclass
class Transfer:
    """One read or write that the daemon wants made."""
    writes: bool
    path: str
    offset: int
    length: int
    flags: int = 0          # RWF_*


@dataclasses.dataclass
class Ways:
    """How unruly. As it stands, not at all."""
    seed: int = 1
    longest_write: int = 1 << 30        # no write moves more bytes at once; each moves a random number of them
    longest_read: int = 1 << 30
    latest: float = 0                   # seconds by which each is late, at most
    fails: typing.Callable = lambda transfer: 0     # the errno for a transfer
    waits: typing.Callable = lambda transfer: None  # returns when the transfer may be made


class UnrulyTransfers:
    def __init__(self, below, rings=False, copies=False, **ways):
        """below: the directory (a layer, say) whose files it is about; all other transfers pass. `rings`: those of the
        transport exist, where the daemon moves no data by a ring of its own. `copies`: calls of copy_file_range to such
        files wait or fail, too; the daemon makes them itself, whole.
        """
        seccomp.need()
        self.below, self.ways = os.path.realpath(below), Ways(**ways)
        self.disturbed = 0                  # transfers that were split, late or failed
        self._names = {seccomp.number(both): name for name, both in (STOPPED | (COPYING if copies else {})).items()}
        self._program = self._filter(rings)
        self._random, self._lock = random.Random(self.ways.seed), threading.Lock()
        self._pidfd = None
        self._ours, self._childs = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _filter(self, rings):
        program = seccomp.begin()
        if not rings:
            program += seccomp.failing(seccomp.IO_URING_SETUP, errno.ENOSYS)
        for number in self._names:
            program += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, NOTIFY)]
        return [*program, (RETURN, 0, 0, ALLOW)]

    # In the daemon's process, before it is the daemon.

    def install(self):
        seccomp.install(self._program, self._childs)

    # In the test.

    def close(self):
        """Call it when the daemon has ended."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._ours.close()
        self._childs.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    # In our threads.

    def _serve(self):
        _, fds, _, _ = socket.recv_fds(self._ours, 16, 1)
        if not fds:
            return
        poll = select.poll()
        poll.register(fds[0], select.POLLIN)
        poll.register(self._ours, select.POLLIN)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            while not any(fd == fds[0] and event & select.POLLHUP or fd != fds[0] for fd, event in poll.poll()):
                notification = bytearray(80)
                try:
                    fcntl.ioctl(fds[0], RECEIVE, notification)
                except OSError as error:
                    if error.errno in (errno.ENOENT, errno.EINTR):      # the caller was killed meanwhile
                        continue
                    raise
                pool.submit(self._one, fds[0], bytes(notification))
        os.close(fds[0])

    def _one(self, listener, notification):
        cookie, thread, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", notification)
        try:
            moved = self._make(self._names[number], thread, arguments)
            answer = (0, 0, PASS) if moved is None else (moved, 0, 0)
        except OSError as error:
            answer = (0, -error.errno, 0)
        try:
            fcntl.ioctl(listener, SEND, struct.pack("=QqiI", cookie, *answer))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def _make(self, name, thread, arguments):
        """The number of bytes moved in the daemon's place, or None to let it do so itself."""
        with open(f"/proc/{thread}/mem", "r+b", buffering=0) as memory:
            where, transfer = self._decode(name, thread, arguments, memory)
            if not transfer.path.startswith(self.below + "/"):
                return None
            if transfer.flags & RWF_NOWAIT:
                raise BlockingIOError(errno.EAGAIN, "not at once")
            if name in COPYING:
                self.ways.waits(transfer)
                failure = self.ways.fails(transfer)
                if failure:
                    raise OSError(failure, "as the test wants it")
                return None
            fd = self._own(thread, arguments[0])
            try:
                self.ways.waits(transfer)
                length, late = self._choose(transfer)
                if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
                    length = _directly(transfer, length)
                time.sleep(late)
                failure = self.ways.fails(transfer)
                if failure:
                    raise OSError(failure, "as the test wants it")
                return self._move(transfer, where, length, memory, fd)
            finally:
                os.close(fd)

    def _decode(self, name, thread, arguments, memory):
        """Where in the daemon's memory the bytes are, and what is wanted."""
        fd, where, length, offset = arguments[:4]
        flags = 0
        if name in COPYING:
            _, _, fd, where, length, _ = arguments
            offset, = struct.unpack("=q", os.pread(memory.fileno(), 8, where))
            path = os.readlink(f"/proc/{thread}/fd/{fd}")
            return where, Transfer(True, path, offset, length)
        if name.endswith("v2"):                    # of one piece, as the daemon makes them
            where, length = struct.unpack("=QQ", os.pread(memory.fileno(), 16, where))
            flags = arguments[5] & 0xFFFFFFFF
        path = os.readlink(f"/proc/{thread}/fd/{fd}")
        return where, Transfer(name.startswith("pw"), path, offset, length, flags)

    def _choose(self, transfer):
        longest = self.ways.longest_write if transfer.writes else self.ways.longest_read
        with self._lock:
            length = self._random.randint(1, max(1, min(transfer.length, longest)))
            late = self._random.uniform(0, self.ways.latest)
            whole = longest >= transfer.length
            self.disturbed += not whole or late > 0 or bool(self.ways.fails(transfer))
        return transfer.length if whole else length, late

    def _move(self, transfer, where, length, memory, fd):
        """From or to memory of ours that is aligned as the daemon's."""
        with mmap.mmap(-1, length + PAGE) as own, memoryview(own) as whole, whole[where % PAGE:][:length] as place:
            if not transfer.writes:
                count = os.preadv(fd, [place], transfer.offset)
                os.pwrite(memory.fileno(), place[:count], where)
                return count
            os.preadv(memory.fileno(), [place], where)
            return os.pwritev(fd, [place], transfer.offset, transfer.flags)

    def _own(self, thread, fd):
        """Our duplicate of the daemon's descriptor."""
        with self._lock:
            if self._pidfd is None:
                self._pidfd = os.pidfd_open(_process_of(thread))
        duplicate = syscalls.libc.syscall(PIDFD_GETFD, self._pidfd, fd, 0)
        if duplicate < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return duplicate


def _directly(transfer, length):
    """What a direct transfer moves at once: whole blocks; of a read everything, for a short one is the end."""
    if not transfer.writes or transfer.length % PAGE:
        return transfer.length
    return max(PAGE, length // PAGE * PAGE)


def _process_of(thread):
    with open(f"/proc/{thread}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("Tgid:")).split()[1])
