# SPDX-License-Identifier: MIT
"""`overpass apply --merge`: texts that were changed on both sides, and what is kept of them for that."""
import os
import shutil
import subprocess

import pytest

from harness import equal, holds, write
from harness.sandboxes import Running, Sandboxes
from pick_test import choose

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

LINES = [f"line {number}\n" for number in range(1, 11)]
TEXT = "".join(LINES)
TREE = {"file": TEXT, "other": "other\n", "dir": {"inner": TEXT}}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def edited(**new):
    """TEXT with other lines: first, last or middle."""
    places = {"first": 0, "middle": 5, "last": 9}
    lines = list(LINES)
    for place, line in new.items():
        lines[places[place]] = line + "\n"
    return "".join(lines)


OUTSIDE, MERGED = edited(first="outside"), edited(first="outside", last="sandbox")


def sandbox(t, script, tree=None, options=("--keep-bases",)):
    s = Sandboxes(t, tree or TREE)
    s.sh(script, *options, "name")
    return s


def outside(s, name="file", text=OUTSIDE):
    write(f"{s.outside}/{name}", text)
    s.outside_is_as_it_should_be()


def merge(s, *words, status=0):
    """What it says on standard error."""
    done = s.call("apply", "name", "--merge", "--yes", *words)
    equal(done.returncode, status, f"the status of apply --merge: {done.stderr}")
    s.outside_is_as_it_should_be()
    return done.stderr


def bases(s):
    """What is kept, of all sandboxes and layers."""
    found = []
    for path, _, names in os.walk(s.store):
        if os.path.basename(path) == "bases":
            found += [read(f"{path}/{name}")[:-34] for name in names]
    return sorted(found)


def conflict_files(s):
    return sorted(name for _, _, names in os.walk(s.outside) for name in names if "conflict" in name)


