# SPDX-License-Identifier: MIT
"""`overpass check` finds what was damaged; what it repairs is clean, and both unions show the same as before."""
import json
import os

from harness import Link, equal, holds, mark, only_in, read, write
from harness.systems import option_text

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"file": "1", "gone": "2", "dir": {"in": "3", "sub": {"deep": "4"}}, "meta": "data of the lower",
         "one": "linked", "two": Link("one"), "other": {"x": "5"}}
OPTIONS = ("redirect_dir=on", "index=on", "metacopy=on")


def damaged(t, system="kernel", options=OPTIONS):
    """An unmounted stack that holds every kind of mark."""
    m = t.mount(t.layer(LOWER), system=system, options=options)
    os.rename(m / "dir", m / "moved"), os.chmod(m / "meta", 0o600), os.unlink(m / "gone")
    write(m / "one", "+", "ab"), write(m / "file", "+", "ab"), os.chmod(m / "other", 0o700)
    m.umount()
    return m


def found(t, m, *arguments):
    """Identifiers with their paths, as a dict, and the whole document."""
    status, out, err = t.status_text("check", "--json", *arguments, "-o", option_text(m.stack))
    document = json.loads(out)
    equal((err, document["complete"]), ("", True), "the end of the check")
    faults = document["counts"]["error"] + document["counts"]["warning"]
    equal(status, 1 if faults else 0, "exit status")
    return sorted((each["id"], each["path"]) for each in document["findings"]), document


def index_entry(m):
    (name,) = [name for name in os.listdir(m.work + "/index") if not name.startswith("#")]
    return f"{m.work}/index/{name}"


def test_lost_parts_of_the_lower_are_found(t):
    m = damaged(t)
    empty = t.layer({"file": "1"})
    m.stack.lowers[0] = empty
    names = {identifier for identifier, _ in found(t, m)[0]}
    for name in ("redirect-dangling", "metacopy-no-data", "whiteout-unneeded", "origin-of-root"):
        holds(name in names, f"{name} is among {names}")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens the lower's file by the handle in the mark")
def test_origins_of_replaced_lower_files_are_found(t):
    m = damaged(t)
    lower = m.stack.lowers[0]
    t.let_lower_change(lower, "its files are replaced by others")
    os.unlink(lower + "/file"), write(lower + "/file", "another inode")
    equal(found(t, m)[0], [("origin-stale", "/file")], "a file that is gone")
    os.rename(lower + "/other", lower + "/aside"), os.mkdir(lower + "/other")
    equal(found(t, m)[0], [("origin-elsewhere", "/other"), ("origin-stale", "/file")], "a directory in its place")
    os.setxattr(m.upper + "/file", mark("origin"), os.getxattr(m.upper + "/other", mark("origin")))
    equal(found(t, m)[0], [("origin-elsewhere", "/other"), ("origin-wrong-type", "/file")], "the origin of another type")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens the lower's file by the handle in the mark")
def test_copies_that_took_the_marks_along_are_found(t):
    m = damaged(t)
    for name in ("file", "moved"):
        copy = f"{m.upper}/{name}2"
        if os.path.isdir(m.upper + "/" + name):
            os.mkdir(copy)
        else:
            write(copy, "1+")
        for key in os.listxattr(m.upper + "/" + name):
            os.setxattr(copy, key, os.getxattr(m.upper + "/" + name, key))
    equal(found(t, m)[0], [("origin-shared", "/file2"), ("redirect-shared", "/moved2")], "the copies")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens the lower's file by the handle in the mark")
def test_a_damaged_index_is_found(t):
    m = damaged(t)
    entry = index_entry(m)
    shown = "/index/" + os.path.basename(entry)
    origin = os.getxattr(entry, mark("origin"))
    nlink = os.getxattr(entry, mark("nlink"))
    os.setxattr(entry, mark("nlink"), b"U-9")
    equal(found(t, m)[0], [("nlink-wrong", shown)], "an impossible count")
    os.setxattr(entry, mark("nlink"), b"U+9")
    equal(found(t, m)[0], [("nlink-wrong", shown)], "a count of too many")
    os.setxattr(entry, mark("nlink"), nlink)
    os.setxattr(entry, mark("origin"), os.getxattr(m.upper + "/file", mark("origin")))
    equal(found(t, m)[0], [("index-elsewhere", shown), ("index-missing", "/one"), ("origin-shared", "/one")],
          "another origin")
    os.removexattr(entry, mark("origin"))
    equal(found(t, m)[0], [("index-missing", "/one"), ("index-no-origin", shown)], "no origin")
    os.setxattr(entry, mark("origin"), origin)
    os.unlink(entry)
    equal(found(t, m)[0], [("index-missing", "/one")], "no entry")
    other = t.layer()
    os.setxattr(m.work + "/index", mark("upper"), os.getxattr(m.work + "/index", mark("upper"))[:-8] + b"x" * 8)
    equal(found(t, m)[0], [("index-missing", "/one"), ("index-of-other", "/index")], "the index of another upper")
    equal(os.listdir(other), [], "nothing was written elsewhere")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens the lower's file by the handle in the mark")
