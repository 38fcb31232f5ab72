# SPDX-License-Identifier: MIT
"""After random changes in a sandbox `apply` makes the outside what the sandbox showed, and `undo` makes it what it was."""
import json
import os
import stat
import sys

import pytest

from harness import dump, equal, holds, random_tree, same_lines
from harness.random_tree import Changes
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOW = "import sys, json; sys.path.insert(0, sys.argv[1]); from mount.sandbox.apply_random_test import picture; print(json.dumps(picture('.')))"


def picture(root, mtime=None):
    """Everything but times; those of directories are never shown, nor does anything tell of a time that alone has changed."""
    def describe(path, relative, info):
        how = dump.How(mtime=None if stat.S_ISDIR(info.st_mode) else mtime)
        return dump.line(path, relative, info, how)
    return dump.dump(root, describe=describe)


def exact(root):
    return picture(root, "exact")


def shown(s, name):
    return json.loads(s.run(name, "--", sys.executable, "-c", SHOW, TESTS).stdout)


def grow(s, seed):
    """Something to be changed."""
    os.chdir(s.outside)
    Changes(1000 + seed).run(60)
    s.outside_is_as_it_should_be()


def change_inside(s, seed, count):
    """Random changes in the sandbox."""
    with open(random_tree.__file__, encoding="utf-8") as file:
        s.run("name", "--", sys.executable, "-c", file.read(), str(seed), str(count))


def files(root):
    """What is known of each file by its inode number: all but its names."""
    found = {}
    for directory, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    found[info.st_ino] = (info.st_mode, info.st_mtime_ns, file.read())
    return found


@pytest.mark.seeds(brief=6, usual=12, long=100)
def test_nothing_that_changes_outside_is_overwritten(t, seed):
    """Random changes of the outside meanwhile are conflicts, and nothing happens; or they are left alone."""
    s = Sandboxes(t)
    grow(s, seed)
    base = files(s.outside)
    change_inside(s, seed, 6)
    Changes(2000 + seed).run(1 + seed % 4)
    meanwhile, changed = exact(s.outside), {ino: what for ino, what in files(s.outside).items() if base.get(ino) != what}
    done = s.call("apply", "name", "--yes")
    if done.returncode == 1:
        same_lines(exact(s.outside), meanwhile, "the outside after a conflict")
        holds("conflict:" in done.stderr, f"the conflicts are told: {done.stderr}")
    else:
        equal(done.returncode, 0, f"the status: {done.stderr}")
        after = files(s.outside)
        equal([ino for ino, what in changed.items() if after.get(ino) != what], [], "files that were changed outside and are not as they were")
        if "takes it back" in done.stderr:
            equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
        same_lines(exact(s.outside), meanwhile, "the outside after undo")
    s.outside_is_as_it_should_be()


@pytest.mark.seeds(brief=4, usual=10, long=100)
def test_apply_and_undo(t, seed):
    s = Sandboxes(t)
    grow(s, seed)
    before = exact(s.outside)
    change_inside(s, seed, 40)
    after = shown(s, "name")
    if not s.call("diff", "name").stdout:
        same_lines(after, picture(s.outside), "a sandbox without changes")
        return
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 0, f"the status of apply: {done.stderr}")
    same_lines(picture(s.outside), after, "the outside after apply")
    equal(s.call("diff", "name").stdout, "", "what the sandbox still changes")
    same_lines(shown(s, "name"), after, "what the sandbox shows then")
    undone = s.call("undo", "name", "--yes")
    equal(undone.returncode, 0, f"the status of undo: {undone.stderr}")
    same_lines(exact(s.outside), before, "the outside after undo")
    redone = s.call("undo", "--redo", "name", "--yes")
    equal(redone.returncode, 0, f"the status of redo: {redone.stderr}")
    same_lines(picture(s.outside), after, "the outside after redo")
    s.outside_is_as_it_should_be()