# How a program may change the last line.
CHANGES = {
    "in place": "printf 'sandbox\\n' | dd of=file bs=1 seek=63 conv=notrunc 2> /dev/null",
    "rewritten": "text=$(sed 's/line 10/sandbox/' file); echo \"$text\" > file",
    "replaced": "sed -i 's/line 10/sandbox/' file",
    "removed and made anew": "text=$(sed 's/line 10/sandbox/' file); rm file; echo \"$text\" > file",
    "removed, and another renamed": "sed 's/line 10/sandbox/' file > new; rm file; mv new file",
    "mode first": "chmod 600 file; chmod 644 file; text=$(sed 's/line 10/sandbox/' file); echo \"$text\" > file",
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_clean_merge(t, how):
    s = sandbox(t, CHANGES[how])
    equal(s.sh("cat file", "name"), edited(last="sandbox"), "the text in the sandbox")
    outside(s)
    os.chmod(s.outside + "/file", 0o640)
    s.outside_is_as_it_should_be()
    trial = s.call("apply", "name", "--merge", "--dry-run")
    equal((trial.returncode, trial.stdout), (0, f"M {s.outside[1:]}/file\n"), f"the trial: {trial.stderr}")
    holds(f"merged with what is outside: '{s.outside}/file'" in trial.stderr, f"what it tells: {trial.stderr}")
    equal(read(s.outside + "/file"), OUTSIDE, "the outside after the trial")
    merge(s)
    equal(read(s.outside + "/file"), MERGED, "the outside")
    equal(os.stat(s.outside + "/file").st_mode & 0o777, 0o640, "the mode, which the outside has changed")
    equal(s.call("diff", "name").stdout, "", "what is left in the sandbox")
    equal(s.sh("cat file", "name"), MERGED, "what the sandbox shows")
    equal(bases(s), [], "what is kept still")
    done = s.call("undo", "name", "--yes")
    equal(done.returncode, 0, f"the status of undo: {done.stderr}")
    equal(read(s.outside + "/file"), OUTSIDE, "the outside after undo")
    done = s.call("undo", "name", "--yes", "--redo")
    equal((done.returncode, read(s.outside + "/file")), (0, MERGED), f"the outside after redo: {done.stderr}")
    s.outside_is_as_it_should_be()


def own_texts(s):
    """What is kept of the sandbox's own, by paths from the root, and beside what: undo or redo."""
    found = {}
    for path, _, names in os.walk(s.store):
        if "/own/" in path:
            above, below = path.split("/own/", 1)
            found |= {(above.split("/")[-2], f"/{below}/{name}"): read(f"{path}/{name}") for name in names}
    return found


def test_the_own_text_of_the_sandbox_is_kept_beside_what_can_be_undone(t):
    s = sandbox(t, CHANGES["replaced"] + "; mv dir moved; echo more >> moved/inner; echo new > other")
    outside(s)
    outside(s, "dir/inner")
    merge(s)
    own = {s.outside + "/file": edited(last="sandbox"), s.outside + "/moved/inner": TEXT + "more\n"}
    equal(own_texts(s), {("undo", path): text for path, text in own.items()}, "what is kept after the apply")
    for option, stack, there in (([], "redo", OUTSIDE), (["--redo"], "undo", MERGED), ([], "redo", OUTSIDE)):
        done = s.call("undo", "name", "--yes", *option)
        equal((done.returncode, read(s.outside + "/file")), (0, there), f"the outside after undo {option}: {done.stderr}")
        equal(own_texts(s), {(stack, path): text for path, text in own.items()}, f"what is kept after undo {option}")
        equal("the sandbox's own of the texts that were merged is below" in done.stderr, stack == "redo", f"what undo {option} tells: {done.stderr}")
    s.outside_is_as_it_should_be()
    s.sh("echo once more > other", "name")
    equal(s.call("apply", "name", "--yes").returncode, 0, "the status of another apply")
    equal(own_texts(s), {}, "what cannot be redone any more is not kept")
    s.outside_is_as_it_should_be()


def test_a_text_that_has_both_already_stays_what_it_is(t):
    s = sandbox(t, CHANGES["replaced"] + "; mv dir moved; sed -i 's/line 10/sandbox/' moved/inner")
    for name in ("file", "dir/inner"):
        outside(s, name, MERGED)
    before = [os.stat(f"{s.outside}/{name}") for name in ("file", "dir/inner")]
    merge(s)
    after = [os.stat(f"{s.outside}/{name}") for name in ("file", "moved/inner")]
    equal([(stat.st_ino, stat.st_ctime_ns) for stat in after], [(stat.st_ino, stat.st_ctime_ns) for stat in before], "the files")
    equal((s.call("diff", "name").stdout, bases(s)), ("", []), "what is left in the sandbox")
    equal(s.sh("cat file", "name"), MERGED, "what the sandbox shows")
    done = s.call("undo", "name", "--yes")
    equal((done.returncode, read(s.outside + "/file"), read(s.outside + "/dir/inner")), (0, MERGED, MERGED), f"after undo: {done.stderr}")
    s.outside_is_as_it_should_be()


def test_a_text_that_has_both_already_is_all_that_is_applied(t):
    s = sandbox(t, CHANGES["replaced"])
    outside(s, text=MERGED)
    before = os.stat(s.outside + "/file")
    merge(s)
    equal((os.stat(s.outside + "/file").st_ctime_ns, s.call("diff", "name").stdout), (before.st_ctime_ns, ""), "the file, and what is left in the sandbox")
    for option in ([], ["--redo"]):
        done = s.call("undo", "name", "--yes", *option)
        equal((done.returncode, read(s.outside + "/file")), (0, MERGED), f"after undo {option}: {done.stderr}")


def test_without_merge_it_is_a_conflict(t):
    s = sandbox(t, CHANGES["replaced"])
    outside(s)
    equal(s.call("apply", "name", "--yes").returncode, 1, "the status")
    equal(read(s.outside + "/file"), OUTSIDE, "the outside")


BINARY = "a\0b\n" + TEXT
OBSTACLES = {
    "no base is kept": (TREE, CHANGES["replaced"], (), OUTSIDE, "run --keep-bases"),
    "too large": ({"file": TEXT + "x" * (1 << 20)}, "sed -i 's/line 10/sandbox/' file", ("--keep-bases",), OUTSIDE, "larger than 1 MiB"),
    "binary": ({"file": BINARY}, "echo more >> file", ("--keep-bases",), "before\n" + BINARY, "no text"),
    "binary in the sandbox": (TREE, "printf 'a\\0b' >> file", ("--keep-bases",), OUTSIDE, "no text"),
    "deleted": (TREE, "rm file", ("--keep-bases",), OUTSIDE, "has deleted it"),
    "another kind": (TREE, "rm file; mkdir file", ("--keep-bases",), OUTSIDE, "another kind of file"),
}


def test_what_one_side_has_not_is_a_conflict(t):
    s = sandbox(t, "echo more >> file; echo new > made")
    os.unlink(s.outside + "/file")
    outside(s, "made", "made outside\n")
    told = merge(s, status=1)
    for name, reason in (("file", "was deleted outside, and cannot be merged: there is nothing to merge it with"),
                         ("made", "was made outside, or nothing is known of it, and cannot be merged: what both sides began with is not known")):
        holds(f"conflict: '{s.outside}/{name}' {reason}" in told, f"the conflict of {name}: {told}")
    equal(sorted(os.listdir(s.outside)), ["dir", "made", "other"], "the outside")


@pytest.mark.parametrize("what", OBSTACLES)
def test_what_cannot_be_merged_is_a_conflict_with_its_reason(t, what):
    tree, script, options, text, reason = OBSTACLES[what]
    s = sandbox(t, "echo new > also; " + script, tree, options)
    outside(s, text=text)
    told = merge(s, status=1)
    found = [line for line in told.splitlines() if line.startswith(f"conflict: '{s.outside}/file'")]
    holds(found and reason in found[0], f"the conflict: {told}")
    equal((read(s.outside + "/file"), os.path.exists(s.outside + "/also"), conflict_files(s)), (text, False, []), "nothing is applied")


def test_modes_that_were_changed_on_both_sides(t):
    s = sandbox(t, CHANGES["replaced"] + "; chmod 600 file")
    outside(s)
    os.chmod(s.outside + "/file", 0o640)
    s.outside_is_as_it_should_be()
    told = merge(s, status=1)
    holds("its mode was changed on both sides" in told, f"the conflict: {told}")
    os.chmod(s.outside + "/file", 0o644)
    merge(s)
    equal((read(s.outside + "/file"), os.stat(s.outside + "/file").st_mode & 0o777), (MERGED, 0o600), "the mode of the sandbox")


def test_a_mode_of_the_sandbox_and_a_text_of_the_outside(t):
    s = sandbox(t, "chmod 600 file")
    outside(s)
    merge(s)
    equal((read(s.outside + "/file"), os.stat(s.outside + "/file").st_mode & 0o777), (OUTSIDE, 0o600), "the file")
    equal(s.call("diff", "name").stdout, "", "what is left")


def test_several_names_are_not_merged(t):
    s = Sandboxes(t, TREE)
    os.link(s.outside + "/file", s.outside + "/linked")
    s.outside_is_as_it_should_be()
    s.sh("text=$(sed 's/line 10/sandbox/' file); echo \"$text\" > file", "--keep-bases", "name")
    outside(s)
    told = merge(s, status=1)
    holds("it has several names" in told, f"the conflict: {told}")


def test_a_base_that_a_crash_has_cut_is_none(t):
    s = sandbox(t, CHANGES["rewritten"])
    outside(s)
    for path, _, names in os.walk(s.store):
        if os.path.basename(path) == "bases":
            for name in names:
                os.truncate(f"{path}/{name}", 40)
    told = merge(s, status=1)
    holds("it was not kept" in told, f"the conflict: {told}")


@pytest.mark.parametrize("later", [False, True])
def test_bases_that_cannot_be_kept_do_not_fail_a_write(t, later):
    """Neither where they cannot be from the beginning, nor where that comes later."""
    s = sandbox(t, "echo first >> other")
    directory = os.path.dirname(s.upper("name", mount_of(s.outside))) + "/bases"
    if not later:
        shutil.rmtree(directory)
        os.symlink("/nowhere", directory)
    run = Running(s, "name")
    if later:
        run.do("true")
        shutil.rmtree(directory)
    run.do("sed -i 's/line 10/sandbox/' file; echo more >> dir/inner; rm other")
    equal(run.do("tail -n 1 file dir/inner; ls"), "==> file <==\nsandbox\n\n==> dir/inner <==\nmore\ndir\nfile\n", "what was written")
    run.end()
    outside(s)
    holds("it was not kept" in merge(s, status=1), "the conflict")


def mount_of(path):
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def test_a_fork_has_the_bases_too(t):
    s = sandbox(t, CHANGES["rewritten"])
    equal(s.call("fork", "name", "fork").returncode, 0, "the status of fork")
    equal(s.call("rm", "--force", "name").returncode, 0, "the status of rm")
    outside(s)
    done = s.call("apply", "fork", "--merge", "--yes")
    equal((done.returncode, read(s.outside + "/file")), (0, MERGED), f"what the fork has merged: {done.stderr}")
    s.outside_is_as_it_should_be()
    s.sh("echo more >> dir/inner", "fork")
    equal(bases(s), [TEXT], "the fork goes on keeping them")


def test_what_a_fork_shares_stays_what_it_was(t):
    """The sandbox keeps its own, which is not over the merged text: it never takes back what the outside has changed."""
    s = sandbox(t, CHANGES["rewritten"])
    equal(s.call("fork", "name", "fork").returncode, 0, "the status of fork")
    outside(s)
    s.sh("echo new > other", "name")
    merge(s, "file")
    equal(read(s.outside + "/file"), MERGED, "the outside")
    equal(s.call("apply", "name", "file", "--yes").returncode, 1, "the status without --merge: it would take back a line")
    for name in ("name", "fork"):
        done = s.call("apply", name, "file", "--merge", "--yes")
        equal((done.returncode, read(s.outside + "/file")), (0, MERGED), f"what {name} merges then: {done.stderr}")
    s.outside_is_as_it_should_be()


@pytest.mark.parametrize("how", ["snapshot", "squash", "thaw", "rebase"])
def test_bases_follow_the_changes(t, how):
    s = sandbox(t, CHANGES["rewritten"])
    equal(s.call("snapshot", "name", "one").returncode, 0, "the status of snapshot")
    s.sh("sed -i 's/line 10/sandbox/' dir/inner", "name")
    if how in ("squash", "thaw"):
        equal(s.call("snapshot", "name", "two").returncode, 0, "the status of the second snapshot")
        equal(s.call("squash", *(["--thaw"] if how == "thaw" else []), "name").returncode, 0, "the status of squash")
    elif how == "rebase":
        outside(s, "other", "changed\n")
        done = s.call("rebase", "name")
        equal(done.returncode, 0, f"the status of rebase: {done.stderr}")
    outside(s)
    outside(s, "dir/inner")
    merge(s)
    equal((read(s.outside + "/file"), read(s.outside + "/dir/inner")), (MERGED, MERGED), "the outside")
    equal((s.call("diff", "name").stdout, bases(s)), ("", []), "what is left")


def test_what_is_vacuumed_leaves_no_bases(t):
    s = sandbox(t, "cp -p file saved; echo more >> file; cat saved > file; touch -r saved file; rm saved; mv dir moved; echo more >> moved/inner")
    equal(len(bases(s)), 2, "what is kept")
    done = s.call("vacuum", "name")
    equal((done.returncode, done.stdout.split(",")[0]), (0, "1 names"), f"what goes: {done.stderr}")
    equal(s.call("diff", "name").stdout, f"R {s.outside[1:]}/dir/ -> {s.outside[1:]}/moved/\nM {s.outside[1:]}/moved/inner\n", "what is changed still")
    equal(bases(s), [TEXT], "what is kept still")
    outside(s, "dir/inner")
    merge(s)
    equal(read(s.outside + "/moved/inner"), OUTSIDE + "more\n", "the text in the renamed directory")


ANEW = {
    "made anew": "mkdir dir",
    "replaced by another": "mv second dir",
    "made anew, with a directory in it": "mkdir dir dir/below; echo new > dir/below/inner",
}


@pytest.mark.parametrize("how", ANEW)
def test_vacuum_leaves_what_a_renamed_directory_needs(t, how):
    """Another directory is where it was, and shows nothing of the file there."""
    s = sandbox(t, "sed -i 's/line 10/sandbox/' dir/inner dir/below/inner; mv dir moved; " + ANEW[how],
                TREE | {"dir": {"inner": TEXT, "below": {"inner": TEXT}}, "second": {}})
    equal(s.call("vacuum", "name").returncode, 0, "the status of vacuum")
    equal(bases(s), [TEXT, TEXT], "what is kept")
    outside(s, "dir/inner")
    merge(s)
    equal((read(s.outside + "/moved/inner"), read(s.outside + "/moved/below/inner")), (MERGED, edited(last="sandbox")), "the texts in the renamed directory")


@pytest.mark.parametrize("command", ["discard", "apply", "rollback"])
def test_bases_go_with_the_changes(t, command):
    s = sandbox(t, "echo more >> file")
    equal(s.call("snapshot", "name", "one").returncode, 0, "the status of snapshot")
    s.sh("echo more >> other; rm -r dir", "name")
    equal(len(bases(s)), 3, "what is kept")
    if command == "rollback":
        equal(s.call("rollback", "name", "one").returncode, 0, "the status")
        equal(bases(s), [TEXT], "what is kept of the snapshot")
        return
    for name, left in (("other", 2), ("dir", 1)):
        equal(s.call(command, "name", name, "--yes").returncode, 0, "the status")
        equal(len(bases(s)), left, f"what is kept without {name}")
    s.outside_is_as_it_should_be()


def test_in_a_sandbox_that_runs(t):
    s = Sandboxes(t, TREE)
    process = Running(s, "name") if s.run("--keep-bases", "name", "--", "true").returncode == 0 else None
    process.do(CHANGES["rewritten"] + "; sed -i 's/line 10/sandbox/' dir/inner; echo more >> other")
    outside(s)
    outside(s, "dir/inner")
    merge(s, "file")
    equal(process.do("cat file"), MERGED, "what it shows of what was merged")
    equal(s.call("diff", "name").stdout, f"M {s.outside[1:]}/dir/inner\nM {s.outside[1:]}/other\n", "what is left")
    process.do("sed -i 's/line 5/again/' file")
    text = read(s.outside + "/file").replace("line 3", "third")
    outside(s, text=text)
    merge(s)
    equal(read(s.outside + "/file"), text.replace("line 5", "again"), "what was merged the second time")
    equal(read(s.outside + "/dir/inner"), MERGED, "what was merged beside it")
    process.end()
    equal((s.call("diff", "name").stdout), "", "what is left")


def test_what_is_open_while_it_is_merged(t):
    """What is in use stays in the sandbox. A later apply never takes back what the outside has changed."""
    s = Sandboxes(t, TREE)
    s.run("--keep-bases", "name", "--", "true")
    process = Running(s, "name")
    process.do("exec 5>> file; echo sandbox >&5")
    outside(s)
    merge(s)
    equal(read(s.outside + "/file"), OUTSIDE + "sandbox\n", "the outside")
    equal(s.call("diff", "name").stdout, f"M {s.outside[1:]}/file\n", "what is left")
    process.do("echo later >&5")
    process.end()
    equal(s.call("apply", "name", "--yes").returncode, 1, "the status without --merge")
    equal(read(s.outside + "/file"), OUTSIDE + "sandbox\n", "what is outside then")
    merge(s, status=1)
    equal(read(s.outside + "/file.overpass-conflict"),
          OUTSIDE + "<<<<<<< outside\nsandbox\n=======\nsandbox\nlater\n>>>>>>> sandbox name\n", "both sides")


def test_picked_hunks_are_what_the_rest_is_merged_over(t):
    """After a part of a text was applied, its base is what is outside then."""
    s = sandbox(t, "sed -i 's/line 10/sandbox/; s/line 1$/first/' file")
    choose(s, "y", "n")
    equal(read(s.outside + "/file"), edited(first="first"), "the hunk that was picked")
    outside(s, text=edited(first="first", middle="outside"))
    merge(s)
    equal(read(s.outside + "/file"), edited(first="first", middle="outside", last="sandbox"), "the outside")


def test_calls_that_make_no_sense(t):
    s = sandbox(t, CHANGES["replaced"])
    for other in (["--force"], ["-p"], ["--to", s.outside], ["--continue"], ["--abort"]):
        done = s.call("apply", "name", "--merge", "--yes", *other)
        equal(done.returncode, 2, f"the status with {other}: {done.stderr}")
        holds("exclude each other" in done.stderr, f"the reason: {done.stderr}")
    equal(s.run("--keep-bases", "name", "--", "true").returncode, 125, "the status for a sandbox that is there")


def test_nothing_is_kept_that_nobody_asked_for(t):
    s = sandbox(t, CHANGES["replaced"] + "; rm other", options=())
    holds(not any(os.path.basename(path) == "bases" for path, _, _ in os.walk(s.store)), "no directory is made")


@pytest.mark.parametrize("options", [(), ("--keep-bases",)])
def test_a_part_of_a_fork_that_has_never_run(t, options):
    s = sandbox(t, CHANGES["rewritten"] + "; echo new > other", options=options)
    equal(s.call("fork", "name", "fork").returncode, 0, "the status of fork")
    done = s.call("apply", "fork", "file", "--yes")
    equal((done.returncode, read(s.outside + "/file")), (0, edited(last="sandbox")), f"what is applied: {done.stderr}")
    equal(s.call("diff", "fork").stdout, f"M {s.outside[1:]}/other\n", "what is left")
    s.outside_is_as_it_should_be()


def merge_by(s, directory, script, status):
    """With another diff3 in PATH."""
    os.makedirs(directory, exist_ok=True)
    write(directory + "/diff3", "#!/bin/sh\n" + script)
    os.chmod(directory + "/diff3", 0o755)
    done = subprocess.run([s.t.settings.overpass, "apply", "name", "--merge", "--yes"], env=s.environment(PATH=directory + ":" + os.environ["PATH"]),
                          cwd=s.outside, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=s.t.settings.seconds(60))
    equal(done.returncode, status, f"the status: {done.stderr}")
    return done.stderr


def test_a_text_that_changes_again_while_it_is_merged(t):
    s = sandbox(t, CHANGES["replaced"] + "; echo new > other")
    outside(s)
    again = t.fresh("again", {"text": OUTSIDE.replace("line 3", "again")}) + "/text"
    told = merge_by(s, t.fresh("programs"), f'/usr/bin/diff3 "$@"; status=$?; cat {again} > {s.outside}/file; exit $status\n', 1)
    holds(f"conflict: '{s.outside}/file' was changed outside" in told, f"the conflict: {told}")
    equal((read(s.outside + "/file"), read(s.outside + "/other")), (read(again), "other\n"), "the outside")
    s.outside_is_as_it_should_be()
    merge(s)
    equal(read(s.outside + "/file"), MERGED.replace("line 3", "again"), "what is merged then")


@pytest.mark.parametrize("script", ["exit 2\n", "kill -9 $$\n"])
def test_a_diff3_that_fails_changes_nothing(t, script):
    s = sandbox(t, CHANGES["replaced"] + "; echo new > other")
    outside(s)
    told = merge_by(s, t.fresh("programs"), script, 3)
    holds("install diffutils" in told, f"the remedy: {told}")
    equal((read(s.outside + "/file"), read(s.outside + "/other")), (OUTSIDE, "other\n"), "the outside")
