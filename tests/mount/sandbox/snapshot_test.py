# SPDX-License-Identifier: MIT
"""Snapshots of a sandbox, the way back to them, and sandboxes that share them."""
import json
import os
import subprocess
import tomllib

from harness import contains, equal, holds, read
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400
TREE = {"file": "old", "same": "x", "gone": "y", "dir": {"a": "1", "b": "2"}}


def done(s, *words, status=0):
    """The output of a command that ends with this status."""
    ended = s.call(*words)
    equal(ended.returncode, status, f"exit status of {words}, {ended.stderr}")
    return ended.stdout if status == 0 else ended.stderr


def changes(s, *words):
    top = s.outside[1:] + "/"
    return [line.replace(top, "") for line in done(s, "diff", *words).splitlines()]


def layers(s):
    """Ids of the frozen layers of the store, and nothing else."""
    place = s.store + "/@layers"
    return sorted(set(os.listdir(place)) - {"lock"}) if os.path.exists(place) else []


def recorded(s, name):
    """The directories that the record of the sandbox names."""
    with open(f"{s.store}/{name}/sandbox.toml", "rb") as file:
        return sorted(str(one["directory"]) for one in tomllib.load(file)["file_system"])


def directories(s, name):
    return sorted(found for found in os.listdir(f"{s.store}/{name}") if found.isdigit())


def labels(s, name):
    return [one["label"] for one in json.loads(done(s, "log", name, "--json"))["snapshots"]]


def point_of(path):
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def linked(s):
    """Makes a file of the outside one of three names."""
    os.link(s.outside + "/file", s.outside + "/dir/second")
    os.link(s.outside + "/file", s.outside + "/third")
    s.outside_is_as_it_should_be()


