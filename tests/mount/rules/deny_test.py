# SPDX-License-Identifier: MIT
"""A denied name can be seen and not opened, and its content gets no other name."""
import errno
import os

from harness import equal, read, refused, syscalls, write
from harness.trees import Symlink

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"secret.key": "s", "vault": {"a": "1", "sub": {"b": "2"}}, "free": "f", "link.key": Symlink("free")}
RULES = ("rule=deny:*.key", "rule=deny:vault/")


def test_denied_file_is_seen_and_not_opened(t):
    m = t.mount(t.layer(TREE), options=RULES)
    equal(os.stat(m / "secret.key").st_size, 1, "size")
    equal(sorted(os.listdir(m / "")), sorted(TREE), "what is listed")
    for name in ("secret.key", "vault/a", "vault/sub/b"):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
            refused(errno.EACCES, os.open, m / name, flags)
        refused(errno.EACCES, os.truncate, m / name, 0)
        refused(errno.EACCES, os.getxattr, m / name, "user.x")
        refused(errno.EACCES, os.setxattr, m / name, "user.x", b"1")
    for name in ("vault", "vault/sub"):
        refused(errno.EACCES, os.listdir, m / name)
    refused(errno.EACCES, os.readlink, m / "link.key")
    refused(errno.EACCES, os.open, m / "link.key", os.O_RDONLY)
    os.chmod(m / "secret.key", 0o600)
    equal(os.stat(m / "secret.key").st_mode & 0o777, 0o600, "mode")


def test_nothing_comes_to_a_denied_name_and_no_content_leaves_it(t):
    m = t.mount(t.layer(TREE), options=RULES)
    refused(errno.EACCES, os.open, m / "new.key", os.O_CREAT | os.O_WRONLY)
    refused(errno.EACCES, os.open, m / "vault/new", os.O_CREAT | os.O_WRONLY)
    refused(errno.EACCES, os.mkdir, m / "vault/new")
    refused(errno.EACCES, os.rename, m / "free", m / "free.key")
    refused(errno.EACCES, os.link, m / "free", m / "free.key")
    refused(errno.EACCES, os.rename, m / "secret.key", m / "secret")
    refused(errno.EACCES, os.rename, m / "vault/a", m / "a")
    refused(errno.EACCES, os.link, m / "secret.key", m / "second")
    refused(errno.EACCES, os.link, m / "secret.key", m / "second.key")
    refused(errno.EACCES, syscalls.renameat2, m / "free", m / "secret.key", syscalls.RENAME_EXCHANGE)
    os.rename(m / "secret.key", m / "other.key")
    refused(errno.EACCES, os.open, m / "other.key", os.O_RDONLY)
    os.unlink(m / "other.key")


def test_denied_directory_has_no_unnamed_files_either(t):
    m = t.mount(t.layer(TREE), options=RULES)
    refused(errno.EACCES, os.open, m / "vault", os.O_TMPFILE | os.O_RDWR)


def test_refusals_are_counted(t):
    m = t.mount(t.layer(TREE), options=RULES)
    equal(m.status()["rules"], {"count": 2, "lost_lines": 0, "refused": 0}, "before")
    refused(errno.EACCES, os.open, m / "secret.key", os.O_RDONLY)
    refused(errno.EACCES, os.mkdir, m / "vault/new")
    equal(m.status()["rules"]["refused"], 2, "after")
    write(m / "free", "1")
    equal(read(m / "free"), b"1", "a file without a rule")
    equal(m.status()["rules"]["refused"], 2, "after that")
