# SPDX-License-Identifier: MIT
"""Changes of metadata that leave the bytes in the lower, and what happens when the bytes are changed."""
import errno
import mmap
import os

from harness import File, equal, holds, mark, only, read, refused, write
from harness.worlds import chown

WORLDS = ("root", "userns", "user")

ON = ("metacopy=on",)
SIZE = 3 << 20
LOWER = {"f": File(b"x" * SIZE, 0o644, (1, 2), {"user.a": b"b"}), "dir": {"g": File(b"y" * SIZE)}, "empty": ""}
MARK = "trusted.overlay.metacopy"


def is_metacopy(m, name):
    return mark("metacopy") in os.listxattr(f"{m.upper}/{name}")


def blocks(m, name):
    return os.stat(f"{m.upper}/{name}").st_blocks


def same_for_the_kernel(t, m):
    shown = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def test_metadata_is_changed_without_a_copy_of_the_bytes(t):
    m = t.mount(t.layer(LOWER), options=ON)
    before = os.stat(m / "f")
    os.chmod(m / "f", 0o600), chown(m / "f", 5, 6), os.setxattr(m / "f", "user.n", b"v")
    os.utime(m / "dir/g", (5, 5))
    for name in ("f", "dir/g"):
        holds(is_metacopy(m, name), f"{name} is marked")
        holds(blocks(m, name) < 64, f"{name} holds no bytes")
    after = os.stat(m / "f")
    equal((after.st_ino, after.st_size, after.st_blocks), (before.st_ino, SIZE, before.st_blocks), "as before")
    equal(read(m / "f"), b"x" * SIZE, "content")
    same_for_the_kernel(t, m)


