# SPDX-License-Identifier: MIT
"""What each value of lower_changes= makes of a lower that others change: opens, copy-ups, attributes, listings, absent names."""
import errno
import os
import shutil

from harness import contains, equal, holds, read, refused, write
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

TREE = {"file": "old", "gone": "old", "dir": {"inner": "old", "sub": {"deep": "old"}}, "other": {"x": "old"}}


class Scene:
    def __init__(self, t, value, *options, tree=None, upper=True, more=()):
        self.t, self.low = t, t.layer(tree or TREE)
        self.m = t.mount(self.low, *more, options=(f"lower_changes={value}", *options), upper=upper)
        t.let_lower_change(self.low, "the test changes it, as others do")

    def lower(self, path):
        return f"{self.low}/{path}"

    def replace(self, path, text):
        """By another file, as editors do."""
        write(self.lower(path) + ".new", text)
        os.rename(self.lower(path) + ".new", self.lower(path))

    def rewrite(self, path, text):
        write(self.lower(path), text)

    def shows(self, path, text):
        wait_for(self.t, lambda: contents(self.m / path) == text, f"{path} shows {text!r}, and not {contents(self.m / path)!r}")

    def log(self):
        return [line for line in self.m.daemon.text().splitlines() if "in the lower" in line]


def contents(path):
    """Of a file or a directory; what else it is by the name of the errno."""
    try:
        if os.path.isdir(path):
            return sorted(os.listdir(path))
        return read(path).decode()
    except OSError as error:
        return errno.errorcode[error.errno]


def test_follow_shows_what_was_written_in_place_at_the_next_open(t):
    s = Scene(t, "follow")
    for text in ("new", "longer than before", ""):
        equal(contents(s.m / "file") is not None, True, "it is read before")
        s.rewrite("file", text)
        equal(contents(s.m / "file"), text, "the content at the next open")
    equal(s.log(), [], "lines of the log")


def test_follow_shows_another_file_at_the_next_open(t):
    s = Scene(t, "follow")
    for text in ("new", "newer still"):
        holds(contents(s.m / "file") != text, "it is read before")
        s.replace("file", text)
        equal(contents(s.m / "file"), text, "the content at the next open")
        s.shows("file", text)
    equal(s.log(), [], "lines of the log")


def test_follow_copies_up_what_is_there_by_now(t):
    s = Scene(t, "follow")
    for name in ("file", "gone"):
        os.stat(s.m / name)
    s.rewrite("file", "changed in place")
    s.replace("gone", "another")
    for name, text in (("file", "changed in place"), ("gone", "another")):
        write(s.m / name, b"+", "ab")
        equal(contents(s.m / name), text + "+", f"{name} through the union")
        equal(read(f"{s.m.upper}/{name}").decode(), text + "+", f"{name} in the upper")


def test_follow_shows_attributes(t):
    s = Scene(t, "follow")
    os.stat(s.m / "file")
    s.rewrite("file", "of another size")
    os.chmod(s.lower("file"), 0o604)
    wait_for(t, lambda: os.stat(s.m / "file").st_size == 15, "the size is followed")
    wait_for(t, lambda: os.stat(s.m / "file").st_mode & 0o777 == 0o604, "the mode is followed")
    write(s.lower("dir/more"), "")
    changed = os.stat(s.lower("dir")).st_mtime_ns
    wait_for(t, lambda: os.stat(s.m / "dir").st_mtime_ns == changed, "the time of a directory is followed")
    equal(os.stat(s.m / "file").st_ino, os.stat(s.lower("file")).st_ino, "the inode number")


def test_follow_shows_names_that_come_and_go(t):
    for more in ((), ({"dir": {"below": "old"}, "only": {}},) * 4):
        s = Scene(t, "follow", more=tuple(t.layer(tree) for tree in more))
        before = sorted(["inner", "sub"] + (["below"] if more else []))
        equal(contents(s.m / "dir"), before, "the listing at first")
        equal(contents(s.m / "dir/later"), "ENOENT", "a name that is absent")
        write(s.lower("dir/later"), "come")
        s.shows("dir/later", "come")
        s.shows("dir", sorted([*before, "later"]))
        os.unlink(s.lower("dir/inner"))
        s.shows("dir/inner", "ENOENT")
        s.shows("dir", sorted({*before, "later"} - {"inner"}))
        equal(contents(s.m / "top"), "ENOENT", "an absent name of the root")
        os.mkdir(s.lower("top"))
        s.shows("top", [])
        wait_for(t, lambda: "top" in os.listdir(s.m.path), "the root lists it")


