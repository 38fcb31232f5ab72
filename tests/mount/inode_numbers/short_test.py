# SPDX-License-Identifier: MIT
"""Inode numbers that 32-bit programs without large-file support can take, with layers on several file systems."""
import os

from harness import equal, holds, write
from harness.loop_images import mount_image

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
SHORT = 1 << 32


def shown(root):
    """Numbers by stat; those of listings have to be the same."""
    found = {}
    for directory, names, files in os.walk(root):
        listed = {entry.name: entry.inode() for entry in os.scandir(directory)}
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = os.lstat(path).st_ino
            equal(listed[name], os.lstat(path).st_ino, f"the number of {path} in a listing")
    return found


def upper_elsewhere(t, kind, *lowers, options=()):
    root = mount_image(t, kind)
    os.mkdir(root + "/upper")
    return t.stack(*lowers, upper=root + "/upper", options=options)


def use(root):
    os.mkdir(root + "/d"), write(root + "/d/new", "x"), os.symlink("x", root + "/link"), os.mkfifo(root + "/pipe")
    write(root + "/low", "+", "ab")
    os.rename(root + "/low2", root + "/d/moved")


def test_new_files_of_an_upper_on_another_file_system_have_short_numbers(t):
    for kind in ("tmpfs", "ext4", "xfs", "btrfs"):
        m = t.mount_stack(upper_elsewhere(t, kind, t.layer({"low": "1", "low2": "2", "dir": {"x": "y"}}), options=("xino=off",)))
        before = os.stat(m / "low").st_ino
        use(m.path)
        found = shown(m.path)
        holds(max(found.values()) < SHORT, f"numbers of 32 bits on {kind}: {found}")
        equal(len(set(found.values())), len(found), "different numbers")
        equal(found["low"], before, "the number of a copied-up file")
        holds("32 bits" not in m.daemon.text(), "the log says nothing of long numbers")
        m = t.remount(m)
        again = shown(m.path)
        for name in found if t.world == "root" else set(found) - {"d/moved"}:     # only root finds an origin elsewhere
            equal(again[name], found[name], f"the number of {name} after a remount")


def test_layers_on_several_file_systems_have_short_numbers(t):
    lowers = []
    for number in range(4):
        root = mount_image(t, "tmpfs")
        os.mkdir(root + "/low")
        for name in range(20):
            write(f"{root}/low/{number}-{name}", "x")
        lowers.append(root + "/low")
    m = t.mount_stack(upper_elsewhere(t, "tmpfs", *lowers, t.layer({"last": "x"})))
    write(m / "new", "x")
    found = shown(m.path)
    equal(len(set(found.values())), 82, "different numbers")
    holds(max(found.values()) < SHORT, "numbers of 32 bits")


def test_with_short_numbers_one_that_does_not_fit_is_logged(t):
    inner = t.mount_stack(upper_elsewhere(t, "tmpfs", t.layer({"low": "x"})))
    write(inner / "large", "x")     # its number is of the range that is divided
    for option, told in (("ino32_t", True), ("xino=off", True), ("xino=on", False), ("ino32_t=0", False)):
        m = t.mount(inner.path, t.layer({"b": "1"}), options=(option,))
        os.stat(m / "b")
        holds("32 bits" not in m.daemon.text(), f"short numbers are not told of with {option}")
        found = shown(m.path)
        equal((len(found), len(set(found.values()))), (3, 3), "different numbers")
        holds(found["large"] >= SHORT, "a long number")
        equal("32 bits" in m.daemon.text(), told, f"what the log says with {option}")
        equal(shown(t.remount(m).path), found, "the numbers after a remount")
