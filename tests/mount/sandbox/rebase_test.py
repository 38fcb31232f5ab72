# SPDX-License-Identifier: MIT
"""The changes of a sandbox over a newer base: another directory, or the outside as it has become."""
import json
import os
import random
import shutil
import subprocess

from harness import contains, equal, holds
from harness.random_changes import step, tree
from harness.sandbox_steps import inside, seen
from harness.sandboxes import Sandboxes

from random_snapshots_test import compare

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600
STEPS, SEEDS = 40, 8


def box(t, files, script=None):
    """A sandbox 'box' of the outside alone, and a copy of the outside that is to be newer."""
    s = Sandboxes(t, files)
    s.newer = os.path.join(t.fresh("newer"), "base")
    subprocess.run(["cp", "-a", s.outside, s.newer], check=True)
    if script:
        s.sh(script, "--here", "box")
    return s


def rebase(s, *options, status=0):
    done = s.call("rebase", *options, "box")
    equal(done.returncode, status, f"exit status, {done.stderr}")
    return done.stderr


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def stored(s):
    """All of the sandbox that is on disk."""
    return subprocess.run("find . -type f ! -name lock -printf '%p %s %T@\\n' | sort", shell=True, cwd=f"{s.store}/box", capture_output=True, text=True, check=True).stdout


def test_changes_come_over_the_new_directory(t):
    s = box(t, {"file": "old", "dir": {"inner": "deep"}, "gone": "1", "kept": "2", "both": "3"},
            "echo new > file; mv dir moved; rm gone both; mkdir added; echo x > added/y")
    write(s.newer + "/kept", "newer")
    write(s.newer + "/more", "newer")
    write(s.newer + "/dir/more", "newer")
    os.unlink(s.newer + "/both")
    rebase(s, "--lower", s.newer)
    equal(s.sh("find . -type f | sort; cat file kept more moved/more moved/inner", "box").split("\n"),
          ["./added/y", "./file", "./kept", "./more", "./moved/inner", "./moved/more", "new", "newernewernewerdeep"], "what it shows")
    listed = [(change["kind"], change.get("path")) for change in json.loads(s.call("diff", "box", "--json").stdout)["changes"]]
    holds(len([one for one in listed if one[0] == "deleted"]) == 1, f"a whiteout of what is not there any more goes: {listed}")
    # And back again. What was not there to be deleted is no deletion any more.
    rebase(s, "--lower", s.outside)
    equal(s.sh("cat kept; ls", "box").split(), ["2added", "both", "file", "kept", "moved"], "what it shows then")


def test_what_hides_newer_files_is_refused(t):
    files = {"file": "old", "deleted": "1", "dir": {"inner": "deep"}, "moved": {"inner": "1"}, "mode": "1", "edited": "1", "anew": {"a": "1"}}
    s = box(t, files, "echo new > file; rm deleted; rm -r dir; mv moved there; chmod 600 mode; echo 2 > edited; echo 1 > added; "
                      "rm -r anew; mkdir anew; echo 1 > anew/own")
    for name in ("file", "deleted", "dir/inner", "mode"):
        write(f"{s.newer}/{name}", "changed in the new base")
    write(s.newer + "/added", "also added there")
    write(s.newer + "/anew/later", "added in what was made anew")
    os.unlink(s.newer + "/edited")
    shutil.rmtree(s.newer + "/moved")
    before = stored(s)
    said = rebase(s, "--lower", s.newer, status=1)
    for name in ("file", "deleted", "dir/inner", "mode", "added", "anew/later", "edited", "moved"):
        contains(said, f"/{name}' ", "the conflicts")
    equal(said.count("conflict:"), 8, f"the number of conflicts in\n{said}")
    contains(said, "nothing has been changed", "what is said")
    equal(stored(s), before, "what is on disk")
    equal(rebase(s, "--lower", s.newer, "--dry-run", status=1).count("conflict:"), 8, "the conflicts of a dry run")
    rebase(s, "--lower", s.newer, "--force")
    equal(s.sh("cat file; ls; ls anew there; cat edited added", "box").split(),
          ["new", "added", "anew", "edited", "file", "mode", "there", "anew:", "own", "there:", "inner", "2", "1"], "the sandbox's side")
    # From now on the stamps are those of the new base.
    equal(s.call("apply", "box", "--dry-run").returncode, 0, "an apply to the new base")
    rebase(s)


