# SPDX-License-Identifier: MIT
"""Uppers on file systems that lack something: refused with the reason, or working without a lie."""
import os
import shutil

from harness import MountFailed, contains, equal, holds, only, read, refused, syscalls, systems, trees, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
LOWER = {"file": "content", "gone": "x", "dir": {"a": "1", "b": "2"}}


def try_mount(t, upper, work, *words):
    """The mount, or None if it was refused with a message that holds one of the words."""
    stack = systems.Stack([t.layer(LOWER)], upper, work, (), t.fresh("mnt"))
    try:
        return t.mount_stack(stack)
    except MountFailed as failure:
        equal(len(failure.text.strip().splitlines()), 1, f"lines of the message: {failure.text!r}")
        holds(any(word in failure.text.lower() for word in words), f"the message names one of {words}: {failure.text!r}")
        equal((os.listdir(upper), os.listdir(work)), ([], []), "the directories after the refusal")
        return None


def use(t, m):
    """What a union must do whatever its upper is made of."""
    write(m / "file", "+", "ab"), os.unlink(m / "gone")
    shutil.rmtree(m / "dir"), os.mkdir(m / "dir"), write(m / "dir/new", "x")
    os.rename(m / "dir/new", m / "dir/renamed")
    for _ in range(2):
        equal((read(m / "file"), sorted(os.listdir(m.path)), os.listdir(m / "dir")),
              (b"content+", ["dir", "file"], ["renamed"]), "the union")
        refused(2, os.stat, m / "gone")
        m = t.remount(m)


def mounted(t, kind):
    root = t.fresh(kind)
    owner = t.by_root(trees.owner_of, root)
    t.by_root(syscalls.mount, kind, root, kind), t.by_root(os.chown, root, *owner)
    os.mkdir(root + "/u"), os.mkdir(root + "/w")
    return root


def test_an_upper_without_extended_attributes_works(t):
    """With devices; without them it is tests/mount/whiteout/named_test.py."""
    root = mounted(t, "ramfs")
    use(t, t.mount_stack(systems.Stack([t.layer(LOWER)], root + "/u", root + "/w", (), t.fresh("mnt"))))


def test_an_upper_inside_another_union_is_refused_or_works(t):
    below = t.mount(t.layer({"u": {}, "w": {}}))
    os.chmod(below / "u", 0o755), os.chmod(below / "w", 0o755)
    m = try_mount(t, below / "u", below / "w", "whiteout", "upper", "union")
    if m is not None:
        use(t, m)
        for mount in t.mounts:
            if mount is not below and mount.alive:
                mount.umount()


def test_an_upper_on_kernel_overlayfs_is_refused_or_works(t):
    t.need("overlayfs")
    below = t.mount(t.layer({"u": {}, "w": {}}), system="kernel")
    m = try_mount(t, below / "u", below / "w", "whiteout", "upper", "overlay")
    if m is not None:
        use(t, m)
        for mount in t.mounts:
            if mount is not below and mount.alive:
                mount.umount()


def test_an_upper_on_proc_is_refused(t):
    stack = systems.Stack([t.layer(LOWER)], "/proc/self", "/proc/self/task", (), t.fresh("mnt"))
    try:
        t.mount_stack(stack)
    except MountFailed as failure:
        contains(failure.text, "/proc/self", "message")
    else:
        holds(False, "the mount should be refused")


@only("overpass")
def test_lowers_of_every_odd_kind_are_read(t):
    """sysfs is a directory tree like any other, with sizes that lie and files that are made while they are read."""
    root = mounted(t, "ramfs")
    write(root + "/u/file", "from ramfs")
    t.let_lower_change("/sys/kernel/mm", "the kernel changes it, and has files there that cannot be read")
    m = t.mount(root + "/u", "/sys/kernel/mm", upper=None)
    equal(read(m / "file"), b"from ramfs", "a file of ramfs")
    holds(len(os.listdir(m.path)) > 1, "names of sysfs")
    shown = os.path.join(m.path, "transparent_hugepage/enabled")
    if os.path.exists("/sys/kernel/mm/transparent_hugepage/enabled"):
        equal(read(shown), read("/sys/kernel/mm/transparent_hugepage/enabled"), "a file of sysfs")
