# SPDX-License-Identifier: MIT
"""Metadata changes of lower files copy them up, whole and with their parents."""
import errno
import os
import stat

from harness import OLD, Dir, File, Node, Symlink, equal, holds, only_in, owned, read, refused

WORLDS = ("root", "userns", "user")
TREE = {"file": File("content", 0o600, (5, 6), {"user.mark": b"1", "trusted.mark": b"2"}, mtime=1234567890)}
CHANGES = {
    "chmod": lambda path: os.chmod(path, 0o600),
    "chown": lambda path: os.chown(path, *owned(5, 6)),
    "utime": lambda path: os.utime(path, (OLD, 1234567890)),
    "setxattr": lambda path: os.setxattr(path, "user.mark", b"1"),
    "link": lambda path: os.link(path, path + ".link"),
}


def test_every_metadata_change_copies_up_content_owner_mode_times_and_xattrs(t):
    for name, change in CHANGES.items():
        m = t.mount(t.layer(TREE))
        change(m / "file")
        for where in (m.path, m.upper):
            path = os.path.join(where, "file")
            info = os.stat(path)
            equal((info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)), (*owned(5, 6), 0o600), f"owner and mode after {name}")
            equal(info.st_mtime, 1234567890, f"mtime after {name}")
            equal(read(path), b"content", f"content after {name}")
            wanted = {"user.mark": b"1", "trusted.mark": b"2"} if t.world == "root" else {"user.mark": b"1"}
            equal({key: os.getxattr(path, key) for key in wanted}, wanted, f"xattrs after {name}")
        m.umount()


def test_parents_are_copied_up_with_their_own_metadata_and_without_their_other_entries(t):
    inner = Dir({"file": "x", "sibling": "y"}, 0o2751, (7, 8), {"user.in": b"inner"}, mtime=OLD + 2)
    m = t.mount(t.layer({"outer": Dir({"inner": inner, "other": {}}, 0o711, (9, 10), mtime=OLD + 1)}))
    os.chmod(m / "outer/inner/file", 0o611)
    equal(sorted(os.listdir(m.upper + "/outer")), ["inner"], "entries of the outer directory in the upper layer")
    equal(sorted(os.listdir(m.upper + "/outer/inner")), ["file"], "entries of the inner directory in the upper layer")
    for name, mode, owner in (("outer", 0o711, (9, 10)), ("outer/inner", 0o2751, (7, 8))):
        for where in (m.path, m.upper):
            info = os.stat(os.path.join(where, name))
            equal((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid), (mode, *owned(*owner)), f"{name} below {where}")
    equal(os.getxattr(m.upper + "/outer/inner", "user.in"), b"inner", "xattr of the parent")
    equal(os.stat(m / "outer").st_mtime, OLD + 1, "mtime of the outer directory")
    equal(os.stat(m / "outer/inner").st_mtime, OLD + 2, "mtime of the inner directory")


def test_symlinks_fifos_and_devices_are_copied_up_as_they_are(t):
    m = t.mount(t.layer({"link": Symlink("some/target", (3, 4)), "fifo": Node(mode=0o622),
                         "device": Node(stat.S_IFCHR, 0o600, (1, 3))}))
    for name in ("link", "fifo", "device"):
        if name == "device" and t.world != "root":      # a user who may make no device makes no copy of one
            refused(errno.EPERM, os.chown, m / name, *owned(11, 12))
            continue
        os.chown(m / name, *owned(11, 12), follow_symlinks=False)
        below, above = os.lstat(os.path.join(m.upper, name)), os.lstat(m / name)
        equal((below.st_uid, below.st_gid, below.st_mode, below.st_rdev), (*owned(11, 12), above.st_mode, above.st_rdev), name)
    equal(os.readlink(m.upper + "/link"), "some/target", "symlink target")
    equal(stat.S_IMODE(os.lstat(m / "fifo").st_mode), 0o622, "mode of the fifo")


def test_looking_copies_nothing_up(t):
    m = t.mount(t.layer({"dir": {"file": File("x", xattrs={"user.a": b"b"})}, "link": Symlink("dir/file")}))
    for directory, _, files in os.walk(m.path):
        for file in files:
            path = os.path.join(directory, file)
            os.stat(path), os.listxattr(path), os.access(path, os.W_OK), read(path)
    os.readlink(m / "link"), os.statvfs(m / "dir")
    equal(os.listdir(m.upper), [], "the upper layer")


@only_in("root", "userns", why="another user is refused")
def test_a_refused_change_copies_nothing_up(t):
    from harness.credentials import acting_as
    m = t.mount(t.layer({"file": "x", "dir": {}}))
    with acting_as(1000):
        for change in CHANGES.values():
            refused((1, 13), change, m / "file")
        refused(13, open, m / "file", "r+b")
        refused(13, os.unlink, m / "file")
        refused(13, os.mkdir, m / "dir/new")
    equal(os.listdir(m.upper), [], "the upper layer")


def test_a_file_of_a_middle_layer_is_copied_up_from_that_layer(t):
    m = t.mount(t.layer({"other": "1"}), t.layer({"dir": {"file": "middle"}}), t.layer({"dir": {"file": "bottom"}}))
    os.chmod(m / "dir/file", 0o600)
    equal(read(m.upper + "/dir/file"), b"middle", "content in the upper layer")
    holds(not os.path.exists(m.upper + "/other"), "nothing else was copied up")
