# SPDX-License-Identifier: MIT
"""Acting as another user for a while, or as a whole process."""
import contextlib
import os
import pickle
import traceback

from . import syscalls


@contextlib.contextmanager
def acting_as(uid, gid=None, groups=()):
    """Effective ids and supplementary groups of this process; real and saved ids stay, so root comes back."""
    old = os.geteuid(), os.getegid(), os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(old[0])
        os.setegid(old[1])
        os.setgroups(old[2])


@contextlib.contextmanager
def without_capability(number):
    """Takes a capability out of the effective set; all that are permitted come back at the end."""
    effective, permitted, inheritable = syscalls.capabilities()
    syscalls.set_capabilities(effective & ~(1 << number), permitted, inheritable)
    try:
        yield
    finally:
        syscalls.set_capabilities(permitted, permitted, inheritable)


@contextlib.contextmanager
def umask(mask):
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


def in_child(function, before=None):
    """Runs function() in a forked process and returns its result or raises its exception."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            if before:
                before()
            answer = ("result", function())
        except BaseException as error:
            answer = ("error", _portable(error))
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the child process died")
    kind, value = pickle.loads(data)
    if kind == "error":
        raise value
    return value


def become(uid, gid=None, groups=()):
    """For good: real, effective and saved ids."""
    os.setgroups(list(groups))
    gid = uid if gid is None else gid
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def as_user(uid, function, gid=None, groups=()):
    return in_child(function, lambda: become(uid, gid, groups))


def _portable(error):
    if isinstance(error, OSError) and error.errno:
        return OSError(error.errno, os.strerror(error.errno), error.filename)
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(traceback.format_exc())
