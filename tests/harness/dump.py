# SPDX-License-Identifier: MIT
"""One canonical text for a directory tree, for comparing and for checksums.

A line per object, sorted by path: type, mode, owner, size, mtime, link group, symlink target, device
number, hash of the content, extended attributes. Never atime or ctime, and nothing that differs
between two equal trees (inode and device numbers). Names are shown byte by byte where not printable.
"""
import errno
import hashlib
import os
import stat

BLOCK, LONG = 1 << 16, 3000
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFSOCK: "socket"}


def kind_of(mode):
    return KINDS[stat.S_IFMT(mode)]


def shown(name):
    raw = os.fsencode(name)
    return "".join(chr(byte) if 33 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in raw)


def dump(root, *, mtime="exact", xattrs=True, links=True, content=True, hide=()):
    """The lines of the tree. mtime: "exact", None, or a time in seconds (later ones are shown as new).

    hide: prefixes of extended attribute names to leave out, as "trusted.overlay.".
    """
    groups, lines = {}, []
    settings = (mtime, xattrs, content, tuple(hide))
    _walk(os.fsencode(root), b".", lines, groups, settings)
    if links:
        lines = [line + _links(group) for line, group in lines]
    else:
        lines = [line for line, _ in lines]
    return lines


def checksum(root):
    """What no operation on the union may change in a lower layer, as (digest, lines)."""
    lines = dump(root, mtime="exact")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest(), lines


def _links(group):
    return f" links={','.join(group)}" if len(group) > 1 else ""


def _walk(path, relative, lines, groups, settings):
    info = os.lstat(path)
    group = []
    if not stat.S_ISDIR(info.st_mode):
        group = groups.setdefault((info.st_dev, info.st_ino), [])
        group.append(shown(relative))
    lines.append((_line(path, relative, info, settings), group))
    if not stat.S_ISDIR(info.st_mode):
        return
    short = None
    if len(path) > LONG:        # deeper than a path can say: go on from an open directory
        short = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        path = b"/proc/self/fd/%d" % short
    for name in sorted(os.listdir(path)):
        _walk(path + b"/" + name, relative + b"/" + name, lines, groups, settings)
    if short is not None:
        os.close(short)


def _line(path, relative, info, settings):
    mtime, with_xattrs, with_content, hide = settings
    kind = kind_of(info.st_mode)
    parts = [shown(relative), kind, f"{stat.S_IMODE(info.st_mode):04o}", f"{info.st_uid}:{info.st_gid}"]
    if kind == "file":
        parts.append(f"size={info.st_size}")
        if with_content:
            parts.append("data=" + _content(path, info.st_size))
    if kind == "symlink":
        parts.append("to=" + shown(os.readlink(path)))
    if kind in ("char", "block"):
        parts.append(f"rdev={os.major(info.st_rdev)}:{os.minor(info.st_rdev)}")
    if mtime is not None:
        parts.append("mtime=" + settled(info.st_mtime_ns, mtime))
    if with_xattrs:
        parts.extend(_xattrs(path, hide))
    return " ".join(parts)


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
    fd = os.open(path, os.O_RDONLY | (os.O_NOATIME if os.geteuid() == 0 else 0))
    try:
        at = 0
        while (at := _next_data(fd, at)) is not None:
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


def _next_data(fd, offset):
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        return offset          # a file system without SEEK_DATA: everything is data


def _xattrs(path, hide):
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        if not name.startswith(hide or ("\0",)):
            value = os.getxattr(path, name, follow_symlinks=False)
            yield f"{shown(name)}={value.hex()}"
