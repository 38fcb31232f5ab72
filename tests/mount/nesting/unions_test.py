# SPDX-License-Identifier: MIT
"""Unions inside unions: the upper layer of one lies in what another one shows.

What the outer one writes there is kept by the inner one under escaped names (overlay.overlay.*), as by kernel
overlayfs, and whiteouts are attributes, since no union lets a device 0:0 be made in it. The operations are made
in a plain directory as well, and the kernel mounts the layers from the bottom up.
"""
import os
import shutil

from harness import (Dir, File, Link, Symlink, equal, features, holds, mark, only_in, read, refused, syscalls, systems,
                     trees, write)

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
LOWER = {"file": File(b"content" * 999, 0o640, (3, 4), {"user.a": b"1"}), "gone": "g", "dir": {"a": "1", "b": {"c": "2"}},
         "merged": {"x": "1", "y": "2"}, "link": Symlink("file"), "one": "linked", "two": Link("one"), "moved": {"deep": {"er": "3"}}}
OPTIONS = ("redirect_dir=on",)
ENDS_BEFORE = "it is a union of the test, which compares what it shows and ends it"


def kernel_options(t):
    """Redirects are root's alone; those of the unions inside are escaped and no matter of the kernel's."""
    return OPTIONS if t.world == "root" else ()


def use(root):
    """Each kind of change that leaves a mark in an upper layer."""
    at = lambda name: os.path.join(root, name)                                     # noqa: E731
    write(at("file"), "+", "ab"), os.unlink(at("gone")), os.chmod(at("dir/b/c"), 0o600)
    shutil.rmtree(at("dir")), os.mkdir(at("dir")), write(at("dir/new"), "n")
    os.unlink(at("merged/x")), write(at("merged/z"), "z"), os.setxattr(at("merged/y"), "user.b", b"2")
    os.rename(at("moved"), at("merged/moved")), write(at("merged/moved/deep/er"), "changed")
    os.unlink(at("link")), os.mkdir(at("link")), os.rename(at("one"), at("single"))
    write(at("dir/gone"), "x"), os.unlink(at("dir/gone"))


def expected(t):
    """The expected tree, and its dump without what unions show differently."""
    plain = t.fresh("plain", LOWER)
    use(plain)
    return dump(t, plain)


def dump(t, path):
    return t.dump(path, links=False)


def room_in(mount):
    """Directories for an upper layer and its workdir inside what the mount shows."""
    os.makedirs(mount / "room/upper"), os.makedirs(mount / "room/work")
    os.chmod(mount / "room/upper", 0o755)
    return mount / "room/upper", mount / "room/work"


def nested(t, base, depth=1):
    """Unions over LOWER, each with its upper layer in the one before; the topmost last."""
    mounts = [base]
    for _ in range(depth):
        upper, work = room_in(mounts[-1])
        mounts.append(t.mount_stack(systems.Stack([t.layer(LOWER)], upper, work, OPTIONS, t.fresh("mnt")), "overpass"))
    return mounts


def ended(mounts):
    for mount in reversed(mounts):
        mount.umount()


def again(t, mounts):
    """The same unions after all were unmounted."""
    ended(mounts)
    return [t.mount_stack(mount.stack, mount.system) for mount in mounts]


def check_nesting(t, base, depth):
    wanted = expected(t)
    mounts = nested(t, base, depth)
    use(mounts[-1].path)
    equal(dump(t, mounts[-1].path), wanted, "the topmost union")
    mounts = again(t, mounts)
    equal(dump(t, mounts[-1].path), wanted, "the topmost union after a remount of all")
    os.rename(mounts[-1] / "merged/moved", mounts[-1] / "back")
    write(mounts[-1] / "gone", "again")
    equal((read(mounts[-1] / "back/deep/er"), read(mounts[-1] / "gone")), (b"changed", b"again"), "contents after more changes")
    ended(mounts)
    return mounts


def test_overpass_in_overpass(t):
    check_nesting(t, t.mount(t.layer({"other": "o"}), options=OPTIONS), 1)


def test_overpass_in_overpass_in_overpass(t):
    check_nesting(t, t.mount(t.layer({"other": "o"}), options=OPTIONS), 2)


def test_overpass_four_deep(t):
    check_nesting(t, t.mount(t.layer({"other": "o"}), options=OPTIONS), 3)


def test_overpass_in_kernel_overlayfs(t):
    features.need("overlayfs")
    check_nesting(t, t.mount(t.layer({"other": "o"}), options=kernel_options(t), system="kernel"), 1)


def test_overpass_in_overpass_in_kernel_overlayfs(t):
    features.need("overlayfs")
    check_nesting(t, t.mount(t.layer({"other": "o"}), options=kernel_options(t), system="kernel"), 2)


