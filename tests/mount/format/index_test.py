# SPDX-License-Identifier: MIT
"""Hard links of lower files that stay links (index=on), compared with kernel overlayfs at the end of each test."""
import os
import stat

from harness import Link, Node, Symlink, equal, holds, only, read, write

WORLDS = ("root", "userns", "user")

ON = ("index=on",)
LOWER = {"a": "content", "b": Link("a"), "dir": {"c": Link("a")}, "single": "1"}
NAMES = ("a", "b", "dir/c")


def entries(m):
    """Names in the index directory, which lies in the workdir."""
    return os.listdir(m.stack.work + "/index")


def one_file(root, names, nlink):
    stats = [os.stat(os.path.join(root, name)) for name in names]
    equal(len({stat.st_ino for stat in stats}), 1, f"different inode numbers of {names}")
    equal([stat.st_nlink for stat in stats], [nlink] * len(names), "link counts")


def same_for_the_kernel(t, m, names=NAMES, nlink=3):
    shown = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")
    kernel = t.mount_stack(m.stack, "kernel")
    one_file(kernel.path, names, nlink)
    kernel.umount()
    one_file(t.mount_stack(m.stack).path, names, nlink)


def test_a_write_by_one_name_shows_by_all(t):
    m = t.mount(t.layer(LOWER), options=ON)
    number = os.stat(m / "b").st_ino
    write(m / "a", "+", "ab")
    equal([read(m / name) for name in NAMES], [b"content+"] * 3, "contents")
    one_file(m.path, NAMES, 3)
    equal(os.stat(m / "b").st_ino, number, "inode number")
    equal(len(entries(m)), 1, "entries of the index")
    same_for_the_kernel(t, m)


def test_names_that_were_forgotten_lead_to_the_copy(t):
    m = t.mount(t.layer(LOWER), options=ON)
    write(m / "a", "+", "ab")
    m = t.remount(m)
    equal(read(m / "dir/c"), b"content+", "content by a name that only the lower has")
    os.chmod(m / "b", 0o600)
    equal(os.stat(m / "a").st_mode & 0o777, 0o600, "mode by another")
    one_file(m.path, NAMES, 3)
    same_for_the_kernel(t, m)


