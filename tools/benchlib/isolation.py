# SPDX-License-Identifier: MIT
#
# Keeps the benchmark apart from the machine: a mount namespace of its own, and a PID namespace
# whose end takes every daemon along, so that no mount and no process outlives the run, however it
# ends. Also the one setting of the machine that is touched, the fuse module's enable_uring: it is
# changed only while a file system is being mounted (a connection keeps what it began with) and put
# back by the inner process, and once more by the outer one.

import contextlib
import ctypes
import os
import signal
import sys

ENABLE_URING = "/sys/module/fuse/parameters/enable_uring"
CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function.__name__}: {os.strerror(error)}")


def read_uring():
    """'Y', 'N', or None where the kernel does not know FUSE over io_uring."""
    try:
        with open(ENABLE_URING, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def write_uring(value):
    with open(ENABLE_URING, "w", encoding="ascii") as file:
        file.write(value)


@contextlib.contextmanager
def uring(wanted):
    """While this lasts, new FUSE connections may use io_uring, if wanted. Nothing is ever written
    but Y, and N to undo that: another program's change in between is not undone by an old value."""
    must_change = wanted and read_uring() == "N"
    try:
        if must_change:
            write_uring("Y")
        yield
    finally:
        if must_change:
            write_uring("N")


def detach(path):
    """Unmounts lazily whatever is mounted at and below a path, without starting a program: the
    outer process can start none once the first process of the PID namespace has ended."""
    LIBC.umount2(os.fsencode(path), MNT_DETACH)


def put_first(pid):
    """Lets a process run before the rest of the machine: by its own priority and, where the kernel
    schedules by session (autogroup), by its session's."""
    os.setpriority(os.PRIO_PROCESS, pid, -20)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w",
                                            encoding="ascii") as file:
        file.write("-20")


def enter_child():
    """The inner side: a session of its own, private mounts, a /proc of the new PID namespace."""
    os.setsid()
    call(LIBC.prctl, PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    call(LIBC.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    call(LIBC.mount, b"proc", b"/proc", b"proc", 0, None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_isolated(function):
    """Runs function() in new namespaces and returns its exit status."""
    before = read_uring()
    call(LIBC.unshare, CLONE_NEWNS | CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter_child()
            status = function()
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # the child must not run on as a second parent
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    # The child cleans up and this process waits for it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: os.kill(child, received))
    try:
        _, status = os.waitpid(child, 0)
    finally:
        if before == "N" and read_uring() == "Y":
            write_uring("N")   # the child was killed while it was mounting
    return os.waitstatus_to_exitcode(status) & 0xFF
