# SPDX-License-Identifier: MIT
"""`overpass apply`, `undo` and `discard`: conflicts, parts, permissions, interruptions."""
import json
import os
import signal
import subprocess

import pytest

from harness import equal, holds, trees, write
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600

TREE = {"file": "old", "other": "other", "dir": {"inner": "deep", "second": "two"}}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


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


def journal(s):
    with open(f"{s.store}/name/apply/journal.json", encoding="utf-8") as file:
        return json.load(file)


SCRIPT = ("echo new > file; rm dir/inner; mv dir moved; mkdir made; echo made > made/it; ln -s file link; chmod 700 other; "
          "echo new > one; rm -r gone")


def outcome(s):
    """What can be told of the outside after the changes of SCRIPT: all done, or nothing."""
    def text(name):
        return read(s.outside + "/" + name) if os.path.isfile(s.outside + "/" + name) else None
    left = [name for _, _, names in os.walk(s.outside) for name in names if name.startswith(".overpass-")]
    return (text("file"), sorted(os.listdir(s.outside)), text("made/it"), text("moved/second"), text("one"), text("two"),
            os.stat(s.outside + "/other").st_mode & 0o777, left)


DONE = ("new\n", ["file", "link", "made", "moved", "one", "other", "two"], "made\n", "two", "new\n", "new\n", 0o700, [])
NOTHING = ("old", ["dir", "file", "gone", "one", "other", "two"], None, None, "linked", "linked", 0o644, [])


def prepare_kills(t):
    s = Sandboxes(t, {**TREE, "one": "linked", "gone": {"a": "a", "b": {"c": "c"}}})
    os.link(s.outside + "/one", s.outside + "/two")
    s.outside_is_as_it_should_be()
    return s


def kill(s, step):
    """Applies, and is killed at a system call that changes something; whether it was."""
    calls = "renameat2,renameat,linkat,unlinkat,mkdirat,fsync,syncfs,ftruncate"
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={step}",
                           s.t.settings.overpass, "apply", "name", "--yes"], env=s.traced_environment(), cwd=s.outside,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=s.t.settings.seconds(60))
    if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return True
    equal(done.returncode, 0, f"the apply that nothing killed: {done.stderr}")
    return False


def steps(t):
    """At which system calls it is killed: by root at each, elsewhere and on slow builds at some, others with another seed."""
    is_thorough = t.world == "root" and not t.settings.brief
    return range(1, 300) if is_thorough else range(1 + t.settings.seed % 3, 300, 3)


@pytest.mark.parametrize("ending", ["--continue", "--abort"])
def test_a_kill_at_every_step(t, ending):
    """Killed at each system call that changes something, apply can be finished or taken back."""
    s = prepare_kills(t)
    kinds = set()
    for step in steps(t):
        s.sh(SCRIPT, "name")
        if not kill(s, step):
            break
        if os.path.exists(f"{s.store}/name/apply/journal.json"):
            phase = journal(s)["phase"]
            kinds.add(phase)
            forwards = ending == "--continue" or phase == "published"
            done = s.call("apply", "name", "--yes", "--continue" if forwards else "--abort")
            equal(done.returncode, 0, f"the status after a kill at {step} ({phase}): {done.stderr}")
            equal(outcome(s), DONE if forwards else NOTHING, f"the outside after a kill at {step} ({phase})")
        if outcome(s) == NOTHING:
            done = s.call("apply", "name", "--yes")
            equal(done.returncode, 0, f"the status of a new apply after a kill at {step}: {done.stderr}")
        equal(outcome(s), DONE, f"the outside at last, after a kill at {step}")
        equal(s.call("diff", "name").stdout, "", f"what is left after a kill at {step}")
        done = s.call("undo", "name", "--yes")
        equal(done.returncode, 0, f"the status of undo after a kill at {step}: {done.stderr}")
        equal(outcome(s), NOTHING, f"the outside after undo, after a kill at {step}")
    holds(kinds == {"preparing", "publishing", "published"} and step > 20, f"kills came in all phases: {kinds}, {step} steps")
    s.outside_is_as_it_should_be()


