# SPDX-License-Identifier: MIT
"""Kills at every step on upper file systems that cannot do what overlayfs asks of one.

The gate answers what such a file system would: EINVAL to RENAME_WHITEOUT or RENAME_EXCHANGE, EOPNOTSUPP
to O_TMPFILE, EPERM to the making of devices. Without unnamed files the promise does not change. Without the renames an operation takes two
steps, and a kill between them leaves a third tree: a directory or what a whiteout hid is seen as in the
lower layer, or a file has both its names. The tables say exactly which tree, for each operation that has
one; overpass-layers(7) says it in words. A state that is listed has to be seen, and no other is.
Without device nodes whiteouts are marked files, which no rename leaves behind.
"""
import errno

from gate import without
from harness import checks, refused
from kills import kill_at_every_step
from layer_errors import fail_at_every_step
from scenarios import COPY_UP, CREATION, REMOVAL, RENAMES, SIZES
from states import State, state_of, with_parted_links
from trials import Subject

LOWER = "in the lower layer"
SYSTEMS = ("overpass",)
PATIENCE = 900

# Operation -> the third trees: the old or the new one, with a name as it is in the lower layer, or else
# as another name of it.
WITHOUT_WHITEOUT = {
    "rename of a lower file": [("new", "./old", "./new")],
    "rename of a lower file into another directory": [("new", "./a/old", "./b/new")],
    "rename of a lower file over a lower file": [("new", "./old", "./new")],
    "rename of a copied-up file over a whiteout": [("new", "./old", "./new")],
    "rename of a copied-up symbolic link": [("new", "./old", "./new")],
    "rename of an opaque directory over an emptied merged one": [("new", "./old", LOWER)],
}
WITHOUT_BOTH = WITHOUT_WHITEOUT | {
    "rmdir of a merged directory full of whiteouts": [("new", "./d", LOWER)],
    "rmdir of an opaque directory": [("new", "./d", LOWER)],
    "mkdir over a whiteout": [("old", "./name", LOWER)],
    "mkdir over a whiteout in a directory with a default ACL": [("old", "./d/name", LOWER)],
    "rename of an upper directory over a whiteout": [("old", "./new", LOWER)],
    "rename of an opaque directory over a whiteout": [("old", "./new", LOWER), ("new", "./old", LOWER)],
    "rename of an upper directory over an emptied merged one": [("old", "./new", LOWER)],
    "rename of an opaque directory over an emptied merged one": [("old", "./new", LOWER), ("new", "./old", LOWER)],
}


def third_states(limits):
    """A function of the subject: name -> State, for Subject's halfway."""
    def states(subject):
        lower = state_of(subject.t, subject.lowers[0])
        found = {}
        for base, name, source in limits:
            state = {"old": subject.old, "new": subject.new}[base]
            hidden, shown = state.below(name), lower.below(name)
            if source != LOWER:
                shown = {name: state.lines[source]}
            lines = {path: line for path, line in state.lines.items() if path not in hidden}
            third = State(lines | shown, lower.times | state.times)
            found[f"{base} tree with {name} as {source}"] = with_parted_links(third)
        return found
    return states


class Table:
    def cases(self, settings):
        for scenario in [*COPY_UP[:5], *SIZES]:
            yield f"a kill without O_TMPFILE during {scenario.name}", self.one(scenario, {}, "O_TMPFILE")
        for scenario in RENAMES:
            if scenario.name in WITHOUT_WHITEOUT:
                yield (f"a kill without RENAME_WHITEOUT during {scenario.name}",
                       self.one(scenario, WITHOUT_WHITEOUT, "RENAME_WHITEOUT"))
        for scenario in [*CREATION, *REMOVAL, *RENAMES]:
            yield (f"a kill without device nodes during {scenario.name}",
                   self.one(scenario, WITHOUT_WHITEOUT, "device nodes"))
            lacking = ("RENAME_WHITEOUT", "RENAME_EXCHANGE", "O_TMPFILE")
            run = self.refusal if scenario.name.startswith("exchange") else self.one
            yield f"a kill without any of these during {scenario.name}", run(scenario, WITHOUT_BOTH, *lacking)
            if scenario.name in WITHOUT_BOTH:
                yield f"an error without any of these during {scenario.name}", self.error(scenario, *lacking)

    def one(self, scenario, limits, *lacking):
        expected = third_states(limits.get(scenario.name, []))

        def run(t):
            subject, seen = kill_at_every_step(t, scenario, deny=without(*lacking), halfway=expected,
                                               marks_whiteouts="device nodes" in lacking)
            if not t.settings.step:
                third = {name for name in seen if name not in ("old", "new", "between")}
                checks.equal(third, set(expected(subject)), "third states that were seen")
        return run

    def error(self, scenario, *lacking):
        return lambda t: fail_at_every_step(t, scenario, deny=without(*lacking))

    def refusal(self, scenario, limits, *lacking):
        def run(t):
            refused(errno.EINVAL, Subject, t, scenario, deny=without(*lacking))
        return run


TABLE = Table()
