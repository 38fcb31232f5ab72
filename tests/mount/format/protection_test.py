# SPDX-License-Identifier: MIT
"""Flags of chattr(1) that protect a file, before and after it was copied up."""
import errno
import fcntl
import os
import struct

from harness import equal, loop_images, read, refused, write

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND = 0x10, 0x20


def flags(path, change=None):
    handle = os.open(path, os.O_RDONLY)
    try:
        now = struct.unpack("=I", fcntl.ioctl(handle, GETFLAGS, bytes(8))[:4])[0]
        if change is not None:
            fcntl.ioctl(handle, SETFLAGS, struct.pack("=Q", (now & ~(IMMUTABLE | APPEND)) | change))
        return now & (IMMUTABLE | APPEND)
    finally:
        os.close(handle)


def protected(t):
    """A lower on ext4 with one append-only and one immutable file and directory."""
    disk = loop_images.mount_image(t, "ext4")
    for name in ("lower", "upper", "work"):
        os.mkdir(f"{disk}/{name}")
    lower = f"{disk}/lower"
    write(lower + "/log", "1"), write(lower + "/fixed", "2"), os.mkdir(lower + "/dir"), write(lower + "/dir/f", "3")
    flags(lower + "/log", APPEND), flags(lower + "/fixed", IMMUTABLE), flags(lower + "/dir", IMMUTABLE)
    t.at_end(lambda: [flags(f"{lower}/{name}", 0) for name in ("log", "fixed", "dir")])
    return lower, f"{disk}/upper"


def only_appending_is_allowed(path):
    write(path, "+", "ab")
    refused(errno.EPERM, open, path, "r+")
    refused(errno.EPERM, open, path, "w")
    refused(errno.EPERM, os.open, path, os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
    refused(errno.EPERM, os.unlink, path)
    refused(errno.EPERM, os.rename, path, path + ".new")
    refused(errno.EPERM, os.link, path, path + ".new")
    refused(errno.EPERM, os.chmod, path, 0o600)
    refused(errno.EPERM, os.truncate, path, 0)
    equal(flags(path), APPEND, "flags")


def test_an_append_only_lower_stays_so_over_copy_up_and_remount(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    only_appending_is_allowed(m / "log")
    equal(os.getxattr(upper + "/log", "trusted.overlay.protattr"), b"a", "the mark")
    m = t.remount(m)
    only_appending_is_allowed(m / "log")
    equal(read(m / "log"), b"1++", "content")
    m.umount()
    kernel = t.mount_stack(m.stack, "kernel")
    only_appending_is_allowed(kernel / "log")


def test_an_immutable_lower_can_be_released(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    refused(errno.EPERM, write, m / "fixed", "x", "r+")
    refused(errno.EPERM, os.setxattr, m / "fixed", "user.x", b"y")
    refused(errno.EPERM, write, m / "dir/new", "x")
    equal(flags(m / "fixed", 0), IMMUTABLE, "flags before")
    write(m / "fixed", "released")
    equal((read(m / "fixed"), flags(m / "fixed")), (b"released", 0), "content and flags")
    flags(m / "dir", 0)
    write(m / "dir/new", "x")


def test_protection_given_through_the_mount_is_kept_in_the_mark(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    write(m / "new", "1"), flags(m / "new", IMMUTABLE)
    refused(errno.EPERM, os.unlink, m / "new")
    equal(flags(upper + "/new"), 0, "flags of the upper file itself")
    m = t.remount(m)
    refused(errno.EPERM, write, m / "new", "2")
    m.umount()
    kernel = t.mount_stack(m.stack, "kernel")
    refused(errno.EPERM, os.unlink, kernel / "new")
    equal(flags(kernel / "new", 0), IMMUTABLE, "what kernel overlayfs reads")
    kernel.umount()
    os.unlink(t.mount_stack(m.stack) / "new")
