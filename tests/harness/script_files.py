# SPDX-License-Identifier: MIT
"""The commands of a script that act on open files: data, sizes, locks, flags, directory streams."""
import errno
import fcntl
import mmap
import os
import struct

from . import credentials, syscalls
from .script import command, data, shown_data

FLAGS = {"creat": os.O_CREAT, "excl": os.O_EXCL, "trunc": os.O_TRUNC, "append": os.O_APPEND,
         "dir": os.O_DIRECTORY, "nofollow": os.O_NOFOLLOW, "tmpfile": os.O_TMPFILE, "direct": os.O_DIRECT,
         "sync": os.O_SYNC, "dsync": os.O_DSYNC, "noatime": os.O_NOATIME, "path": os.O_PATH,
         "nonblock": os.O_NONBLOCK, "async": os.O_ASYNC, "noctty": os.O_NOCTTY}
F_OFD_SETLK = 37


def without_waiting(path, flags):
    """An opener that waits for no other end of a fifo; regular files do not mind."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def flags_of(words):
    names = words.split(",")
    bits = os.O_RDWR if "r" in names and "w" in names else os.O_WRONLY if "w" in names else os.O_RDONLY
    for name in names:
        bits |= FLAGS.get(name, 0)
    return bits


@command
def open_(s, handle, name, flags="r", mode="644"):
    s.handles[handle] = os.open(s.path(name), flags_of(flags), int(mode, 8))


@command
def try_open(s, name, flags="r", mode="644"):
    os.close(os.open(s.path(name), flags_of(flags), int(mode, 8)))


@command
def reopen(s, handle, old, flags="r"):
    """Opens again through /proc/self/fd: no path is walked."""
    s.handles[handle] = os.open(f"/proc/self/fd/{s.fd(old)}", flags_of(flags))


@command
def close(s, handle):
    fd = s.fd(handle)
    del s.handles[handle]
    os.close(fd)


@command
def read(s, handle, size):
    return shown_data(os.read(s.fd(handle), int(size)))


@command
def pread(s, handle, offset, size):
    return shown_data(os.pread(s.fd(handle), int(size), int(offset)))


@command
def write(s, handle, word):
    return os.write(s.fd(handle), data(word))


@command
def pwrite(s, handle, offset, word):
    return os.pwrite(s.fd(handle), data(word), int(offset))


@command
def ftruncate(s, handle, size):
    os.ftruncate(s.fd(handle), int(size))


@command
def lseek(s, handle, offset, whence="set"):
    how = {"set": os.SEEK_SET, "cur": os.SEEK_CUR, "end": os.SEEK_END, "data": os.SEEK_DATA, "hole": os.SEEK_HOLE}
    return os.lseek(s.fd(handle), int(offset), how[whence])


@command
def fstat(s, handle):
    return s.shown_stat(os.fstat(s.fd(handle)))


@command
def fino(s, handle):
    return s.number(os.fstat(s.fd(handle)).st_ino)


@command
def fchmod(s, handle, mode):
    os.fchmod(s.fd(handle), int(mode, 8))


@command
def fchown(s, handle, owner):
    uid, gid = owner.split(":")
    os.fchown(s.fd(handle), int(uid or -1), int(gid or -1))


@command
def futime(s, handle, atime, mtime):
    os.utime(s.fd(handle), ns=(int(atime) * 10**9, int(mtime) * 10**9))


@command
def fsync(s, handle):
    os.fsync(s.fd(handle))


@command
def fdatasync(s, handle):
    os.fdatasync(s.fd(handle))


@command
def fsetxattr(s, handle, key, value):
    os.setxattr(s.fd(handle), key, data(value))


@command
def fgetxattr(s, handle, key):
    return shown_data(os.getxattr(s.fd(handle), key))


@command
def fallocate(s, handle, modes, offset, length):
    names = [name for name in modes.split(",") if name != "allocate"]
    syscalls.fallocate(s.fd(handle), names, int(offset), int(length))


@command
def copy_file_range(s, source, target, count, from_offset="0", to_offset="0"):
    return os.copy_file_range(s.fd(source), s.fd(target), int(count), int(from_offset), int(to_offset))


@command
def append(s, name, word):
    fd = without_waiting(s.path(name), os.O_WRONLY | os.O_APPEND)
    try:
        return os.write(fd, data(word))
    finally:
        os.close(fd)


@command
def overwrite(s, name, offset, word):
    """Changes bytes of a file that exists, with no handle left open."""
    fd = without_waiting(s.path(name), os.O_RDWR)
    try:
        return os.pwrite(fd, data(word), int(offset))
    finally:
        os.close(fd)


@command
def copy_content(s, source, target, count, from_offset="0", to_offset="0"):
    """copy_file_range(2) between two names until all is copied, with no handle left open.

    What the source, which may be the target, gains meanwhile is not copied.
    """
    source_fd = without_waiting(s.path(source), os.O_RDONLY)
    try:
        target_fd = without_waiting(s.path(target), os.O_WRONLY | os.O_CREAT)
        try:
            start, wanted = int(from_offset), int(count)
            end, copied = min(start + wanted, os.fstat(source_fd).st_size), 0
            while True:
                more = os.copy_file_range(source_fd, target_fd, wanted - copied, start + copied, int(to_offset) + copied)
                copied += more
                if more == 0 or start + copied >= end:
                    return copied
        finally:
            os.close(target_fd)
    finally:
        os.close(source_fd)


@command
def sendfile(s, target, source, offset, count):
    return os.sendfile(s.fd(target), s.fd(source), int(offset), int(count))


@command
def mmap_read(s, handle, offset, size):
    with mmap.mmap(s.fd(handle), 0, mmap.MAP_SHARED, mmap.PROT_READ) as area:
        return shown_data(area[int(offset):int(offset) + int(size)])


@command
def mmap_write(s, handle, offset, word):
    content = data(word)
    with mmap.mmap(s.fd(handle), 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as area:
        area[int(offset):int(offset) + len(content)] = content
        area.flush()


@command
def linkat(s, handle, name):
    syscalls.link_fd(s.fd(handle), s.path(name))


@command
def getflags(s, name):
    """The file flags that users may set, as words."""
    fd = os.open(s.path(name), os.O_RDONLY | os.O_NONBLOCK)
    try:
        flags = syscalls.get_flags(fd)
    finally:
        os.close(fd)
    words = [word for word, bit in SETTABLE.items() if flags & bit]
    return ",".join(words) or "none"


SETTABLE = {"immutable": 0x10, "append": 0x20, "nodump": 0x40, "noatime": 0x80, "sync": 0x8}


@command
def setflags(s, name, *words):
    """Sets exactly these of the settable flags, leaving the rest of the word."""
    fd = os.open(s.path(name), os.O_RDONLY | os.O_NONBLOCK)
    try:
        kept = syscalls.get_flags(fd) & ~sum(SETTABLE.values())
        syscalls.set_flags(fd, kept | sum(SETTABLE[word] for word in words))
    finally:
        os.close(fd)


@command
def getproject(s, name):
    fd = os.open(s.path(name), os.O_RDONLY)
    try:
        return syscalls.get_project(fd)[0]
    finally:
        os.close(fd)


@command
def setproject(s, name, project):
    fd = os.open(s.path(name), os.O_RDONLY)
    try:
        syscalls.set_project(fd, int(project))
    finally:
        os.close(fd)


@command
def ioctl_unknown(s, handle):
    fcntl.ioctl(s.fd(handle), 0x5A5A, 0)


@command
def flock(s, handle, how):
    modes = {"ex": fcntl.LOCK_EX, "sh": fcntl.LOCK_SH, "un": fcntl.LOCK_UN}
    fcntl.flock(s.fd(handle), modes[how] | fcntl.LOCK_NB)


@command
def lock(s, handle, how, start="0", length="0"):
    """A POSIX record lock of this process."""
    modes = {"ex": fcntl.LOCK_EX, "sh": fcntl.LOCK_SH, "un": fcntl.LOCK_UN}
    wait = 0 if how == "un" else fcntl.LOCK_NB
    fcntl.lockf(s.fd(handle), modes[how] | wait, int(length), int(start))


@command
def ofd_lock(s, handle, how, start="0", length="0"):
    """An open file description lock."""
    kinds = {"ex": fcntl.F_WRLCK, "sh": fcntl.F_RDLCK, "un": fcntl.F_UNLCK}
    fcntl.fcntl(s.fd(handle), F_OFD_SETLK, struct.pack("hhqqi4x", kinds[how], 0, int(start), int(length), 0))


@command
def other(s, *words):
    """Runs a call in another process, with its own record locks; it inherits no lock."""
    def attempt():
        try:
            s.call(list(words))
            return "ok"
        except OSError as error:
            return errno.errorcode[error.errno]
    return credentials.in_child(attempt)


@command
def opendir(s, handle, name="."):
    s.handles[handle] = os.open(s.path(name), os.O_RDONLY | os.O_DIRECTORY)
    s.streams[handle] = []


@command
def readdir(s, handle):
    """The rest of the stream, sorted, without the dots."""
    names = []
    while entries := syscalls.getdents(s.fd(handle)):
        names += [os.fsdecode(entry.name) for entry in entries if entry.name not in (b".", b"..")]
    return " ".join(sorted(names)) or "(nothing)"


@command
def rewinddir(s, handle):
    os.lseek(s.fd(handle), 0, os.SEEK_SET)
