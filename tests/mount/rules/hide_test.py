# SPDX-License-Identifier: MIT
"""A hidden name is absent in every way, and no object can come to it."""
import dataclasses
import errno
import os

from harness import equal, read, refused, syscalls, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {".env": "secret", "open": "x", "src": {".env": "deep", "main.c": "x"}, "home": {".ssh": {"id": "key"}}, ".env.example": "y"}
RULES = ("rule=hide:.env*", "rule=hide:!.env.example", "rule=hide:.ssh/", "rule=hide:/abs/dir/**/x")


def hiding(t, tree=None, **named):
    return t.mount(t.layer(tree or TREE), options=RULES, **named)


def test_hidden_name_is_not_found_and_not_listed(t):
    m = hiding(t)
    for name in (".env", "src/.env", "home/.ssh", "home/.ssh/id"):
        for call in (os.stat, os.lstat, os.readlink, os.listdir, os.unlink, os.rmdir, read):
            refused(errno.ENOENT, call, m / name)
        refused(errno.ENOENT, os.rename, m / name, m / "elsewhere")
        refused(errno.ENOENT, os.link, m / name, m / "elsewhere")
    equal(sorted(os.listdir(m / "")), [".env.example", "home", "open", "src"], "what the root lists")
    equal(os.listdir(m / "home"), [], "what home lists")
    equal(read(m / ".env.example"), b"y", "a name that a later rule takes out")


def test_hidden_name_of_a_read_only_union_is_not_listed_either(t):
    m = hiding(t, upper=False)
    equal(sorted(os.listdir(m / "")), [".env.example", "home", "open", "src"], "what the root lists")
    refused(errno.ENOENT, os.stat, m / ".env")


def test_nothing_can_be_made_under_a_hidden_name(t):
    """EACCES, as from a sandbox: the directory is there, so ENOENT would send the caller looking for it."""
    m = hiding(t)
    os.makedirs(m / "abs/dir/deep"), os.mkdir(m / "fresh")
    for name in (".env", ".envrc", "src/.env", "abs/dir/x", "abs/dir/deep/x"):
        refused(errno.EACCES, os.open, m / name, os.O_CREAT | os.O_WRONLY)
        refused(errno.EACCES, os.mkdir, m / name)
        refused(errno.EACCES, os.mkfifo, m / name)
        refused(errno.EACCES, os.symlink, "open", m / name)
        refused(errno.EACCES, os.link, m / "open", m / name)
        refused(errno.EACCES, os.rename, m / "open", m / name)
        refused(errno.EACCES, os.rename, m / "fresh", m / name)
    refused(errno.EACCES, os.mkdir, m / "src/.ssh")
    write(m / "src/.ssh", "a file is not meant by a pattern with a slash at its end")
    equal(os.listdir(m.upper + "/src"), [".ssh"], "what the upper has")


def test_directory_with_hidden_names_is_not_removed_with_them(t):
    m = hiding(t)
    os.mkdir(m / "new")
    refused(errno.ENOTEMPTY, os.rmdir, m / "home")
    refused(errno.ENOTEMPTY, os.rename, m / "new", m / "home")
    m.umount()
    equal(read(m.stack.lowers[0] + "/home/.ssh/id"), b"key", "what was hidden")


def test_upper_directory_with_hidden_names_is_not_removed_with_them(t):
    lower = t.layer({"x": ""})
    m = t.mount(lower)
    os.mkdir(m / "d")
    write(m / "d/.env", "kept")
    os.mkdir(m / "full"), write(m / "full/file", "1"), write(m / "full/.env", "kept")
    m.umount()
    m = t.mount_stack(dataclasses.replace(m.stack, options=RULES))
    equal(os.listdir(m / "d"), [], "what the directory lists")
    equal(os.listdir(m / "full"), ["file"], "what the other lists")
    refused(errno.ENOTEMPTY, os.rmdir, m / "d")
    os.unlink(m / "full/file")
    refused(errno.ENOTEMPTY, os.rmdir, m / "full")
    equal(read(m.upper + "/d/.env"), b"kept", "what was hidden")


def test_directory_above_hidden_names_cannot_leave_its_pattern(t):
    """EXDEV, so that mv(1) copies, and judges each copy by its own name."""
    m = hiding(t, {"abs": {"dir": {"x": "secret", "y": "1"}}, "other": {}})
    equal(os.listdir(m / "abs/dir"), ["y"], "what is shown")
    os.mkdir(m / "abs/dir/new")
    refused(errno.EXDEV, os.rename, m / "abs/dir/new", m / "abs/new")
    os.mkdir(m / "top"), write(m / "top/x", "1")
    refused(errno.EXDEV, os.rename, m / "top", m / "abs/dir/top")
    refused(errno.EXDEV, os.rename, m / "abs/dir/new", m / "top/new")
    refused(errno.EXDEV, syscalls.renameat2, m / "top", m / "abs/dir/new", syscalls.RENAME_EXCHANGE)
    os.mkdir(m / "plain")
    os.rename(m / "plain", m / "other/plain")
    equal(os.listdir(m / "other"), ["plain"], "what moved where no rule applies")
