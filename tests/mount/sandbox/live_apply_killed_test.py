# SPDX-License-Identifier: MIT
"""An apply that is killed while its sandbox runs can be finished or taken back."""
import os

import pytest

from apply_kills import TREE, journal, kill, read, steps
from harness import equal, holds
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600


@pytest.mark.parametrize("ending", ["--continue", "--abort"])
def test_a_kill_while_the_sandbox_runs(t, ending):
    """Killed at any system call, apply can be finished or taken back, and what is written meanwhile stays in the sandbox."""
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    kinds, step = set(), 0
    for step in steps(t):
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