def test_follow_shows_directories_that_are_others(t):
    s = Scene(t, "follow")
    equal(contents(s.m / "dir/sub/deep"), "old", "a file below")
    shutil.rmtree(s.lower("dir"))
    s.shows("dir", "ENOENT")
    os.makedirs(s.lower("dir/sub"))
    write(s.lower("dir/sub/other"), "new")
    s.shows("dir/sub", ["other"])
    equal(contents(s.m / "dir/sub/other"), "new", "a file below")
    os.rename(s.lower("other"), s.lower("moved"))
    s.shows("moved", ["x"])
    s.shows("other", "ENOENT")
    os.rename(s.lower("file"), s.lower("other"))
    s.shows("other", "old")
    os.mkdir(s.lower("file"))
    s.shows("file", [])


def test_follow_merges_a_directory_that_the_lower_comes_to_have(t):
    s = Scene(t, "follow")
    os.mkdir(s.m / "made")
    write(s.m / "made/mine", "upper")
    os.mkdir(s.lower("made"))
    write(s.lower("made/theirs"), "lower")
    s.shows("made", ["mine", "theirs"])
    equal((contents(s.m / "made/mine"), contents(s.m / "made/theirs")), ("upper", "lower"), "the files")
    shutil.rmtree(s.lower("made"))
    s.shows("made", ["mine"])


def test_follow_leaves_the_upper_alone(t):
    s = Scene(t, "follow")
    write(s.m / "file", "mine")
    os.unlink(s.m / "gone")
    s.replace("file", "theirs")
    s.replace("gone", "come back")
    write(s.lower("dir/other"), "theirs")
    s.shows("dir", ["inner", "other", "sub"])
    equal(contents(s.m / "file"), "mine", "a file that was copied up")
    equal(contents(s.m / "gone"), "ENOENT", "a name that was removed")


def test_open_files_go_on_showing_what_they_showed(t):
    for value in ("warn", "refuse", "follow"):
        s = Scene(t, value)
        with open(s.m / "file", "rb") as file:
            s.replace("file", "new")
            equal(file.read(), b"old", "the open file")
        if value == "follow":
            s.shows("file", "new")


def test_warn_serves_and_logs_once_for_a_file(t):
    s = Scene(t, "warn", "passthrough=off")
    for name in ("file", "gone"):
        os.stat(s.m / name)
        s.rewrite(name, "new")
    for _ in range(3):
        for name in ("file", "gone"):
            holds(contents(s.m / name) in ("old", "new"), "the file can be read")
    equal(len(s.log()), 2, f"lines of the log: {s.log()}")
    for line, name in zip(s.log(), ("file", "gone"), strict=True):
        contains(line, f"'/{name}'", "a line of the log")


def test_warn_tells_of_a_copy_up_and_of_another_file(t):
    s = Scene(t, "warn")
    for name in ("file", "gone"):
        os.stat(s.m / name)
    s.rewrite("file", "changed")
    s.replace("gone", "another")
    for name in ("file", "gone"):
        write(s.m / name, b"+", "ab")
    equal((contents(s.m / "file"), contents(s.m / "gone")), ("changed+", "another+"), "the copies")
    equal(sorted(line.split("'")[1] for line in s.log()), ["/file", "/gone"], "the files that the log names")


def test_refuse_opens_and_copies_nothing_that_has_changed(t):
    s = Scene(t, "refuse")
    for name in ("file", "gone", "dir/inner"):
        equal(contents(s.m / name), "old", "at first")
    s.rewrite("file", "new")
    s.replace("gone", "another")
    for name in ("file", "gone"):
        for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDONLY):
            refused(errno.ESTALE, os.open, s.m / name, flags)
        refused(errno.ESTALE, os.chmod, s.m / name, 0o600)
    equal(contents(s.m / "dir/inner"), "old", "a file that has not changed")
    write(s.m / "dir/inner", "mine")
    equal(sorted(name for _, _, names in os.walk(s.m.upper) for name in names), ["inner"], "what was copied up")


def test_refuse_takes_what_is_there_after_a_refresh(t):
    s = Scene(t, "refuse")
    for name in ("file", "gone"):
        equal(contents(s.m / name), "old", "at first")
    s.rewrite("file", "new")
    s.replace("gone", "another")
    for name in ("file", "gone"):
        refused(errno.ESTALE, os.open, s.m / name, os.O_RDONLY)
    equal(t.status_text("refresh", s.m.path), (0, "", ""), "overpass refresh")
    equal((contents(s.m / "file"), contents(s.m / "gone")), ("new", "another"), "what is read")
    write(s.m / "file", b"+", "ab")
    equal(contents(s.m / "file"), "new+", "a copy-up")


def test_the_status_says_which_value_it_is(t):
    for value in ("warn", "refuse", "follow"):
        equal(Scene(t, value).m.status()["lower_changes"], value, "the status")
    equal(t.mount(t.layer(TREE)).status()["lower_changes"], "warn", "the status without the option")
