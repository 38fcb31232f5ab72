# SPDX-License-Identifier: MIT
"""`overpass apply`, `undo` and `discard`: conflicts, parts, permissions, an interruption."""
import os
import subprocess

import pytest

from apply_kills import TREE, read
from harness import equal, holds, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def sandbox(t, script, tree=None):
    s = Sandboxes(t, tree or TREE)
    s.sh(script, "name")
    return s


def applied(s, *words, status=0):
    done = s.call("apply", "name", *words)
    equal(done.returncode, status, f"the status of apply {words}: {done.stderr}")
    s.outside_is_as_it_should_be()
    return done.stderr


def test_without_a_terminal_it_needs_yes(t):
    s = sandbox(t, "echo new > file")
    done = s.call("apply", "name")
    equal(done.returncode, 2, "the status")
    holds("--yes" in done.stderr, f"the remedy: {done.stderr}")
    equal(s.call("apply", "name", "--dry-run").stdout, f"M {s.outside[1:]}/file\n", "the trial")
    equal(read(s.outside + "/file"), "old", "the file")


def test_the_other_name_of_the_command(t):
    s = sandbox(t, "echo new > file")
    equal(s.call("commit", "name", "--yes").returncode, 0, "the status")
    equal(read(s.outside + "/file"), "new\n", "the file")
    s.outside_is_as_it_should_be()


@pytest.mark.parametrize("script, change, path, reason", [
    ("echo new > file", lambda o: write(o + "/file", "mine"), "file", "was changed outside"),
    ("chmod 600 file", lambda o: os.chmod(o + "/file", 0o640), "file", "was changed outside"),
    ("rm file", lambda o: write(o + "/file", "mine"), "file", "was changed outside"),
    ("mv file moved", lambda o: write(o + "/file", "mine"), "file", "was changed outside"),
    ("echo new > file", lambda o: os.unlink(o + "/file"), "file", "was deleted outside"),
    ("echo new > made", lambda o: write(o + "/made", "mine"), "made", "was made outside"),
    ("rm -r dir", lambda o: write(o + "/dir/third", "mine"), "dir/third", "was made outside"),
    ("rm -r dir", lambda o: write(o + "/dir/inner", "mine"), "dir/inner", "was changed outside"),
    ("rm -r dir; echo file > dir", lambda o: write(o + "/dir/third", "mine"), "dir/third", "was made outside"),
    ("mv dir moved", lambda o: os.mkdir(o + "/moved"), "moved", "made outside"),
    ("mv other file", lambda o: write(o + "/file", "mine"), "file", "was changed outside"),
    ("echo new > dir/made", lambda o: (os.rename(o + "/dir", o + "/gone"), os.symlink(o, o + "/dir")), "dir", ""),
    ("echo new > file", lambda o: (os.unlink(o + "/file"), os.mkdir(o + "/file")), "file", "another kind"),
])
def test_what_was_changed_outside_is_a_conflict(t, script, change, path, reason):
    s = sandbox(t, "echo elsewhere > also; " + script)
    change(s.outside)
    s.outside_is_as_it_should_be()
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 1, f"the status: {done.stderr}")
    found = [line for line in done.stderr.splitlines() if line.startswith(f"conflict: '{s.outside}/{path}'")]
    holds(found and reason in found[0], f"the conflict of {path}: {done.stderr}")
    holds(not os.path.exists(s.outside + "/also"), "nothing is applied")
    done = s.call("apply", "name", f"{s.outside}/also", "--yes")
    equal(done.returncode, 0, f"the status for what is in no conflict: {done.stderr}")
    equal(read(s.outside + "/also"), "elsewhere\n", "what is in no conflict")
    s.outside_is_as_it_should_be()


def test_force(t):
    s = sandbox(t, "echo new > file; rm -r dir")
    write(s.outside + "/file", "mine")
    write(s.outside + "/dir/third", "mine")
    before = sorted(os.listdir(s.outside + "/dir"))
    applied(s, "--yes", "--force")
    equal(read(s.outside + "/file"), "new\n", "the file")
    holds(not os.path.exists(s.outside + "/dir"), "the directory is gone")
    equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
    equal(read(s.outside + "/file"), "mine", "what was replaced by force")
    equal(sorted(os.listdir(s.outside + "/dir")), before, "what was deleted by force")
    s.outside_is_as_it_should_be()


