# SPDX-License-Identifier: MIT
"""Names and depths at the edge of what a file system takes."""
import os

from harness import equal, holds, read, refused, write

WORLDS = ("root", "userns", "user")
ODD = [b"with\nnewline", b"with:colon", b"with,comma", b"\xff\xfe invalid", b"tab\t", b" ", b"-rf", b"#work", b"\\", b"\x01",
       "umlaut ä".encode(), b"%s%n", b"x" * 255, b".hidden", b"...", b"work", b"index", b"trusted.overlay.opaque"]


def test_odd_names_of_lower_files_are_read_changed_renamed_and_removed(t):
    low = t.layer()
    for name in ODD:
        write(os.fsencode(low) + b"/" + name, name)
    m = t.mount(low)
    root = os.fsencode(m.path) + b"/"
    equal(sorted(os.listdir(root)), sorted(ODD), "names")
    for name in ODD:
        equal(read(root + name), name, f"content of {name!r}")
        write(root + name, b"+", "ab")
        equal(read(os.fsencode(m.upper) + b"/" + name), name + b"+", f"upper content of {name!r}")
    for name in ODD:
        os.rename(root + name, root + b"target")
        os.rename(root + b"target", root + name)
        os.unlink(root + name)
    equal(os.listdir(root), [], "names at the end")


def test_odd_names_of_new_files_survive_a_remount(t):
    m = t.mount(t.layer())
    root = os.fsencode(m.path) + b"/"
    for name in ODD:
        os.mkdir(root + name)
        os.symlink(name, root + name + b"/" + name)
    m = t.remount(m)
    equal(sorted(os.listdir(root)), sorted(ODD), "names")
    for name in ODD:
        equal(os.readlink(root + name + b"/" + name), name, f"symlink in {name!r}")


def test_too_long_names_are_refused(t):
    m = t.mount(t.layer({"file": "x"}))
    long_name = m / ("n" * 256)
    for call in (os.stat, os.mkdir, lambda path: write(path, ""), lambda path: os.symlink("x", path), os.unlink,
                 lambda path: os.rename(m / "file", path), lambda path: os.link(m / "file", path)):
        refused(36, call, long_name)


def test_trees_deeper_than_a_path_can_say_are_walked_changed_and_removed(t):
    low = t.layer()
    depth, name = 60, "d" * 100             # 6,000 bytes: beyond PATH_MAX
    descend(low, depth, name, create=True)
    leaf = descend(low, depth, name)
    write(f"/proc/self/fd/{leaf}/file", "deep")
    os.close(leaf)
    m = t.mount(low)
    leaf = descend(m.path, depth, name)
    equal(os.listdir(leaf), ["file"], "names at the bottom")
    with open(os.open("file", os.O_RDWR, dir_fd=leaf), "r+b") as file:
        file.write(b"DEEP")
    os.mkdir("new", dir_fd=leaf)
    equal(sorted(os.listdir(leaf)), ["file", "new"], "names after changes")
    os.unlink("file", dir_fd=leaf)
    equal(os.listdir(leaf), ["new"], "names after removal")
    os.close(leaf)
    upper = descend(m.upper, depth, name)
    holds(set(os.listdir(upper)) == {"new", "file"}, "the upper layer is as deep, with a whiteout")
    os.close(upper)


def descend(root, depth, name, create=False):
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        if create:
            os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    return fd


def test_symlinks_in_layers_never_lead_out_of_them(t):
    outside = t.fresh("outside", {"secret": "untouched"})
    from harness import Symlink
    m = t.mount(t.layer({"d": Symlink(outside)}), t.layer({"d": {"secret": "lower"}}))
    write(m / "d/secret", "written")
    equal(read(outside + "/secret"), b"written", "a symlink is followed by the caller, to where it points")
    os.unlink(m / "d")
    os.mkdir(m / "d")
    write(m / "d/secret", "inside")
    equal(read(outside + "/secret"), b"written", "what lies outside is untouched after the symlink has gone")
