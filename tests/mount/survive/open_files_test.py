# SPDX-License-Identifier: MIT
"""With survive=on, what programs have open, mapped, locked or stand in goes on when the daemon is killed."""
import contextlib
import errno
import fcntl
import mmap
import os
import shutil
import stat

from harness import equal, holds, refused, syscalls, write
from harness.deaths import kill_daemon, lives
from harness.trees import Link

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
SURVIVE = ["survive=on"]
LOWER = {"file": "lower", "other": "other", "dir": {"sub": {"deep": "d"}, "name": "n"}, "one": "linked", "two": Link("one")}


def union(t, *options):
    return t.mount(t.layer(LOWER), options=[*SURVIVE, *options])


def test_files_open_for_reading_and_writing(t):
    m = union(t)
    with open(m / "file", "rb") as lower, open(m / "new", "w+b") as made, open(m / "other", "ab") as appended:
        made.write(b"one"), made.flush()
        appended.write(b"+1"), appended.flush()
        kill_daemon(m)
        equal(lower.read(), b"lower", "a lower file")
        made.write(b"two"), made.flush()
        appended.write(b"+2"), appended.flush()
        os.fsync(made.fileno())
        made.seek(0)
        equal(made.read(), b"onetwo", "a new file")
    for name, content in (("new", "onetwo"), ("other", "other+1+2")):
        with open(m / name, encoding="ascii") as file:
            equal(file.read(), content, f"{name} by its name")
    equal(os.stat(m / "new").st_size, 6, "its size")


def test_files_opened_before_several_deaths(t):
    m = union(t)
    with open(m / "file", "r+b") as file:
        for number in range(4):
            os.pwrite(file.fileno(), b"%d" % number, number)
            kill_daemon(m)
        equal(os.pread(file.fileno(), 9, 0), b"0123r", "what was written between the deaths")
    equal(lives(m), 4, "deaths that status tells of")


def test_a_reader_of_the_lower_goes_on_when_the_file_is_written_after_a_death(t):
    m = union(t)
    with open(m / "file", "rb") as reader:
        equal(os.pread(reader.fileno(), 9, 0), b"lower", "the lower")
        kill_daemon(m)
        with open(m / "file", "r+b") as writer:
            writer.write(b"UPPER")
        kill_daemon(m)
        holds(os.pread(reader.fileno(), 9, 0) in (b"lower", b"UPPER"), "the old reader has one of the two")
        with open(m / "file", "rb") as again:
            equal(again.read(), b"UPPER", "a new reader")
    with open(m / "file", "rb") as again:
        equal(again.read(), b"UPPER", "the file at the end")


def test_removed_files_that_are_open(t):
    m = union(t)
    with open(m / "new", "w+b") as made, open(m / "file", "rb") as lower, open(m / "other", "r+b") as copied:
        made.write(b"made"), made.flush()
        for name in ("new", "file", "other"):
            os.unlink(m / name)
        kill_daemon(m)
        made.write(b"+"), made.flush()
        equal(os.pread(made.fileno(), 9, 0), b"made+", "a new file without a name")
        equal(os.fstat(made.fileno()).st_nlink, 0, "its links")
        equal(lower.read(), b"lower", "a lower file without a name")
        copied.write(b"OTHER"), copied.flush()
        equal(os.pread(copied.fileno(), 9, 0), b"OTHER", "a copied file without a name")
        kill_daemon(m)
        equal(os.pread(made.fileno(), 9, 0), b"made+", "after another death")
        os.ftruncate(made.fileno(), 2)
        equal(os.pread(made.fileno(), 9, 0), b"ma", "after it was cut")
    equal(sorted(os.listdir(m.path)), ["dir", "one", "two"], "the names")


def test_files_that_never_had_a_name(t):
    m = union(t)
    fd = os.open(m / "dir", os.O_TMPFILE | os.O_RDWR, 0o600)
    try:
        os.write(fd, b"nameless")
        kill_daemon(m)
        equal(os.pread(fd, 20, 0), b"nameless", "its content")
        syscalls.link_fd(fd, m / "dir/named")
    finally:
        os.close(fd)
    with open(m / "dir/named", "rb") as file:
        equal(file.read(), b"nameless", "by its name")