def test_kernel_overlayfs_refuses_or_does_without_an_upper_in_overpass(t):
    """It takes no upper layer on FUSE; if it ever does, it has to work."""
    features.need("overlayfs")
    base = t.mount(t.layer({"other": "o"}), options=OPTIONS)
    upper, work = room_in(base)
    stack = systems.Stack([t.layer(LOWER)], upper, work, kernel_options(t), t.fresh("mnt"))
    try:
        kernel = t.mount_stack(stack, "kernel")
    except OSError as error:
        # No other user, not even root, may look into an ordinary user's mount.
        equal(error.errno, 13 if t.world == "user" else 22, "errno of the kernel")
        return
    use(kernel.path)
    equal(dump(t, kernel.path), expected(t), "kernel overlayfs")
    kernel.umount()


@only_in("root", why="the marks are trusted. attributes")
def test_the_marks_of_an_inner_upper_are_escaped_as_the_kernel_reads_them(t):
    features.need("overlayfs", "xwhiteouts")
    base = t.mount(t.layer({"other": "o"}), options=OPTIONS)
    mounts = nested(t, base)
    use(mounts[-1].path)
    shown = t.dump(mounts[-1].path, links=False)
    ended(mounts)
    upper = base.stack.upper + "/room/upper"
    equal(os.getxattr(upper + "/merged/moved", "trusted.overlay.overlay.redirect"), b"/moved", "the redirect, escaped")
    holds("trusted.overlay.redirect" not in os.listxattr(upper + "/merged/moved"), "the inner union has no redirect of its own there")
    equal(os.getxattr(upper + "/dir", "trusted.overlay.overlay.opaque"), b"y", "the opaque mark, escaped")
    below = t.mount_stack(base.stack, "kernel")
    t.let_lower_change(below / "room/upper", ENDS_BEFORE)
    above = t.mount(below / "room/upper", mounts[-1].stack.lowers[0], upper=None, options=("redirect_dir=follow",), system="kernel")
    equal(t.dump(above.path, links=False), shown, "kernel overlayfs over kernel overlayfs")
    above.umount(), below.umount()


def test_the_marks_of_a_union_are_not_visible_inside_it(t):
    """A program in the union that keeps overlay attributes of its own gets them back, three unions deep."""
    mounts = nested(t, t.mount(t.layer({"other": "o"}), options=OPTIONS), 2)
    name = mark("opaque")
    for depth, mount in enumerate(mounts):
        os.mkdir(mount / "mine"), os.setxattr(mount / "mine", name, b"y")
        equal((os.listxattr(mount / "mine"), os.getxattr(mount / "mine", name)), ([name], b"y"), f"attributes in union {depth}")
    mounts = again(t, mounts)
    for depth, mount in enumerate(mounts):
        equal((os.listxattr(mount / "mine"), os.getxattr(mount / "mine", name)), ([name], b"y"), f"after a remount in union {depth}")
    path = mounts[0].stack.upper + "/room/upper/room/upper/mine"
    equal(set(os.listxattr(path)) >= {mark("overlay." * 3 + "opaque")}, True, f"the escapes on disk, of {os.listxattr(path)}")
    ended(mounts)


def test_an_outer_union_over_the_whole_of_an_inner_one(t):
    """The inner union's whole merged tree is a lower layer of the outer one, with marks on both."""
    inner = t.mount(t.layer(LOWER), options=OPTIONS)
    t.let_lower_change(inner.path, ENDS_BEFORE)
    use(inner.path)
    wanted = dump(t, inner.path)
    outer = t.mount(inner.path, options=OPTIONS)
    equal(dump(t, outer.path), wanted, "the outer one before changes")
    os.rename(outer / "merged/moved", outer / "elsewhere"), os.unlink(outer / "file"), write(outer / "dir/new", "o")
    equal((read(outer / "elsewhere/deep/er"), read(inner / "dir/new")), (b"changed", b"n"), "contents")
    refused(2, os.stat, outer / "file")
    equal(dump(t, inner.path), wanted, "the inner one after changes of the outer one")
    shown = dump(t, outer.path)
    ended([inner, outer])
    inner, outer = t.mount_stack(inner.stack), t.mount_stack(outer.stack)
    equal(dump(t, outer.path), shown, "after a remount of both")
    ended([inner, outer])
    if t.world == "root" and features.has("overlayfs"):      # it follows no redirects in a user namespace
        below = t.mount_stack(inner.stack, "kernel")
        t.let_lower_change(below.path, ENDS_BEFORE)
        above = t.mount_stack(systems.Stack([below.path], outer.stack.upper, outer.stack.work, OPTIONS, t.fresh("mnt")), "kernel")
        equal(dump(t, above.path), shown, "kernel overlayfs over kernel overlayfs")
        ended([below, above])
