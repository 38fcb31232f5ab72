# SPDX-License-Identifier: MIT
"""What is changed outside after a kill of an apply is not lost, nor is what was there before."""
import os
import subprocess

import pytest

from apply_kills import LINKED, SCRIPT, journal, kill, prepare_kills, read, steps
from harness import holds, trees, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600


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
        trees.build(s.outside, LINKED)
        os.link(s.outside + "/one", s.outside + "/two")
    holds(tried > 0, f"kills came while names changed: {tried}")
    s.outside_is_as_it_should_be()
