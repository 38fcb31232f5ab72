# SPDX-License-Identifier: MIT
"""Marks of overlayfs and of fuse-overlayfs, in any layer, are honoured."""
import os

from harness import WHITEOUT, Dir, File, equal, need, only, only_in, read, refused

WORLDS = ("root", "userns", "user")
BOTTOM = {"a": "bottom", "b": "bottom", "d": {"x": "bottom", "y": "bottom", "s": {"deep": "bottom"}}}


def tree_of(path):
    found = {}
    for directory, _, files in os.walk(path):
        for name in files:
            full = os.path.join(directory, name)
            found[os.path.relpath(full, path)] = read(full).decode()
    return found


def test_a_whiteout_in_a_middle_layer_hides_what_is_below_and_not_above(t):
    m = t.mount(t.layer({"b": "top"}), t.layer({"a": WHITEOUT, "b": WHITEOUT}), t.layer(BOTTOM))
    equal(tree_of(m.path), {"b": "top", "d/x": "bottom", "d/y": "bottom", "d/s/deep": "bottom"}, "the union")


def test_an_opaque_directory_hides_all_below(t):
    for layers in (2, 3):
        middle = t.layer({"d": Dir({"x": "middle"}, opaque="trusted")})
        above = [t.layer({"d": {"top": "top"}})] * (layers - 2)
        m = t.mount(*above, middle, t.layer(BOTTOM))
        expected = {"a": "bottom", "b": "bottom", "d/x": "middle"} | ({"d/top": "top"} if layers == 3 else {})
        equal(tree_of(m.path), expected, f"the union of {layers} layers")


def test_an_opaque_upper_directory_hides_all_below(t):
    m = t.mount(t.layer(BOTTOM), upper=t.layer({"d": Dir({"s": {"new": "upper"}}, opaque="trusted")}))
    equal(tree_of(m.path), {"a": "bottom", "b": "bottom", "d/s/new": "upper"}, "the union")


@only_in("root", why="only root has trusted. attributes")
def test_with_userxattr_only_user_marks_count(t):
    top = {"d": Dir({}, opaque="user")}
    m = t.mount(t.layer(top), t.layer(BOTTOM), options=("userxattr",))
    equal(os.listdir(m / "d"), [], "with userxattr")
    m = t.mount(t.layer(top), t.layer(BOTTOM))
    equal(sorted(os.listdir(m / "d")), ["s", "x", "y"], "without userxattr")


def test_a_file_over_a_directory_and_a_directory_over_a_file_hide_each_other(t):
    m = t.mount(t.layer({"d": "file", "a": {"in": "dir"}}), t.layer(BOTTOM))
    equal(tree_of(m.path), {"d": "file", "a/in": "dir", "b": "bottom"}, "the union")
    os.unlink(m / "d")
    refused(2, os.stat, m / "d")
    refused(2, os.listdir, m / "d")


def test_a_file_between_directories_ends_the_merge(t):
    m = t.mount(t.layer({"d": {"top": "1"}}), t.layer({"d": "a file"}), t.layer(BOTTOM))
    equal(os.listdir(m / "d"), ["top"], "names")


@only_in("root", why="the marks are trusted. attributes")
def test_whiteouts_as_extended_attributes_are_read(t):
    need("xwhiteouts")
    gone = File("", xattrs={"trusted.overlay.whiteout": b""})
    top = {"d": Dir({"x": gone}, xattrs={"trusted.overlay.opaque": b"x"})}
    m = t.mount(t.layer(top), t.layer(BOTTOM))
    equal(sorted(os.listdir(m / "d")), ["s", "y"], "names")
    refused(2, os.stat, m / "d/x")
    os.mkdir(m / "d/x")
    equal(os.listdir(m / "d/x"), [], "a directory made over it")


@only("overpass")
def test_wh_names_of_fuse_overlayfs_are_read_and_not_shown(t):
    top = {".wh.a": "", "d": {".wh..wh..opq": "", "new": "top"}}
    m = t.mount(t.layer(top), t.layer(BOTTOM))
    equal(tree_of(m.path), {"b": "bottom", "d/new": "top"}, "the union")
    refused(2, os.stat, m / "a")
    refused(2, os.stat, m / ".wh.a")
    refused(2, os.stat, m / "d/.wh..wh..opq")


@only("overpass")
def test_wh_names_in_the_upper_can_be_replaced_by_real_ones(t):
    m = t.mount(t.layer(BOTTOM), upper=t.layer({".wh.a": "", "d": {".wh..wh..opq": ""}}))
    equal(tree_of(m.path), {"b": "bottom"}, "the union")
    with open(m / "a", "w") as file:
        file.write("new")
    os.rmdir(m / "d")
    os.mkdir(m / "d")
    m = t.remount(m)
    equal(tree_of(m.path), {"b": "bottom", "a": "new"}, "the union after a remount")
    equal(os.listdir(m / "d"), [], "the directory made again")


@only("overpass")
def test_wh_names_cannot_be_made(t):
    m = t.mount(t.layer(BOTTOM))
    for make in (os.mkdir, os.mkfifo, lambda path: open(path, "wb"), lambda path: os.symlink("x", path),
                 lambda path: os.rename(m / "b", path), lambda path: os.link(m / "b", path)):
        refused((22, 1, 13), make, m / ".wh.a")
    equal(read(m / "a"), b"bottom", "what the name would have hidden")


@only("overpass")
def test_marks_of_fuse_overlayfs_as_attributes_are_read(t):
    top = {"d": Dir({"new": "top"}, xattrs={"user.fuseoverlayfs.opaque": b"y"})}
    m = t.mount(t.layer(top), t.layer(BOTTOM))
    equal(os.listdir(m / "d"), ["new"], "names")
    equal(os.listxattr(m / "d"), [], "attributes shown")


def test_marks_are_not_listed_as_attributes(t):
    m = t.mount(t.layer(BOTTOM), upper=t.layer({"d": Dir({}, opaque="trusted")}))
    equal(os.listxattr(m / "d"), [], "attributes")
    refused(61, os.getxattr, m / "d", "trusted.overlay.opaque")
    os.chmod(m / "a", 0o600)
    equal(os.listxattr(m / "a"), [], "attributes of a copied-up file")
