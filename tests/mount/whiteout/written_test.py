# SPDX-License-Identifier: MIT
"""Removing lower names leaves exactly the marks of overlayfs in the upper layer."""
import os
import shutil
import stat

from harness import WHITEOUT, Dir, equal, holds, only, only_in, read, refused, write
from harness.systems import Stack

WORLDS = ("root", "userns", "user")
LOWER = {"file": "x", "dir": {"a": "1", "b": {"c": "2"}}}


def is_whiteout(path):
    info = os.lstat(path)
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def opaque(path, prefix="trusted"):
    try:
        return os.getxattr(path, f"{prefix}.overlay.opaque")
    except OSError:
        return None


def test_removing_a_lower_file_leaves_a_whiteout(t):
    m = t.mount(t.layer(LOWER))
    os.unlink(m / "file")
    holds(is_whiteout(m.upper + "/file"), "the upper layer has a character device 0:0")
    refused(2, os.stat, m / "file")
    equal(os.listdir(m.path), ["dir"], "names")


def test_removing_an_upper_file_leaves_nothing(t):
    m = t.mount(t.layer(LOWER))
    write(m / "new", "x")
    os.unlink(m / "new")
    equal(os.listdir(m.upper), [], "the upper layer")


def test_removing_a_copied_up_file_leaves_a_whiteout(t):
    m = t.mount(t.layer(LOWER))
    write(m / "file", "y")
    os.unlink(m / "file")
    holds(is_whiteout(m.upper + "/file"), "the upper layer has a whiteout")


def test_renaming_a_lower_file_leaves_a_whiteout_behind(t):
    m = t.mount(t.layer(LOWER))
    os.rename(m / "file", m / "moved")
    holds(is_whiteout(m.upper + "/file"), "the old name is a whiteout")
    equal(read(m.upper + "/moved"), b"x", "content at the new name")


def test_removing_a_lower_directory_leaves_a_whiteout(t):
    m = t.mount(t.layer(LOWER))
    shutil.rmtree(m / "dir")
    holds(is_whiteout(m.upper + "/dir"), "the upper layer has a whiteout")
    equal(os.listdir(m.path), ["file"], "names")


@only_in("root", why="it looks for the trusted. mark")
def test_a_directory_made_again_is_opaque_and_empty(t):
    m = t.mount(t.layer(LOWER))
    shutil.rmtree(m / "dir")
    os.mkdir(m / "dir")
    equal(opaque(m.upper + "/dir"), b"y", "the opaque mark")
    equal(os.listdir(m / "dir"), [], "names")
    m = t.remount(m)
    equal(os.listdir(m / "dir"), [], "names after a remount")


def test_with_userxattr_the_opaque_mark_is_a_user_attribute(t):
    m = t.mount(t.layer(LOWER), options=("userxattr",))
    shutil.rmtree(m / "dir")
    os.mkdir(m / "dir")
    equal(opaque(m.upper + "/dir", "user"), b"y", "the opaque mark")
    equal(opaque(m.upper + "/dir"), None, "no trusted mark")
    m = t.remount(m)
    equal(os.listdir(m / "dir"), [], "names after a remount")


def test_a_file_made_over_a_whiteout_replaces_it(t):
    m = t.mount(t.layer(LOWER))
    os.unlink(m / "file")
    write(m / "file", "new")
    equal(read(m.upper + "/file"), b"new", "the upper layer's file")
    os.unlink(m / "file")
    holds(is_whiteout(m.upper + "/file"), "removing it again leaves a whiteout")


def test_every_kind_of_object_can_be_made_over_a_whiteout(t):
    makers = {"file": lambda path: write(path, "x"), "symlink": lambda path: os.symlink("to", path), "fifo": os.mkfifo,
              "link": lambda path: os.link(os.path.join(os.path.dirname(path), "source"), path), "dir": os.mkdir,
              "rename": lambda path: os.rename(os.path.join(os.path.dirname(path), "other"), path)}
    m = t.mount(t.layer({**{name: "low" for name in makers}, "source": "s", "other": "o"}))
    for name, make in makers.items():
        os.unlink(m / name)
        make(m / name)
    before = t.dump(m.path)
    m = t.remount(m)
    equal(t.dump(m.path), before, "dump after a remount")


def test_a_merged_directory_full_of_whiteouts_can_be_removed(t):
    m = t.mount(t.layer(LOWER))
    write(m / "dir/up", "x")
    shutil.rmtree(m / "dir/b")
    os.unlink(m / "dir/a"), os.unlink(m / "dir/up")
    holds(set(os.listdir(m.upper + "/dir")) == {"a", "b"}, "two whiteouts are there")
    os.rmdir(m / "dir")
    holds(is_whiteout(m.upper + "/dir"), "one is left")


@only("overpass")
def test_an_upper_directory_full_of_stray_whiteouts_can_be_removed(t):
    upper = t.layer({"dir": {"stray": WHITEOUT}, "opaque": Dir({"stray": WHITEOUT}, opaque="trusted")})
    m = t.mount(t.layer({"opaque": {"stray": "x"}}), upper=upper)
    equal(os.listdir(m / "dir"), [], "names")
    os.rmdir(m / "dir")
    os.rmdir(m / "opaque")
    equal(os.listdir(m.path), [], "names at the end")
    holds(not os.path.lexists(upper + "/dir"), "the pure upper directory is gone without a mark")


def test_whiteouts_are_never_shown(t):
    m = t.mount(t.layer(LOWER), upper=t.layer({"file": WHITEOUT, "other": WHITEOUT}))
    equal(os.listdir(m.path), ["dir"], "names")
    for call in (os.stat, os.lstat, os.unlink, os.readlink, lambda path: open(path, "rb")):
        refused(2, call, m / "file")
        refused(2, call, m / "other")


def test_kernel_overlayfs_reads_all_marks(t):
    m = t.mount(t.layer({f"d{number}": {"a": "1", "b": "2"} for number in range(6)}))
    os.unlink(m / "d0/a")
    shutil.rmtree(m / "d1")
    shutil.rmtree(m / "d2")
    os.mkdir(m / "d2"), write(m / "d2/new", "x")
    os.rename(m / "d3/a", m / "d3/b")
    os.mkdir(m / "up"), os.rename(m / "up", m / "d4/up")
    shutil.rmtree(m / "d5"), os.rename(m / "d4/up", m / "d5")
    before = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), before, "kernel overlayfs's dump")
    again = t.mount_stack(Stack(m.stack.lowers, m.upper, m.work, (), t.fresh("again")))
    equal(t.dump(again.path), before, "dump after a remount")
