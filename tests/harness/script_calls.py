# SPDX-License-Identifier: MIT
"""The commands of a script that act on names and attributes; those on open files are in script_files."""
import os
import stat
import time

from . import acl, script_files, syscalls                # noqa: F401 (script_files registers its commands)
from .script import Script, command, data, shown_data   # noqa: F401

CLOCK_REALTIME_COARSE = 5      # ticks as file times do; Python's time module lacks its name


@command
def stat_(s, name):
    return s.shown_stat(os.stat(s.path(name)))


@command
def lstat(s, name):
    return s.shown_stat(os.lstat(s.path(name)))


@command
def statx(s, name):
    answer = syscalls.statx(s.path(name), mask=syscalls.STATX_BASIC_STATS)
    size = answer.size if stat.S_ISREG(answer.mode) else "-"
    basic = answer.mask & syscalls.STATX_BASIC_STATS
    return f"mask={basic:x} mode={answer.mode:o} size={size} mtime={s.time(answer.mtime[0] * 10**9 + answer.mtime[1])}"


@command
def nlink(s, name):
    return os.lstat(s.path(name)).st_nlink


@command
def ino(s, name):
    return s.number(os.lstat(s.path(name)).st_ino)


@command
def blocks(s, name):
    return "some" if os.stat(s.path(name)).st_blocks else "none"


@command
def mark(s, name):
    """Remembers the times; waits for the clock to move so that any later change shows."""
    s.marks[name] = os.lstat(s.path(name))
    tick = time.clock_gettime_ns(time.CLOCK_REALTIME)
    while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) <= tick:
        time.sleep(0.001)


@command
def changed(s, name, *keys):
    """Which of the times differ from the mark (mtime and ctime unless named)."""
    now, then = os.lstat(s.path(name)), s.marks[name]
    found = [key for key in keys or ("mtime", "ctime")
             if getattr(now, f"st_{key}_ns") != getattr(then, f"st_{key}_ns")]
    return ",".join(found) or "nothing"


@command
def access(s, name, mode):
    """access(2) with effective ids, as a permission decision without side effects."""
    bits = sum({"r": os.R_OK, "w": os.W_OK, "x": os.X_OK, "f": 0}[letter] for letter in mode)
    if not os.access(s.path(name), bits, effective_ids=True):
        return "denied"
    return "granted"


@command
def chmod(s, name, mode):
    os.chmod(s.path(name), int(mode, 8))


@command
def chown(s, name, owner):
    os.chown(s.path(name), *_owner(owner))


@command
def lchown(s, name, owner):
    os.chown(s.path(name), *_owner(owner), follow_symlinks=False)


def _owner(text):
    uid, gid = text.split(":")
    return int(uid or -1), int(gid or -1)


def _times(atime, mtime):
    return int(float(atime) * 10**9), int(float(mtime) * 10**9)


@command
def utime(s, name, atime, mtime):
    os.utime(s.path(name), ns=_times(atime, mtime), follow_symlinks=False)


@command
def utime_now(s, name):
    os.utime(s.path(name))


@command
def times(s, name):
    info = os.lstat(s.path(name))
    return f"atime={s.time(info.st_atime_ns)} mtime={s.time(info.st_mtime_ns)}"


@command
def truncate(s, name, size):
    os.truncate(s.path(name), int(size))


@command
def readlink(s, name):
    return os.readlink(s.path(name))


@command
def mknod(s, name, kind, mode="644", rdev="0:0"):
    kinds = {"fifo": stat.S_IFIFO, "char": stat.S_IFCHR, "block": stat.S_IFBLK,
             "socket": stat.S_IFSOCK, "file": stat.S_IFREG}
    os.mknod(s.path(name), kinds[kind] | int(mode, 8), os.makedev(*map(int, rdev.split(":"))))


@command
def mkdir(s, name, mode="755"):
    os.mkdir(s.path(name), int(mode, 8))


@command
def symlink(s, target, name):
    os.symlink(target, s.path(name))


@command
def link(s, source, target):
    syscalls.link(s.path(source), s.path(target))


@command
def link_follow(s, source, target):
    syscalls.link(s.path(source), s.path(target), follow=True)


@command
def unlink(s, name):
    os.unlink(s.path(name))


@command
def rmdir(s, name):
    os.rmdir(s.path(name))


@command
def rm_r(s, name):
    """Removes a tree in the order of its names, up to the first refusal."""
    def remove(path):
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        for entry in sorted(os.listdir(path)):
            remove(f"{path}/{entry}")
        os.rmdir(path)
    remove(s.path(name))


@command
def rename(s, source, target, flags=""):
    bits = {"noreplace": 1, "exchange": 2, "whiteout": 4}
    syscalls.renameat2(s.path(source), s.path(target), sum(bits[flag] for flag in flags.split(",") if flag))


@command
def list_(s, name="."):
    return " ".join(sorted(os.listdir(s.path(name)))) or "(empty)"


@command
def kinds(s, name="."):
    """Names with their d_type, checked against stat."""
    found = []
    with os.scandir(s.path(name)) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            letter = "l" if entry.is_symlink() else "d" if entry.is_dir(follow_symlinks=False) else \
                "f" if entry.is_file(follow_symlinks=False) else "o"
            found.append(f"{entry.name}:{letter}")
    return " ".join(found)


@command
def inos(s, name="."):
    """For every entry whether its d_ino is its st_ino."""
    found = []
    with os.scandir(s.path(name)) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            same = entry.inode() == os.lstat(entry.path).st_ino
            found.append(f"{entry.name}:{'same' if same else 'other'}")
    return " ".join(found)


@command
def cat(s, name):
    with open(s.path(name), "rb", opener=script_files.without_waiting) as file:
        return shown_data(file.read())


@command
def put(s, name, word):
    """Creates or replaces a file with this content."""
    with open(s.path(name), "wb", opener=script_files.without_waiting) as file:
        file.write(data(word))


@command
def statfs(s, name="."):
    answer = os.statvfs(s.path(name))
    return f"namemax={answer.f_namemax} bsize={answer.f_bsize} blocks={'some' if answer.f_blocks else 'none'}"


@command
def setxattr(s, name, key, value, how=""):
    flags = {"": 0, "create": os.XATTR_CREATE, "replace": os.XATTR_REPLACE}[how]
    content = bytes.fromhex(value[2:]) if value.startswith("0x") else data(value) if value else b""
    os.setxattr(s.path(name), key, content, flags, follow_symlinks=False)


@command
def getxattr(s, name, key):
    return shown_data(os.getxattr(s.path(name), key, follow_symlinks=False))


@command
def getxattr_sized(s, name, key, size):
    length, value = syscalls.getxattr_sized(s.path(name), key, int(size))
    return f"{length} {shown_data(value)}"


@command
def listxattr(s, name):
    return " ".join(sorted(os.listxattr(s.path(name), follow_symlinks=False))) or "(none)"


@command
def listxattr_sized(s, name, size):
    return syscalls.listxattr_sized(s.path(name), int(size))[0]


@command
def removexattr(s, name, key):
    os.removexattr(s.path(name), key, follow_symlinks=False)


@command
def setacl(s, name, text, kind="access"):
    acl.set_acl(s.path(name), text, acl.DEFAULT if kind == "default" else acl.ACCESS)


@command
def getacl(s, name, kind="access"):
    return acl.get_acl(s.path(name), acl.DEFAULT if kind == "default" else acl.ACCESS)


@command
def setcap(s, name):
    """A file capability: version 2, cap_net_raw effective."""
    os.setxattr(s.path(name), "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
