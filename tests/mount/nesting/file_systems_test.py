# SPDX-License-Identifier: MIT
"""Layers on every kind of file system, all in one stack, compared with kernel overlayfs over the same layers.

Read-only images (squashfs, erofs) are made of a directory; what is itself a union (kernel overlayfs, fuse-overlayfs,
overpass) is mounted over two directories.
"""
import os
import subprocess

from harness import (WHITEOUT, Dir, File, Link, Symlink, administrator, contains, equal, features, loop_images, mark, read,
                     syscalls, systems, write)

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
IMAGES = {"squashfs": ("mksquashfs", "{tree}", "{image}", "-quiet", "-no-progress"), "erofs": ("mkfs.erofs", "--quiet", "{image}", "{tree}")}
UNIONS = ("overlayfs", "fuse-overlayfs", "overpass")
DISKS = ("ext4", "xfs", "btrfs", "tmpfs")
KINDS = [*IMAGES, *DISKS, *UNIONS]


def tree_of(kind, number):
    """A layer: something of its own, something that all have, something that hides what is below."""
    return {kind: {"own": kind, "big": File(bytes(range(256)) * 300), "link": Symlink("own"), "twin": Link(f"{kind}/own")},
            "both": {"from-" + kind: kind, "top": f"of {kind}"},
            "dressed-" + kind: File(b"x", 0o640, (5, 6), {"user.kind": kind.encode(), "trusted.kind": b"t"}),
            f"chain{number}": kind, f"chain{number + 1}": f"below {kind}",
            "deep": {"er": {f"in-{kind}": kind}}}


def marks_of(kind, below):
    """What only layers that take marks can have: a whiteout and an opaque directory over the layer below."""
    return {f"dressed-{below}": WHITEOUT, below: Dir({"instead": kind}, opaque="trusted")} if below else {}


def made(t, kind, number, below):
    tree = tree_of(kind, number)
    if kind in DISKS:
        return t.fresh("layer", tree | marks_of(kind, below), at=loop_images.mount_image(t, kind))
    if kind in IMAGES:
        return image(t, kind, t.fresh("source", tree | marks_of(kind, below)))
    return union(t, kind, tree)


def image(t, kind, source):
    features.need(kind)
    point, file = t.fresh(kind), source + ".image"
    administrator.run(*(word.format(tree=source, image=file) for word in IMAGES[kind]))
    loop_images.mount_loop(t, kind, file, point, "ro")
    return point


def union(t, kind, tree):
    """The tree, half of it in a lower layer and half in the upper one of another union."""
    names = sorted(tree)
    lower, upper = ({name: tree[name] for name in half} for half in (names[::2], names[1::2]))
    stack = t.stack(t.fresh("lower", lower), upper=t.fresh("upper", upper))
    if kind == "fuse-overlayfs":
        subprocess.run(["fuse-overlayfs", "-o", f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}",
                        stack.mountpoint], check=True, capture_output=True)
        t.at_end(lambda: systems.unmount(stack.mountpoint))
        return stack.mountpoint
    return t.mount_stack(stack, "kernel" if kind == "overlayfs" else "overpass").path


def layers(t, kinds):
    return [made(t, kind, number, kinds[number + 1] if number + 1 < len(kinds) else None) for number, kind in enumerate(kinds)]


def use(m, kinds):
    """Each layer's files are changed in each way that copies something up."""
    for kind in kinds:
        if os.path.exists(m / f"{kind}/big"):
            write(m / f"{kind}/big", "+", "ab"), os.chmod(m / f"{kind}/own", 0o600)
            os.rename(m / kind, m / f"moved-{kind}")
        if os.path.exists(m / f"dressed-{kind}"):
            os.setxattr(m / f"dressed-{kind}", "user.more", b"m")
        os.unlink(m / f"both/from-{kind}"), write(m / f"deep/er/in-{kind}", "changed")
    os.rename(m / "deep", m / "both/deep")


def one_stack(t, kinds, upper):
    features.need("overlayfs")
    lowers = layers(t, kinds)
    disk = loop_images.mount_image(t, upper)
    os.mkdir(disk + "/upper")
    m = t.mount(*lowers, upper=disk + "/upper", options=("redirect_dir=on",))
    # No other user, not even root, may look into an ordinary user's FUSE mounts.
    fuse = t.world != "root" and not {"fuse-overlayfs", "overpass"}.isdisjoint(kinds)
    if not (fuse and t.world == "user"):
        reader = t.mount(*lowers, t.layer(), upper=None, system="kernel")
        equal(t.dump(m.path), t.dump(reader.path), "overpass, compared with kernel overlayfs, before any change")
        reader.umount()
    use(m, kinds)
    shown = t.dump(m.path)
    equal(read(m / "both/deep/er/in-" + kinds[-1]), b"changed", "content of the lowest layer's file")
    m = t.remount(m)
    equal(t.dump(m.path), shown, "after a remount")
    m.umount()
    if not fuse:
        equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs over what overpass wrote")


def test_layers_of_every_kind_with_an_upper_on_ext4(t):
    one_stack(t, KINDS, "ext4")


def test_layers_of_every_kind_in_reverse_with_an_upper_on_xfs(t):
    one_stack(t, KINDS[::-1], "xfs")


def test_layers_of_every_kind_in_another_order_with_an_upper_on_btrfs(t):
    one_stack(t, KINDS[1::2] + KINDS[::2], "btrfs")


def test_layers_of_every_kind_with_an_upper_on_tmpfs(t):
    one_stack(t, KINDS[4:] + KINDS[:4], "tmpfs")


def test_file_handles_of_fuse_are_not_kept(t):
    """A FUSE server may give the handle of a forgotten file to another, which would then pass for the first."""
    m = t.mount(union(t, "fuse-overlayfs", {"a": "text"}), options=("index=on",))
    write(m / "a", "x")
    equal(os.getxattr(m.stack.upper + "/a", mark("origin")), b"", "the origin of a copy")
    contains(m.status()["index"]["reason"], "FUSE", "why there is no index")


class Table:
    def cases(self, settings):
        for kind in KINDS:
            yield f"the one lower layer is on {kind}", lambda t, kind=kind: one_stack(t, [kind], "ext4")


TABLE = Table()
