# SPDX-License-Identifier: MIT
"""Renames of directories that lowers show, and the redirect marks that they leave."""
import errno
import os

from harness import Dir, equal, holds, mark, only, read, refused, syscalls, write

WORLDS = ("root", "userns", "user")

LOWER = {"a": {"b": {"c": {"deep": "1"}, "f": "2"}, "g": "3"}, "other": {"x": "4"}, "empty": {}}
BELOW = {"a": {"b": {"c": {"deeper": "5"}}, "h": "6"}}
ON = ("redirect_dir=on",)


def same_for_the_kernel(t, m):
    """After the unmount kernel overlayfs shows the same."""
    shown = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def test_a_merged_directory_moves_with_all_that_is_in_it(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    os.rename(m / "a", m / "other/moved")
    equal(read(m / "other/moved/b/c/deep"), b"1", "from the first lower")
    equal(read(m / "other/moved/b/c/deeper"), b"5", "from the second")
    equal(sorted(os.listdir(m / "other/moved")), ["b", "g", "h"], "names")
    holds(not os.path.lexists(m / "a"), "the old name is gone")
    equal(os.getxattr(m.upper + "/other/moved", mark("redirect")), b"/a", "the mark")
    same_for_the_kernel(t, m)


def test_a_new_name_in_the_same_directory_is_marked_by_a_name(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    os.rename(m / "a/b", m / "a/first"), os.rename(m / "a/first", m / "a/second")
    equal(os.getxattr(m.upper + "/a/second", mark("redirect")), b"b", "the mark")
    equal(read(m / "a/second/c/deeper"), b"5", "content")
    same_for_the_kernel(t, m)


def test_moves_of_moved_directories_add_up(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    os.rename(m / "a", m / "A")
    os.rename(m / "A/b", m / "other/B")
    os.rename(m / "other/B/c", m / "A/C")
    m = t.remount(m)
    os.rename(m / "A", m / "other/B/A")
    equal(read(m / "other/B/A/C/deep"), b"1", "content after three moves")
    equal(read(m / "other/B/A/C/deeper"), b"5", "of the lowest layer too")
    equal(read(m / "other/B/f"), b"2", "content after one")
    same_for_the_kernel(t, m)


def test_what_is_open_stays_usable_while_its_directory_moves(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    file = os.open(m / "a/b/f", os.O_RDONLY)
    directory = os.open(m / "a/b", os.O_RDONLY | os.O_DIRECTORY)
    number = os.fstat(directory).st_ino
    os.rename(m / "a", m / "other/moved")
    equal(os.pread(file, 9, 0), b"2", "an open file")
    equal(sorted(os.listdir(directory)), ["c", "f"], "an open directory")
    write_there = os.open("f", os.O_WRONLY | os.O_TRUNC, dir_fd=directory)
    os.write(write_there, b"new"), os.close(write_there)
    equal(read(m / "other/moved/b/f"), b"new", "a write through it")
    equal(os.stat(m / "other/moved/b").st_ino, number, "inode number")
    os.close(file), os.close(directory)


def test_the_old_name_can_be_used_again(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    os.rename(m / "a", m / "moved")
    os.mkdir(m / "a"), write(m / "a/new", "n")
    equal(os.listdir(m / "a"), ["new"], "nothing shows through")
    os.rename(m / "moved", m / "other/moved")
    os.rename(m / "a", m / "moved")
    equal(sorted(os.listdir(m / "other/moved")), ["b", "g", "h"], "names of the first")
    same_for_the_kernel(t, m)


def test_over_an_empty_directory_and_in_exchange(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=ON)
    os.rename(m / "a", m / "empty")
    equal(read(m / "empty/h"), b"6", "content")
    syscalls.renameat2(m / "empty", m / "other", syscalls.RENAME_EXCHANGE)
    equal((read(m / "empty/x"), read(m / "other/h")), (b"4", b"6"), "contents after the exchange")
    refused(errno.ENOTEMPTY, os.rename, m / "empty", m / "other")
    same_for_the_kernel(t, m)


def test_a_moved_directory_can_be_removed(t):
    m = t.mount(t.layer({"a": {"f": "1"}, "to": {}}), options=ON)
    os.rename(m / "a", m / "to/a")
    refused(errno.ENOTEMPTY, os.rmdir, m / "to/a")
    os.unlink(m / "to/a/f"), os.rmdir(m / "to/a")
    equal(os.listdir(m.upper + "/to"), [], "no whiteout where there is nothing to hide")
    equal(os.listdir(m.path), ["to"], "names")
    same_for_the_kernel(t, m)


def test_without_redirects_the_caller_is_told_to_copy(t):
    for options in (("redirect_dir=nofollow",), ("redirect_dir=off",), ("userxattr",)):
        m = t.mount(t.layer(LOWER), options=options)
        refused(errno.EXDEV, os.rename, m / "a", m / "moved")
        m.umount()


@only("overpass")
def test_by_choice_with_user_xattrs_too(t):
    m = t.mount(t.layer(LOWER), t.layer(BELOW), options=("userxattr", "redirect_dir=on"))
    os.rename(m / "a", m / "other/moved")
    equal(os.getxattr(m.upper + "/other/moved", "user.overlay.redirect"), b"/a", "the mark")
    m = t.remount(m)
    equal(read(m / "other/moved/b/c/deeper"), b"5", "content")


def test_redirects_in_lowers_lead_on(t):
    top = {"n": Dir({"x": "1"}, xattrs={"trusted.overlay.redirect": b"/a/b"}),
           "m": Dir({}, xattrs={"trusted.overlay.redirect": b"other"})}
    m = t.mount(t.layer(top), t.layer(LOWER), t.layer(BELOW), options=ON)
    equal(sorted(os.listdir(m / "n")), ["c", "f", "x"], "an absolute one")
    equal(sorted(os.listdir(m / "m")), ["x"], "a relative one")
    os.rename(m / "n", m / "m/again")
    equal(read(m / "m/again/c/deeper"), b"5", "content after a move")
    same_for_the_kernel(t, m)


@only("overpass")
def test_hostile_redirects_are_refused(t):
    bad = (b"..", b".", b"", b"/", b"/..", b"/a/../..", b"/a//b", b"a/b", b"/a/", b"/a\0b", b"x" * 300, b"/" + b"y/" * 3000)
    tops = {f"d{number}": Dir({}, xattrs={"trusted.overlay.redirect": value}) for number, value in enumerate(bad)
            if len(value) < 4000}
    m = t.mount(t.layer(tops), t.layer(LOWER), options=ON)
    for name in tops:
        refused(errno.EIO, os.stat, m / name)
    equal(read(m / "a/g"), b"3", "the rest of the union")


def test_redirects_do_not_leave_the_layer_by_a_link(t):
    outside = t.fresh("outside", {"secret": "s", "dir": {"secret": "s"}})
    lower = t.layer({"real": {"f": "1"}})
    os.symlink(outside, lower + "/link")
    top = t.layer({"n": Dir({}, xattrs={"trusted.overlay.redirect": b"/link/dir"}),
                   "o": Dir({}, xattrs={"trusted.overlay.redirect": b"link"})})
    m = t.mount(top, lower, options=ON)
    equal((os.listdir(m / "n"), os.listdir(m / "o")), ([], []), "nothing of the outside")


def test_a_redirect_to_itself_and_in_circles_ends(t):
    layers = [t.layer({"a": Dir({f"in{number}": ""}, xattrs={"trusted.overlay.redirect": b"/b"}),
                       "b": Dir({f"in{number}": ""}, xattrs={"trusted.overlay.redirect": b"/a"})})
              for number in range(20)]
    m = t.mount(*layers, options=ON)
    equal(len(os.listdir(m / "a")), 20, "names of all layers")
    same_for_the_kernel(t, m)


@only("overpass")
def test_redirects_longer_than_the_kernel_writes_are_read_by_it(t):
    """It writes 256 bytes at most, by its parameter redirect_max, and answers EXDEV else; it reads any length."""
    deep = "/".join(["n" * 200, "m" * 200, "k" * 200])
    m = t.mount(t.layer({"n" * 200: {"m" * 200: {"k" * 200: {"f": "1"}}}, "other": {}}), options=ON)
    os.rename(m / deep, m / "other/moved")
    equal(read(m / "other/moved/f"), b"1", "content")
    equal(os.getxattr(m.upper + "/other/moved", mark("redirect")), b"/" + deep.encode(), "the mark")
    same_for_the_kernel(t, m)
