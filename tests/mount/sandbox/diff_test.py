# SPDX-License-Identifier: MIT
"""What was changed in a sandbox is shown as one tree, from outside, while it runs and after."""
import json
import os
import subprocess

from harness import equal, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"file": "old", "same": "x", "gone": "y", "dir": {"a": "1", "b": "2"}, "run": "#!/bin/sh\n"}


def changes(s, *words, **named):
    done = s.call("diff", *words, **named)
    equal(done.stderr, "", "standard error")
    return done.stdout.splitlines()


def test_all_kinds_of_change_are_listed_with_paths_from_the_root(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file; rm gone; mkdir new; echo z > new/z; mv dir moved; chmod 755 run; touch same", "try1")
    top = s.outside[1:]
    equal(changes(s, "try1"), [f"D {top}/gone", f"M {top}/file", f"R {top}/dir/ -> {top}/moved/", f"A {top}/new/",
                               f"A {top}/new/z", f"M {top}/run"], "the changes")
    equal(changes(s, "try1", "new"), [f"A {top}/new/", f"A {top}/new/z"], "those of a path of this directory")
    equal(changes(s, "try1", s.outside + "/file"), [f"M {top}/file"], "those of an absolute path")
    equal(changes(s, "try1", "*/z"), [f"A {top}/new/z"], "those of a glob")


def test_copies_that_equal_the_outside_are_no_changes(t):
    s = Sandboxes(t, TREE)
    s.sh("cp file x; echo other > file; cat x > file; rm x; touch new; rm new; chmod 600 same; chmod 644 same", "try1")
    equal(changes(s, "try1"), [], "the changes")
    equal(s.call("diff", "try1", "--exit-code").returncode, 0, "the exit status")


def test_changes_of_one_that_runs_are_listed(t):
    s = Sandboxes(t, TREE)
    run = s.start("busy", "--", "sh", "-c", "echo new > file; echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    equal(changes(s, "busy"), [f"M {s.outside[1:]}/file"], "the changes")


def test_patch_is_taken_by_git(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file; rm gone; echo z > z; mv dir/a dir/c", "try1")
    patch = s.call("diff", "try1", "-u", ".").stdout
    copy = t.fresh("copy") + s.outside
    subprocess.run(["cp", "-a", s.outside + "/.", os.makedirs(copy) or copy], check=True)
    subprocess.run(["git", "apply", "--unsafe-paths", "-"], input=patch, text=True, check=True,
                   cwd=copy[:-len(s.outside)] + "/", env={**os.environ, "GIT_DIR": "/nonexistent"})
    equal(sorted(os.listdir(copy)), ["dir", "file", "run", "same", "z"], "the patched copy")
    equal(sorted(os.listdir(copy + "/dir")), ["b", "c"], "the patched directory")


def test_patch_is_one_for_this_directory_with_relative(t):
    s = Sandboxes(t, {"project": TREE, "beside": {"f": "f"}})
    project = s.outside + "/project"
    s.sh("echo new > file; rm gone; mv dir moved; mv ../beside/f in; mv same ../beside/out; echo x > ../beside/x", "try1", cwd=project)
    equal(changes(s, "try1", "--relative", cwd=project), ["D gone", "D same", "M file", "A in", "R dir/ -> moved/"], "the changes")
    equal(changes(s, "try1", "--relative", "--name-only", "moved", cwd=project), ["moved/"], "those of a path")
    copy = t.fresh("copy")
    subprocess.run(["cp", "-a", project + "/.", copy], check=True)
    subprocess.run(["git", "apply", "-"], input=s.call("diff", "try1", "--relative", "-u", cwd=project).stdout, text=True,
                   check=True, cwd=copy, env={**os.environ, "GIT_DIR": "/nonexistent"})
    equal(sorted(os.listdir(copy)), ["file", "in", "moved", "run"], "the patched copy")
    mounted = s.call("diff", "--relative", "-o", f"lowerdir={project},upperdir={t.fresh('upper')}")
    equal(mounted.returncode, 2, "of a union that is no sandbox")


def test_json_names_the_file_systems(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    document = json.loads(s.call("diff", "try1", "--json").stdout)
    equal((document["format"], document["sandbox"], document["complete"]), (1, "try1", True), "the head")
    equal([change["kind"] for change in document["changes"]], ["modified"], "the changes")
    uppers = [one["upper"] for one in document["file_systems"]]
    equal(all(upper.startswith(s.store + "/try1/") for upper in uppers), True, f"uppers in the store: {uppers}")


def test_sandboxes_are_listed_with_state_and_number_of_changes(t):
    s = Sandboxes(t, TREE)
    s.sh("true", "idle")
    run = s.start("busy", "--", "sh", "-c", "echo 1 > one; echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    listed = {one["name"]: one for one in json.loads(s.call("list", "--json").stdout)["sandboxes"]}
    equal({name: one["state"] for name, one in listed.items()}, {"idle": "ended", "busy": "running"}, "states")
    if listed["busy"]["changes"] <= listed["idle"]["changes"]:
        raise AssertionError(f"changes are not counted: {listed}")
    table = s.call("list").stdout
    equal([line.split()[:3] for line in table.splitlines() if "(sandbox)" in line],
          [["busy", "(sandbox)", "running"], ["idle", "(sandbox)", "ended"]], "the table")


def test_record_that_cannot_be_read_is_told(t):
    s = Sandboxes(t, TREE)
    s.sh("true", "try1")
    write(f"{s.store}/try1/sandbox.toml", "format = 7\n")
    for words in (("diff", "try1"), ("run", "try1", "--", "true")):
        done = s.call(*words)
        equal((done.returncode in (3, 125), "format" in done.stderr), (True, True), f"{words}: {done.stderr}")
    equal(s.call("rm", "try1").returncode, 0, "removing it")
