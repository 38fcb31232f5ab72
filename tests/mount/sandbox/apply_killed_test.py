# SPDX-License-Identifier: MIT
"""An apply that is killed can be finished or taken back."""
import os

import pytest

from apply_kills import DONE, NOTHING, SCRIPT, journal, kill, outcome, prepare_kills, steps
from harness import equal, holds

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600


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