def test_undo_finds_conflicts(t):
    s = sandbox(t, "echo new > file; echo made > made")
    applied(s, "--yes")
    write(s.outside + "/made", "changed since")
    s.outside_is_as_it_should_be()
    done = s.call("undo", "name", "--yes")
    equal(done.returncode, 1, f"the status: {done.stderr}")
    holds(f"conflict: '{s.outside}/made' was changed outside" in done.stderr, f"the conflict: {done.stderr}")
    equal(read(s.outside + "/file"), "new\n", "nothing is undone")


def test_parts(t):
    s = sandbox(t, "mkdir -p new/below; echo a > new/below/a; echo b > new/b; echo new > file")
    done = s.call("apply", "name", "new/below", "--yes")
    equal(done.returncode, 0, f"the status: {done.stderr}")
    equal(sorted(os.listdir(s.outside + "/new")), ["below"], "the new directory")
    equal(read(s.outside + "/file"), "old", "what was not named")
    equal(s.call("diff", "name").stdout.splitlines(), [f"M {s.outside[1:]}/file", f"A {s.outside[1:]}/new/b"],
          "what is left in the sandbox")
    equal(s.call("discard", "name", "file", "--yes").returncode, 0, "the status of discard")
    equal(s.call("diff", "name").stdout, f"A {s.outside[1:]}/new/b\n", "what is left then")
    equal(s.sh("cat file", "name"), "old", "the file in the sandbox")
    done = s.call("apply", "name", "nowhere", "--yes")
    equal(done.returncode, 3, "the status for what is not changed")
    holds("nothing is changed at" in done.stderr, f"the message: {done.stderr}")
    s.outside_is_as_it_should_be()


def test_a_part_of_a_renamed_directory(t):
    s = sandbox(t, "mv dir moved; echo new > moved/inner")
    done = s.call("apply", "name", "moved/inner", "--yes")
    equal(done.returncode, 3, "the status")
    holds("as a whole" in done.stderr, f"the message: {done.stderr}")


def test_a_snapshot_before(t):
    s = sandbox(t, "echo one > file; rm dir/inner")
    s.call("snapshot", "name", "first")
    s.sh("echo two > file; mv other dir/", "name")
    applied(s, "--yes")
    equal((read(s.outside + "/file"), sorted(os.listdir(s.outside + "/dir"))), ("two\n", ["other", "second"]), "the outside")
    equal(s.call("diff", "name").stdout, "", "what is left in the sandbox")
    equal(s.sh("cat file; ls dir", "name"), "two\nother\nsecond\n", "what it shows")


def test_another_directory(t):
    s = Sandboxes(t, TREE)
    other = t.fresh("other", TREE)
    s.sh("echo new > file; rm dir/inner; echo made > dir/made; mv other moved", "name")
    outside = s.outside
    done = s.call("apply", "name", outside, "--to", other, "--yes")
    equal(done.returncode, 0, f"the status: {done.stderr}")
    equal(sorted(os.listdir(other)), ["dir", "file", "moved"], "the directory")
    equal((read(other + "/file"), sorted(os.listdir(other + "/dir"))), ("new\n", ["made", "second"]), "what it has")
    equal(len(s.call("diff", "name").stdout.splitlines()), 5, "the sandbox keeps its changes")
    equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
    equal((read(other + "/file"), sorted(os.listdir(other))), ("old", ["dir", "file", "other"]), "the directory after undo")
    write(other + "/dir/inner", "another")
    done = s.call("apply", "name", outside, "--to", other, "--yes")
    equal(done.returncode, 1, f"the status: {done.stderr}")
    holds(f"conflict: '{other}/dir/inner'" in done.stderr, f"the conflict: {done.stderr}")
    equal(read(other + "/file"), "old", "nothing is applied")