def test_the_outside_has_changed(t):
    s = box(t, {"file": "old", "other": "1", "dir": {"inner": "deep"}}, "echo new > file; chmod 700 dir; echo 1 > dir/more")
    write(s.outside + "/other", "changed outside")
    write(s.outside + "/dir/new", "outside")
    s.outside_is_as_it_should_be()
    rebase(s)
    equal(s.sh("cat file other; ls dir", "box").split(), ["new", "changed", "outsideinner", "more", "new"], "what it shows")
    write(s.outside + "/file", "changed outside")
    s.outside_is_as_it_should_be()
    contains(rebase(s, status=1), "/file' was changed outside", "the conflict")
    equal(s.call("apply", "box", "--dry-run").returncode, 1, "an apply, which has the same conflict")
    rebase(s, "--force")
    equal(s.call("apply", "box", "--dry-run").returncode, 0, "an apply after it")


def test_a_directory_follows_the_new_base_unless_it_was_changed(t):
    s = box(t, {"one": {"a": "1"}, "two": {"a": "1"}}, "echo 2 > one/a; echo 2 > two/a; chmod 711 two")
    os.chmod(s.newer + "/one", 0o750)
    rebase(s, "--lower", s.newer)
    equal(s.sh("stat -c %a one two", "box").split(), ["750", "711"], "the modes")


def test_snapshots_are_merged(t):
    s = box(t, {"file": "old", "dir": {"inner": "deep"}}, "echo 1 > file; mv dir moved")
    for number in (2, 3):
        equal(s.call("snapshot", "box").returncode, 0, "snapshot")
        s.sh(f"echo {number} > in{number}; echo {number} >> moved/inner", "box")
    write(s.newer + "/more", "newer")
    rebase(s, "--lower", s.newer)
    equal(s.sh("cat file in2 in3 moved/inner more", "box"), "1\n2\n3\ndeep2\n3\nnewer", "what it shows")
    equal(s.call("log", "box").stdout, "", "the snapshots that are left")
    equal([name for name in os.listdir(s.store + "/@layers") if name != "lock"], [], "the layers that are left")
    # All else works over the new base as it does over the outside.
    s.sh("rm more", "box")
    equal(s.call("snapshot", "box").returncode, 0, "a snapshot")
    equal(s.call("squash", "--thaw", "box").returncode, 0, "squash")
    equal(s.call("vacuum", "box").returncode, 0, "vacuum")
    equal(s.call("apply", "--yes", "box").returncode, 0, "apply")
    equal(sorted(os.listdir(s.newer)), ["file", "in2", "in3", "moved"], "the new base, to which it was applied")


def test_a_base_that_is_gone(t):
    s = box(t, {"file": "old", "dir": {"inner": "deep"}}, "echo new > file")
    rebase(s, "--lower", s.newer)
    second = s.newer + "2"
    os.rename(s.newer, second)
    done = s.call("run", "box", "--", "true")
    equal(done.returncode, 125, "a run without the base")
    contains(done.stderr, "rebase --lower", "what is said")
    rebase(s, "--lower", second)
    equal(s.sh("cat file dir/inner", "box"), "new\ndeep", "what it shows over another one")


