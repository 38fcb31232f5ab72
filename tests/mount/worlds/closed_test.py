# SPDX-License-Identifier: MIT
"""Files and directories whose owner closed them to himself (chmod 000), in the hands of daemons that are no more than he.

What an upper layer says of an object is in user. attributes there, which take the right to read the object. A mark that
was not seen would show what is below it: removed names again, zeros in the place of bytes.
"""
import errno
import os
import shutil
import stat

from harness import Dir, Link, equal, parallel, read, refused, write
from harness.systems import option_text

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
MODES = (0o000, 0o100, 0o200, 0o300, 0o055)


def test_a_closed_directory_made_again_stays_opaque(t):
    for mode in MODES:
        m = t.mount(t.layer({"d": {"old": "1", "sub": {"x": "2"}}}))
        shutil.rmtree(m / "d"), os.mkdir(m / "d"), write(m / "d/new", "n")
        os.chmod(m / "d", mode)
        m = t.remount(m)
        equal(os.stat(m / "d").st_mode & 0o7777, mode, "mode")
        os.chmod(m / "d", 0o755)
        equal(os.listdir(m / "d"), ["new"], f"names of the directory after mode {mode:03o}")
        m = t.remount(m)
        equal(os.listdir(m / "d"), ["new"], "names after one more mount")
        m.umount()


def test_a_directory_that_may_be_listed_and_not_entered_is_listed_without_what_was_removed(t):
    for mode in (0o400, 0o600, 0o444):
        m = t.mount(t.layer({"d": {"gone": "1", "kept": "2"}}))
        os.unlink(m / "d/gone"), write(m / "d/new", "3"), os.chmod(m / "d", mode)
        for _ in range(2):
            equal(sorted(os.listdir(m / "d")), ["kept", "new"], f"names of a directory of mode {mode:03o}")
            equal(os.stat(m / "d").st_mode & 0o7777, mode, "mode")
            m = t.remount(m)
        m.umount()
        equal(os.stat(m.upper + "/d").st_mode & 0o7777, mode, "mode on disk")


def test_a_check_finds_nothing_wrong_with_what_its_owner_closed(t):
    for mode in (0o000, 0o300, 0o400):
        m = t.mount(t.layer({"d": {"gone": "1", "kept": "2"}, "f": "3"}))
        os.unlink(m / "d/gone"), write(m / "d/new", "4"), write(m / "f", "5")
        os.chmod(m / "d", mode), os.chmod(m / "f", mode)
        m.umount()
        status, out, err = t.status_text("check", "--lower", m.stack.lowers[0], "--upper", m.upper, "--work", m.work)
        equal((status, err), (0, ""), f"exit status and messages for mode {mode:03o}: {out}")
        equal("unreadable" in out, False, f"nothing is unreadable: {out}")
        equal(stat.S_IMODE(os.stat(m.upper + "/d").st_mode), mode, "the mode afterwards")
        os.chmod(m.upper + "/d", 0o700), os.chmod(m.upper + "/f", 0o600)


def test_a_closed_metacopy_keeps_its_bytes(t):
    for mode in MODES:
        m = t.mount(t.layer({"f": b"content" * 999}), options=("metacopy=on",))
        os.chmod(m / "f", mode)
        for _ in range(2):
            m = t.remount(m)
            equal((os.stat(m / "f").st_mode & 0o7777, os.stat(m / "f").st_size), (mode, 6993), "mode and size")
        os.chmod(m / "f", 0o644)
        equal(read(m / "f") == b"content" * 999, True, f"content after mode {mode:03o}")
        m.umount()


def test_a_closed_directory_that_was_moved_keeps_its_names(t):
    for mode in MODES:
        m = t.mount(t.layer({"d": {"old": "1"}, "e": {}}), options=("redirect_dir=on",))
        os.rename(m / "d", m / "e/moved"), os.chmod(m / "e/moved", mode)
        m = t.remount(m)
        equal(os.stat(m / "e/moved").st_mode & 0o7777, mode, "mode")
        os.chmod(m / "e/moved", 0o755)
        equal(os.listdir(m / "e/moved"), ["old"], f"names after mode {mode:03o}")
        m.umount()


