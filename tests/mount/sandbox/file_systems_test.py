# SPDX-License-Identifier: MIT
"""Sandboxes that change several file systems: exported, imported, rebased, applied, and in part discarded."""
import os
import subprocess

from harness import contains, equal, holds, syscalls, trees, write
from harness.random_changes import walk
from harness.sandboxes import Running, Sandboxes
from live_apply_test import done, read

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 200

TREE = {"file": "old", "dir": {"inner": "deep", "second": "two"}, "gone": {"a": "a"}}
CHANGE = "echo new > file; rm dir/inner; rm -r gone; mkdir gone; echo b > gone/b; mkdir made; ln file made/link; ln -s ../file made/soft; chmod 700 dir"


def several(t):
    """An outside of three file systems: its own, and "one" and "two" in it."""
    s = Sandboxes(t, {**TREE, "one": {}, "two": {}})
    for name in ("one", "two"):
        t.by_root(syscalls.mount, "tmpfs", f"{s.outside}/{name}", "tmpfs", 0, "mode=777")
        trees.build(f"{s.outside}/{name}", TREE)
    s.outside_is_as_it_should_be()
    return s


def shown(s, name):
    return s.sh("find . -printf '%p %y %m %n %l\\n' | sort; cat file one/file two/file gone/b one/gone/b two/gone/b", name)


def change_all(s, name, *options):
    s.sh(f"for at in . one two; do (cd $at; {CHANGE}); done", *options, name)


def diff(s, name="name"):
    return [line.replace(s.outside[1:] + "/", "") for line in s.call("diff", name).stdout.splitlines()]


def test_export_to_a_directory_and_import(t):
    s = several(t)
    change_all(s, "name")
    expected, changes = shown(s, "name"), diff(s)
    for form in ("dir", "tar"):
        path = os.path.join(os.path.dirname(s.store), "exported." + form)
        done(s, "export", "--format", form, "-o", path, "name")
        done(s, "import", "--format", form, "from-" + form, path)
        equal(shown(s, "from-" + form), expected, f"what is shown by way of {form}")
        equal(diff(s, "from-" + form), changes, f"the changes by way of {form}")
    text = read(os.path.join(os.path.dirname(s.store), "exported.dir", "sandbox.toml"))
    equal(text.count("[[file_system]]"), 3, f"the file systems of the exported directory in {text}")


def test_what_came_from_a_directory_is_applied(t):
    s = several(t)
    change_all(s, "name")
    path = os.path.join(os.path.dirname(s.store), "exported")
    done(s, "export", "--format", "dir", "-o", path, "name")
    done(s, "import", "--format", "dir", "new", path)
    expected = walk_by_find(s)
    before = s.before
    done(s, "apply", "new", "--yes")
    s.outside_is_as_it_should_be()
    for at in (".", "one", "two"):
        equal((read(f"{s.outside}/{at}/file"), os.listdir(f"{s.outside}/{at}/dir"), os.listdir(f"{s.outside}/{at}/gone"),
               os.readlink(f"{s.outside}/{at}/made/soft")), ("new\n", ["second"], ["b"], "../file"), f"the outside at {at}")
        holds(os.path.samefile(f"{s.outside}/{at}/file", f"{s.outside}/{at}/made/link"), f"links at {at}")
    equal(diff(s, "new"), [], "what is left")
    equal(diff(s, "name"), [], "what the first sandbox changes, whose copies equal the outside")
    done(s, "undo", "new", "--yes")
    equal(walk_by_find(s), expected, "the outside after undo")
    s.before = before
    s.outside_is_as_it_should_be()      # Times of directories have changed.


def walk_by_find(s):
    return {path: (what["type"], what["mode"], what["content"]) for path, what in walk(s.outside).items()}


def test_rebase_over_the_outside_as_it_has_become(t):
    s = several(t)
    change_all(s, "name")
    for at in ("", "one/", "two/"):
        write(f"{s.outside}/{at}dir/third", "newer")
    s.outside_is_as_it_should_be()
    done(s, "rebase", "name")
    equal(s.sh("cat dir/third one/dir/third two/dir/third; ls gone one/gone; ls dir", "name"), "newernewernewergone:\nb\n\none/gone:\nb\nsecond\nthird\n",
          "what is shown")
    write(s.outside + "/two/file", "newer")
    s.outside_is_as_it_should_be()
    said = done(s, "rebase", "name", status=1)
    contains(said, "/two/file' ", "the conflict")
    equal(said.count("conflict:"), 1, f"the number of conflicts in {said}")
    equal(s.sh("cat two/file", "name"), "new\n", "what is shown after a refusal")


def test_rebase_of_one_of_them(t):
    s = several(t)
    change_all(s, "name")
    newer = t.fresh("newer", {**TREE, "more": "newer"})
    done(s, "rebase", "--lower", f"{s.outside}/one={newer}", "name")
    equal(s.sh("cat one/more one/file file; ls one; ls two; cat one/gone/b", "name"),
          "newernew\nnew\ndir\nfile\ngone\nmade\nmore\ndir\nfile\ngone\nmade\nb\n", "what is shown")
    path = os.path.join(os.path.dirname(s.store), "exported")
    done(s, "export", "--format", "dir", "-o", path, "name")
    subprocess.run(["test", "-d", path], check=True)
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(newer + "/file"), read(s.outside + "/one/file"), read(s.outside + "/two/file")), ("new\n", "old", "new\n"), "where it was applied")


def test_parts_of_several(t):
    s = several(t)
    change_all(s, "name")
    done(s, "discard", "name", s.outside + "/one/gone/a", s.outside + "/two", s.outside + "/dir", "--yes")
    equal(s.sh("ls one/gone two/gone gone dir; cat one/file two/file file", "name"),
          "dir:\ninner\nsecond\n\ngone:\nb\n\none/gone:\na\nb\n\ntwo/gone:\na\nnew\noldnew\n", "what is shown")
    run = Running(s, "name")
    run.do("echo again > two/file; mv one/dir one/moved; echo x > one/moved/x")
    done(s, "discard", "name", s.outside + "/two", s.outside + "/one/file", "--yes")
    equal(run.do("cat two/file one/file file; ls one/moved; cat one/moved/second"), "oldoldnew\nsecond\nx\ntwo", "what is shown while it runs")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/one/moved/x"), read(s.outside + "/file"), read(s.outside + "/two/file")), ("x\n", "new\n", "old"), "the outside")
    equal(run.do("ls one one/moved; cat one/moved/second"), "one:\nfile\ngone\nmade\nmoved\n\none/moved:\nsecond\nx\ntwo", "what is shown at last")
    run.end()
    equal(diff(s), [], "what is left")
