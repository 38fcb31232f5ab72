# SPDX-License-Identifier: MIT
"""The commands of a script that give system calls flags, masks and lengths which Python's own functions never give."""
import array
import ctypes
import errno
import fcntl
import mmap
import os
import struct

from . import syscalls
from .script import command, data, shown_data
from .script_files import flags_of

libc = syscalls.libc
# The same numbers on all machines.
SYS_OPENAT2, SYS_FACCESSAT2, SYS_FCHMODAT2 = 437, 439, 452
AT = {"empty_path": 0x1000, "nofollow": 0x100, "eaccess": 0x200, "no_automount": 0x800, "force_sync": 0x2000, "dont_sync": 0x4000,
      "unknown": 0x40000000}
RESOLVE = {"no_xdev": 1, "no_magiclinks": 2, "no_symlinks": 4, "beneath": 8, "in_root": 16}
STATX = {"type": 1, "mode": 2, "nlink": 4, "uid": 8, "gid": 0x10, "mtime": 0x40, "ino": 0x100, "size": 0x200, "basic": 0x7FF,
         "reserved": 0x80000000}
UTIME = {"now": (1 << 30) - 1, "omit": (1 << 30) - 2}
PROT = {"r": mmap.PROT_READ, "w": mmap.PROT_WRITE, "x": mmap.PROT_EXEC}
MAP = {"shared": 1, "private": 2, "validate": 3, "populate": 0x8000, "noreserve": 0x4000, "sync": 0x80000}
IOCTLS = {"clone": 0x40049409, "getversion": 0x80087601, "blocksize": 2, "unread": 0x541B}


def _bits(table, words):
    return sum(table[word] for word in words.split(",") if word)


def _checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _name(s, name):
    """A path, and a descriptor to begin at: a handle's own where the name is written @handle."""
    return (s.fd(name[1:]), b"") if name.startswith("@") else (syscalls.AT_FDCWD, os.fsencode(s.path(name)))


@command
def statx_of(s, name, mask, flags=""):
    """Which of the fields that were asked for are there, and the mode and size if they are."""
    fd, path = _name(s, name)
    answer, wanted = ctypes.create_string_buffer(256), _bits(STATX, mask)
    _checked(libc.statx(fd, path, _bits(AT, flags), ctypes.c_uint(wanted), answer))
    found, mode, size = (struct.unpack_from(kind, answer, place)[0] for kind, place in (("I", 0), ("H", 28), ("Q", 40)))
    shown = f" size={size}" if found & wanted & STATX["size"] and mode & 0o170000 == 0o100000 else ""
    return f"{found & wanted & STATX['basic']:x} mode={mode:o}{shown}"


@command
def faccess(s, name, letters, flags=""):
    fd, path = _name(s, name)
    bits = sum({"r": 4, "w": 2, "x": 1, "f": 0, "?": 8}[letter] for letter in letters)
    _checked(libc.syscall(SYS_FACCESSAT2, fd, path, bits, _bits(AT, flags)))


@command
def chmod_at(s, name, mode, flags=""):
    fd, path = _name(s, name)
    _checked(libc.syscall(SYS_FCHMODAT2, fd, path, int(mode, 8), _bits(AT, flags)))


@command
def chown_at(s, name, owner, flags=""):
    fd, path = _name(s, name)
    uid, gid = (int(part or -1) for part in owner.split(":"))
    _checked(libc.fchownat(fd, path, uid, gid, _bits(AT, flags)))


@command
def utime_at(s, name, atime, mtime, flags=""):
    """Times are seconds, "now", "omit", or seconds and nanoseconds with a point between them."""
    fd, path = _name(s, name)
    values = []
    for word in (atime, mtime):
        seconds, _, rest = word.partition(".")
        values += [0, UTIME[word]] if word in UTIME else [int(seconds), int(rest or 0)]
    _checked(libc.utimensat(fd, path, struct.pack("qqqq", *values), _bits(AT, flags)))


@command
def openat2(s, handle, directory, name, flags="r", resolve=""):
    """Opens a name below an open directory. A rename anywhere on the machine makes the kernel say EAGAIN to "..": so again."""
    how = struct.pack("QQQ", flags_of(flags), 0o644 if "creat" in flags else 0, _bits(RESOLVE, resolve))
    while True:
        fd = libc.syscall(SYS_OPENAT2, s.fd(directory), os.fsencode(name), how, len(how))
        if fd >= 0 or ctypes.get_errno() != errno.EAGAIN:
            s.handles[handle] = _checked(fd)
            return


