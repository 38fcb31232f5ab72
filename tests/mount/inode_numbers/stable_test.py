# SPDX-License-Identifier: MIT
"""Inode numbers: one for every object, the same before and after a copy-up, in stat and in listings."""
import os

from harness import Dir, Link, Symlink, caches, contains, equal, holds, only, only_in, write
from harness.loop_images import mount_image

WORLDS = ("root", "userns", "user")
TREE = {f"f{number}": str(number) for number in range(50)} | {"d": {"x": "1", "e": {"y": "2"}}, "l": Symlink("f0")}


def numbers(root):
    found = {}
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = os.lstat(path).st_ino
    return found


def listed(root):
    found = {}
    for directory, _, _ in os.walk(root):
        with os.scandir(directory) as entries:
            for entry in entries:
                found[os.path.relpath(entry.path, root)] = entry.inode()
    return found


def change_all(root):
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            if os.geteuid() == 0:
                os.chown(path, 1, 1, follow_symlinks=False)
            else:
                os.utime(path, (1, 1), follow_symlinks=False)


def test_numbers_are_the_same_after_a_copy_up(t):
    m = t.mount(t.layer(TREE))
    before = numbers(m.path)
    change_all(m.path)
    write(m / "f1", "+", "ab")
    equal(numbers(m.path), before, "inode numbers")


def test_numbers_are_the_same_after_a_copy_up_that_the_kernel_has_forgotten(t):
    m = t.mount(t.layer(TREE))
    before = numbers(m.path)
    change_all(m.path)
    caches.drop()
    for found, by in ((numbers(m.path), "stat"), (listed(m.path), "listing")):
        for name in before if t.world != "root" else ():
            if os.path.islink(m / name):        # which take no mark of users'
                found[name] = before[name]
        equal(found, before, f"inode numbers by {by}")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens a file by its handle, as the origin mark of a renamed one asks for")
def test_numbers_are_the_same_after_a_rename_and_a_remount(t):
    m = t.mount(t.layer(TREE))
    number = os.stat(m / "f1").st_ino
    os.rename(m / "f1", m / "d/renamed")
    equal(os.stat(m / "d/renamed").st_ino, number, "inode number after the rename")
    m = t.remount(m)
    equal(os.stat(m / "d/renamed").st_ino, number, "inode number after the remount")


def test_numbers_in_listings_are_those_of_stat_before_and_after_copy_up(t):
    m = t.mount(t.layer(TREE))
    equal(listed(m.path), numbers(m.path), "numbers before")
    change_all(m.path)
    equal(listed(m.path), numbers(m.path), "numbers after")


def test_numbers_are_the_same_after_a_remount(t):
    m = t.mount(t.layer(TREE))
    os.chmod(m / "f3", 0o600)
    os.mkdir(m / "new")
    before = numbers(m.path)
    m = t.remount(m)
    equal(numbers(m.path), before, "inode numbers")


def test_no_two_objects_share_a_number(t):
    m = t.mount(t.layer({"a": TREE}), t.layer({"b": TREE, "a": {"more": "x"}}))
    change_all(m / "a/d")
    found = numbers(m.path)
    equal(len(set(found.values())), len(found), "different numbers")


def lowers_on_two_file_systems(t, files):
    """Two directories with so many files each, whose inode numbers are the same in both."""
    lowers = [mount_image(t, "tmpfs") + "/low" for _ in range(2)]
    for at, lower in enumerate(lowers):
        os.mkdir(lower)
        for number in range(files):
            write(f"{lower}/{at}-{number}", "x")
    return lowers


@only("overpass")
def test_layers_on_different_file_systems_have_no_number_twice(t):
    m = t.mount(*lowers_on_two_file_systems(t, 100), t.layer({"third": "x"}))
    before = numbers(m.path)
    equal(len(set(before.values())), len(before), "different numbers")
    equal(len({os.lstat(os.path.join(m.path, name)).st_dev for name in before}), 1, "device numbers of all files")
    change_all(m.path)
    equal(numbers(m.path), before, "inode numbers after copy-up")


@only("overpass")
def test_numbers_of_several_file_systems_are_the_same_in_every_mount(t):
    one, two = lowers_on_two_file_systems(t, 10)
    names = sorted(os.listdir(one)) + sorted(os.listdir(two))
    for option in ("xino=auto", "xino=on", "xino=off"):
        m = t.mount(one, two, t.layer({"third": "x"}), options=(option,))
        before = {name: os.stat(m / name).st_ino for name in names}
        equal(len(set(before.values())), len(before), f"different numbers with {option}")
        holds("32 bits" not in m.daemon.text(), f"the log says nothing of numbers that are short ({option})")
        m = t.remount(m)
        equal({name: os.stat(m / name).st_ino for name in names[::-1]}, before, f"{option}: looked up in another order")
        holds(m.status()["xino"]["active"], "status")
        m.umount()
    m = t.mount(t.layer({"only": "x"}), options=("xino=on",))
    contains(m.status()["xino"]["reason"], "one file system", "status")


def test_a_new_file_does_not_take_the_number_of_an_open_removed_one(t):
    m = t.mount(t.layer({"low": "x"}))
    low, up = os.open(m / "low", os.O_RDONLY), os.open(m / "up", os.O_RDWR | os.O_CREAT)
    taken = {os.fstat(low).st_ino, os.fstat(up).st_ino}
    os.unlink(m / "low"), os.unlink(m / "up")
    for number in range(20):
        write(f"{m.path}/new{number}", "")
    holds(not taken & set(numbers(m.path).values()), "the numbers of the removed files are not given again")
    os.close(low), os.close(up)


def test_tar_of_a_tree_with_links_and_copy_ups_sees_no_change_while_it_reads(t):
    import subprocess
    m = t.mount(t.layer({"t": Dir({"a": "1", "b": Link("t/a"), "c": "2"})}))
    os.chmod(m / "t/c", 0o600)
    done = subprocess.run(["tar", "-cf", "/dev/null", "-C", m.path, "t"], capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, b""), "tar")


@only("overpass")
def test_numbers_of_several_file_systems_do_not_depend_on_what_is_looked_at_first(t):
    roots = [mount_image(t, "tmpfs") for _ in range(2)]
    for number, root in enumerate(roots):
        write(f"{root}/from{number}", "x")
    m = t.mount(*roots, t.layer({"from2": "x"}))
    before = [os.stat(m / f"from{number}").st_ino for number in (0, 1, 2)]
    m = t.remount(m)
    after = [os.stat(m / f"from{number}").st_ino for number in (2, 1, 0)]
    equal(after[::-1], before, "inode numbers after the remount")
    equal(len(set(before)), 3, "different numbers")
