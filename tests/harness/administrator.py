# SPDX-License-Identifier: MIT
"""The machine's root, beside tests that run as another user: does what an administrator does for such a user.

Before a test process becomes root of a user namespace or an ordinary user (harness/worlds.py), it forks one that
stays root. do() has it call a function in the caller's mount namespace and directory: mount a disk, give a file
away, drop the kernel's caches. Each answer comes by a socket of its own, so that several processes may ask at once;
only descendants of the test process hold the socket on which is asked. In the root world do() is a plain call.
"""
import os
import pickle
import socket
import subprocess

from . import credentials, syscalls

_asks = None        # the socket to the administrator; None where the tests are root's

LONGEST = 1 << 17


def start():
    """Forks the administrator; for a process that is root and is about to become another user."""
    global _asks
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        try:
            _serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    _asks = ours


def do(function, *arguments, **named):
    """function(*arguments, **named) as the machine's root; all of it must be what pickle takes. Raises what it raises."""
    if _asks is None:
        return function(*arguments, **named)
    return _ask(os.getpid(), function, arguments, named)


def do_at_home(function, *arguments):
    """The same in the mount namespace that was there before the tests' world, as the machine's services run."""
    return _ask(None, function, arguments, {}) if _asks else function(*arguments)


def _ask(pid, function, arguments, named):
    answer, theirs = socket.socketpair()
    request = pickle.dumps((pid, os.getcwd(), function, arguments, named))
    socket.send_fds(_asks, [request], [theirs.fileno()])
    theirs.close()
    with answer, answer.makefile("rb") as file:
        data = file.read()
    failed, value = pickle.loads(data)
    if failed:
        raise value
    return value


def run(*command):
    """A command, as the machine's root; CalledProcessError unless it ends with status 0. Returns its output."""
    return do(subprocess.run, command, check=True, capture_output=True).stdout


def _serve(asks):
    while True:
        request, fds, _, _ = socket.recv_fds(asks, LONGEST, 1)
        if not request:
            return
        with socket.socket(fileno=fds[0]) as answer:
            answer.sendall(_answer(request))


def _answer(request):
    pid, directory, function, arguments, named = pickle.loads(request)

    def enter():
        if pid is not None:
            fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
            syscalls.setns(fd, syscalls.CLONE_NEWNS)
            os.close(fd)
        os.chdir(directory)

    try:
        return pickle.dumps((False, credentials.in_child(lambda: function(*arguments, **named), enter)))
    except Exception as error:
        return pickle.dumps((True, error))