@command
def unlink_at(s, name, flags):
    _checked(libc.unlinkat(syscalls.AT_FDCWD, os.fsencode(s.path(name)), _bits(AT, flags)))


@command
def readlink_sized(s, name, size):
    buffer = ctypes.create_string_buffer(4096)
    length = _checked(libc.readlink(os.fsencode(s.path(name)), buffer, ctypes.c_size_t(int(size))))
    return shown_data(buffer.raw[:length])


@command
def readv(s, handle, *sizes):
    pieces = [bytearray(int(size)) for size in sizes]
    length = os.readv(s.fd(handle), pieces)
    return f"{length} " + shown_data(b"".join(pieces)[:length])


@command
def writev(s, handle, *words):
    return os.writev(s.fd(handle), [data(word) for word in words])


@command
def getdents_sized(s, handle, size):
    """Only how many bytes there is room for is asked: which names come is the file system's own."""
    return "some" if syscalls.getdents(s.fd(handle), int(size)) else "none"


@command
def advise(s, handle, how, offset="0", length="0"):
    os.posix_fadvise(s.fd(handle), int(offset), int(length), getattr(os, f"POSIX_FADV_{how.upper()}"))


@command
def read_ahead(s, handle, offset, length):
    _checked(libc.readahead(s.fd(handle), ctypes.c_int64(int(offset)), ctypes.c_size_t(int(length))))


@command
def sync_range(s, handle, offset, length, flags="7"):
    _checked(libc.sync_file_range(s.fd(handle), ctypes.c_int64(int(offset)), ctypes.c_int64(int(length)), int(flags)))


@command
def copy_range_flags(s, source, target, flags):
    _checked(libc.copy_file_range(s.fd(source), None, s.fd(target), None, ctypes.c_size_t(1), ctypes.c_uint(int(flags))))


@command
def map_(s, handle, letters, kind, offset, length, word=""):
    """Maps bytes, stores the word at their beginning if there is one, and shows up to eight of them."""
    protection = sum(PROT[letter] for letter in letters if letter != "-")
    with mmap.mmap(s.fd(handle), int(length), _bits(MAP, kind), protection, offset=int(offset)) as area:
        if word:
            area[:len(data(word))] = data(word)
        return shown_data(area[:8]) if "r" in letters else "mapped"


@command
def file_ioctl(s, handle, name, argument="0"):
    request = IOCTLS[name]
    if name == "clone":
        return fcntl.ioctl(s.fd(handle), request, s.fd(argument))
    answer = array.array("l", [0])
    fcntl.ioctl(s.fd(handle), request, answer)
    return "answered" if name in ("getversion", "blocksize") else answer[0] & 0xFFFFFFFF


@command
def ofd_getlk(s, handle, start="0", length="0"):
    asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, int(start), int(length), 0)
    kind, _, begin, size, _ = struct.unpack("hhqqi4x", fcntl.fcntl(s.fd(handle), 36, asked))
    return {fcntl.F_RDLCK: "sh", fcntl.F_WRLCK: "ex", fcntl.F_UNLCK: "free"}[kind] + f" {begin} {size}"


@command
def lease(s, handle, how):
    fcntl.fcntl(s.fd(handle), fcntl.F_SETLEASE, {"ex": fcntl.F_WRLCK, "sh": fcntl.F_RDLCK, "un": fcntl.F_UNLCK}[how])


@command
def write_hint(s, handle, value):
    """F_SET_RW_HINT and back."""
    fcntl.fcntl(s.fd(handle), 1036, struct.pack("Q", int(value)))
    return struct.unpack("Q", fcntl.fcntl(s.fd(handle), 1035, bytes(8)))[0]


@command
def status_flags(s, handle, flags):
    """F_SETFL and what F_GETFL says of the same flags then."""
    bits = flags_of(flags)
    fcntl.fcntl(s.fd(handle), fcntl.F_SETFL, bits)
    return "set" if fcntl.fcntl(s.fd(handle), fcntl.F_GETFL) & bits == bits else "not set"