def test_closed_files_are_seen_moved_changed_and_removed(t):
    for mode in MODES:
        m = t.mount(t.layer({"low": "1", "dir": {"a": "2"}}), upper=t.layer({"up": "3"}))
        for name in ("low", "up"):
            os.chmod(m / name, mode)
        write(m / "new", "4"), os.chmod(m / "new", mode)
        m = t.remount(m)
        equal({name: os.stat(m / name).st_mode & 0o7777 for name in ("low", "up", "new")}, dict.fromkeys(("low", "up", "new"), mode), "modes")
        os.rename(m / "low", m / "dir/moved"), os.link(m / "up", m / "linked"), os.utime(m / "new", (1, 1))
        equal((os.stat(m / "dir/moved").st_size, os.stat(m / "linked").st_nlink), (1, 2), "after changes")
        os.unlink(m / "dir/moved"), os.unlink(m / "up"), os.chmod(m / "new", 0o600)
        m = t.remount(m)
        equal((read(m / "new"), sorted(os.listdir(m.path)), os.listdir(m / "dir")), (b"4", ["dir", "linked", "new"], ["a"]), "the union")
        shutil.rmtree(m / "dir"), os.unlink(m / "linked")
        equal(os.listdir(m.path), ["new"], "names at the end")
        m.umount()


def test_a_closed_name_of_an_indexed_file_leads_to_its_copy(t):
    for mode in MODES:
        m = t.mount(t.layer({"a": "content", "b": Link("a")}), options=("index=on",))
        write(m / "a", "+", "ab"), os.chmod(m / "b", mode)
        m = t.remount(m)
        equal([(os.stat(m / name).st_size, os.stat(m / name).st_mode & 0o7777) for name in "ba"], [(8, mode)] * 2, "size and mode")
        os.chmod(m / "b", 0o600)
        equal((read(m / "a"), read(m / "b")), (b"content+", b"content+"), f"content after mode {mode:03o}")
        m.umount()


def test_closed_directories_are_moved_and_removed(t):
    for mode in MODES:
        m = t.mount(t.layer({"d": {"gone": "1"}, "low": {}}))
        os.unlink(m / "d/gone"), os.mkdir(m / "new"), os.mkdir(m / "moved")
        for name in ("d", "low", "new", "moved"):
            os.chmod(m / name, mode)
        m = t.remount(m)
        os.rename(m / "moved", m / "again"), os.rmdir(m / "again")
        for name in ("d", "low", "new"):
            os.rmdir(m / name)
        equal(os.listdir(m.path), [], f"names after mode {mode:03o}")
        m = t.remount(m)
        equal(os.listdir(m.path), [], "names after a remount")
        m.umount()


def test_a_directory_closed_while_others_look_at_it_stays_closed(t):
    """Each first look of a daemon that may not read gives it that right for a moment, which must not be visible."""
    names = [f"d{number}" for number in range(30)]
    upper = t.layer({name: Dir({"f": ""}, 0o300) for name in names})
    m = t.mount(t.layer({name: {"low": ""} for name in names}), upper=upper)

    def look():
        equal([os.stat(m / name).st_mode & 0o7777 for name in names], [0o300] * len(names), "modes")
    parallel.together(t, [look] * 4)
    for name in names:
        os.chmod(m / name, 0o100)
    equal({os.stat(f"{upper}/{name}").st_mode & 0o7777 for name in names}, {0o100}, "modes on disk after a change")


def test_closed_files_of_a_lower_are_seen_and_changed(t):
    tree = {"d": Dir({"f": "1"}, 0o000), "o": Dir({"g": "2"}, 0o300)}
    m = t.mount(t.layer(tree))
    equal([os.stat(m / name).st_mode & 0o7777 for name in "do"], [0o000, 0o300], "modes")
    if os.geteuid():
        refused(errno.EACCES, os.listdir, m / "d")
    os.chmod(m / "d", 0o700), os.chmod(m / "o", 0o700)
    for call, path, found in ((read, "d/f", b"1"), (os.listdir, "o", ["g"])):
        if os.geteuid():        # the lower's own directory stays closed to the daemon
            refused(errno.EACCES, call, m / path)
        else:
            equal(call(m / path), found, path)
    refused(errno.EACCES if os.geteuid() else errno.ENOTEMPTY, os.rmdir, m / "d")


def test_a_check_of_closed_objects_tells_what_it_could_not_read(t):
    m = t.mount(t.layer({"d": {"old": "1"}, "f": "2"}))
    os.chmod(m / "f", 0), os.chmod(m / "d", 0)
    m.umount()
    status, out, err = t.status_text("check", "--verbose", "-o", option_text(m.stack))
    equal((status, err), (0, ""), "exit status and messages")
    equal((out.count("[closed]"), out.count("[unreadable]")), (2 if os.geteuid() else 0, 0), f"what is said of them: {out}")
