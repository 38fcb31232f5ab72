# SPDX-License-Identifier: MIT
"""One canonical text for a directory tree, for comparing and for checksums.

A line per object, sorted by path: type, mode, owner, size, mtime, link group, symlink target, device
number, hash of the content, extended attributes. Never atime or ctime, and nothing that differs
between two equal trees (inode and device numbers). Names are shown byte by byte where not printable.
"""
import dataclasses
import errno
import hashlib
import os
import stat

from . import checks

BLOCK, LONG = 1 << 16, 3000
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFSOCK: "socket"}


def kind_of(mode):
    return KINDS[stat.S_IFMT(mode)]


def shown(name):
    raw = os.fsencode(name)
    return "".join(chr(byte) if 33 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in raw)


def is_whiteout(info):
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def is_linked(info):
    """Whether it matters which names are one file; unions link whiteouts to one another at will."""
    return not stat.S_ISDIR(info.st_mode) and not is_whiteout(info)


@dataclasses.dataclass
class How:
    """What a line says of an object."""
    mtime: object = "exact"     # or None, or a time in seconds: later ones are shown as new
    xattrs: bool = True
    content: bool = True
    hide: tuple = ()            # prefixes of extended attribute names to leave out, as "trusted.overlay."
    value: object = lambda name, value: value.hex()     # how an attribute's value is shown
    linked: object = is_linked  # linked(info): whether all names of the object are told with each
    errors: bool = False        # show an errno in the place of what cannot be read, instead of raising it


def dump(root, *, links=True, describe=None, **named):
    """The lines of the tree, as `How(**named)` says or as describe(path, relative, info) returns each."""
    groups, lines = {}, []
    how = How(**named)
    _walk(os.fsencode(root), b".", lines, groups, how, describe or (lambda *about: line(*about, how)))
    if links:
        return [text + _links(group) for text, group in lines]
    return [text for text, _ in lines]


def checksum(root):
    """What no operation on the union may change in a lower layer, as (digest, lines)."""
    lines = dump(root, mtime="exact", errors=True)     # what cannot be read stays what it is
    return hashlib.sha256("\n".join(lines).encode()).hexdigest(), lines


def _links(group):
    return f" links={','.join(group)}" if len(group) > 1 else ""


def _walk(path, relative, lines, groups, how, describe):
    try:
        info = os.lstat(path)
    except OSError as error:
        if not how.errors:
            raise
        lines.append((f"{shown(relative)} lstat={checks.name_of(error.errno)}", []))
        return
    group = []
    if how.linked(info):
        group = groups.setdefault((info.st_dev, info.st_ino), [])
        group.append(shown(relative))
    lines.append((describe(path, relative, info), group))
    if not stat.S_ISDIR(info.st_mode):
        return
    short = None
    if len(path) > LONG:        # deeper than a path can say: go on from an open directory
        short = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        path = b"/proc/self/fd/%d" % short
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        if not how.errors:
            raise
        lines.append((f"{shown(relative)}/ list={checks.name_of(error.errno)}", []))
        names = []
    for name in names:
        _walk(path + b"/" + name, relative + b"/" + name, lines, groups, how, describe)
    if short is not None:
        os.close(short)


def line(path, relative, info, how):
    kind = kind_of(info.st_mode)
    parts = [shown(relative), kind, f"{stat.S_IMODE(info.st_mode):04o}", f"{info.st_uid}:{info.st_gid}"]
    if kind == "file":
        parts.append(f"size={info.st_size}")
        if how.content:
            parts.append("data=" + _tried(how, lambda: _content(path, info.st_size)))
    if kind == "symlink":
        parts.append("to=" + _tried(how, lambda: shown(os.readlink(path))))
    if kind in ("char", "block"):
        parts.append(f"rdev={os.major(info.st_rdev)}:{os.minor(info.st_rdev)}")
    if how.mtime is not None:
        parts.append("mtime=" + settled(info.st_mtime_ns, how.mtime))
    if how.xattrs:
        parts.append(_tried(how, lambda: " ".join(_xattrs(path, how))))
    return " ".join(parts).rstrip()


def _tried(how, function):
    try:
        return function()
    except OSError as error:
        if not how.errors:
            raise
        return checks.name_of(error.errno)


def settled(time_ns, boundary):
    """A time as text: exact when it is older than the boundary, else only that it is new."""
    if boundary != "exact" and time_ns >= boundary * 1_000_000_000:
        return "new"
    return f"{time_ns // 1_000_000_000}.{time_ns % 1_000_000_000:09d}"


def _content(path, size):
    """A hash of the blocks that are not all zero, with their offsets: equal for a hole and for written zeros."""
    if size == 0:
        return "-"
    digest = hashlib.sha256()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
    except PermissionError:
        fd = os.open(path, os.O_RDONLY)         # another user's
    try:
        at = 0
        while (at := _next_data(fd, at, size)) is not None:
            at -= at % BLOCK
            piece = os.pread(fd, BLOCK, at)
            if not piece:
                break
            if piece.count(0) != len(piece):
                digest.update(at.to_bytes(8, "little") + piece)
            at += BLOCK
    finally:
        os.close(fd)
    return digest.hexdigest()[:24]


def _next_data(fd, offset, size):
    if size <= BLOCK:
        return offset if offset < size else None    # one read is as quick as asking where the data are
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        return offset          # a file system without SEEK_DATA: everything is data


def _xattrs(path, how):
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        if not name.startswith(tuple(how.hide) or ("\0",)):
            value = os.getxattr(path, name, follow_symlinks=False)
            yield f"{shown(name)}={how.value(name, value)}"