def test_files_that_their_owner_may_not_write_any_more(t):
    m = union(t)
    fd = os.open(m / "made", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
    with open(m / "file", "r+b") as other:
        os.chmod(m / "file", 0o400)
        kill_daemon(m)
        os.write(fd, b"made"), os.close(fd)
        other.write(b"OTHER"), other.flush()
    equal((os.stat(m / "made").st_mode & 0o777, os.stat(m / "made").st_size), (0o444, 4), "mode and size")
    equal((os.stat(m / "file").st_mode & 0o777, os.stat(m / "file").st_size), (0o400, 5), "the other's")


def test_maps(t):
    m = union(t)
    write(m / "new", "x" * 8192)
    with open(m / "new", "r+b") as file, mmap.mmap(file.fileno(), 8192) as shared:
        shared[0:3] = b"abc"
        kill_daemon(m)
        shared[5000:5003] = b"def"
        shared.flush()
        equal((os.pread(file.fileno(), 3, 0), os.pread(file.fileno(), 3, 5000)), (b"abc", b"def"), "what was stored")


def test_locks(t):
    m = union(t)
    with open(m / "file", "r+b") as one, open(m / "other", "r+b") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.lockf(two, fcntl.LOCK_EX)
        kill_daemon(m)
        with open(m / "file", "r+b") as another:
            refused(11, fcntl.flock, another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(one, fcntl.LOCK_UN)
        with open(m / "file", "r+b") as another:
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_directories(t):
    m = union(t)
    fd = os.open(m / "dir/sub", os.O_DIRECTORY)
    removed = os.path.join(m.path, "gone")
    os.mkdir(removed)
    gone = os.open(removed, os.O_DIRECTORY)
    try:
        os.rmdir(removed)
        os.rename(m / "dir", m / "moved") if t.settings.world == "root" else os.chmod(m / "dir", 0o711)
        kill_daemon(m)
        equal(os.listdir(fd), ["deep"], "a directory that is open")
        write(f"/proc/self/fd/{fd}/made", "m")
        equal(sorted(os.listdir(fd)), ["deep", "made"], "with another name")
        refused(2, open, f"/proc/self/fd/{gone}/x", "w")
    finally:
        os.close(fd), os.close(gone)
    where = "moved" if t.settings.world == "root" else "dir"
    equal(sorted(os.listdir(m / where)), ["name", "sub"], "the directory by its name")


def test_directories_that_were_removed_with_what_was_in_them(t):
    """One that came from a lower, one of both: the next daemon has neither, and does not die of questions about them."""
    m = union(t)
    write(m / "dir/mine", "m")
    opened = [os.open(m / name, os.O_DIRECTORY) for name in ("dir/sub", "dir")]
    files = [open(m / name, "rb") for name in ("dir/sub/deep", "dir/name", "dir/mine")]     # pylint: disable=consider-using-with
    try:
        shutil.rmtree(m / "dir")
        os.mkdir(m / "dir")
        for _ in range(2):
            kill_daemon(m)
            for file, content in zip(files, (b"d", b"n", b"m")):
                equal((os.pread(file.fileno(), 9, 0), os.fstat(file.fileno()).st_size), (content, 1), "a file that is open, and its size")
                equal(open(f"/proc/self/fd/{file.fileno()}", "rb").read(), content, "the same, opened anew")
            for fd in opened:
                refused((errno.ESTALE, errno.ENOENT), os.stat, "mine", dir_fd=fd)
                refused((errno.ESTALE, errno.ENOENT), os.mkdir, "new", dir_fd=fd)
                with contextlib.suppress(OSError):
                    holds(stat.S_ISDIR(os.fstat(fd).st_mode), "it is a directory")
                    equal(os.listdir(fd), [], "what is in it")
    finally:
        for fd in opened:
            os.close(fd)
        for file in files:
            file.close()
    equal((os.listdir(m / "dir"), lives(m)), ([], 2), "what has the name now, and deaths")


def test_hard_links(t):
    m = union(t)
    write(m / "a", "1")
    os.link(m / "a", m / "b")
    before = os.stat(m / "a").st_ino
    kill_daemon(m)
    write(m / "b", "22")
    equal((os.stat(m / "a").st_size, os.stat(m / "b").st_size), (2, 2), "sizes by both names")
    equal((os.stat(m / "a").st_ino, os.stat(m / "b").st_ino), (before, before), "their number")
    os.unlink(m / "a")
    equal(os.stat(m / "b").st_nlink, 1, "links that are left")


def test_numbers_and_times_stay(t):
    m = union(t)
    names = ["file", "dir", "dir/sub", "dir/sub/deep", "one", "two"]
    os.chmod(m / "file", 0o600)
    before = [os.lstat(m / name) for name in names]
    kill_daemon(m)
    after = [os.lstat(m / name) for name in names]
    equal([(s.st_ino, s.st_mode, s.st_mtime_ns, s.st_size, s.st_nlink) for s in after],
          [(s.st_ino, s.st_mode, s.st_mtime_ns, s.st_size, s.st_nlink) for s in before], "what stat says")
