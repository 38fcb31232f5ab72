# SPDX-License-Identifier: MIT
"""First writes copy a lower file up: all of its data, once, and as late as overlayfs does it."""
import errno
import hashlib
import os
import resource
import stat

from harness import File, Symlink, equal, has, holds, lacking, only, only_in, read, refused, write
from harness.credentials import acting_as
from harness.daemon import is_sanitized

WORLDS = ("root", "userns", "user")
LARGE = bytes(range(256)) * 20_000      # 5 MB that no run-length trick can hide


def test_opening_for_reading_copies_nothing_and_opening_for_writing_all(t):
    m = t.mount(t.layer({"file": LARGE}))
    read(m / "file")
    holds(not os.path.exists(m.upper + "/file"), "reading copies nothing up")
    with open(m / "file", "r+b"):
        pass
    equal(hashlib.sha256(read(m.upper + "/file")).digest(), hashlib.sha256(LARGE).digest(), "content after the copy-up")


def test_a_write_in_the_middle_keeps_the_rest(t):
    m = t.mount(t.layer({"file": LARGE}))
    with open(m / "file", "r+b") as file:
        file.seek(3_000_000)
        file.write(b"changed")
    expected = LARGE[:3_000_000] + b"changed" + LARGE[3_000_007:]
    equal(read(m / "file") == expected, True, "content through the mount is the expected")
    equal(read(m.upper + "/file") == expected, True, "content in the upper layer is the expected")


def test_appending_to_a_lower_file_lands_at_its_end(t):
    m = t.mount(t.layer({"log": b"first\n" * 1000}))
    for number in range(3):
        write(m / "log", f"line {number}\n", "ab")
    equal(read(m / "log"), b"first\n" * 1000 + b"line 0\nline 1\nline 2\n", "log")


def test_truncation_at_open_does_not_need_the_old_data(t):
    m = t.mount(t.layer({"file": File(b"start", size=1 << 40)}))     # a terabyte could not be copied
    write(m / "file", "new")
    equal(read(m / "file"), b"new", "content")
    equal(os.stat(m.upper + "/file").st_size, 3, "size in the upper layer")


def test_a_sparse_file_stays_sparse(t):
    low = t.layer({"file": File(b"start", size=256 << 20)})
    with open(os.path.join(low, "file"), "r+b") as file:
        file.seek(200 << 20)
        file.write(b"island" * 1000)
    os.utime(os.path.join(low, "file"), (1, 1))
    m = t.mount(low)
    os.chmod(m / "file", 0o600)
    info = os.stat(m.upper + "/file")
    equal(info.st_size, 256 << 20, "size")
    holds(info.st_blocks * 512 < 16 << 20, f"most of the file is still a hole ({info.st_blocks * 512} bytes used)")
    with open(m / "file", "rb") as file:
        file.seek(200 << 20)
        equal(file.read(6000), b"island" * 1000, "data beyond the hole")


@only_in("root", "userns", why="it writes as another user")
def test_a_writer_without_rights_on_the_directory_may_still_write_the_file(t):
    m = t.mount(t.layer({"dir": {"file": File("old", 0o666)}}))
    with acting_as(1000):
        write(m / "dir/file", "new")
        refused(13, open, m / "dir/another", "wb")
    equal(read(m.upper + "/dir/file"), b"new", "content in the upper layer")
    equal(os.stat(m.upper + "/dir/file").st_uid, 0, "the owner stays")


def test_writing_through_a_symlink_copies_up_its_target_only(t):
    m = t.mount(t.layer({"dir": {"file": "old"}, "link": Symlink("dir/file")}))
    write(m / "link", "new")
    equal(read(m / "dir/file"), b"new", "content")
    equal(os.listdir(m.upper), ["dir"], "the upper layer")


def test_the_workdir_is_empty_again_after_copy_ups(t):
    m = t.mount(t.layer({f"file{number}": "x" for number in range(20)}))
    for number in range(20):
        write(f"{m.path}/file{number}", "y", "ab")
        os.unlink(f"{m.path}/file{number}")
    os.mkdir(m / "file0")
    m.umount()
    left = [os.path.join(directory, name) for directory, _, files in os.walk(m.work) for name in files]
    left = [path for path in left if "/index/" not in path and not stat.S_ISCHR(os.lstat(path).st_mode)]
    equal(left, [], "files left in the workdir, but for a whiteout kept for linking")


def test_uppers_of_every_kind_take_copy_ups(t):
    from harness.loop_images import mount_image
    kinds = [kind for kind in ("ext4", "xfs", "btrfs") if has(kind)] + ["tmpfs"] * has("tmpfs user xattrs")
    for kind in kinds:
        root = mount_image(t, kind, 64 << 20)
        os.mkdir(root + "/upper")
        m = t.mount(t.layer({"file": File(LARGE, 0o640, (3, 4), {"user.a": b"b"}), "gone": "x", "dir": {"a": "1"}}),
                    upper=root + "/upper")
        write(m / "file", b"+", "ab")
        os.unlink(m / "gone")
        os.unlink(m / "dir/a"), os.rmdir(m / "dir"), os.mkdir(m / "dir")
        fd = os.open(m / "dir", os.O_TMPFILE | os.O_RDWR, 0o600)
        os.close(fd)
        before = t.dump(m.path)
        equal(read(m / "file") == LARGE + b"+", True, f"content on {kind} is the expected")
        equal(sorted(os.listdir(m.path)), ["dir", "file"], f"names on {kind}")
        m.umount()
        equal(t.kernel_dump(m, mtime=t.started - 3600), before, f"what kernel overlayfs shows of the upper on {kind}")
    holds(kinds, "there is a kind of file system to try")


@only("overpass")
def test_a_copy_for_which_there_is_no_thread_is_refused_for_want_of_memory(t):
    m = t.mount(t.layer({"file": LARGE}))
    if is_sanitized(m.daemon.pid):
        lacking("a daemon without sanitizers: they end it at such limits")
    read(m / "file")
    before = resource.prlimit(m.daemon.pid, resource.RLIMIT_AS)
    with open(f"/proc/{m.daemon.pid}/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.prlimit(m.daemon.pid, resource.RLIMIT_AS, (now, before[1]))       # no room for another stack
    refused(errno.ENOMEM, open, m / "file", "r+b")
    resource.prlimit(m.daemon.pid, resource.RLIMIT_AS, before)
    equal(os.listdir(m.upper), [], "the upper layer after the refusal")
    write(m / "file", "+", "ab")
    equal(os.stat(m.upper + "/file").st_size, len(LARGE) + 1, "size of the copy")
