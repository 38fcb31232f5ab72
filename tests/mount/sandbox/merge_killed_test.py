# SPDX-License-Identifier: MIT
"""`overpass apply --merge` that is killed can be finished or taken back, and loses nothing of either side."""
import os

import pytest

from apply_kills import CALLS, journal, kill, read
from harness import equal, holds, write
from harness.sandboxes import Sandboxes
from merge_test import MERGED, OUTSIDE, TEXT, edited

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600

TREE = {"file": TEXT, "overlaps": TEXT, "plain": "old\n"}
SCRIPT = ("for name in file overlaps; do sed -i 's/line 10/sandbox/' $name; done; sed -i 's/line 1$/sandbox/' overlaps; echo new > plain; "
          "echo made > made")
NOTHING, DONE = (OUTSIDE, OUTSIDE, "old\n", False), (MERGED, OUTSIDE, "new\n", True)
SUFFIX = ".overpass-conflict"


def outcome(s):
    return (*(read(f"{s.outside}/{name}") for name in ("file", "overlaps", "plain")), os.path.exists(s.outside + "/made"))


def clear(s):
    """Removes what is left for the user. Of that a kill leaves all or nothing."""
    for name in os.listdir(s.outside):
        if name.endswith(SUFFIX):
            os.unlink(f"{s.outside}/{name}")


@pytest.mark.parametrize("ending", ["--continue", "--abort"])
def test_a_kill_at_every_step_of_a_merge(t, ending):
    s, texts = Sandboxes(t, TREE), t.fresh("texts")
    phases = set()
    # Names change within the first calls of each kind.
    every = t.settings.in_form(brief=8, usual=4, long=1)
    for step in (*range(1, 13), *range(13 + (t.settings.seed - 1) % every, 100, every)):
        s.sh(SCRIPT, "--keep-bases", "name")
        for name in ("file", "overlaps"):
            write(f"{s.outside}/{name}", OUTSIDE)
        # Calls of each kind are counted. More directories are made before names change than names change at all.
        calls = CALLS if step % 4 == 3 else CALLS.replace("mkdirat,", "")
        was_killed = kill(s, step, "--merge", status=1, calls=calls, TMPDIR=texts)
        if was_killed and os.path.exists(f"{s.store}/name/apply/journal.json"):
            phase = journal(s)["phase"]
            phases.add(phase)
            forwards = ending == "--continue" or phase == "published"
            done = s.call("apply", "name", "--yes", "--continue" if forwards else "--abort")
            equal(done.returncode, 0, f"the status after a kill at {step} ({phase}): {done.stderr}")
            wanted = DONE if forwards and phase != "preparing" else NOTHING
            equal(outcome(s), wanted, f"the outside after a kill at {step} ({phase}): {done.stderr}")
        if was_killed:
            clear(s)
            done = s.call("apply", "name", "--yes", "--merge")
            equal(done.returncode, 1, f"the status of a new apply after a kill at {step}: {done.stderr}")
        equal(outcome(s), DONE, f"the outside at last, after a kill at {step}")
        equal(read(s.outside + "/overlaps" + SUFFIX), edited(first="<<<<<<< outside\noutside\n=======\nsandbox\n>>>>>>> sandbox name",
                                                             last="sandbox"), f"both sides, after a kill at {step}")
        equal(s.call("diff", "name").stdout, f"M {s.outside[1:]}/overlaps\n", f"what is left after a kill at {step}")
        clear(s)
        done = s.call("undo", "name", "--yes")
        equal((done.returncode, outcome(s)), (0, NOTHING), f"the outside after undo, after a kill at {step}: {done.stderr}")
        equal([name for name in os.listdir(s.outside) if "overpass" in name], [], f"temporary names after a kill at {step}")
        equal(s.call("rm", "--force", "name").returncode, 0, "the status of rm")
        for name in ("file", "overlaps"):
            write(f"{s.outside}/{name}", TEXT)
        if not was_killed:
            break
    holds(phases == {"preparing", "publishing", "published"} and step > 20, f"kills came in all phases: {phases}, {step} steps")
    s.outside_is_as_it_should_be()


def test_what_was_taken_back_can_be_merged_later(t):
    """An apply that is taken back leaves outside files with other ctimes; what is kept of them still belongs to them."""
    s = Sandboxes(t, TREE)
    tried = 0
    for step in range(1, 13):
        s.sh(SCRIPT, "--keep-bases", "name")
        if kill(s, step) and os.path.exists(f"{s.store}/name/apply/journal.json") and journal(s)["phase"] != "published":
            tried += 1
            equal(s.call("apply", "name", "--abort").returncode, 0, f"the status of --abort after a kill at {step}")
            write(s.outside + "/file", OUTSIDE)
            done = s.call("apply", "name", "file", "--yes", "--merge")
            equal((done.returncode, read(s.outside + "/file")), (0, MERGED), f"what is merged after a kill at {step}: {done.stderr}")
            equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
        s.call("apply", "name", "--continue")
        while s.call("undo", "name", "--yes").returncode == 0:
            pass
        equal(s.call("rm", "--force", "name").returncode, 0, "the status of rm")
        for name in ("file", "overlaps"):
            write(f"{s.outside}/{name}", TEXT)
    holds(tried >= 2, f"kills came before the end: {tried}")
    s.outside_is_as_it_should_be()