@only("overpass")
def test_the_first_write_brings_the_bytes(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.chmod(m / "f", 0o4755), os.utime(m / "f", (7, 7))
    old = os.open(m / "f", os.O_RDONLY)
    handle = os.open(m / "f", os.O_RDWR)
    holds(not is_metacopy(m, "f"), "the mark is gone with the open")
    equal((os.fstat(handle).st_mode & 0o7777, int(os.fstat(handle).st_mtime)), (0o4755, 7), "mode and time before a write")
    os.pwrite(handle, b"new", 5)
    os.close(handle)
    equal(read(m / "f")[:9], b"xxxxxnewx", "content")
    equal(os.pread(old, 9, 0) in (b"x" * 9, b"xxxxxnewx"), True, "an old handle shows one of the two")
    os.close(old)
    same_for_the_kernel(t, m)


def test_truncation_of_a_metacopy(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.chmod(m / "f", 0o600), os.truncate(m / "f", 5)
    os.chmod(m / "dir/g", 0o600), write(m / "dir/g", "short")
    equal((read(m / "f"), read(m / "dir/g")), (b"x" * 5, b"short"), "contents")
    holds(not is_metacopy(m, "f") and not is_metacopy(m, "dir/g"), "no marks")
    same_for_the_kernel(t, m)


def test_growth_of_a_metacopy_by_truncate(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.chmod(m / "f", 0o600), os.truncate(m / "f", SIZE + 10)
    equal(read(m / "f"), b"x" * SIZE + b"\0" * 10, "content")


def test_writes_by_mmap(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.chmod(m / "f", 0o600)
    handle = os.open(m / "f", os.O_RDWR)
    with mmap.mmap(handle, SIZE) as memory:
        memory[SIZE - 3:] = b"end"
    os.close(handle)
    equal(read(m / "f")[-5:], b"xxend", "content")


def test_a_metacopy_is_found_under_new_names(t):
    m = t.mount(t.layer(LOWER), options=(*ON, "redirect_dir=on"))
    os.chmod(m / "f", 0o600), os.rename(m / "f", m / "g")
    equal(os.getxattr(m.upper + "/g", mark("redirect")), b"f", "in the same directory")
    os.rename(m / "g", m / "dir/f")
    equal(os.getxattr(m.upper + "/dir/f", mark("redirect")), b"/f", "in another")
    os.link(m / "dir/g", m / "link")
    equal(os.getxattr(m.upper + "/link", mark("redirect")), b"/dir/g", "of a link")
    os.rename(m / "dir", m / "moved")
    m = t.remount(m)
    equal((read(m / "moved/f"), read(m / "moved/g"), read(m / "link")), (b"x" * SIZE, b"y" * SIZE, b"y" * SIZE), "contents")
    write(m / "link", "+", "ab")
    equal(read(m / "moved/g")[-2:], b"y+", "content by the other name")
    same_for_the_kernel(t, m)


def test_an_open_metacopy_can_be_removed_and_read(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.chmod(m / "f", 0o600)
    handle = os.open(m / "f", os.O_RDONLY)
    os.unlink(m / "f")
    equal(os.pread(handle, 3, SIZE - 3), b"xxx", "content")
    os.close(handle)


def test_a_metacopy_among_the_lowers_is_followed(t):
    kernel = t.mount(t.layer(LOWER), system="kernel", options=("metacopy=on", "redirect_dir=on"))
    os.chmod(kernel / "f", 0o640), os.rename(kernel / "f", kernel / "dir/n")
    kernel.umount()
    lower = kernel.stack.lowers[0]
    m = t.mount(kernel.upper, lower, options=ON)
    equal(read(m / "dir/n"), b"x" * SIZE, "content")
    os.chmod(m / "dir/n", 0o600)
    holds(is_metacopy(m, "dir/n"), "a metacopy of a metacopy")
    write(m / "dir/n", "+", "ab")
    equal(read(m / "dir/n")[-2:], b"x+", "content after a write")
    same_for_the_kernel(t, m)


def test_metacopies_are_refused_unless_chosen(t):
    kernel = t.mount(t.layer(LOWER), system="kernel", options=("metacopy=on",))
    os.chmod(kernel / "f", 0o640)
    kernel.umount()
    m = t.mount(kernel.upper, kernel.stack.lowers[0])
    refused(errno.EPERM, os.stat, m / "f")
    equal(read(m / "dir/g"), b"y" * SIZE, "the rest of the union")


def test_a_metacopy_without_its_data_is_an_error(t):
    m = t.mount(t.layer({"hollow": File(b"", xattrs={MARK: b""}, size=100)}), t.layer({}), options=ON)
    refused(errno.EIO, os.stat, m / "hollow")
    m.umount()


@only("overpass")
def test_data_only_layers_hold_bytes_only(t):
    data1, data2 = t.layer({"d1": "one"}), t.layer({"d1": "two", "sub": {"d2": "three"}})
    top = t.layer({"a": File(b"", xattrs={MARK: b"", "trusted.overlay.redirect": b"/d1"}, size=3),
                   "b": File(b"", xattrs={MARK: b"", "trusted.overlay.redirect": b"/sub/d2"}, size=5),
                   "c": File(b"", xattrs={MARK: b"", "trusted.overlay.redirect": b"/missing"}, size=5)})
    for path in (data1, data2, top):
        t.watch_lower(path)
    m = t.mount(top, options=(*ON, f"datadir+={data1}", f"datadir+={data2}"))
    equal(sorted(os.listdir(m.path)), ["a", "b", "c"], "names of data-only layers are not shown")
    equal((read(m / "a"), read(m / "b")), (b"one", b"three"), "contents")
    equal(os.stat(m / "c").st_size, 5, "size of what has no data")
    refused(errno.EIO, open, m / "c", "rb")
    write(m / "a", "+", "ab")
    equal(read(m / "a"), b"one+", "content after a write")
    os.chmod(m / "b", 0o600), os.rename(m / "b", m / "n")
    equal(read(m / "n"), b"three", "content of a moved one")


def test_verity_is_required_where_asked(t):
    lower, top = t.layer({"f": "abc"}), t.layer({"f": File(b"", xattrs={MARK: b""}, size=3)})
    digest = bytes((0, 4 + 32, 0, 1)) + b"\1" * 32
    named = t.layer({"f": File(b"", xattrs={MARK: digest}, size=3)})
    equal(read(t.mount(top, lower, options=(*ON, "verity=on"), upper=None) / "f"), b"abc", "no digest, none required")
    refused(errno.EIO, read, t.mount(top, lower, options=(*ON, "verity=require"), upper=None) / "f")
    refused(errno.EIO, read, t.mount(named, lower, options=(*ON, "verity=on"), upper=None) / "f")
    equal(read(t.mount(named, lower, options=ON, upper=None) / "f"), b"abc", "a digest that is not checked")
    m = t.mount(lower, options=(*ON, "verity=require"))
    os.chmod(m / "f", 0o600)
    holds(not is_metacopy(m, "f"), "without a digest the bytes are copied")
