# SPDX-License-Identifier: MIT
"""The impure mark: an upper directory that holds what came from a lower has it, and loses it as on kernel overlayfs."""
import os
import threading

from harness import Link, equal, holds, mark, read, write
from harness.patience import wait_for

WORLDS = ("root", "userns", "user")

# Directories are marked where something is moved to them: what is copied up is moved there.
LOWER = {f"file{n}": f"content {n}" for n in range(4)} | {"dir": {"child": "1"}}


def is_marked(m, name):
    try:
        return os.getxattr(f"{m.upper}/{name}", mark("impure")) == b"y"
    except OSError:
        return False


def list_all(directory):
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries)


def loses(t, m, name):
    """It is marked, and after one whole listing it is not. What overpass does then it does on a thread of its own."""
    holds(is_marked(m, name), f"{name} is marked before it is listed")
    list_all(m / name)
    wait_for(t, lambda: not is_marked(m, name), "the mark to go")


def keeps(m, name, expected):
    equal(list_all(m / name), expected, "names")
    m.settle()
    holds(is_marked(m, name), f"{name} is marked after a listing")


def mounted(t):
    m = t.mount(t.layer(LOWER))
    os.mkdir(m / "new")
    for n in range(3):
        os.rename(m / f"file{n}", m / f"new/file{n}")
    holds(is_marked(m, "new"), "it is marked")
    return m


def test_it_goes_when_the_directory_is_listed_after_its_last_impure_child(t):
    m = mounted(t)
    write(m / "new/own", "own")
    os.unlink(m / "new/file0")
    keeps(m, "new", ["file1", "file2", "own"])
    os.rename(m / "new/file1", m / "file1")
    keeps(m, "new", ["file2", "own"])
    os.unlink(m / "new/file2")
    loses(t, m, "new")
    numbers = {name: os.stat(m / name).st_ino for name in ("new", "new/own", "file1")}
    m = t.remount(m)
    equal({name: os.stat(m / name).st_ino for name in numbers}, numbers, "inode numbers after a remount")


def test_it_comes_back_with_the_next_impure_child(t):
    m = mounted(t)
    for n in range(3):
        os.unlink(m / f"new/file{n}")
    loses(t, m, "new")
    os.rename(m / "file3", m / "new/file3")
    keeps(m, "new", ["file3"])
    number = os.stat(m / "new/file3").st_ino
    m = t.remount(m)
    keeps(m, "new", ["file3"])
    if t.world == "root":       # only root opens the origin by its handle
        equal(os.stat(m / "new/file3").st_ino, number, "inode number after a remount")


def test_it_goes_after_a_remount_too(t):
    m = mounted(t)
    for n in range(3):
        os.unlink(m / f"new/file{n}")
    m = t.remount(m)
    loses(t, m, "new")


def test_a_directory_with_lowers_keeps_it(t):
    m = t.mount(t.layer(LOWER))
    write(m / "dir/child", "+", "ab")
    os.unlink(m / "dir/child")
    keeps(m, "dir", [])


def test_a_child_with_another_number_than_its_own_is_no_reason_alone(t):
    """A link that parted from the lower's others has an origin and a number of its own."""
    m = t.mount(t.layer({"a": "content", "b": Link("a")}))
    os.mkdir(m / "new")
    os.rename(m / "a", m / "new/a")
    list_all(m / "new")
    m.settle()
    equal(read(m / "new/a"), b"content", "content")
    if m.system == "overpass":
        m.umount()
        status, out, err = t.status_text("check", "--lower", m.stack.lowers[0], "--upper", m.upper, "--work", m.work)
        equal((status, out + err), (0, ""), "what check says")


def test_listings_do_not_take_it_from_what_is_being_moved_in(t):
    count = 200
    m = t.mount(t.layer({f"file{n}": "content" for n in range(count)}))
    os.mkdir(m / "new")
    ended = threading.Event()

    def list_on():
        while not ended.is_set():
            list_all(m / "new")

    listers = [threading.Thread(target=list_on) for _ in range(3)]
    for lister in listers:
        lister.start()
    try:
        missing = []
        for n in range(count):
            os.rename(m / f"file{n}", m / f"new/file{n}")
            if not is_marked(m, "new"):
                missing.append(n)
            os.unlink(m / f"new/file{n}") if n % 4 else os.rename(m / f"new/file{n}", m / "new/kept")
    finally:
        ended.set()
        for lister in listers:
            lister.join()
    equal(missing, [], "moves after which the mark was missing")
    keeps(m, "new", ["kept"])
    m.umount()
    holds(is_marked(m, "new"), "it is marked when all is over")
