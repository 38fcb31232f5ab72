# SPDX-License-Identifier: MIT
"""System calls that Python's os module lacks, through ctypes.

Each raises OSError with the path, as os functions do. Structures are decoded here and nowhere else.
"""
import collections
import ctypes
import fcntl
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)

AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW = -100, 0x1000, 0x400, 0x100
AT_STATX_FORCE_SYNC = 0x2000
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 1, 2, 4, 4096, 8192, 16384, 1 << 18
MS_REMOUNT, MNT_FORCE, MNT_DETACH = 32, 1, 2
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
FALLOC = {"keep_size": 1, "punch_hole": 2, "collapse_range": 8, "zero_range": 16, "insert_range": 32, "unshare": 64}
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL, FS_NOATIME_FL = 0x10, 0x20, 0x40, 0x80
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
MAX_HANDLE, CAPABILITY_VERSION, CAP_FSETID = 128, 0x20080522, 4
STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID = 0x7FF, 0x800, 0x1000


def _checked(result, *paths):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *paths[:1])
    return result


def _path(path):
    return os.fsencode(path) if path is not None else None


def mount(source, target, kind=None, flags=0, data=None):
    _checked(libc.mount(_path(source), _path(target), _path(kind), ctypes.c_ulong(flags), _path(data)), target)


def umount(target, flags=0):
    _checked(libc.umount2(_path(target), flags), target)


def unshare(flags):
    _checked(libc.unshare(flags))


def setns(fd, kind):
    _checked(libc.setns(fd, kind))


def die_with_parent(signal_number=9):
    _checked(libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def make_dumpable():
    """A process's files in /proc are its own again, after a change of its ids made them root's."""
    _checked(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def renameat2(source, target, flags=0, source_fd=AT_FDCWD, target_fd=AT_FDCWD):
    _checked(libc.renameat2(source_fd, _path(source), target_fd, _path(target), flags), source)


def link_fd(fd, target):
    """Gives a name to an open (O_TMPFILE) file."""
    source = f"/proc/self/fd/{fd}".encode()
    _checked(libc.linkat(AT_FDCWD, source, AT_FDCWD, _path(target), AT_SYMLINK_FOLLOW), target)


def link(source, target, follow=False):
    flags = AT_SYMLINK_FOLLOW if follow else 0
    _checked(libc.linkat(AT_FDCWD, _path(source), AT_FDCWD, _path(target), flags), source)


def file_handle(path):
    """Type and bytes of the handle by which the file system knows the object itself (no symlink is followed)."""
    buffer = ctypes.create_string_buffer(8 + MAX_HANDLE)
    struct.pack_into("=Ii", buffer, 0, MAX_HANDLE, 0)
    mount_id = ctypes.c_int()
    _checked(libc.name_to_handle_at(AT_FDCWD, _path(path), buffer, ctypes.byref(mount_id), 0), path)
    length, kind = struct.unpack_from("=Ii", buffer.raw, 0)
    return kind, buffer.raw[8:8 + length]


def capabilities():
    """Effective, permitted and inheritable capabilities of this thread, as numbers of 64 bits."""
    words = ctypes.create_string_buffer(24)
    _checked(libc.capget(struct.pack("=Ii", CAPABILITY_VERSION, 0), words))
    low, high = struct.unpack_from("=III", words.raw, 0), struct.unpack_from("=III", words.raw, 12)
    return tuple(a | b << 32 for a, b in zip(low, high, strict=True))


def set_capabilities(*sets):
    words = [word & 0xFFFFFFFF for word in sets] + [word >> 32 for word in sets]
    _checked(libc.capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), struct.pack("=6I", *words)))


def fallocate(fd, modes, offset, length):
    mode = 0
    for name in modes:
        mode |= FALLOC[name]
    _checked(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def getxattr_sized(path, name, size):
    """getxattr(2) with a buffer of the given size; 0 asks for the length. Returns length and bytes."""
    buffer = ctypes.create_string_buffer(max(size, 1))
    length = _checked(libc.lgetxattr(_path(path), name.encode(), buffer, ctypes.c_size_t(size)), path)
    return length, buffer.raw[:length] if size else b""


def listxattr_sized(path, size):
    buffer = ctypes.create_string_buffer(max(size, 1))
    length = _checked(libc.llistxattr(_path(path), buffer, ctypes.c_size_t(size)), path)
    return length, buffer.raw[:length] if size else b""


Statx = collections.namedtuple("Statx", "mask blksize attributes nlink uid gid mode ino size blocks "
                               "attributes_mask btime ctime mtime rdev dev mnt_id")


def statx(path, flags=AT_SYMLINK_NOFOLLOW, mask=STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID):
    buffer = ctypes.create_string_buffer(256)
    _checked(libc.statx(AT_FDCWD, _path(path), flags, mask, buffer), path)
    head = struct.unpack_from("=IIQIIIHxxQQQQ", buffer.raw, 0)
    times = [struct.unpack_from("=qIxxxx", buffer.raw, 64 + 16 * i) for i in range(4)]
    rdev = struct.unpack_from("=II", buffer.raw, 128)
    dev = struct.unpack_from("=II", buffer.raw, 136)
    mnt_id, = struct.unpack_from("=Q", buffer.raw, 144)
    return Statx(*head, times[1], times[2], times[3], rdev, dev, mnt_id)


def get_flags(fd):
    return struct.unpack("=I", fcntl.ioctl(fd, FS_IOC_GETFLAGS, struct.pack("=Q", 0))[:4])[0]


def set_flags(fd, flags):
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("=Q", flags))


def get_project(fd):
    """Project id and extended flags of an open file."""
    xflags, _, _, project, _ = struct.unpack("=IIIII8x", fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(28)))
    return project, xflags


def set_project(fd, project, xflags=0):
    fcntl.ioctl(fd, FS_IOC_FSSETXATTR, struct.pack("=IIIII8x", xflags, 0, 0, project, 0))


DirectoryEntry = collections.namedtuple("DirectoryEntry", "ino offset kind name")


def getdents(fd, size=32768):
    """One getdents64(2): a list of entries with their offsets, empty at the end."""
    buffer = ctypes.create_string_buffer(size)
    length = _checked(libc.getdents64(fd, buffer, ctypes.c_size_t(size)))
    entries, at = [], 0
    while at < length:
        ino, offset, reclen, kind = struct.unpack_from("=QqHB", buffer.raw, at)
        name = buffer.raw[at + 19:at + reclen].split(b"\0", 1)[0]
        entries.append(DirectoryEntry(ino, offset, kind, name))
        at += reclen
    return entries


def syncfs(fd):
    _checked(libc.syncfs(fd))


def mincore_resident(mapping_address, length):
    pages = (length + 4095) // 4096
    vector = ctypes.create_string_buffer(pages)
    _checked(libc.mincore(ctypes.c_void_p(mapping_address), ctypes.c_size_t(length), vector))
    return [byte & 1 for byte in vector.raw[:pages]]
