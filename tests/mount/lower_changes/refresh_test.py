# SPDX-License-Identifier: MIT
"""`overpass refresh`: when it returns, names, attributes and contents are those that the lowers have, whatever was kept."""
import errno
import os
import shutil

from harness import equal, holds, only_in, read, syscalls, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

TREE = {"file": "old", "swapped": "old", "gone": "old", "dir": {"inner": "old", "sub": {"deep": "old"}}, "moved": {"x": "old"}}
PATHS = ("file", "swapped", "gone", "later", "dir", "dir/inner", "dir/later", "dir/sub", "dir/sub/deep", "moved", "moved/x", "target",
         "target/x", ".")


def contents(path):
    """Of a file or a directory, with its size; what else it is by the name of the errno."""
    try:
        if os.path.isdir(path):
            return sorted(os.listdir(path))
        return read(path).decode(), os.stat(path).st_size
    except OSError as error:
        return errno.errorcode[error.errno]


def look_at_all(top):
    return {path: contents(os.path.join(top, path)) for path in PATHS}


def change(low):
    write(low + "/file", "changed in place")
    write(low + "/new", "another file")
    os.rename(low + "/new", low + "/swapped")
    os.unlink(low + "/gone")
    write(low + "/later", "come")
    write(low + "/dir/later", "come")
    shutil.rmtree(low + "/dir/sub")
    os.mkdir(low + "/dir/sub")
    os.rename(low + "/moved", low + "/target")


def test_all_that_has_changed_is_shown(t):
    for options in (("lower_changes=warn",), ("lower_changes=refuse",), ("lower_changes=follow",), ("passthrough=off",)):
        for upper in (True, None):
            low = t.layer(TREE)
            m = t.mount(low, options=options, upper=upper)
            t.let_lower_change(low, "the test changes it, as others do")
            for _ in range(2):
                equal(look_at_all(m.path), look_at_all(low), f"what is shown at first with {options}")
            change(low)
            equal(t.status_text("refresh", m.path), (0, "", ""), "overpass refresh")
            equal(look_at_all(m.path), look_at_all(low), f"what is shown then with {options}, upper: {upper}")


def test_what_is_in_the_upper_stays(t):
    low = t.layer(TREE)
    m = t.mount(low)
    t.let_lower_change(low, "the test changes it, as others do")
    write(m / "file", "mine")
    os.unlink(m / "gone")
    os.mkdir(m / "made")
    write(m / "made/mine", "mine")
    write(low + "/file", "theirs")
    write(low + "/gone", "theirs")
    os.mkdir(low + "/made")
    write(low + "/made/theirs", "theirs")
    equal(t.status_text("refresh", m.path), (0, "", ""), "overpass refresh")
    equal(contents(m / "file"), ("mine", 4), "a file that was copied up")
    equal(contents(m / "gone"), "ENOENT", "a name that was removed")
    equal(contents(m / "made"), ["mine", "theirs"], "a directory that both have by now")
    equal(contents(m / "made/mine"), ("mine", 4), "its file of the upper")


def test_directories_in_use_stay_in_use(t):
    low = t.layer(TREE)
    m = t.mount(low)
    t.let_lower_change(low, "the test changes it, as others do")
    directory = os.open(m / "dir", os.O_RDONLY | os.O_DIRECTORY)
    try:
        write(low + "/dir/later", "come")
        equal(os.path.exists(m / "dir/none"), False, "a name is absent")
        equal(t.status_text("refresh", m.path), (0, "", ""), "overpass refresh")
        equal(sorted(os.listdir(directory)), ["inner", "later", "sub"], "the listing of an open directory")
        os.close(os.open("made", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory))
        equal(os.path.exists(m.upper + "/dir/made"), True, "a file is made in it")
    finally:
        os.close(directory)


@only_in("root", "userns", why="mounting over a name takes root")
def test_what_is_mounted_over_a_name_stays(t):
    low = t.layer(TREE)
    m = t.mount(low)
    t.let_lower_change(low, "the test changes it, as others do")
    syscalls.mount("over", m / "dir", "tmpfs")
    try:
        write(m / "dir/above", "mounted")
        write(low + "/later", "come")
        for _ in range(2):
            equal(t.status_text("refresh", m.path), (0, "", ""), "overpass refresh")
            equal(contents(m / "dir"), ["above"], "what is mounted over the directory")
        equal(contents(m / "later"), ("come", 4), "a name beside it")
    finally:
        syscalls.umount(m / "dir")


def test_a_running_sandbox_shows_the_outside_as_it_is(t):
    s = Sandboxes(t, TREE)
    run = s.start("try1", "--", "sh")

    def ask(script):
        run.stdin.write(script + "; echo END\n")
        run.stdin.flush()
        lines = []
        while (line := run.stdout.readline()) not in ("END\n", ""):
            lines.append(line.rstrip("\n"))
        return lines

    equal(ask("cat file gone later 2>/dev/null; echo; ls dir; cat dir/later 2>&1 | grep -c No; ls /dev | grep -c ^null$"),
          ["oldold", "inner", "sub", "1", "1"], "what is seen at first")
    change(s.outside)
    s.outside_is_as_it_should_be()
    done = s.call("refresh", "try1")
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "overpass refresh")
    equal(ask("cat file; echo; cat later; echo; ls; ls dir; cat dir/later; echo; cat swapped; echo"),
          ["changed in place", "come", "dir", "file", "later", "swapped", "target", "inner", "later", "sub", "come", "another file"],
          "what is seen then")
    equal(ask("ls /dev | grep -c ^null$; echo mine > file; cat file"), ["1", "mine"], "what is mounted in the view, and a change")
    run.stdin.close()
    holds(run.wait() == 0, "the shell ends")
    equal(read(s.outside + "/file"), b"changed in place", "the outside")


def test_a_running_sandbox_follows_the_outside_by_itself(t):
    s = Sandboxes(t, TREE)
    run = s.start("try1", "--", "sh", "-c", "cat file later 2>/dev/null; echo .; read line; until grep -q come later 2>/dev/null; do sleep 0.05; done; "
                  "cat file later; cat swapped; echo .")
    equal(run.stdout.readline(), "old.\n", "what is seen at first")
    change(s.outside)
    s.outside_is_as_it_should_be()
    run.stdin.write("\n")
    run.stdin.flush()
    equal(run.stdout.readline(), "changed in placecomeanother file.\n", "what is seen then")
    run.stdin.close()
    equal(run.wait(), 0, "the end of the command")
