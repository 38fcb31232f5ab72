# SPDX-License-Identifier: MIT
"""File handles of the mount: none by default, since they would end with it; with nfs_export=on as long as it lives."""
import ctypes
import errno
import os

from harness import caches, contains, equal, holds, mark, only_in, refused, write
from harness.syscalls import libc

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"file": "x", "dir": {"sub": {"deep": "y"}}}


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_char * 128)]


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def handle_of(path):
    handle, mount = Handle(128), ctypes.c_int()
    checked(libc.name_to_handle_at(-100, os.fsencode(path), ctypes.byref(handle), ctypes.byref(mount), 0))
    return handle


def open_handle(mount, handle):
    root = os.open(mount, os.O_RDONLY)
    try:
        return checked(libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY))
    finally:
        os.close(root)


def content(mount, handle):
    with os.fdopen(open_handle(mount, handle), "rb") as file:
        return file.read()


def test_there_are_no_handles_by_default(t):
    m = t.mount(t.layer(LOWER))
    for name in ("", "file", "dir/sub/deep"):
        refused(errno.EOPNOTSUPP, handle_of, m / name)
    equal(os.stat(m / "file").st_size, 1, "the mount works")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens a file by its handle")
def test_handles_of_a_mount_for_export_lead_to_their_files(t):
    m = t.mount(t.layer(LOWER), options=("nfs_export=on",))
    contains(m.daemon.text(), "end with the mount", "log")
    write(m / "new", "new")
    handles = {name: handle_of(m / name) for name in ("file", "dir/sub/deep", "new")}
    for name, expected in (("file", b"x"), ("dir/sub/deep", b"y"), ("new", b"new")):
        equal(content(m.path, handles[name]), expected, name)
    write(m / "file", "changed")
    os.rename(m / "dir/sub", m / "moved")
    equal((content(m.path, handles["file"]), content(m.path, handles["dir/sub/deep"])), (b"changed", b"y"), "after changes")
    directory = open_handle(m.path, handle_of(m / "moved"))
    equal((os.listdir(directory), os.readlink(f"/proc/self/fd/{directory}")), (["deep"], m / "moved"), "a directory")
    os.close(directory)
    os.unlink(m / "new")
    holds(is_stale_in_time(m.path, handles["new"]), "the handle of a removed file becomes stale")


def is_stale_in_time(mount, handle, attempts=100):
    """The kernel lets go of a removed file when it has released its last descriptor, which it does on the side."""
    for _ in range(attempts):
        try:
            content(mount, handle)
        except OSError as error:
            return error.errno in (errno.ESTALE, errno.ENOENT)
        caches.drop()
    return False


@only_in("root", why="only CAP_DAC_READ_SEARCH opens a file by its handle")
def test_handles_are_stale_once_the_kernel_forgot(t):
    m = t.mount(t.layer(LOWER), options=("nfs_export=on",))
    handle = handle_of(m / "dir/sub/deep")
    caches.drop()
    try:
        shown = content(m.path, handle)
    except OSError as error:
        shown = error.errno
    holds(shown in (b"y", errno.ESTALE), f"the file or ESTALE: {shown}")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens a file by its handle")
def test_handles_of_another_daemon_are_stale(t):
    m = t.mount(t.layer(LOWER), options=("nfs_export=on",))
    handle = handle_of(m / "file")
    m = t.remount(m)
    os.stat(m / "file")
    refused(errno.ESTALE, content, m.path, handle)


@only_in("root", why="kernel overlayfs has an index for root alone, and root may not look into others' mounts")
def test_overlayfs_on_top_keeps_no_handles_that_end_with_the_mount(t):
    """Its index is off over a lower without handles, whatever is asked for."""
    m = t.mount(t.layer(LOWER))
    stack = t.stack(m.path, options=("index=on",))
    kernel = t.mount_stack(stack, "kernel")
    write(kernel / "file", "over")
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        shown = next(line for line in table if kernel.path in line)
    holds("index=on" not in shown, f"the index is off: {shown}")
    kernel.umount()
    holds(mark("origin") not in os.listxattr(stack.upper), "and the upper root has no origin")
