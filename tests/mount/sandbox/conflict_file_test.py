# SPDX-License-Identifier: MIT
"""What `overpass apply --merge` leaves of a text of which both sides have changed the same lines: a file with both."""
import os

from harness import equal, holds, write
from merge_test import MERGED, TEXT, TREE, bases, conflict_files, edited, merge, merge_by, outside, read, sandbox

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def test_overlapping_lines(t):
    """The text is left alone and stays in the sandbox; all else is applied."""
    s = sandbox(t, "sed -i 's/line 6/sandbox/' file; echo new > other; sed -i 's/line 10/sandbox/' dir/inner")
    outside(s, text=edited(middle="outside"))
    outside(s, "dir/inner")
    told = merge(s, status=1)
    holds(f"conflict: '{s.outside}/file'" in told and f"both sides are in '{s.outside}/file.overpass-conflict'" in told, f"what it tells: {told}")
    equal(read(s.outside + "/file"), edited(middle="outside"), "the text")
    equal(read(s.outside + "/file.overpass-conflict"),
          edited(middle="<<<<<<< outside\noutside\n=======\nsandbox\n>>>>>>> sandbox name"), "both sides")
    equal((read(s.outside + "/other"), read(s.outside + "/dir/inner")), ("new\n", MERGED), "what else was changed")
    equal(s.call("diff", "name").stdout, f"M {s.outside[1:]}/file\n", "what is left in the sandbox")
    equal(bases(s), [TEXT], "what is kept still")
    merge(s, status=1)
    equal(conflict_files(s), ["file.overpass-conflict"], "the file with both sides is there as it should be")
    write(s.outside + "/file.overpass-conflict", "edited\n")
    s.outside_is_as_it_should_be()
    told = merge(s, status=3)
    holds("is there already" in told, f"the reason: {told}")
    equal(read(s.outside + "/file.overpass-conflict"), "edited\n", "what the user has made of it")
    os.unlink(s.outside + "/file.overpass-conflict")
    s.outside_is_as_it_should_be()
    trial = s.call("apply", "name", "--merge", "--dry-run")
    equal((trial.returncode, conflict_files(s)), (1, []), f"the trial: {trial.stderr}")
    merge(s, status=1)
    os.replace(s.outside + "/file.overpass-conflict", s.outside + "/file")
    equal(s.call("discard", "name", "file", "--yes").returncode, 0, "the status of discard")
    equal((s.call("diff", "name").stdout, bases(s)), ("", []), "what is left at last")
    s.outside_is_as_it_should_be()


def test_a_file_with_both_sides_shows_no_more_than_either(t):
    s = sandbox(t, "sed -i 's/line 6/sandbox/' file; chmod 600 file")
    outside(s, text=edited(middle="outside"))
    merge(s, status=1)
    equal(os.stat(s.outside + "/file.overpass-conflict").st_mode & 0o777, 0o600, "its mode")


LONG = "l" * 240


def test_one_text_that_gets_no_file_with_both_sides_does_not_stop_the_others(t):
    tree = {name: TEXT for name in ("edited", "folder", LONG, "same", "text")}
    s = sandbox(t, "sed -i 's/line 6/sandbox/' *", tree)
    for name in tree:
        outside(s, name, edited(middle="outside"))
    write(s.outside + "/edited.overpass-conflict", "edited\n")
    os.mkdir(s.outside + "/folder.overpass-conflict")
    both = edited(middle="<<<<<<< outside\noutside\n=======\nsandbox\n>>>>>>> sandbox name")
    write(s.outside + "/same.overpass-conflict", both)
    s.outside_is_as_it_should_be()
    told = merge(s, status=3)
    for name in ("edited", "folder"):
        holds(f"'{s.outside}/{name}.overpass-conflict' is there already" in told, f"the problem with {name}: {told}")
    holds(f"the name of '{s.outside}/{LONG}' is too long" in told, f"the problem with the long name: {told}")
    for name in ("same", "text"):
        holds(f"both sides are in '{s.outside}/{name}.overpass-conflict'" in told, f"the file of {name}: {told}")
        equal(read(f"{s.outside}/{name}.overpass-conflict"), both, f"both sides of {name}")
    equal(read(s.outside + "/edited.overpass-conflict"), "edited\n", "the file that was there")
    equal(len(os.listdir(s.outside)), 9, "names outside: none is left of another")


def test_overlapping_lines_in_a_renamed_directory(t):
    s = sandbox(t, "mv dir moved; sed -i 's/line 6/sandbox/' moved/inner")
    outside(s, "dir/inner", edited(middle="outside"))
    told = merge(s, status=1)
    holds("its directory was renamed" in told, f"the conflict: {told}")
    equal((sorted(os.listdir(s.outside)), conflict_files(s)), (["dir", "file", "other"], []), "nothing is applied")


def test_another_file_in_the_place_of_the_text_does_not_get_to_read_both_sides(t):
    """Its attributes are not those of the text that was read: it may be somebody else's, who owns the directory."""
    s = sandbox(t, "sed -i 's/line 6/sandbox/' file; sed -i 's/line 6/sandbox/' other", TREE | {"other": TEXT})
    for name in ("file", "other"):
        outside(s, name, edited(middle="outside"))
        os.chmod(f"{s.outside}/{name}", 0o600)
    write(s.outside + "/mine", "mine\n")
    os.chmod(s.outside + "/mine", 0o666)
    s.outside_is_as_it_should_be()
    told = merge_by(s, t.fresh("programs"), f'/usr/bin/diff3 "$@"; status=$?; mv -f {s.outside}/mine {s.outside}/file; exit $status\n', 1)
    holds(f"'{s.outside}/file' was changed again (call this again)" in told, f"what it tells: {told}")
    equal((conflict_files(s), read(s.outside + "/file")), (["other.overpass-conflict"], "mine\n"), "the outside")
    equal(os.stat(s.outside + "/other.overpass-conflict").st_mode & 0o777, 0o600, "the mode of the file with both sides")
    s.outside_is_as_it_should_be()
