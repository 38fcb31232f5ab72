# SPDX-License-Identifier: MIT
"""An upper layer written by one program is read identically by the others."""
import os
import shutil
import subprocess

from harness import Dir, File, Symlink, equal, holds, only, only_in, read, syscalls, write
from harness.worlds import chown

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
LOWER = {"keep": "1", "change": File("low", 0o640, (5, 6), {"user.a": b"b"}), "gone": "2", "moved": "3",
         "dir": {"in": "4", "gone": "5", "sub": {"deep": "6"}}, "again": {"old": "7"}, "swap1": "a", "swap2": "b",
         "link": Symlink("keep"), "todir": "8", "tofile": {"x": "9"}, "attr": Dir({"f": "x"}, 0o750, (7, 8))}


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
    os.link(at("keep"), at("second"))
    os.setxattr(at("attr"), "user.new", b"value"), chown(at("attr"), 9, 10)
    shutil.rmtree(at("dir/sub")), os.mkdir(at("dir/sub"))


def test_kernel_overlayfs_shows_what_overpass_wrote(t):
    for options in ((), ("userxattr",)):
        m = t.mount(t.layer(LOWER), t.layer({"dir": {"third": "x"}, "again": {"older": "x"}}), options=options)
        change(m.path)
        before = t.dump(m.path)
        m.umount()
        equal(t.kernel_dump(m, mtime=t.started - 3600), before, f"kernel overlayfs with options {options}")


@only_in("root", why="without index=on kernel overlayfs parts the names of what is linked while it is mounted")
def test_overpass_shows_what_kernel_overlayfs_wrote(t):
    for options in ((), ("userxattr",)):
        kernel = t.mount(t.layer(LOWER), t.layer({"dir": {"third": "x"}, "again": {"older": "x"}}),
                         system="kernel", options=options)
        change(kernel.path)
        before = t.dump(kernel.path)
        kernel.umount()
        m = t.mount_stack(kernel.stack)
        equal(t.dump(m.path), before, f"overpass with options {options}")
        write(m / "more", "x"), os.unlink(m / "again/new"), os.rmdir(m / "again")
        m.umount()
        shown = t.kernel_dump(m, mtime=t.started - 3600)
        holds(any(line.startswith("./more ") for line in shown), "kernel overlayfs shows what overpass added")
        holds(not any(line.startswith("./again") for line in shown), "and not what overpass removed")


def test_overpass_reads_what_fuse_overlayfs_wrote(t):
    stack = t.stack(t.layer(LOWER))
    t.watch_lower(stack.lowers[0])
    options = f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}"
    subprocess.run(["fuse-overlayfs", "-o", options, stack.mountpoint], check=True, capture_output=True)
    try:
        change(stack.mountpoint)
        before = t.dump(stack.mountpoint, mtime=None, links=False)
    finally:
        subprocess.run(["umount", stack.mountpoint], check=True)
    m = t.mount_stack(stack)
    equal(t.dump(m.path, mtime=None, links=False), before, "overpass's dump")


def test_overpass_reads_what_fuse_overlayfs_wrote_as_an_ordinary_user(t):
    """Without mknod fuse-overlayfs leaves .wh. names; here they are made by hand as it makes them."""
    upper = t.layer({".wh.gone": "", "again": {".wh..wh..opq": "", "new": "new"}, "dir": {".wh.in": ""}})
    m = t.mount(t.layer(LOWER), upper=upper)
    names = set(os.listdir(m.path))
    equal(names, set(LOWER) - {"gone"}, "names")
    equal((os.listdir(m / "again"), sorted(os.listdir(m / "dir"))), (["new"], ["gone", "sub"]), "names of directories")


def test_redirects_of_kernel_overlayfs_are_honoured_or_refused(t):
    """A directory renamed by kernel overlayfs with redirect_dir=on must never be shown empty."""
    kernel = t.mount(t.layer(LOWER), system="kernel", options=("redirect_dir=on",))
    os.rename(kernel / "dir", kernel / "renamed")
    kernel.umount()
    m = t.mount_stack(kernel.stack.__class__(kernel.stack.lowers, kernel.upper, kernel.work, (), t.fresh("mnt")))
    try:
        names = sorted(os.listdir(m / "renamed"))
    except OSError:
        names = "refused"
    holds(names in (["gone", "in", "sub"], "refused"), f"the renamed directory shows its entries or an error: {names}")


def test_metacopy_files_of_kernel_overlayfs_are_honoured_or_refused(t):
    """A metacopy file must never be shown as a file of zeros."""
    kernel = t.mount(t.layer(LOWER), system="kernel", options=("metacopy=on", "redirect_dir=on"))
    os.chmod(kernel / "keep", 0o600)
    kernel.umount()
    m = t.mount_stack(kernel.stack.__class__(kernel.stack.lowers, kernel.upper, kernel.work, (), t.fresh("mnt")))
    try:
        content = read(m / "keep")
    except OSError:
        content = "refused"
    holds(content in (b"1", "refused"), f"the file shows its data or an error: {content!r}")


@only("overpass")
def test_dumps_differ_when_layers_differ(t):
    """The comparison itself can see a difference."""
    m = t.mount(t.layer(LOWER))
    before = t.dump(m.path)
    os.unlink(m / "dir/in")
    holds(t.dump(m.path) != before, "a removed file changes the dump")
