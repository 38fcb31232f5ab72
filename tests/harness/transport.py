# SPDX-License-Identifier: MIT
"""FUSE over io_uring for the mounts of a run that insists on it (`pytest --transport io_uring`).

Whether new connections may have it is one setting of the whole machine. It is on only while a mount is being made,
for a connection keeps what it began with.
"""
import contextlib
import fcntl
import os

from . import features

ENABLE = "/sys/module/fuse/parameters/enable_uring"


def is_enabled():
    """None where the kernel knows no FUSE over io_uring."""
    try:
        with open(ENABLE, encoding="ascii") as file:
            return file.read().strip() == "Y"
    except OSError:
        return None


@contextlib.contextmanager
def allowed(settings):
    """For the making of one mount."""
    if settings.transport != "io_uring":
        yield
        return
    with switched_on():
        yield


@contextlib.contextmanager
def switched_on():
    """New connections may have it meanwhile. Test files that run at the same time wait for each other."""
    if is_enabled() is None:
        features.lacking("io_uring transport")
    switch = os.open(ENABLE, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(switch, fcntl.LOCK_EX)
        must_change = not is_enabled()
        if must_change:
            os.write(switch, b"Y")
        try:
            yield
        finally:
            if must_change:
                os.pwrite(switch, b"N", 0)
    finally:
        os.close(switch)


@contextlib.contextmanager
def put_back():
    """For a whole run: a test file that was killed in allowed() has left the setting on."""
    before = is_enabled()
    try:
        yield
    finally:
        if before is False and is_enabled():
            with open(ENABLE, "w", encoding="ascii") as file:
                file.write("N")
