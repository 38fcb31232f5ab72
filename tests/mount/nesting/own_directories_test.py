# SPDX-License-Identifier: MIT
"""Upper, workdir and mountpoint inside of a lower: the union does not show the first two, nor walks into itself."""
import errno
import os

from harness import Dir, contains, equal, holds, only_in, read, refused, syscalls, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
TREE = {"file": "x", "home": {"u": {"upper": {}, "work": {}, "m": {}, "other": {"a": "1"}}}}


def inside(t, tree=None, below="home/u", point=None):
    """A stack whose upper, workdir and mountpoint are in its lower."""
    lower = t.layer(tree or TREE)
    t.let_lower_change(lower, "the upper is in it")
    stack = t.stack(lower, upper=None, mountpoint=f"{lower}/{below}/m" if point is None else point)
    stack.upper, stack.work = f"{lower}/{below}/upper", f"{lower}/{below}/work"
    return lower, stack


def test_upper_and_workdir_are_absent_names_and_nothing_warns(t):
    lower, stack = inside(t, point=t.fresh("mnt"))
    m = t.mount_stack(stack)
    equal(sorted(os.listdir(m / "home/u")), ["m", "other"], "names")
    for name in ("upper", "work"):
        refused(errno.ENOENT, os.lstat, m / f"home/u/{name}")
        refused(errno.ENOENT, os.listdir, m / f"home/u/{name}/work")
        refused(errno.EPERM, os.mkdir, m / f"home/u/{name}")
        refused(errno.EPERM, os.symlink, "x", m / f"home/u/{name}")
        refused(errno.EPERM, os.rename, m / "file", m / f"home/u/{name}")
        refused(errno.EPERM, os.link, m / "file", m / f"home/u/{name}")
        refused(errno.EPERM, open, m / f"home/u/{name}", "wb")
    equal(m.daemon.text(), "", "the log")
    write(m / "home/u/other/a", "2"), write(m / "home/u/new", "n")
    equal(sorted(os.listdir(m / "home/u")), ["m", "new", "other"], "names after a change")
    equal(sorted(os.listdir(lower + "/home/u/upper/home/u")), ["new", "other"], "what is in the upper")
    m = t.remount(m)
    equal(sorted(os.listdir(m / "home/u")), ["m", "new", "other"], "names after a remount")
    refused(errno.ENOENT, os.lstat, m / "home/u/upper")


def test_names_like_them_elsewhere_and_in_other_layers_are_shown(t):
    lower, stack = inside(t, {"upper": {"x": "1"}, "home": {"u": {"upper": {}, "work": {}, "d": {"upper": "f"}}}}, point=t.fresh("mnt"))
    stack.lowers.append(t.layer({"home": {"u": {"upper": {"from": "below"}}}}))
    m = t.mount_stack(stack)
    equal(read(m / "upper/x"), b"1", "the same name in another directory")
    equal(read(m / "home/u/d/upper"), b"f", "the same name further down")
    equal(read(m / "home/u/upper/from"), b"below", "the same path in another lower")
    equal(sorted(os.listdir(m / "home/u")), ["d", "upper"], "names")
    equal(os.listdir(lower + "/home/u/upper"), [], "the upper")


def test_a_read_only_union_of_many_lowers_hides_them_as_well(t):
    lower, stack = inside(t, point=t.fresh("mnt"))
    stack.lowers = [*[t.layer({"home": {"u": {f"l{number}": "x"}}}) for number in range(5)], lower]
    m = t.mount_stack(stack)
    equal(sorted(os.listdir(m / "home/u")), ["l0", "l1", "l2", "l3", "l4", "m", "other"], "names")
    refused(errno.ENOENT, os.lstat, m / "home/u/upper")
    m.umount()
    stack.options = ("ro",)
    m = t.mount_stack(stack)
    equal(sorted(os.listdir(m / "home/u")), ["l0", "l1", "l2", "l3", "l4", "m", "other"], "names of a read-only union")