@pytest.mark.parametrize("ending", ["--continue", "--abort"])
def test_a_kill_while_the_sandbox_runs(t, ending):
    """Killed at any system call, apply can be finished or taken back, and what is written meanwhile stays in the sandbox."""
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    kinds, step = set(), 0
    for step in range(1 + t.settings.seed % 3, 300, 3):
        run.do(f"for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo {step} > each$n; done; echo {step} > file; mkdir made{step}; echo it > made{step}/it; chmod 700 other; rm -f dir/inner; exec 5>> log{step}; echo a >&5")
        if not kill(s, step):
            break
        equal(run.do(f"echo later > later{step}; echo b >&5; cat file made{step}/it log{step}"), f"{step}\nit\na\nb\n", f"what is seen after a kill at {step}")
        if os.path.exists(f"{s.store}/name/apply/journal.json"):
            phase = journal(s)["phase"]
            kinds.add(phase)
            word = ending if phase != "published" else "--continue"
            done = s.call("apply", "name", "--yes", word)
            equal(done.returncode, 0, f"the status of {word} after a kill at {step} ({phase}): {done.stderr}")
        done = s.call("apply", "name", "--yes")
        equal(done.returncode, 0, f"the status of the next apply after a kill at {step}: {done.stderr}")
        equal(s.call("diff", "name").stdout, "", f"what is left after a kill at {step}")
        for name, text in (("file", f"{step}\n"), ("each12", f"{step}\n"), (f"made{step}/it", "it\n"), (f"log{step}", "a\nb\n"), (f"later{step}", "later\n")):
            equal(read(f"{s.outside}/{name}"), text, f"{name} outside after a kill at {step}")
        equal(run.do(f"cat file made{step}/it log{step} later{step}"), f"{step}\nit\na\nb\nlater\n", f"what is seen at last after a kill at {step}")
    holds(kinds == {"preparing", "publishing", "published"} and step > 20, f"kills came in all phases: {kinds}, {step} steps")
    run.end()
    s.outside_is_as_it_should_be()


def all_texts(directory):
    found = set()
    for path, _, names in os.walk(directory):
        for name in names:
            if os.path.isfile(os.path.join(path, name)):
                found.add(read(os.path.join(path, name)))
    return found


@pytest.mark.parametrize("replaces", [True, False])
@pytest.mark.parametrize("ending", ["--continue", "--abort"])
def test_what_is_changed_after_a_kill_is_not_lost(t, ending, replaces):
    """Somebody changes the new files before the apply is ended: neither that nor what was there before gets lost."""
    s = prepare_kills(t)
    tried = 0
    for step in steps(t):
        s.sh(SCRIPT, "name")
        if not kill(s, step):
            break
        changed = [name for name in ("file", "one") if read(f"{s.outside}/{name}") == "new\n"]
        if changed and os.path.exists(f"{s.store}/name/apply/journal.json") and journal(s)["phase"] == "publishing":
            tried += 1
            for name in changed:
                if replaces:
                    os.unlink(f"{s.outside}/{name}")
                write(f"{s.outside}/{name}", "mine " + name)
            done = s.call("apply", "name", "--yes", ending)
            texts = all_texts(s.outside) | all_texts(s.store)
            for name in changed:
                holds("mine " + name in texts, f"what was written into {name} after a kill at {step} ({done.returncode}): {done.stderr}")
            holds("old" in texts and "linked" in texts, f"what was there before, after a kill at {step}: {done.stderr}")
        s.call("rm", "--force", "name")
        subprocess.run(["sh", "-c", "rm -rf * .overpass-*"], cwd=s.outside, check=True)
        trees.build(s.outside, {**TREE, "one": "linked", "gone": {"a": "a", "b": {"c": "c"}}})
        os.link(s.outside + "/one", s.outside + "/two")
    holds(tried > 0, f"kills came while names changed: {tried}")
    s.outside_is_as_it_should_be()