def test_a_part_above_a_snapshot(t):
    s = sandbox(t, "echo one > file; rm dir/inner; mv dir moved")
    s.call("snapshot", "name", "first")
    for words in (("apply", "name", "moved", "--yes"), ("discard", "name", "file", "--yes")):
        done = s.call(*words)
        equal(done.returncode, 3, f"the status of {words}")
        holds("squash --thaw" in done.stderr, f"the remedy of {words}: {done.stderr}")
    applied(s, f"{s.outside}/file", "--yes")
    equal(read(s.outside + "/file"), "one\n", "the file outside")
    holds("file" not in s.call("diff", "name").stdout, "the file is no change any more")
    s.sh("echo two > file", "name")
    applied(s, f"{s.outside}/file", "--yes")
    equal(read(s.outside + "/file"), "two\n", "the file after the second apply")
    s.sh("echo three > file", "name")
    write(s.outside + "/file", "mine")
    holds("was changed outside" in applied(s, f"{s.outside}/file", "--yes", status=1), "the conflict")


def test_a_conflict_with_what_changed_before_the_second_layer(t):
    s = sandbox(t, "echo one > file; echo one > other")
    s.call("snapshot", "name", "first")
    write(s.outside + "/file", "mine")
    write(s.outside + "/other", "mine")
    s.outside_is_as_it_should_be()
    s.sh("echo two > file; rm other", "name")
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 1, f"the status: {done.stderr}")
    for name in ("file", "other"):
        holds(f"conflict: '{s.outside}/{name}' was changed outside" in done.stderr, f"the conflict of {name}: {done.stderr}")


def test_an_interrupted_apply_keeps_its_sandbox(t):
    s = Sandboxes(t, TREE)
    s.sh("echo new > file")
    killed = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:signal=KILL:when=3",
                             t.settings.overpass, "apply", "@last", "--yes"], env=s.traced_environment(), cwd=s.outside,
                            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=t.settings.seconds(60))
    holds(killed.returncode != 0 and os.path.exists(f"{s.store}/@last/apply/journal.json"), "the apply is interrupted")
    for words in (("rm", "@last"), ("discard", "@last", "--yes"), ("undo", "@last"), ("snapshot", "@last"), ("run", "@last", "--", "true")):
        done = s.call(*words)
        holds(done.returncode != 0 and "was interrupted" in done.stderr, f"what {words} says: {done.stderr}")
    equal(s.call("prune", "--older-than", "0").returncode, 0, "the status of prune")
    s.sh("echo other > other")
    equal(sorted(name for name in os.listdir(s.store) if name.startswith("@last")), ["@last", "@last-2"], "the sandboxes")
    equal(s.call("apply", "@last", "--abort").returncode, 0, "the status of abort")
    equal(read(s.outside + "/file"), "old", "the file")
    s.outside_is_as_it_should_be()


def test_a_hard_link_is_overwritten_by_all_names(t):
    s = Sandboxes(t, TREE)
    os.link(s.outside + "/file", s.outside + "/dir/linked")
    s.outside_is_as_it_should_be()
    s.sh("echo new > file", "name")
    applied(s, "--yes")
    equal(read(s.outside + "/dir/linked"), "new\n", "the other name")
    holds(os.path.samefile(s.outside + "/file", s.outside + "/dir/linked"), "both are one file")
    equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
    equal(read(s.outside + "/dir/linked"), "old", "the other name after undo")
    holds(os.path.samefile(s.outside + "/file", s.outside + "/dir/linked"), "both are one file then")
    s.outside_is_as_it_should_be()


def test_a_directory_that_may_not_be_written(t):
    if os.geteuid() == 0:
        s = sandbox(t, "echo new > dir/made")
        applied(s, "--yes")
        equal(read(s.outside + "/dir/made"), "new\n", "root may")
        return
    s = sandbox(t, "echo new > dir/made; echo new > file")
    os.chmod(s.outside + "/dir", 0o555)
    s.outside_is_as_it_should_be()
    done = s.call("apply", "name", "--yes")
    os.chmod(s.outside + "/dir", 0o755)
    equal(done.returncode, 1, f"the status: {done.stderr}")
    holds("Permission denied" in done.stderr, f"the message: {done.stderr}")
    equal(read(s.outside + "/file"), "old", "nothing is applied")
    s.outside_is_as_it_should_be()