def test_a_directory_that_holds_them_is_removed_and_moved_as_any(t):
    lower, stack = inside(t, {"try": {"upper": {}, "work": {}, "m": {}}, "keep": {"try": {"a": "1"}}}, below="try", point=t.fresh("mnt"))
    m = t.mount_stack(stack)
    os.rmdir(m / "try/m")
    os.rmdir(m / "try")
    equal(os.listdir(m.path), ["keep"], "names")
    os.mkdir(m / "try")
    equal(os.listdir(m / "try"), [], "names of a new one")
    os.mkdir(m / "try/upper")
    m = t.remount(m)
    equal(os.listdir(m / "try"), ["upper"], "an opaque directory has names of its own")


def test_the_mountpoint_shows_what_is_beneath_it_and_no_walk_hangs(t):
    tree = {"file": "x", "home": {"u": {"upper": {}, "work": {}, "m": {}, "other": {"a": "1"}}}}
    lower, stack = inside(t, tree)
    m = t.mount_stack(stack)
    equal(os.listdir(m / "home/u/m"), [], "what is beneath")
    equal(sorted(os.listdir(m / "home/u")), ["m", "other"], "names")
    write(m / "home/u/m/new", "n"), os.mkdir(m / "home/u/m/d")
    equal(read(lower + "/home/u/upper/home/u/m/new"), b"n", "a new file in the upper")
    found = sum(len(files) for _, _, files in os.walk(m.path))
    equal(found, 3, "files of a walk")
    write(m / "home/u/m/d/deep", "x")
    equal(sorted(os.listdir(m / "home/u/m")), ["d", "new"], "names in the copy")
    m = t.remount(m)
    equal(sorted(os.listdir(m / "home/u/m")), ["d", "new"], "names after a remount")
    os.unlink(m / "home/u/m/d/deep"), os.rmdir(m / "home/u/m/d"), os.unlink(m / "home/u/m/new"), os.rmdir(m / "home/u/m")
    equal(os.listdir(m / "home/u"), ["other"], "removed")


def test_the_mountpoints_former_content_is_shown(t):
    tree = {"home": {"u": {"upper": {}, "work": {}, "m": {"old": "1", "d": Dir({"deep": "2"})}}}}
    _, stack = inside(t, tree)
    m = t.mount_stack(stack)
    equal(read(m / "home/u/m/d/deep"), b"2", "content")
    write(m / "home/u/m/d/deep", "3"), write(m / "home/u/m/old", "4")
    m = t.remount(m)
    equal((read(m / "home/u/m/d/deep"), read(m / "home/u/m/old")), (b"3", b"4"), "content after a remount")


@only_in("root", "user", why="the mount namespace of a user namespace has no root of its own to share")
def test_a_mountpoint_on_a_shared_mount_is_not_propagated_into_the_lower(t):
    lower, stack = inside(t)
    t.by_root(syscalls.mount, lower, lower, None, syscalls.MS_BIND)
    t.by_root(syscalls.mount, "none", lower, None, 1 << 20)
    m = t.mount_stack(stack)
    equal(sorted(os.listdir(m / "home/u")), ["m", "other"], "names")
    equal(os.listdir(m / "home/u/m"), [], "what is beneath")


def test_the_root_directory_is_a_lower_and_the_mountpoint_is_in_it(t):
    base = t.fresh("base", {"upper": {}, "work": {}, "m": {}})
    stack = t.stack(upper=None, mountpoint=base + "/m")
    stack.lowers, stack.upper, stack.work = ["/"], base + "/upper", base + "/work"
    t.let_lower_change("/", "others write to it")
    m = t.mount_stack(stack)
    seen = m.path + os.path.realpath(base)
    write(m / "overpass-was-here", "x")
    equal(read(base + "/upper/overpass-was-here"), b"x", "the upper")
    if os.path.isdir(seen):     # not where a clone of the root leaves other file systems out
        equal(os.listdir(seen), ["m"], "what is seen of its own directories")
        equal(os.listdir(seen + "/m"), [], "what is beneath")
    holds(os.path.isdir(m / "usr"), "the root directory is shown")
    contains(read(m / "etc/passwd").decode(), "root", "a file of it")
