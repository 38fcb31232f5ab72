# SPDX-License-Identifier: MIT
"""`overpass check` finds nothing wrong in what overlays write when nothing goes wrong."""
import os
import shutil
import subprocess

from harness import Dir, File, Link, Symlink, equal, has, holds, loop_images, syscalls, write
from harness.systems import option_text
from harness.worlds import chown

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"keep": "1", "change": File("low", 0o640, (5, 6), {"user.a": b"b"}), "gone": "2", "moved": "3",
         "dir": {"in": "4", "gone": "5", "sub": {"deep": "6"}}, "again": {"old": "7"}, "swap1": "a", "swap2": "b",
         "link": Symlink("keep"), "todir": "8", "tofile": {"x": "9"}, "attr": Dir({"f": "x"}, 0o750, (7, 8)),
         "one": "linked", "two": Link("one"), "three": Link("one"), "tree": {"a": {"b": {"c": "d"}}, "e": "f"}}
KERNEL_OPTIONS = ((), ("userxattr",), ("redirect_dir=on",), ("index=on",), ("metacopy=on",), ("xino=on",), ("uuid=off",),
                  ("redirect_dir=on", "index=on", "metacopy=on"), ("index=on", "nfs_export=on"),
                  ("redirect_dir=on", "index=on", "uuid=null"), ("redirect_dir=off",))
OVERPASS_OPTIONS = ((), ("userxattr",), ("redirect_dir=on",), ("redirect_dir=on", "metacopy=on"), ("redirect_dir=off",),
                    ("index=on", "redirect_dir=on", "metacopy=on"), ("lower_io=cached",))


def may_fail(function, *arguments):
    """Directories cannot be renamed without redirects; the upper is sound either way."""
    try:
        function(*arguments)
    except OSError:
        pass


def change(root):
    """Changes of every kind, made through some union."""
    at = lambda name: os.path.join(root, name)                # noqa: E731
    write(at("change"), "+", "ab")
    os.chmod(at("keep"), 0o600)
    os.unlink(at("gone")), os.unlink(at("dir/gone"))
    os.rename(at("moved"), at("dir/moved"))
    shutil.rmtree(at("again")), os.mkdir(at("again")), write(at("again/new"), "new")
    syscalls.renameat2(at("swap1"), at("swap2"), syscalls.RENAME_EXCHANGE)
    os.unlink(at("todir")), os.mkdir(at("todir")), write(at("todir/x"), "y")
    shutil.rmtree(at("tofile")), write(at("tofile"), "now a file")
    os.mkdir(at("made")), os.rename(at("made"), at("dir/made")), os.mkfifo(at("dir/made/fifo"))
    chown(at("link"), 3, 4)
    os.link(at("keep"), at("second")), os.unlink(at("second"))
    os.setxattr(at("attr"), "user.new", b"value"), chown(at("attr"), 9, 10)
    write(at("one"), "more", "ab"), os.unlink(at("two")), os.chmod(at("three"), 0o600)
    os.mkdir(at("pure")), may_fail(os.rename, at("three"), at("pure/three"))
    may_fail(os.rename, at("tree/a"), at("tree/A")), may_fail(os.rename, at("tree"), at("pure/tree"))
    for where in ("pure/tree/A/b", "tree/a/b"):
        if os.path.isdir(at(where)):
            may_fail(os.rename, at(where), at("attr/b")), may_fail(os.unlink, at("attr/b/c"))
    os.mkdir(at("empty")), os.rmdir(at("empty"))


def check(t, stack, *arguments):
    return t.status_text("check", *arguments, "-o", option_text(stack))


def expect_clean(t, m, what):
    m.umount()
    equal(check(t, m.stack), (0, "", ""), f"the check of what {what} wrote with {m.stack.options}")


def test_what_kernel_overlayfs_wrote_is_clean(t):
    for options in KERNEL_OPTIONS:
        if "nfs_export=on" in options and t.world != "root":
            continue        # its index has marks on devices, which only trusted. attributes can be
        m = t.mount(t.layer(LOWER), t.layer({"dir": {"third": "x"}, "tree": {"more": "x"}}), system="kernel",
                    options=options)
        change(m.path)
        expect_clean(t, m, "overlayfs")