def test_snapshot_diff_run_rollback_fork(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file; rm gone; mv dir moved", "try1")
    first = changes(s, "try1")
    equal(done(s, "snapshot", "try1", "before"), "before\n", "the label")
    equal(changes(s, "try1"), first, "the changes after the snapshot")
    equal(changes(s, "try1", "--since", "before"), [], "those since then")
    equal(s.sh("cat file; ls; echo later > same; rm -r moved; echo z > gone", "try1").split(),
          ["new", "file", "moved", "same"], "what is seen")
    equal(changes(s, "try1"), ["D dir/", "M file", "M gone", "M same"], "all changes")
    equal(changes(s, "try1", "--since", "before"), ["D moved/", "A gone", "M same"], "the later ones")
    equal(done(s, "rollback", "try1"), "before\n", "the label")
    equal(changes(s, "try1"), first, "the changes after the way back")
    equal(s.sh("cat file same; ls moved", "try1").split(), ["new", "xa", "b"], "what is seen then")
    equal(done(s, "fork", "try1", "copy", "-n", "2"), "copy1\ncopy2\n", "names")
    s.sh("echo one > file", "copy1")
    s.sh("echo two > file", "copy2")
    equal([s.sh("cat file", name) for name in ("try1", "copy1", "copy2")], ["new\n", "one\n", "two\n"], "the files")
    equal(len(layers(s)), 1, "layers that the three share")


def test_snapshot_moves_the_upper_and_copies_nothing(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    before = os.stat(s.changed("try1", s.outside + "/file"))
    done(s, "snapshot", "try1")
    frozen = f"{s.store}/@layers/{layers(s)[0]}/upper"
    found = [os.path.join(above, name) for above, _, names in os.walk(frozen) for name in names]
    equal([os.stat(path).st_ino for path in found], [before.st_ino], "the file of the layer")
    equal(directories(s, "try1"), recorded(s, "try1"), "directories of file systems")
    equal(os.path.exists(s.changed("try1", s.outside + "/file")), False, "the file in the new upper")


def test_names_of_one_file_stay_one_file(t):
    s = Sandboxes(t, TREE)
    linked(s)
    s.sh("echo new >> file; rm third; ln file fourth; mv dir moved", "try1")
    script = "cat file moved/second fourth; stat -c %h file; [ file -ef moved/second ] && [ file -ef fourth ] && echo same"
    before = s.sh(script, "try1")
    equal(before.splitlines()[-1], "same", "before the snapshot")
    done(s, "snapshot", "try1")
    equal(s.sh(script, "try1"), before, "after it")
    equal(s.sh("echo more >> moved/second; cat fourth", "try1"), "oldnew\nmore\n", "a change after it")
    done(s, "snapshot", "try1")
    equal(s.sh("cat file; rm file fourth; cat moved/second; stat -c %h moved/second", "try1"),
          "oldnew\nmore\noldnew\nmore\n1\n", "after the second one")


def test_count_of_links_beyond_the_sandbox_stays(t):
    s = Sandboxes(t, {"inside": {"file": "old"}})
    os.link(s.outside + "/inside/file", s.outside + "/beyond")
    s.outside_is_as_it_should_be()
    where = s.outside + "/inside"
    s.sh("echo new >> file", "--here", "try1", cwd=where)
    equal(s.sh("stat -c %h file", "try1", cwd=where), "2\n", "before the snapshot")
    done(s, "snapshot", "try1")
    equal(s.sh("stat -c %h file; cat file", "try1", cwd=where), "2\noldnew\n", "after it")


def test_log_shows_labels_the_last_one_first(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    done(s, "snapshot", "try1")
    done(s, "snapshot", "try1", "empty")
    s.sh("echo new > same", "try1")
    done(s, "snapshot", "try1")
    equal(labels(s, "try1"), ["3", "empty", "1"], "labels")
    equal([line.split()[-1] for line in done(s, "log", "try1").splitlines()], ["3", "empty", "1"], "lines")
    equal(len(layers(s)), 2, "layers: there is none of the empty snapshot")
    document = json.loads(done(s, "log", "try1", "--json"))
    equal((document["format"], document["sandbox"]), (1, "try1"), "the head")
    equal([one["changes"] > 0 for one in document["snapshots"]], [True, False, True], "changes")
    equal(done(s, "rollback", "try1", "1"), "1\n", "the way back")
    equal((labels(s, "try1"), len(layers(s))), (["1"], 1), "what is left")


def test_layers_go_with_the_last_sandbox_that_has_them(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    done(s, "fork", "try1", "copy")
    equal((labels(s, "try1"), labels(s, "copy"), len(layers(s))), (["1"], ["1"], 1), "what is shared")
    done(s, "rm", "try1")
    equal((s.sh("cat file", "copy"), len(layers(s))), ("new\n", 1), "what the other one has")
    done(s, "rm", "copy")
    equal(layers(s), [], "the layers")


def test_garbage_is_removed_and_nothing_else(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    done(s, "snapshot", "try1")
    garbage = f"{s.store}/@layers/{'0' * 32}/upper"
    os.makedirs(garbage)
    os.makedirs(f"{s.store}/@layers/.removed-{'1' * 32}/upper")
    s.sh("true", "other")
    record = s.store + "/other/sandbox.toml"
    text = read(record)
    with open(record, "wb") as file:
        file.write(b"format = 7\n")
    done(s, "rollback", "try1")
    holds(os.path.exists(garbage), "a record that cannot be read may refer to any layer")
    with open(record, "wb") as file:
        file.write(text)
    done(s, "rollback", "try1")
    equal((len(layers(s)), s.sh("cat file", "try1")), (1, "new\n"), "what is left")


def test_interrupted_snapshot_is_completed_by_the_next_command(t):
    s = Sandboxes(t, TREE)
    linked(s)
    s.sh("echo new >> file", "try1")
    script = "cat file dir/second third; stat -c %h file"
    before = s.sh(script, "try1")
    former = os.path.dirname(s.upper("try1", point_of(s.outside)))
    done(s, "snapshot", "try1")
    # As if it had been killed when the record was written.
    layer = f"{s.store}/@layers/{layers(s)[0]}"
    os.makedirs(former + "/work")
    os.rename(layer + "/upper", former + "/upper")
    equal(changes(s, "try1"), ["M dir/second", "M file", "M third"], "the changes meanwhile")
    equal(s.sh(script, "try1"), before, "what is seen")
    equal((os.path.exists(former), sorted(os.listdir(layer))), (False, ["base", "upper"]), "the former place, and the layer")


def test_what_cannot_be_done_is_refused_with_the_reason(t):
    s = Sandboxes(t, TREE)
    run = s.start("busy", "--", "sh", "-c", "echo 1 > one; echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    for words in (("rollback", "busy"), ("squash", "busy"), ("vacuum", "busy")):
        contains(done(s, *words, status=1), "is running", f"what {words} says")
    s.sh("echo new > file", "try1")
    done(s, "snapshot", "try1", "one")
    contains(done(s, "snapshot", "try1", "one", status=1), "already", "a label twice")
    contains(done(s, "snapshot", "try1", "../x", status=2), "no snapshot can be called", "a label that is none")
    contains(done(s, "rollback", "try1", "two", status=1), "no snapshot", "an unknown label")
    contains(done(s, "diff", "try1", "--since", "two", status=3), "no snapshot", "an unknown label of diff")
    contains(done(s, "diff", s.outside, "--since", "one", "-o", f"lowerdir={s.outside},upperdir={t.fresh('upper')}",
                  status=2), "--since is for sandboxes", "a union")
    contains(done(s, "fork", "try1", "busy", status=1), "already", "a name that is taken")
    contains(done(s, "fork", "try1", "@last", status=1), "can be called", "a name that is none")
    contains(done(s, "fork", "try1", "new", "-n", "0", status=2), "--count", "a count that is none")
    for command in ("snapshot", "log", "rollback", "fork", "squash", "vacuum"):
        equal(s.call(command).returncode, 2, f"{command} without a name")
        contains(done(s, command, "none", *(("x",) if command == "fork" else ()), status=1), "no sandbox is called",
                 command)
    s.sh("true", "plain")
    contains(done(s, "rollback", "plain", status=1), "has no snapshot", "no snapshot")
    equal(labels(s, "try1"), ["one"], "labels")


def test_prune_keeps_what_has_snapshots(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "try1")
    done(s, "snapshot", "try1")
    s.sh("printf old > file", "try1")
    equal(changes(s, "try1"), [], "the changes")
    equal(done(s, "prune"), "", "what is pruned")


def test_attributes_of_the_root_stay(t):
    s = Sandboxes(t, {"top": {"file": "old"}})
    top = s.outside + "/top"
    s.sh("chmod 711 .", "--here", "try1", cwd=top)
    done(s, "snapshot", "try1")
    equal(s.sh("stat -c %a .; echo new > file", "try1", cwd=top), "711\n", "the mode")
    done(s, "snapshot", "try1")
    equal(s.sh("stat -c %a .", "try1", cwd=top), "711\n", "the mode after the second snapshot")


def test_vacuum_removes_what_changes_nothing(t):
    s = Sandboxes(t, TREE)
    s.sh("chmod 600 same; chmod 644 same; : >> file; touch new; rm new; chmod 700 dir; chmod 755 dir; echo z > dir/b; "
         "touch -d @1 gone", "try1")
    before = s.sh("find . -exec stat -c '%n %a %s %Y' {} +", "try1")
    plan = done(s, "vacuum", "-n", "try1")
    names = sorted(os.listdir(s.changed("try1", s.outside)))
    equal(done(s, "vacuum", "try1"), plan, "what was done, and what was said before")
    left = sorted(os.listdir(s.changed("try1", s.outside)))
    holds({"dir", "file", "gone", "same"} <= set(names), f"names of the upper before: {names}")
    equal(left, ["dir", "gone"], "names of the upper")
    equal(s.sh("find . -exec stat -c '%n %a %s %Y' {} +", "try1"), before, "what is seen")
    holds(int(plan.split()[0]) >= 2, f"names that were removed: {plan}")
    done(s, "vacuum", "--ignore-times", "try1")
    equal(os.listdir(s.changed("try1", s.outside)), ["dir"], "names that differ in more than times")
    equal(changes(s, "try1"), ["M dir/b"], "the changes")


def test_vacuum_removes_directories_that_are_left_empty(t):
    s = Sandboxes(t, {"top": {"deep": {"file": "old"}}})
    s.sh(": >> top/deep/file", "try1")
    equal(os.listdir(s.changed("try1", s.outside)), ["top"], "names of the upper")
    equal(done(s, "vacuum", "--dry-run", "try1"), done(s, "vacuum", "try1"), "what is said before and after")
    equal(os.listdir(s.upper("try1", point_of(s.outside))), [], "names of the upper afterwards")
    equal(s.sh("cat top/deep/file", "try1"), "old", "the file")


def test_squash_makes_one_layer(t):
    s = Sandboxes(t, TREE)
    linked(s)
    s.sh("echo new >> file; rm gone; mv dir moved", "try1")
    done(s, "snapshot", "try1", "one")
    s.sh("echo z > gone; rm -r moved/b; mkdir dir; rm third; echo w > dir/w", "try1")
    done(s, "snapshot", "try1", "two")
    s.sh("mv moved again; echo more >> file", "try1")
    before = (s.sh("find . -type f -exec stat -c '%n %h %s %y' {} + | sort; cat file again/second", "try1"), changes(s, "try1"))
    equal(done(s, "squash", "try1"), "3\n", "the label")
    equal((s.sh("find . -type f -exec stat -c '%n %h %s %y' {} + | sort; cat file again/second", "try1"), changes(s, "try1")),
          before, "what is seen, and the changes")
    equal((labels(s, "try1"), len(layers(s))), (["3"], 1), "what is left")


def test_squash_leaves_shared_layers_to_others(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file; ln file hard; chmod 640 same", "try1")
    done(s, "fork", "try1", "copy")
    s.sh("echo z > gone", "try1")
    script = "find . -exec stat -c '%n %a %h %s %y' {} + | sort; cat file hard gone"
    before = s.sh(script, "try1"), s.sh(script, "copy")
    shared = layers(s)
    done(s, "squash", "try1")
    equal((s.sh(script, "try1"), s.sh(script, "copy")), before, "what is seen")
    equal((len(layers(s)), set(layers(s)) & set(shared)), (2, set(shared)), "layers")
    done(s, "rm", "copy")
    equal((len(layers(s)), s.sh(script, "try1")), (1, before[0]), "without the other")


def test_what_is_thawed_can_be_applied(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file; rm gone", "try1")
    done(s, "snapshot", "try1")
    s.sh("mv dir moved; echo newer > file; rm same", "try1")
    done(s, "snapshot", "try1")
    before = changes(s, "try1")
    done(s, "squash", "--thaw", "try1")
    equal((labels(s, "try1"), layers(s), changes(s, "try1")), ([], [], before), "snapshots, layers, changes")
    kept = read(s.outside + "/same")
    with open(s.outside + "/same", "wb") as file:
        file.write(b"changed outside")
    contains(done(s, "apply", "--yes", "try1", status=1), "conflict", "the stamps of a frozen layer")
    with open(s.outside + "/same", "wb") as file:
        file.write(kept)
    done(s, "apply", "--yes", "--force", "try1")
    equal((sorted(os.listdir(s.outside)), read(s.outside + "/file"), changes(s, "try1")),
          (["file", "moved"], b"newer\n", []), "the outside, and what is left")
    s.outside_is_as_it_should_be()


def test_shared_layers_survive_many_commands_at_once(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file", "base")
    boxes = [line for line in done(s, "fork", "-n", "4", "base", "box").splitlines()]
    loop = ("for i in 1 2 3 4 5; do \"$0\" fork $1 $1-$i && \"$0\" rm base 2> /dev/null; \"$0\" snapshot $1 > /dev/null; "
            "\"$0\" rm $1-$i || exit 1; done")
    started = [subprocess.Popen(["sh", "-c", loop, t.settings.overpass, box], env=s.environment(), stdout=subprocess.DEVNULL)
               for box in boxes]
    equal([one.wait(t.settings.seconds(90)) for one in started], [0] * len(boxes), "exit statuses")
    equal([s.sh("cat file", box) for box in boxes], ["new\n"] * len(boxes), "the file")
    done(s, "rm", *boxes)
    equal(layers(s), [], "layers")
