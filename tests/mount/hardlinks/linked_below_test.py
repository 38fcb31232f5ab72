# SPDX-License-Identifier: MIT
"""Names linked into a lower, or removed from it, below a live mount whose index keeps links of lower files (index=on).

overlayfs promises little for layers that change while they are mounted. Still no name that is there may go with
another, nothing that was written may be lost, and the index keeps no entry of a file without names.
"""
import os

from harness import Link, equal, only, only_in, read, write

WORLDS = ("root", "userns", "user")

ON = ("index=on",)


def entries(m):
    """Names in the index, less what kernel overlayfs keeps there for its own work."""
    return [name for name in os.listdir(m.stack.work + "/index") if not name.startswith("#")]


def mounted(t, *known):
    """A union over the links 0 and 1 of one file; the names `known` have been looked at."""
    lower = t.layer({"0": "content", "1": Link("0")})
    m = t.mount(lower, options=ON)
    t.let_lower_change(lower, "names come and go below the mount")
    for name in known:
        os.stat(m / name)
    return m, lower


def shows(m, content, *names):
    """These names are all there is, and lead to one file that has as many links."""
    equal(sorted(os.listdir(m.path)), sorted(names), "names")
    equal([read(m / name) for name in names], [content] * len(names), f"contents of {names}")
    equal([os.stat(m / name).st_nlink for name in names], [len(names)] * len(names), f"link counts of {names}")


def is_sound(t, m):
    m.umount()
    if m.system != "overpass":
        return
    stack = m.stack
    status, out, err = t.status_text("check", "--lower", stack.lowers[0], "--upper", stack.upper, "--work", stack.work)
    equal((status, out + err), (0, ""), "what check says")


def is_linked_anew(t, m):
    """What was written is under its last name, takes another one, and has one entry."""
    shows(m, b"content+", "0")
    os.link(m / "0", m / "4")
    shows(m, b"content+", "0", "4")
    equal(len(entries(m)), 1, "entries of the index")
    is_sound(t, m)


def test_a_name_outlives_the_last_that_was_counted(t):
    m, lower = mounted(t, "0", "1")
    write(m / "1", "+", "ab")
    os.link(lower + "/0", lower + "/3")
    os.unlink(m / "1"), os.unlink(m / "3")
    is_linked_anew(t, m)


def test_it_does_so_if_it_is_in_the_upper(t):
    for before in ((), ("0", "1")):
        m, lower = mounted(t, *before)
        write(m / "0", "+", "ab")
        os.link(lower + "/0", lower + "/3")
        os.unlink(m / "3"), os.unlink(m / "1")
        is_linked_anew(t, m)


def test_names_that_are_renamed_over_are_counted_as_removed_ones(t):
    m, lower = mounted(t)
    write(m / "1", "+", "ab")
    os.stat(m / "0")
    os.link(lower + "/0", lower + "/3")
    for name in ("1", "3"):
        write(m / "new", "new")
        os.rename(m / "new", m / name)
    os.link(m / "0", m / "4")
    equal([read(m / name) for name in "0134"], [b"content+", b"new", b"new", b"content+"], "contents")
    equal([os.stat(m / name).st_nlink for name in "0134"], [2, 1, 1, 2], "link counts")
    equal(len(entries(m)), 1, "entries of the index")
    is_sound(t, m)


def test_a_name_that_moved_outlives_the_others(t):
    m, lower = mounted(t, "0")
    write(m / "1", "+", "ab")
    os.link(lower + "/0", lower + "/3")
    os.rename(m / "0", m / "moved")
    os.unlink(m / "3"), os.unlink(m / "1")
    shows(m, b"content+", "moved")
    is_sound(t, m)


def test_the_entry_goes_with_the_last_of_them(t):
    m, lower = mounted(t, "0")
    write(m / "0", "+", "ab")
    os.link(lower + "/0", lower + "/3")
    for name in ("3", "1", "0"):
        os.unlink(m / name)
    equal((os.listdir(m.path), entries(m)), ([], []), "names, and entries of the index")
    is_sound(t, m)


@only("overpass")
def test_names_that_the_mount_has_not_seen_are_counted_as_they_come(t):
    """Kernel overlayfs drops the entry with the names it knew, and shows the lower file again."""
    m, lower = mounted(t, "0")
    write(m / "0", "+", "ab")
    os.link(lower + "/0", lower + "/3")
    os.unlink(m / "1"), os.unlink(m / "0")
    shows(m, b"content+", "3")
    m = t.remount(m)
    shows(m, b"content+", "3")
    os.link(m / "3", m / "4")
    os.unlink(m / "3"), os.unlink(m / "4")
    equal((os.listdir(m.path), entries(m)), ([], []), "names, and entries of the index")
    is_sound(t, m)


@only("overpass")
def test_a_remount_keeps_a_name_that_was_not_counted(t):
    m, lower = mounted(t, "0", "1")
    write(m / "1", "+", "ab")
    os.link(lower + "/0", lower + "/3")
    os.unlink(m / "1"), os.unlink(m / "3")
    m = t.remount(m)
    shows(m, b"content+", "0")
    is_sound(t, m)


@only_in("root", why="the lower's link count is found by the handle of the file, which root alone opens")
def test_a_mount_removes_entries_of_files_whose_other_names_went_from_the_lower(t):
    m, lower = mounted(t, "0", "1")
    write(m / "0", "+", "ab")
    os.unlink(lower + "/1")
    os.unlink(m / "0")
    m = t.remount(m)
    equal((os.listdir(m.path), entries(m)), ([], []), "names, and entries of the index")
    is_sound(t, m)