def test_removing_names_counts_down(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.unlink(m / "b")
    one_file(m.path, ("a", "dir/c"), 2)
    write(m / "dir/c", "+", "ab")
    equal(read(m / "a"), b"content+", "content")
    m = t.remount(m)
    one_file(m.path, ("a", "dir/c"), 2)
    os.unlink(m / "a")
    one_file(m.path, ("dir/c",), 1)
    same_for_the_kernel(t, m, ("dir/c",), 1)


@only("overpass")
def test_with_the_last_name_the_entry_goes(t):
    m = t.mount(t.layer(LOWER), options=ON)
    handle = os.open(m / "a", os.O_RDWR)
    for name in NAMES:
        os.unlink(m / name)
    equal(entries(m), [], "entries of the index")
    os.pwrite(handle, b"C", 0)
    equal(os.pread(handle, 99, 0), b"Content", "what is open stays usable")
    equal(os.fstat(handle).st_nlink, 0, "link count")
    os.close(handle)
    shown = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def orphaned_entry(t):
    """Layers as a crash leaves them between the end of a file's last name and that of its entry."""
    m = t.mount(t.layer(LOWER), options=ON)
    write(m / "a", "+", "ab")
    for name in ("a", "b"):
        os.unlink(m / name)
    (entry,) = entries(m)
    spare = t.directory + "/spare"
    os.link(f"{m.stack.work}/index/{entry}", spare)   # one link too many to be the last
    os.unlink(m / "dir/c")
    m.umount()
    equal(entries(m), [entry], "entries before the mount")
    os.unlink(spare)
    return m.stack


@only("overpass")
def test_a_mount_removes_entries_without_names_as_the_kernel_does(t):
    for system in ("overpass", "kernel"):
        m = t.mount_stack(orphaned_entry(t), system)
        equal(entries(m), [], f"entries after a mount by {system}")
        equal(os.listdir(m / "dir"), [], "names")
        m.umount()


@only("overpass")
def test_a_mount_keeps_entries_whose_names_are_all_in_the_lower(t):
    m = t.mount(t.layer(LOWER), options=ON)
    write(m / "a", "+", "ab")
    os.unlink(m / "a")
    kept = entries(m)
    equal(len(kept), 1, "entries")
    m = t.remount(m)
    equal(entries(m), kept, "entries after a remount")
    equal(read(m / "b"), b"content+", "content by another name")


def test_names_come_and_move(t):
    m = t.mount(t.layer(LOWER), options=ON)
    os.link(m / "b", m / "dir/new")
    one_file(m.path, (*NAMES, "dir/new"), 4)
    os.rename(m / "a", m / "dir/moved")
    write(m / "dir/moved", "+", "ab")
    names = ("b", "dir/c", "dir/new", "dir/moved")
    equal([read(m / name) for name in names], [b"content+"] * 4, "contents")
    os.rename(m / "single", m / "b")
    one_file(m.path, ("dir/c", "dir/new", "dir/moved"), 3)
    same_for_the_kernel(t, m, ("dir/c", "dir/new", "dir/moved"), 3)


def test_old_handles_of_all_names_see_the_write(t):
    m = t.mount(t.layer(LOWER), options=(*ON, "lower_io=cached"))
    handles = [os.open(m / name, os.O_RDONLY) for name in NAMES]
    write(m / "b", "CON", "r+b")
    equal([os.pread(handle, 99, 0) for handle in handles], [b"CONtent"] * 3, "contents")
    for handle in handles:
        os.close(handle)


def test_with_metacopies(t):
    m = t.mount(t.layer(LOWER), options=(*ON, "metacopy=on"))
    os.chmod(m / "a", 0o600)
    equal([read(m / name) for name in NAMES], [b"content"] * 3, "contents")
    m = t.remount(m)
    equal([os.stat(m / name).st_mode & 0o777 for name in NAMES], [0o600] * 3, "modes")
    equal(read(m / "dir/c"), b"content", "content by a name that only the lower has")
    write(m / "dir/c", "+", "ab")
    equal([read(m / name) for name in NAMES], [b"content+"] * 3, "contents")
    same_for_the_kernel(t, m)


@only("overpass")
def test_what_the_kernel_indexed_is_read(t):
    kernel = t.mount(t.layer(LOWER), system="kernel", options=ON)
    write(kernel / "dir/c", "+", "ab"), os.unlink(kernel / "a"), os.link(kernel / "b", kernel / "n")
    one_file(kernel.path, ("b", "dir/c", "n"), 3)
    kernel.umount()
    m = t.mount_stack(kernel.stack)
    one_file(m.path, ("b", "dir/c", "n"), 3)
    equal([read(m / name) for name in ("b", "dir/c", "n")], [b"content+"] * 3, "contents")
    os.unlink(m / "n"), write(m / "b", "!", "ab")
    same_for_the_kernel(t, m, ("b", "dir/c"), 2)


def test_without_handles_to_open_ordinary_users_have_it_too(t):
    m = t.mount(t.layer(LOWER), options=(*ON, "userxattr"))
    write(m / "b", "+", "ab")
    m = t.remount(m)
    equal([read(m / name) for name in NAMES], [b"content+"] * 3, "contents")
    one_file(m.path, NAMES, 3)
    os.unlink(m / "a")
    m = t.remount(m)
    one_file(m.path, ("b", "dir/c"), 2)
    holds(os.listdir(m.stack.work + "/index"), "an entry")


@only("overpass")
def test_links_that_take_no_marks_of_users_part(t):
    """Kernel overlayfs refuses to change them, and then to mount the layers again."""
    kinds = {"link": Symlink("to"), "fifo": Node(stat.S_IFIFO, 0o644)}
    if t.world == "root":       # only root makes the copy of a device
        kinds["node"] = Node(stat.S_IFCHR, 0o644, (7, 9))
    uid = 7 if os.geteuid() == 0 else os.geteuid()
    others = {f"{name}.{at}": Link(name) for name in kinds for at in (1, 2)}
    m = t.mount(t.layer(kinds | others), options=(*ON, "userxattr"))
    for name in kinds:
        os.rename(m / name, m / f"{name}.new")
        os.lchown(m / f"{name}.1", uid, 8 if uid == 7 else os.getegid())
        os.unlink(m / f"{name}.2")
        equal([os.lstat(m / f"{name}.{end}").st_uid for end in ("new", "1")], [os.geteuid(), uid], f"owners of what was {name}")
    equal(entries(m), [], "entries of the index")
    equal(sorted(os.listdir(m.path)), sorted(f"{name}.{end}" for name in kinds for end in ("new", "1")), "names")
    shown = t.dump(m.path)
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")
