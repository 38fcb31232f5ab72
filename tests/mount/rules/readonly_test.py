# SPDX-License-Identifier: MIT
"""A read-only name takes no change by any call, before and after it was copied up, and nothing comes to its place."""
import dataclasses
import errno
import fcntl
import os
import struct

from harness import equal, read, refused, syscalls, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"proj": {".git": {"hooks": {"pre-commit": "#!"}, "config": "[core]", "HEAD": "ref"}, "main.c": "x"}, "fixed": "f", "free": "y",
        "dir": {"deep": {"file": "z"}}}
RULES = ("rules=@agent", "rule=readonly:/fixed", "rule=readonly:/dir", "rule=readonly:/later/*.c")
SETFLAGS = 0x40086602


def set_flags(path, flags):
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, SETFLAGS, struct.pack("=Q", flags))
    finally:
        os.close(handle)


def takes_no_change(m, name):
    path = m / name
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        refused(errno.EROFS, os.open, path, flags)
    refused(errno.EROFS, os.truncate, path, 0)
    refused(errno.EROFS, os.chmod, path, 0o777)
    refused(errno.EROFS, os.chown, path, os.geteuid(), os.getegid())
    refused(errno.EROFS, os.utime, path)
    refused(errno.EROFS, os.utime, path, (1, 1))
    refused(errno.EROFS, os.setxattr, path, "user.x", b"1")
    refused(errno.EROFS, set_flags, path, 0x40)
    refused(errno.EROFS, os.unlink, path)
    refused(errno.EROFS, os.rename, path, m / "moved")
    refused(errno.EROFS, os.rename, m / "free", path)
    refused(errno.EROFS, syscalls.renameat2, path, m / "free", syscalls.RENAME_EXCHANGE)
    refused(errno.EROFS, syscalls.renameat2, m / "free", path, syscalls.RENAME_EXCHANGE)
    refused(errno.EROFS, os.link, path, m / "second")


def test_file_takes_no_change(t):
    m = t.mount(t.layer(TREE), options=RULES)
    before = t.dump(m.path)
    for name in ("fixed", "proj/.git/config", "proj/.git/hooks/pre-commit", "dir/deep/file"):
        takes_no_change(m, name)
    equal(t.dump(m.path), before, "the union")
    equal(os.listdir(m.upper), [], "what the upper has")


def test_file_of_the_upper_takes_no_change(t):
    m = t.mount(t.layer(TREE))
    for name in ("fixed", "proj/.git/config", "dir/deep/file"):
        write(m / name, "mine")
    m.umount()
    m = t.mount_stack(dataclasses.replace(m.stack, options=RULES))
    for name in ("fixed", "proj/.git/config", "dir/deep/file"):
        takes_no_change(m, name)
        equal(read(m / name), b"mine", name)


def test_directory_takes_no_change(t):
    m = t.mount(t.layer(TREE), options=RULES)
    for name in ("dir", "dir/deep", "proj/.git/hooks"):
        refused(errno.EROFS, os.chmod, m / name, 0o777)
        refused(errno.EROFS, os.utime, m / name)
        refused(errno.EROFS, os.mkdir, f"{m.path}/{name}/new")
        refused(errno.EROFS, os.mkfifo, f"{m.path}/{name}/new")
        refused(errno.EROFS, os.symlink, "x", f"{m.path}/{name}/new")
        refused(errno.EROFS, os.open, f"{m.path}/{name}/new", os.O_CREAT | os.O_WRONLY)
        refused(errno.EROFS, os.open, m / name, os.O_TMPFILE | os.O_RDWR)
        refused(errno.EROFS, os.link, m / "free", f"{m.path}/{name}/new")
        refused(errno.EROFS, os.rename, m / "free", f"{m.path}/{name}/new")
        refused(errno.EROFS, os.rename, m / name, m / "moved")
        refused(errno.EROFS, os.rmdir, m / name)


def test_rest_of_the_union_can_be_changed(t):
    m = t.mount(t.layer(TREE), options=RULES)
    write(m / "proj/.git/HEAD", "other")
    write(m / "proj/main.c", "y")
    equal(read(m.upper + "/proj/.git/HEAD"), b"other", "a file beside")


def test_names_that_do_not_exist_yet_cannot_be_made(t):
    m = t.mount(t.layer(TREE), options=RULES)
    os.mkdir(m / "later"), os.makedirs(m / "new/.git")
    for name in ("later/a.c", "new/.git/hooks", "new/.git/config"):
        refused(errno.EROFS, os.open, m / name, os.O_CREAT | os.O_WRONLY)
        refused(errno.EROFS, os.mkdir, m / name)
        refused(errno.EROFS, os.symlink, "/tmp", m / name)
        refused(errno.EROFS, os.rename, m / "free", m / name)
        refused(errno.EROFS, os.link, m / "free", m / name)
    write(m / "later/a.h", "1")


def test_unnamed_file_gets_no_read_only_name(t):
    m = t.mount(t.layer(TREE), options=RULES)
    os.mkdir(m / "later")
    handle = os.open(m / "later", os.O_TMPFILE | os.O_RDWR)
    try:
        refused(errno.EROFS, syscalls.link_fd, handle, m / "later/a.c")
        syscalls.link_fd(handle, m / "later/a.h")
    finally:
        os.close(handle)


def test_directory_cannot_be_moved_out_of_a_pattern_and_back(t):
    """mv .git g; edit g/config; mv g .git."""
    m = t.mount(t.layer(TREE), options=(*RULES, "redirect_dir=on") if os.geteuid() == 0 else RULES)
    refused(errno.EXDEV, os.rename, m / "proj/.git", m / "proj/g")
    os.makedirs(m / "proj/g/hooks")
    write(m / "proj/g/hooks/pre-push", "#!")
    refused(errno.EXDEV, os.rename, m / "proj/g", m / ".git")