def test_a_metacopy_becomes_whole(t):
    """Its bytes are those of the former base, never of two bases."""
    s = box(t, {"file": "the old content", "other": "unchanged"}, "chmod 600 file other")
    prefix = "trusted" if t.world == "root" else "user"
    upper = f"{s.store}/box/1/upper"
    for name in ("file", "other"):
        with open(f"{upper}/{name}", "r+", encoding="utf-8") as file:
            file.truncate(0)
            file.truncate(os.stat(f"{s.outside}/{name}").st_size)
        os.setxattr(f"{upper}/{name}", f"{prefix}.overlay.metacopy", b"")
        os.setxattr(f"{upper}/{name}", f"{prefix}.overlay.origin", b"x")
        os.utime(f"{upper}/{name}", ns=(7, 7))
    write(s.newer + "/file", "another content")
    contains(rebase(s, "--lower", s.newer, status=1), "/file' was changed outside", "the conflict")
    rebase(s, "--lower", s.newer, "--force")
    equal(s.sh("cat file other; stat -c %a file other", "box"), "the old contentunchanged600\n600\n", "what it shows")
    directory, = [name for name in os.listdir(s.store + "/box") if name.isdigit()]
    for name in ("file", "other"):
        marks = [key for key in os.listxattr(f"{s.store}/box/{directory}/upper/{name}") if ".overlay." in key]
        equal(marks, [], f"the marks of {name} in the new upper")


def test_calls_that_are_refused(t):
    s = box(t, {"file": "old"}, "echo new > file")
    for words, status, said in (
            ((), 2, "NAME of one sandbox"),
            (("none",), 3, "no sandbox is called"),
            (("box", "--lower", s.newer + "/none"), 3, "is no directory"),
            (("box", "--lower", s.newer + "/file"), 3, "is no directory"),
            (("box", "--lower", f"/nowhere={s.newer}"), 3, "changed nothing at '/nowhere'"),
            (("box", "--lower", os.path.dirname(s.store)), 3, "the store"),
            (("box", "--lower", s.store + "/box/1"), 3, "the store")):
        done = s.call("rebase", *words)
        equal(done.returncode, status, f"exit status of {words}, {done.stderr}")
        contains(done.stderr, said, f"what is said to {words}")
    run = s.start("box", "--", "sh", "-c", "echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    contains(s.call("rebase", "box").stderr, "is running", "one that runs")


def whole(root):
    """What is there, as a process of a sandbox tells it."""
    return json.loads(json.dumps(seen(root)["tree"]))


def changed_paths(before, after):
    """Paths that are not the same in two trees."""
    keys = ("type", "mode", "content", "xattrs")
    return {path for path in before.keys() | after.keys()
            if path not in before or path not in after or any(before[path].get(key) != after[path].get(key) for key in keys)}


def test_random_changes_of_both_sides(t):
    refused = 0
    for number in range(SEEDS):
        seed = f"{t.settings.seed} {number}"
        source = random.Random(seed)
        s = box(t, tree(source))
        base = whole(s.outside)
        s.sh("true", "--here", "box")
        before = inside(s, "box", seed, STEPS, False)["tree"]
        for _ in range(source.choice((0, 1, 2, 4))):
            step(source, s.newer, False)
        new = whole(s.newer)
        done = s.call("rebase", "--lower", s.newer, "box")
        about = f"seed {seed!r}\n{done.stderr}"
        ours, theirs = changed_paths(base, before), changed_paths(base, new)
        if done.returncode:
            equal(done.returncode, 1, f"exit status, {about}")
            refused += 1
            holds(theirs, f"there is a conflict with what is the same, {about}")
            equal(inside(s, "box")["tree"], before, f"what it shows still, {about}")
            equal(s.call("rebase", "--force", "--lower", s.newer, "box").returncode, 0, f"--force, {about}")
        after = inside(s, "box")["tree"]
        if not theirs:
            equal(after, before, f"what it shows over an equal base, {about}")
        if not done.returncode:
            for path in theirs - ours:
                # What was moved with a directory is not at its path any more.
                if path in before:
                    equal({key: value for key, value in (after.get(path) or {}).items() if key in ("type", "content")},
                          {key: value for key, value in (new.get(path) or {}).items() if key in ("type", "content")},
                          f"{path}, which only the new base changed, {about}")
        compare(s, "box", new, after, about=about)
        s.call("rm", "box")
    holds(0 < refused < SEEDS, f"some of the {SEEDS} are refused: {refused}")
