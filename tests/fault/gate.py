# SPDX-License-Identifier: MIT
"""A gate through which every system call of a daemon that changes (or every one that reads) a layer has to pass.

The daemon is started with a seccomp filter (layer_calls) whose listener this process holds. Each
such call stops before it is made, in whichever thread, and a thread of ours decides: let it pass, let
it fail with an errno, or kill the daemon, so that it is never made. Nothing of the daemon is changed.

A Plan is what happens to the calls of one operation; without one all pass. Calls are numbered from 1.
"""
import dataclasses
import errno
import fcntl
import os
import select
import signal
import socket
import stat
import struct
import threading
import typing

from harness import checks, seccomp, syscalls
from layer_calls import CHANGING_IOCTLS, NAMES, READING_IOCTLS, filter_program, names_by_number

RECEIVE, SEND, PASS = 0xC0502100, 0xC0182101, 1
O_TMPFILE = 0o20000000
IN_VAIN = -1        # what deny says of a call that is to report success and not to happen


@dataclasses.dataclass
class Call:
    name: str
    arguments: tuple
    names: tuple = ()

    def __str__(self):
        extra = ""
        if self.name == "renameat2" and self.arguments[4]:
            extra = ", " + {1: "NOREPLACE", 2: "EXCHANGE", 4: "WHITEOUT"}.get(self.arguments[4], "?")
        if self.name == "ioctl":
            extra = {**CHANGING_IOCTLS, **READING_IOCTLS}[self.arguments[1] & 0xFFFFFFFF]
        return f"{self.name}({', '.join(self.names)}{extra})"


@dataclasses.dataclass
class Plan:
    """Kills at the call of this number, or lets it fail; 0 only writes down what is called."""
    at: int = 0
    errno: typing.Callable = None       # the errno for a call; None: kill
    calls: list = dataclasses.field(default_factory=list)
    reached: bool = False


class Gate:
    """deny(call) may give an errno for every call at all times: a file system that cannot do something."""

    def __init__(self, deny=lambda call: 0, reading=False):
        seccomp.need()
        self.deny, self.plan, self.pid = deny, None, None
        self._program = filter_program(reading)
        self._known = names_by_number()
        self._ours, self._childs = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # In the daemon's process, before it is the daemon.

    def install(self):
        seccomp.install(self._program, self._childs)

    # In the test.

    def arm(self, plan):
        self.plan = plan
        return plan

    def disarm(self):
        self.plan = None

    def close(self):
        """Call it when the daemon has ended."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._ours.close()
        self._childs.close()

    # In the thread that decides.

    def _serve(self):
        _, fds, _, _ = socket.recv_fds(self._ours, 16, 1)
        if not fds:
            return
        poll = select.poll()
        poll.register(fds[0], select.POLLIN)
        poll.register(self._ours, select.POLLIN)
        try:
            while not any(fd == fds[0] and event & select.POLLHUP or fd != fds[0] for fd, event in poll.poll()):
                self._one(fds[0])
        finally:
            os.close(fds[0])

    def _one(self, listener):
        notification = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, notification)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):       # the caller was killed meanwhile
                return
            raise
        cookie, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", notification)
        self.pid = pid
        call = Call(self._known[number], tuple(arguments))
        answer = self._decide(call, pid)
        if answer is None:
            return
        response = struct.pack("=QqiI", cookie, 0, 0 if answer == IN_VAIN else -answer, 0 if answer else PASS)
        try:
            fcntl.ioctl(listener, SEND, response)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def _decide(self, call, pid):
        """0 to let it pass, an errno, or None when its caller is dead."""
        plan = self.plan
        denied = self.deny(call)
        if plan is None or denied:
            return denied
        call.names = tuple(_text(pid, call.arguments[at]) for at in NAMES.get(call.name, ()))
        plan.calls.append(call)
        if len(plan.calls) != plan.at:
            return 0
        plan.reached = True
        if plan.errno:
            return plan.errno(call)
        os.kill(_process_of(pid), signal.SIGKILL)
        return None


def _process_of(thread):
    with open(f"/proc/{thread}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("Tgid:")).split()[1])


def _text(pid, address):
    """The string at an address of the caller."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        raw = b""
        while b"\0" not in raw and len(raw) < 4096:
            piece = os.pread(memory.fileno(), 256 - (address + len(raw)) % 256, address + len(raw))
            if not piece:
                break
            raw += piece
    return os.fsdecode(raw.split(b"\0", 1)[0])


def without(*features):
    """A deny function: an upper file system that lacks these."""
    flags = {"RENAME_WHITEOUT": syscalls.RENAME_WHITEOUT, "RENAME_EXCHANGE": syscalls.RENAME_EXCHANGE}
    renames = sum(flags[feature] for feature in features if feature in flags)
    checks.holds(set(features) <= {*flags, "O_TMPFILE", "device nodes", "attributes"}, "every feature is known")

    def deny(call):
        if call.name == "renameat2" and call.arguments[4] & renames:
            return errno.EINVAL
        if call.name == "openat" and "O_TMPFILE" in features and call.arguments[2] & O_TMPFILE:
            return errno.EOPNOTSUPP
        if call.name == "mknodat" and "device nodes" in features and stat.S_ISCHR(call.arguments[2]):
            return errno.EPERM
        if "setxattr" in call.name and "attributes" in features:
            return errno.EOPNOTSUPP
        return 0
    return deny
