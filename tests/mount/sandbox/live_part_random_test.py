# SPDX-License-Identifier: MIT
"""Parts of random changes are discarded and applied while the sandbox runs."""
import hashlib
import json
import os
import random
import shlex
import stat
import sys

import pytest

from apply_random_test import TESTS, grow
from harness import equal, holds, random_tree
from harness.random_changes import walk
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400

SHOW = ("import sys, json; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/mount/sandbox']; from live_part_random_test import tree; "
        "print(json.dumps(tree('.')))")
REFUSALS = ("end what runs in it", "when it does not run", "is taken as a whole", "nothing is changed at")


def tree(root):
    """What is shown at each path."""
    found = {}
    for path, what in walk(root).items():
        content = what["content"]
        digest = hashlib.md5(content if isinstance(content, bytes) else os.fsencode(content or "")).hexdigest()
        found[path] = [what["type"], what["mode"], list(what["owner"]), digest, sorted(what["xattrs"])]
    return found


def seen_by(run):
    return json.loads(run.do(shlex.join([sys.executable, "-c", SHOW, TESTS])))


def below(tree_of, part, inside=True):
    return {path: what for path, what in tree_of.items() if (path == part or path.startswith(part + "/")) == inside}


def compare(found, expected, what):
    different = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
    equal(different, [], what)


@pytest.mark.seeds(brief=3, usual=6, long=12)
def test_parts(t, seed):
    """A discard makes the part what it is outside and leaves the rest; an apply makes the outside's part what it is in the sandbox,
    which goes on showing the same. Every third seed renames directories, which may take others along."""
    s = Sandboxes(t)
    grow(s, seed)
    run = Running(s, "name")
    source = random.Random(seed)
    renames = seed % 3 == 2
    for number in range(6):
        run.do(f"{sys.executable} {random_tree.__file__} {seed * 10 + number} 12 {'' if renames else 'keep'}")
        inside, outside = seen_by(run), tree(s.outside)
        if not outside:
            break
        part = source.choice(sorted(outside))
        command = source.choice(("discard", "discard", "apply"))
        done = s.call(command, "name", f"{s.outside}/{part}", "--yes")
        now_inside, now_outside = seen_by(run), tree(s.outside)
        s.outside_is_as_it_should_be()
        if done.returncode != 0:
            holds(any(text in done.stderr for text in REFUSALS), f"why {command} of {part!r} is refused: {done.stderr}")
            compare(now_inside, inside, "what the sandbox shows after a refusal")
            compare(now_outside, outside, "the outside after a refusal")
        elif "in use, kept" in done.stderr:
            compare(now_outside, outside, "the outside after a discard")
        elif command == "discard":
            compare(now_outside, outside, "the outside after a discard")
            compare(below(now_inside, part), below(outside, part), f"what is shown of {part!r}, which was discarded")
            if not renames:
                compare(below(now_inside, part, False), below(inside, part, False), f"what is shown besides {part!r}")
        else:
            compare(now_inside, inside, f"what the sandbox shows after {part!r} was applied")
            compare(below(now_outside, part), below(inside, part), f"what {part!r} is outside")
            if not renames:
                compare(below(now_outside, part, False), below(outside, part, False), f"the outside besides {part!r}")
    after = seen_by(run)
    run.end()
    compare(json.loads(s.run("name", "--", sys.executable, "-c", SHOW, TESTS).stdout), after, "what the next run shows")
    # Another name of a file that was applied is another file now, or has other times.
    is_linked = any(os.lstat(f"{s.outside}/{path}").st_nlink > 1 for path, what in tree(s.outside).items() if what[0] == stat.S_IFREG)
    done = s.call("apply", "name", "--yes", *(["--force"] if is_linked else []))
    equal(done.returncode, 0, f"the status of the last apply: {done.stderr}")
    compare(tree(s.outside), after, "the outside at last")
    s.outside_is_as_it_should_be()
