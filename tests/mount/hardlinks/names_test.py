# SPDX-License-Identifier: MIT
"""Files with several names, in the upper layer and in the lowers."""
import os

from harness import Link, equal, holds, read, write

WORLDS = ("root", "userns", "user")
LOWER = {"a": "content", "b": Link("a"), "dir": {"c": Link("a")}}


def test_links_made_through_the_mount_are_one_file(t):
    m = t.mount(t.layer({"file": "content", "dir": {}}))
    os.link(m / "file", m / "dir/link")
    write(m / "dir/link", "+", "ab")
    equal(read(m / "file"), b"content+", "content by the first name")
    one, other = os.stat(m / "file"), os.stat(m / "dir/link")
    equal((one.st_ino, one.st_nlink), (other.st_ino, 2), "inode number and link count")
    below = os.stat(m.upper + "/file"), os.stat(m.upper + "/dir/link")
    equal(below[0].st_ino, below[1].st_ino, "one file in the upper layer")


def test_links_stay_one_file_over_a_remount(t):
    m = t.mount(t.layer({"file": "content"}))
    for number in range(5):
        os.link(m / "file", f"{m.path}/link{number}")
    m = t.remount(m)
    equal(len({os.stat(f"{m.path}/link{number}").st_ino for number in range(5)}), 1, "different inode numbers")
    equal(os.stat(m / "file").st_nlink, 6, "link count")
    write(m / "link3", "new")
    equal(read(m / "link1"), b"new", "content by another name")


def test_lower_names_are_one_inode_until_one_is_changed(t):
    m = t.mount(t.layer(LOWER))
    numbers = {os.stat(m / name).st_ino for name in ("a", "b", "dir/c")}
    equal(len(numbers), 1, "different inode numbers")
    equal(os.stat(m / "a").st_nlink, 3, "link count")
    write(m / "a", "+", "ab")
    equal((read(m / "a"), read(m / "b"), read(m / "dir/c")), (b"content+", b"content", b"content"), "contents")


def test_changing_one_lower_name_never_changes_which_bytes_another_shows(t):
    m = t.mount(t.layer(LOWER))
    handle = os.open(m / "b", os.O_RDONLY)
    write(m / "a", "changed a")
    os.chmod(m / "dir/c", 0o600)
    write(m / "b", "changed b")
    equal((read(m / "a"), read(m / "b"), read(m / "dir/c")), (b"changed a", b"changed b", b"content"), "contents")
    holds(os.pread(handle, 99, 0) in (b"content", b"changed b"), "an old handle shows its own name's content")
    os.close(handle)


def test_a_name_stays_when_the_others_go(t):
    m = t.mount(t.layer(LOWER))
    os.unlink(m / "a"), os.unlink(m / "b")
    equal(read(m / "dir/c"), b"content", "content")
    write(m / "dir/c", "new")
    equal(read(m / "dir/c"), b"new", "content after a write")


def test_a_link_of_an_open_removed_file_is_refused_and_of_an_unnamed_one_made(t):
    from harness import refused, syscalls
    m = t.mount(t.layer({"file": "x"}))
    removed = os.open(m / "file", os.O_RDWR)
    os.unlink(m / "file")
    refused(2, syscalls.link_fd, removed, m / "back")
    unnamed = os.open(m.path, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(unnamed, b"hello")
    syscalls.link_fd(unnamed, m / "named")
    equal((read(m / "named"), os.stat(m / "named").st_nlink), (b"hello", 1), "the unnamed file and its links")
    os.close(removed), os.close(unnamed)


def test_a_name_nobody_looked_up_yet_leads_to_the_open_file(t):
    m = t.mount(t.layer({"file": "content"}))
    os.link(m / "file", m / "second")
    m = t.remount(m)
    handle = os.open(m / "file", os.O_RDWR)
    os.unlink(m / "file")
    equal(os.stat(m / "second").st_ino, os.fstat(handle).st_ino, "inode number")
    os.pwrite(handle, b"much longer content", 0)
    equal(os.stat(m / "second").st_size, 19, "size by the other name")
    equal(os.fstat(handle).st_nlink, 1, "link count")
    os.unlink(m / "second")
    equal(os.fstat(handle).st_nlink, 0, "link count without names")
    equal(os.pread(handle, 4, 0), b"much", "content")
    os.close(handle)
