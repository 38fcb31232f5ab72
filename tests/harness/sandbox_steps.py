# SPDX-License-Identifier: MIT
"""Random changes made by a process of a sandbox, and what it sees afterwards.

As a program, inside: sandbox_steps.py ROOT SEED STEPS LINKS writes one JSON document.
"""
import json
import os
import random
import stat
import sys

from . import dump
from .random_changes import step, walk

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def seen(root):
    """Everything that is shown, but numbers: a canonical dump, link counts, and the tree by path."""
    lines = dump.dump(root)
    nlinks = {path: os.lstat(os.path.join(root, path)).st_nlink for path, what in walk(root).items()
              if not stat.S_ISDIR(what["type"])}
    tree = {path: {**what, "content": repr(what["content"]), "xattrs": repr(sorted(what["xattrs"].items()))}
            for path, what in walk(root).items()}
    return {"lines": lines, "nlinks": nlinks, "tree": tree}


def inside(sandboxes, name, seed="", steps=0, links=True):
    """Makes so many changes in the sandbox: what is seen then."""
    return json.loads(sandboxes.sh(f"cd / && PYTHONPATH={TESTS} exec python3 -B -m harness.sandbox_steps "
                                   f"'{sandboxes.outside}' '{seed}' {steps} {int(links)}", name))


def main():
    root, seed, steps, links = sys.argv[1:]
    source = random.Random(seed)
    for _ in range(int(steps)):
        step(source, root, bool(int(links)))
    json.dump(seen(root), sys.stdout)


if __name__ == "__main__":
    main()