def test_an_orphan_of_the_index_is_removed(t):
    m = damaged(t)
    entry = index_entry(m)
    shown = "/index/" + os.path.basename(entry)
    os.unlink(m.upper + "/one")
    for name in ("one", "two"):
        os.mknod(f"{m.upper}/{name}", 0o020000)
    os.setxattr(entry, mark("nlink"), b"U-1")
    findings, document = found(t, m, "--repair")
    equal(findings, [("index-orphan", shown)], "the entry that no name leads to")
    equal(document["findings"][0]["repair"], "done", "its repair")
    holds(not os.path.exists(entry), "the entry is gone")
    equal(found(t, m)[0], [], "a second check")


def test_an_index_entry_that_names_still_lead_to_is_kept(t):
    m = damaged(t)
    entry = index_entry(m)
    os.unlink(m.upper + "/one"), os.mknod(m.upper + "/one", 0o020000)
    os.setxattr(entry, mark("nlink"), b"U+0")
    equal(found(t, m, "--repair")[0], [], "an entry that the other name of the lower leads to")
    equal(read(entry), b"linked+", "its content")


@only_in("root", why="only CAP_DAC_READ_SEARCH opens the lower's file by the handle in the mark")
def test_index_entries_of_directories_are_verified(t):
    m = damaged(t, options=("index=on", "nfs_export=on", "redirect_dir=on"))
    directories = [name for name in os.listdir(m.work + "/index") if os.path.isdir(f"{m.work}/index/{name}")]
    holds(len(directories) >= 2, "overlayfs indexes directories with nfs_export")
    other, moved = (os.getxattr(m.upper + "/" + name, mark("origin")).hex() for name in ("other", "moved"))
    entry = f"{m.work}/index/{other}"
    os.setxattr(entry, mark("upper"), os.getxattr(f"{m.work}/index/{moved}", mark("upper")))
    equal(found(t, m, "--repair")[0], [("index-elsewhere", f"/index/{other}")], "an entry of another directory")
    os.setxattr(entry, mark("upper"), b"\0\xfb\x1d" + os.getxattr(entry, mark("upper"))[3:-8] + b"\xff" * 8)
    equal(found(t, m, "--repair")[0], [("index-orphan", f"/index/{other}")], "an entry of no directory")
    holds(not os.path.exists(entry), "the dead entry is gone")


def leave_litter(m):
    """Unwanted leftovers of crashes and tools."""
    for directory in (m.upper + "/moved", m.upper):
        info = os.stat(directory)
        os.mknod(directory + "/nothing", 0o020000)
        os.utime(directory, ns=(info.st_atime_ns, info.st_mtime_ns))
    os.makedirs(m.work + "/work/#7/below"), write(m.work + "/work/#7/below/file", "x")
    write(m.work + "/index/#8", "x")
    os.removexattr(m.upper, mark("impure"))


def shown_by(t, m, system):
    again = t.mount_stack(m.stack, system)
    try:
        return t.dump(again.path)
    finally:
        again.umount()


def test_litter_is_removed_and_the_union_stays_the_same(t):
    for system in ("kernel", "overpass"):
        m = damaged(t)
        before, time = shown_by(t, m, system), os.stat(m.upper + "/moved").st_mtime_ns
        leave_litter(m)
        expected = [("impure-missing", "/"), ("whiteout-unneeded", "/moved/nothing"), ("whiteout-unneeded", "/nothing"),
                    ("work-leftover", "/index/#8"), ("work-leftover", "/work/#7")]
        equal(found(t, m)[0], expected, "the litter")
        equal(found(t, m)[0], expected, "the litter, after a check that only looked")
        findings, document = found(t, m, "--repair")
        equal(findings, expected, "what was repaired")
        equal((document["counts"]["repaired"], document["counts"]["warning"]), (5, 0), "counts")
        equal(found(t, m)[0], [], "a check afterwards")
        equal(os.getxattr(m.upper, mark("impure")), b"y", "the mark that was set")
        equal(os.stat(m.upper + "/moved").st_mtime_ns, time, "the time of a directory that lost a whiteout")
        equal(shown_by(t, m, system), before, f"what {system} shows")
        equal(found(t, m)[0], [], "a check after that")


def test_marks_of_every_kind_cut_short_are_found_and_left_alone(t):
    m = damaged(t)
    for name, kind in (("moved", "redirect"), ("meta", "metacopy"), ("file", "origin"), ("one", "nlink")):
        os.setxattr(f"{m.upper}/{name}", mark(kind), b"/\0")
    os.setxattr(m.upper, mark("uuid"), b"short")
    equal(found(t, m, "--repair")[0],
          [("metacopy-invalid", "/meta"), ("nlink-invalid", "/index/" + os.path.basename(index_entry(m))),
           ("nlink-invalid", "/one"), ("origin-invalid", "/file"), ("redirect-invalid", "/moved"), ("uuid-invalid", "/")],
          "the damaged marks")
    equal(os.getxattr(m.upper + "/moved", mark("redirect")), b"/\0", "a mark that only the user can decide on")
