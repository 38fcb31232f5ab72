# SPDX-License-Identifier: MIT
"""Random changes in a sandbox that goes on running are applied, undone and dropped."""
import json
import shlex
import sys

import pytest

from apply_random_test import SHOW, TESTS, exact, grow, picture, shown
from harness import equal, holds, random_tree, same_lines
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400


def seen_by(run):
    """What a sandbox that runs shows."""
    return json.loads(run.do(shlex.join([sys.executable, "-c", SHOW, TESTS])))


def is_refused(done, run, after):
    """Whether it cannot be done while the sandbox runs; then nothing has changed."""
    if done.returncode == 0:
        return False
    holds("end what runs in it" in done.stderr or "when it does not run" in done.stderr, f"why it is refused: {done.stderr}")
    same_lines(seen_by(run), after, "what the sandbox shows after a refusal")
    return True


@pytest.mark.seeds(brief=1, usual=3, long=10)
def test_apply_and_undo_while_it_runs(t, seed):
    """Apply makes the outside what the sandbox shows, which goes on showing it; undo is seen inside at once. What cannot be
    done while it runs is done afterwards."""
    s = Sandboxes(t)
    grow(s, seed)
    run = Running(s, "name")
    for number in range(3):
        run.do(f"exec 5<&-; {sys.executable} {random_tree.__file__} {seed * 10 + number} 20; exec 5>> kept{number}; echo {number} >&5; mkdir -p at{number}; cd at{number}")
        run.do("cd ..")
        after, before = seen_by(run), exact(s.outside)
        done = s.call("apply", "name", "--yes")
        if is_refused(done, run, after):
            same_lines(exact(s.outside), before, "the outside after a refusal")
            break
        same_lines(picture(s.outside), after, "the outside after apply")
        same_lines(seen_by(run), after, "what the sandbox shows after apply")
        equal(s.call("diff", "name").stdout, "", "what the sandbox still changes")
        if number == 2:
            equal(s.call("undo", "name", "--yes").returncode, 0, "the status of undo")
            same_lines(exact(s.outside), before, "the outside after undo")
            equal(s.call("undo", "--redo", "name", "--yes").returncode, 0, "the status of redo")
            same_lines(seen_by(run), after, "what the sandbox shows after redo")
    after = seen_by(run)
    run.end()
    same_lines(shown(s, "name"), after, "what the next run shows")
    done = s.call("apply", "name", "--yes")
    equal(done.returncode, 0, f"the status of the last apply: {done.stderr}")
    same_lines(picture(s.outside), after, "the outside at last")
    s.outside_is_as_it_should_be()


@pytest.mark.seeds(brief=1, usual=2, long=10)
def test_discard_while_it_runs(t, seed):
    s = Sandboxes(t)
    grow(s, seed)
    before = picture(s.outside)
    run = Running(s, "name")
    for number in range(3):
        run.do(f"{sys.executable} {random_tree.__file__} {seed * 10 + number} 15")
        after = seen_by(run)
        if is_refused(s.call("discard", "name", "--yes"), run, after):
            break
        same_lines(seen_by(run), before, "what the sandbox shows after discard")
        equal(s.call("diff", "name").stdout, "", "what it changes")
    after = seen_by(run)
    run.end()
    same_lines(shown(s, "name"), after, "what the next run shows")