def test_what_overpass_wrote_is_clean(t):
    for options in OVERPASS_OPTIONS:
        m = t.mount(t.layer(LOWER), t.layer({"dir": {"third": "x"}, "tree": {"more": "x"}}), options=options)
        change(m.path)
        expect_clean(t, m, "overpass")


def test_what_both_wrote_in_turn_is_clean(t):
    for first, second in (("overpass", "kernel"), ("kernel", "overpass")):
        m = t.mount(t.layer(LOWER), system=first, options=("redirect_dir=on", "metacopy=on"))
        change(m.path)
        m.umount()
        m = t.mount_stack(m.stack, second)
        os.rename(m / "dir", m / "dir2"), os.chmod(m / "pure/tree/e", 0o600), shutil.rmtree(m / "attr")
        os.unlink(m / "keep"), write(m / "keep", "new")
        expect_clean(t, m, second)


def test_layers_of_all_file_systems_are_clean(t):
    for kind in ("ext4", "xfs", "btrfs", "tmpfs"):
        if kind != "tmpfs" and not has(kind):
            continue
        root = loop_images.mount_image(t, kind)
        for system in ("kernel", "overpass"):
            upper = f"{root}/{system}"
            os.mkdir(upper)
            m = t.mount(t.layer(LOWER), upper=upper, system=system)
            change(m.path)
            expect_clean(t, m, f"{system} on {kind}")


def test_lowers_on_several_file_systems_are_clean(t):
    lowers = []
    for kind in ("ext4", "tmpfs", "btrfs"):
        root = loop_images.mount_image(t, kind)
        os.mkdir(root + "/lower")
        lowers.append(root + "/lower")
    os.mkdir(lowers[0] + "/dir"), write(lowers[0] + "/dir/first", "1"), write(lowers[1] + "/second", "2")
    os.makedirs(lowers[2] + "/dir/deep"), write(lowers[2] + "/dir/third", "3")
    for system in ("kernel", "overpass"):
        m = t.mount(*lowers, system=system)
        write(m / "dir/first", "+", "ab"), write(m / "second", "+", "ab"), os.chmod(m / "dir/deep", 0o700)
        os.unlink(m / "dir/third")
        expect_clean(t, m, system)


def test_data_only_layers_are_found(t):
    data, low = t.layer({"objects": {"1": "content"}}), t.layer({"other": "x"})
    upper = t.layer({"file": File(b"", size=7, xattrs={"trusted.overlay.metacopy": b"",
                                                        "trusted.overlay.redirect": b"/objects/1"})})
    stack = t.stack(low, upper=upper)
    layers = f"lowerdir={low}::{data},upperdir={stack.upper},workdir={stack.work}"
    equal(t.status_text("check", "-o", layers), (0, "", ""), "with the data-only layer")
    equal(t.status_text("check", "--lower", low, "--data", data, "--upper", upper, "--work", stack.work), (0, "", ""),
          "with flags")
    status, out, _ = check(t, stack)
    holds(status == 1 and "[metacopy-no-data]" in out, "without it the data are missed")


def test_what_fuse_overlayfs_wrote_is_clean(t):
    stack = t.stack(t.layer({"gone": "x", "dir": {"old": "x"}, "file": "x"}))
    options = f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}"
    subprocess.run(["fuse-overlayfs", "-o", options, stack.mountpoint], check=True, capture_output=True)
    try:
        os.unlink(stack.mountpoint + "/gone"), shutil.rmtree(stack.mountpoint + "/dir"), os.mkdir(stack.mountpoint + "/dir")
        write(stack.mountpoint + "/file", "+", "ab")
    finally:
        subprocess.run(["umount", stack.mountpoint], check=True)
    status, out, err = check(t, stack)
    left = [line for line in out.splitlines() if "fuse-overlayfs" not in line and "[whiteout-" not in line]
    equal((left, err), ([], ""), "what is found besides marks that only fuse-overlayfs reads")
    holds(status in (0, 1), "the check could be made")
