# SPDX-License-Identifier: MIT
"""Directory trees as plain values, and how they are built on disk.

A tree is a dict from name to: bytes or str (a file's content), a dict (a directory), or one of the
types below. Every object gets a fixed old mtime, so that later dumps show what a copy-up kept.
"""
import dataclasses
import os
import shutil
import stat
import subprocess

from . import administrator

OLD = 1_000_000_000
trusted_attributes = True   # harness/worlds.py says where there are none: marks are then user.overlay., others left out


@dataclasses.dataclass
class File:
    content: bytes = b""
    mode: int = 0o644
    owner: tuple = (0, 0)
    xattrs: dict = dataclasses.field(default_factory=dict)
    size: int = None            # a larger size than the content makes a hole at the end
    mtime: int = OLD


@dataclasses.dataclass
class Dir:
    entries: dict = dataclasses.field(default_factory=dict)
    mode: int = 0o755
    owner: tuple = (0, 0)
    xattrs: dict = dataclasses.field(default_factory=dict)
    opaque: str = None          # None, or the xattr prefix under which it is marked opaque
    mtime: int = OLD


@dataclasses.dataclass
class Symlink:
    target: str
    owner: tuple = (0, 0)
    mtime: int = OLD


@dataclasses.dataclass
class Node:
    kind: int = stat.S_IFIFO
    mode: int = 0o644
    rdev: tuple = (0, 0)
    owner: tuple = (0, 0)
    mtime: int = OLD


@dataclasses.dataclass
class Link:
    """A hard link to another path of the same tree, which must come earlier."""
    to: str


WHITEOUT = Node(stat.S_IFCHR, 0o000, (0, 0))


def build(root, tree, top=None):
    """Makes the tree inside the existing directory root."""
    top = top or root
    for name, item in tree.items():
        _make(os.path.join(root, name), item, top)
    return root


def _make(path, item, top):
    if isinstance(item, (bytes, str)):
        item = File(item)
    if isinstance(item, dict):
        item = Dir(item)
    if isinstance(item, Link):
        os.link(os.path.join(top, item.to), path)
        return
    if isinstance(item, File):
        _make_file(path, item)
    elif isinstance(item, Dir):
        os.makedirs(path, exist_ok=True)
        build(path, item.entries, top)
        if item.opaque:
            os.setxattr(path, attribute(f"{item.opaque}.overlay.opaque"), b"y")
    elif isinstance(item, Symlink):
        os.symlink(item.target, path)
    elif isinstance(item, Node):
        _make_node(path, item)
    else:
        raise TypeError(f"{path}: no such kind of tree item: {item!r}")
    dress(path, item)


def _make_node(path, item):
    number = os.makedev(*item.rdev)
    if stat.S_IFMT(item.kind) in (stat.S_IFCHR, stat.S_IFBLK) and number:
        owner = administrator.do(owner_of, os.path.dirname(path))
        administrator.do(os.mknod, path, item.kind | 0o600, number)     # a layer may have devices in every world
        administrator.do(os.chown, path, *owner)
    else:
        os.mknod(path, item.kind | 0o600, number)


def owner_of(path):
    info = os.stat(path)
    return info.st_uid, info.st_gid


def _make_file(path, item):
    content = item.content.encode() if isinstance(item.content, str) else item.content
    with open(path, "wb") as file:
        file.write(content)
        if item.size is not None:
            file.truncate(item.size)


def dress(path, item):
    """Owner, mode, attributes and, last, times."""
    if os.geteuid() == 0:       # an ordinary user's trees are his own
        os.chown(path, *item.owner, follow_symlinks=False)
    if not isinstance(item, Symlink):
        os.chmod(path, item.mode)
    for name, value in getattr(item, "xattrs", {}).items():
        if attribute(name):
            os.setxattr(path, attribute(name), value, follow_symlinks=False)
    os.utime(path, (item.mtime, item.mtime), follow_symlinks=False)


def owned(uid, gid):
    """The owner on disk of what a tree says belongs to these."""
    return (uid, gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def attribute(name):
    """The attribute by which a mark of this name is known in the tests' world; None if it has no such attribute."""
    if trusted_attributes or not name.startswith("trusted."):
        return name
    return name.replace("trusted.", "user.", 1) if name.startswith("trusted.overlay.") else None


def mark(name):
    """The attribute for overlayfs's mark of this name, as "redirect", in the tests' world."""
    return attribute(f"trusted.overlay.{name}")


def remove(directory):
    """Removes a directory and all in it, even immutable files."""
    shutil.rmtree(directory, ignore_errors=True)
    if os.path.exists(directory):
        subprocess.run(["chattr", "-R", "-f", "-ia", directory], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(directory, ignore_errors=True)
