# SPDX-License-Identifier: MIT
"""The upper of a union in use becomes a lower, and the union goes on with an empty one (the command "freeze")."""
import errno
import fcntl
import mmap
import os
import sqlite3
import subprocess

from harness import Link, equal, holds, read, refused, write
from harness.freezing import COMMAND, OPTIONS, Freezable

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)

LOWER = {"kept": "kept", "gone": "gone", "dir": {"changed": "changed", "deep": {"file": "deep"}}}


def mounted(t, tree=None):
    return Freezable(t, t.mount(t.layer(tree or LOWER), options=OPTIONS))


def change(m):
    """Something of each kind."""
    write(m / "new", "new")
    write(m / "dir/changed", "CHANGED")
    os.unlink(m / "gone")
    os.mkdir(m / "made")
    write(m / "made/inside", "inside")
    os.symlink("target", m / "made/symlink")
    os.link(m / "new", m / "link")
    os.chmod(m / "kept", 0o600)
    os.rename(m / "dir/deep", m / "moved")


def same_by_all(t, f):
    """After the unmount: the frozen layers and the upper show kernel overlayfs and another mount what the union did."""
    before = t.dump(f.mount.path)
    f.mount.umount()
    again = t.mount_stack(f.stack())
    equal(t.dump(again.path), before, "the next mount")
    again.umount()
    if t.world == "root":
        equal(t.kernel_dump(again, mtime=t.started - 3600), before, "kernel overlayfs")


def test_what_is_seen_stays_and_changes_go_to_the_new_upper(t):
    f = mounted(t)
    m = f.mount
    change(m)
    before, numbers = t.dump(m.path), {name: os.stat(m / name).st_ino for name in ("new", "dir", "moved/file", "kept")}
    f.freeze()
    equal(t.dump(m.path), before, "the union")
    equal({name: os.stat(m / name).st_ino for name in numbers}, numbers, "the numbers")
    equal(os.listdir(f.uppers[-1]), [], "the new upper")
    frozen = t.dump(f.uppers[0])
    write(m / "new", "again")
    write(m / "moved/file", "again")
    os.rename(m / "moved", m / "moved again")
    os.unlink(m / "made/inside")
    os.rename(m / "made", m / "made again")
    equal(t.dump(f.uppers[0]), frozen, "the frozen layer")
    equal(read(m / "link"), b"again", "the other link")
    same_by_all(t, f)


def test_open_files_go_on(t):
    f = mounted(t)
    m = f.mount
    write(m / "log", "begin\n")
    with open(m / "log", "a") as log, open(m / "log") as reader, open(m / "orphan", "w+") as orphan:
        os.unlink(m / "orphan")
        reader.read()
        for number in range(5):
            log.write(f"{number}\n")
            orphan.write(f"{number}\n")
            log.flush()
            f.freeze()
            equal(reader.read(), f"{number}\n", "what a reader sees")
        orphan.seek(0)
        equal(orphan.read(), "0\n1\n2\n3\n4\n", "a file without a name")
    equal([read(upper + "/log") for upper in f.uppers],
          [b"begin\n0\n1\n2\n3\n4\n"[:2 * end] for end in (4, 5, 6, 7, 8, 8)],
          "the file in each layer")
    same_by_all(t, f)


def test_mappings_outlive_their_descriptors(t):
    f = mounted(t)
    m = f.mount
    write(m / "mapped", "x" * 4096)
    with open(m / "mapped", "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 4096)
    mapping[0:1] = b"a"
    mapping.flush()  # What the kernel still holds is no part of the frozen layer.
    f.freeze()
    mapping[1:2] = b"b"
    mapping.flush()
    equal(read(m / "mapped")[:3], b"abx", "the file")
    write(m / "mapped", "other")  # Truncates; the mapping stays of the same file.
    mapping.close()
    holds(read(f.uppers[0] + "/mapped")[:3] == b"axx", "the frozen file")
    same_by_all(t, f)


def test_locks_and_working_directories_go_on(t):
    f = mounted(t)
    m = f.mount
    os.mkdir(m / "cwd")
    write(m / "cwd/lock", "")
    with open(m / "cwd/lock", "r+") as one, open(m / "cwd/lock", "r+") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        shell = subprocess.Popen(["sh", "-c", "read line; pwd; echo $line > here; cat here"], cwd=m / "cwd",
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        f.freeze()
        refused(errno.EWOULDBLOCK, fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        equal(shell.communicate("text\n")[0], f"{m / 'cwd'}\ntext\n", "the shell")
        fcntl.flock(one, fcntl.LOCK_UN)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    equal(os.listdir(f.uppers[0] + "/cwd"), ["lock"], "the frozen directory")
    same_by_all(t, f)


def test_a_database_goes_on(t):
    f = mounted(t)
    m = f.mount
    base = sqlite3.connect(m / "base.db")
    base.execute("pragma journal_mode=wal")
    base.execute("create table rows (number integer)")
    for number in range(100):
        base.execute("insert into rows values (?)", (number,))
        base.commit()
        if number % 20 == 10:
            f.freeze()
    base.close()
    with sqlite3.connect(m / "base.db") as again:
        equal(again.execute("pragma integrity_check").fetchone(), ("ok",), "the check")
        equal(again.execute("select count(*), sum(number) from rows").fetchone(), (100, 4950), "the rows")
    again.close()
    same_by_all(t, f)


def test_what_cannot_be_frozen_is_refused_and_as_before(t):
    upper = t.fresh("upper", {"one": "text", "two": Link("one")})
    f = Freezable(t, t.mount(t.layer(LOWER), upper=upper, options=OPTIONS))
    m = f.mount
    # Nobody has asked for its other name so far.
    with open(m / "one", "r+") as file:
        refused(errno.EBUSY, f.freeze)
        file.write("TEXT")
    equal(read(f.uppers[0] + "/two"), b"TEXT", "the file in the upper")
    equal(os.listdir(f.new_directories()[0]), [], "the new upper")
    for value in (b"", b"/a\0/b", b"a\0b\0c", os.fsencode("\0".join((f.uppers[0], f.uppers[0] + ".work", f.uppers[0])))):
        refused(errno.EINVAL, os.setxattr, m.path, COMMAND, value)
    f.freeze()
    equal(read(m / "two"), b"TEXT", "the other link")
    unprepared = t.mount(t.layer(LOWER), options=("index=on",))
    refused(errno.EOPNOTSUPP, Freezable(t, unprepared).freeze)


def test_listings_under_way_go_on(t):
    f = mounted(t)
    m = f.mount
    os.mkdir(m / "many")
    names = {f"{number:04}" for number in range(3000)}
    for name in names:
        open(f"{m.path}/many/{name}", "w").close()
    seen = []
    with os.scandir(m / "many") as entries:
        for entry in entries:
            seen.append(entry.name)
            if len(seen) == 500:
                f.freeze()
    equal(sorted(seen), sorted(names), "the names")
    equal(set(os.listdir(m / "many")), names, "the names afterwards")
