# SPDX-License-Identifier: MIT
"""One call of each kind that users make on a union. The result must equal that in a plain directory."""
import ctypes
import errno
import os
import stat
import time

from harness import File, Symlink, read, syscalls, write

TREE = {"file": File("content", xattrs={"user.old": b"1"}), "big": "b" * 300_000, "gone": "x", "moved": "y",
        "cut": "0123456789", "owned": "z", "link": Symlink("file"), "locked": "w", "read": "r" * 5000,
        "dir": {"a": "1", "b": "2", "deep": {"c": "3"}}, "doomed": {"d": "4"}, "renamed": {"e": "5"}}


def exercise(root):
    """Makes every call below `root`; a list of "call: error" for those that failed."""
    failed = []
    for name, step in STEPS.items():
        try:
            step(root)
        except (OSError, AssertionError) as error:
            code = errno.errorcode.get(getattr(error, "errno", None), "")
            failed.append(f"{name}: {code or error}")
    return failed


def _append(root):
    write(f"{root}/file", " and more", "ab")


def _write_within(root):
    with open(f"{root}/big", "r+b") as file:
        file.seek(100_000)
        file.write(b"changed")
        os.fsync(file.fileno())
        os.fdatasync(file.fileno())


def _create(root):
    with open(f"{root}/new", "x+b") as file:
        file.write(b"n" * 10_000)
        file.flush()
        os.posix_fallocate(file.fileno(), 0, 20_000)
        os.ftruncate(file.fileno(), 15_000)
        os.pread(file.fileno(), 100, 9_950)


def _remove_tree(root):
    os.unlink(f"{root}/doomed/d")
    os.rmdir(f"{root}/doomed")
    os.mkdir(f"{root}/doomed")
    write(f"{root}/doomed/instead", "i")


def _change_attributes(root):
    os.chmod(f"{root}/dir/a", 0o600)
    os.utime(f"{root}/dir/b", ns=(10**18, 10**18))
    os.chown(f"{root}/owned", os.getuid(), os.getgid())
    os.chmod(f"{root}/dir/deep", 0o750)


def _attributes(root):
    os.setxattr(f"{root}/file", "user.made", b"v")
    assert os.getxattr(f"{root}/file", "user.old") == b"1"
    assert sorted(os.listxattr(f"{root}/file")) == ["user.made", "user.old"]
    os.removexattr(f"{root}/file", "user.old")
    os.setxattr(f"{root}/dir", "user.made", b"v")


def _links(root):
    os.link(f"{root}/moved", f"{root}/linked")
    os.symlink("target", f"{root}/symbolic")
    assert os.readlink(f"{root}/link") == "file" and os.readlink(f"{root}/symbolic") == "target"


def _unnamed(root):
    fd = os.open(root, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b"unnamed")
    _link(fd, f"{root}/once-unnamed")
    os.close(fd)


def _link(fd, target):
    try:
        syscalls.link_fd(fd, target)
    except FileNotFoundError:       # there is no /proc
        at_empty_path = 0x1000
        if syscalls.libc.linkat(fd, b"", syscalls.AT_FDCWD, os.fsencode(target), at_empty_path) < 0:
            raise OSError(ctypes.get_errno(), "linkat") from None


def _orphan(root):
    fd = os.open(f"{root}/gone", os.O_RDWR)
    os.unlink(f"{root}/gone")
    os.write(fd, b"written after the unlink")
    os.fchmod(fd, 0o600)
    os.ftruncate(fd, 7)
    assert os.pread(fd, 100, 0) == b"written" and os.fstat(fd).st_size == 7
    os.close(fd)


def _rename(root):
    os.rename(f"{root}/moved", f"{root}/moved-away")
    os.rename(f"{root}/dir/deep/c", f"{root}/dir/c")
    os.replace(f"{root}/dir/a", f"{root}/dir/b")


def _walk(root):
    names = []
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            info = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(info.st_mode):
                read(os.path.join(directory, name))
            names.append(name)
    assert "c" in names and "instead" in names and "gone" not in names, names
    os.statvfs(root)


def _umask(root):
    old = os.umask(0o027)
    try:
        write(f"{root}/masked", "m")
        os.mkdir(f"{root}/masked-directory")
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(f"{root}/masked").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(f"{root}/masked-directory").st_mode) == 0o750


STEPS = {
    "append": _append, "write": _write_within, "create": _create, "truncate": lambda root: os.truncate(f"{root}/cut", 4),
    "remove": _remove_tree, "chmod": _change_attributes, "xattr": _attributes, "link": _links, "fifo": lambda root: os.mkfifo(f"{root}/pipe"), "unnamed": _unnamed,
    "orphan": _orphan, "rename": _rename, "umask": _umask, "walk": _walk, "syncfs": lambda root: _sync(root),
}


def _sync(root):
    fd = os.open(root, os.O_RDONLY)
    syscalls.syncfs(fd)
    os.close(fd)


def expected(t):
    """What the tree is after exercise() in a plain directory."""
    plain = t.fresh("plain", TREE)
    assert exercise(plain) == [], "the plain directory"
    return state(t, plain)


def state(t, root):
    return t.dump(root, mtime=t.started - 3600)


def wait_for(t, condition, what):
    deadline = time.monotonic() + t.settings.seconds(20)
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.01)
