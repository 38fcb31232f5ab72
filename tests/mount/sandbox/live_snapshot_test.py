# SPDX-License-Identifier: MIT
"""Snapshots and forks of a sandbox while it runs."""
import os

from harness import equal, holds
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

TREE = {"file": "old", "dir": {"inner": "deep", "second": "two"}}


def snapshot(s, *words):
    done = s.call("snapshot", "name", *words)
    equal(done.returncode, 0, f"the status of the snapshot: {done.stderr}")
    return done.stdout.strip()


def test_work_goes_on(t):
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    run.do("echo one > file; mv dir moved; cd moved; rm second; exec 5>> ../log; echo a >&5; mkdir ../new; exec 6< ../file")
    equal(snapshot(s, "first"), "first", "the label")
    equal(run.do("pwd; cat ../file; ls; cat ../log; ls ..; cat <&6"),
          f"{s.outside}/moved\none\ninner\na\nfile\nlog\nmoved\nnew\none\n", "what is seen after the snapshot")
    run.do("echo two > ../file; echo b >&5; echo more > inner; touch ../new/made")
    equal(snapshot(s), "2", "the second label")
    equal(run.do("echo c >&5; cat ../file ../log inner; ls ../new"), "two\na\nb\nc\nmore\nmade\n", "what is seen after the second")
    run.end()
    equal(s.sh("cat file log moved/inner; ls new", "name"), "two\na\nb\nc\nmore\nmade\n", "what the next run sees")
    equal(s.call("rollback", "name", "first", "--yes").returncode, 0, "the status of rollback")
    equal(s.sh("cat file log moved/inner; ls new", "name"), "one\na\ndeep", "what the first snapshot has")


def test_more_snapshots_than_fit_into_a_page_of_names(t):
    """Commands that name all layers to the daemon go on working: with paths as long as these, 36 of them took 4 KiB."""
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    count = t.settings.in_form(4400, 8192, 8192) // len(os.fsencode(s.store))
    for number in range(count):
        run.do(f"echo {number} > file; echo > new{number}")
        equal(snapshot(s), str(number + 1), "the label")
    run.do("echo last > file; rm dir/second")
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 0, f"the status of apply: {done.stderr}")
    s.outside_is_as_it_should_be()
    equal(run.do(f"cat file; ls | wc -l; ls dir; echo after >> file; cat file new{count - 1}"), f"last\n{count + 2}\ninner\nlast\nafter\n\n",
          "what is seen after it")
    run.end()
    with open(s.outside + "/file", encoding="ascii") as file:
        equal(file.read(), "last\n", "what is outside")
    equal(s.sh("cat file", "name"), "last\nafter\n", "what the next run sees")


def test_a_fork_of_a_running_sandbox(t):
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    run.do("echo one > file")
    done = s.call("fork", "name", "other")
    equal((done.returncode, done.stdout), (0, "other\n"), f"the fork: {done.stderr}")
    run.do("echo two > file")
    equal(s.sh("cat file; echo three > file", "other"), "one\n", "what the fork sees")
    equal(run.do("cat file"), "two\n", "what the sandbox sees")
    run.end()


def test_what_cannot_be_frozen_changes_nothing(t):
    s = Sandboxes(t, TREE)
    os.link(s.outside + "/file", s.outside + "/dir/linked")
    s.outside_is_as_it_should_be()
    run = Running(s, "name")
    run.do("echo one > file")
    with open(f"{s.store}/name/sandbox.toml", encoding="utf-8") as file:
        before = file.read()
    done = s.call("snapshot", "name", "first")
    equal(done.returncode, 1, "the status: a name of the file is known to the index only")
    holds("when it does not run" in done.stderr, f"the remedy: {done.stderr}")
    with open(f"{s.store}/name/sandbox.toml", encoding="utf-8") as file:
        equal(file.read(), before, "the record")
    equal(run.do("echo two > file; cat dir/linked"), "two\n", "what the sandbox goes on with")
    run.end()
    equal(snapshot(s, "first"), "first", "the label when it does not run")


def test_apply_after_a_snapshot_of_a_running_sandbox(t):
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    run.do("echo one > file; rm dir/inner")
    snapshot(s)
    run.do("echo two > file; rm dir/second; echo new > dir/new")
    run.end()
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 0, f"the status of apply: {done.stderr}")
    equal(sorted(os.listdir(s.outside + "/dir")), ["new"], "the directory outside")
    equal(s.call("diff", "name").stdout, "", "what is left")
    equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
    equal(sorted(os.listdir(s.outside + "/dir")), ["inner", "second"], "the directory after undo")
    s.outside_is_as_it_should_be()
