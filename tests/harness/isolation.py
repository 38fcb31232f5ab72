# SPDX-License-Identifier: MIT
"""A private world for one test file: own mount and process namespace.

Ending the first process of the namespace ends everything that was started in it and, with its last
process, the mount namespace and all its mounts. So nothing survives a hanging or crashing test, and
no process outside is ever touched.
"""
import os
import signal
import sys

from . import syscalls


def run_isolated(function):
    """Runs function() as the first process of new namespaces and ends with its exit status.

    SIGTERM to this process ends that one, and waits until all that was started in the namespaces has ended.
    """
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        syscalls.die_with_parent(signal.SIGKILL)
        status = 1
        try:
            make_private()
            syscalls.mount("proc", "/proc", "proc", 14)
            status = function()
        except BaseException as error:  # the status is all that the parent sees
            import traceback
            traceback.print_exception(error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def make_private():
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)


def mounts_below(directory):
    """Mount points at or below a directory in this namespace, innermost last."""
    directory = os.path.realpath(directory)
    found = []
    for point in mount_points():
        if point == directory or point.startswith(directory + "/"):
            found.append(point)
    return found


def mount_points():
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            yield os.fsdecode(_unescape(line.split()[4]))


def _unescape(field):
    for code, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(code, byte)
    return field
