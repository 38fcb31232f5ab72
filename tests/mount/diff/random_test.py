# SPDX-License-Identifier: MIT
"""`overpass diff` after random changes, next to a naive comparison of two full walks.

The union is walked before the changes and after them. What `overpass diff --json` says must lead from the first walk
to the second one, and say nothing that is not so.
"""
import json
import random

from harness import equal, features, holds, only_in
from harness.random_changes import carried_out, step, tree, walk
from harness.systems import option_text

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

STEPS, ROUNDS = 60, 6


def compare(t, before, after, *arguments, about):
    status, out, err = t.status_text("diff", "--json", *arguments)
    equal((status, err), (0, ""), f"exit status and messages, {about}")
    changes = json.loads(out)["changes"]
    kinds = [change["kind"] == "deleted" for change in changes]
    equal(kinds, sorted(kinds, reverse=True), "deletions come first")
    made = carried_out(before, after, changes)
    listing = "\n".join(json.dumps(change) for change in changes)
    equal({path: made[path] for path in sorted(made)}, {path: after[path] for path in sorted(after)},
          f"what the changes lead to, {about}\n{listing}")
    return {change["kind"] for change in changes}


def rounds(t, system, options):
    """The kinds of changes that were met."""
    kinds = set()
    for number in range(ROUNDS):
        seed = f"{t.settings.seed} {system} {options} {number}"
        source = random.Random(seed)
        # fuse-overlayfs cannot list names that are a directory in one lower and something else in another.
        lowers = [t.layer(tree(source)) for _ in range(1 if system == "fuse-overlayfs" else source.randint(1, 3))]
        for generation in range(1 if system == "fuse-overlayfs" else 2):
            about = f"seed {seed!r}, generation {generation}"
            m = t.mount(*lowers, system=system, options=options)
            before = walk(m.path)
            for _ in range(STEPS):
                step(source, m.path, links=system != "fuse-overlayfs")     # where links show one another's changes
            if system == "fuse-overlayfs":
                m.umount()      # it does not always show what is in its upper; overpass does (tests/differential)
                m = t.mount_stack(m.stack, "overpass")
            after = walk(m.path)
            layers = ("-o", option_text(m.stack))
            if system == "overpass":
                compare(t, before, after, m.path, about=about)
                compare(t, before, after, m.path, "-M", about=about)
            m.umount()
            kinds |= compare(t, before, after, *layers, about=about + ", unmounted")
            lowers = [m.upper, *lowers]     # the next upper lies over whiteouts, redirects and metacopies
    return kinds


def test_changes_of_overpass(t):
    kinds = rounds(t, "overpass", ("redirect_dir=on", "metacopy=on"))
    holds(kinds >= {"deleted", "added", "modified", "type-changed"}, f"kinds that were met: {kinds}")


def test_changes_of_overpass_without_redirects(t):
    rounds(t, "overpass", ("redirect_dir=off",))


def test_changes_of_kernel_overlayfs(t):
    features.need("overlayfs")
    rounds(t, "kernel", ("redirect_dir=on", "metacopy=on") if t.world == "root" else ("userxattr",))


def test_changes_of_kernel_overlayfs_with_marks_of_users(t):
    features.need("overlayfs")
    rounds(t, "kernel", ("userxattr",))


@only_in("root", "user", why="fuse-overlayfs in a user namespace needs a set-up of its own")
def test_changes_of_fuse_overlayfs(t):
    rounds(t, "fuse-overlayfs", ())
