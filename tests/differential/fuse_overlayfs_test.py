# SPDX-License-Identifier: MIT
"""What fuse-overlayfs wrote reads in overpass as fuse-overlayfs itself showed it.

Scenarios as for kernel overlayfs, but with one union: fuse-overlayfs makes the calls, and at every
`swap` overpass mounts what it wrote and has to show the same. Kernel overlayfs reads the same format
in as far as root wrote it; there are no marks of its own in these layers.
"""
import random

from bench import Bench
from compare import LOOK_EVERY, draw_layer
from harness import checks, dump
from random_calls import Calls
from scenario import Difference, Scenario

SYSTEMS = ("overpass", "kernel")
STEPS, READ_EVERY = 600, 120
# fuse-overlayfs 1.10 shows owners, modes, sizes, content and attributes rightly, but not always times and link counts.
COMPARED = dump.How(mtime=None, errors=True, hide=("trusted.overlay.", "user.overlay."))


class Reading(Scenario):
    """The union of fuse-overlayfs, and the reader that is compared with it."""

    def __init__(self, reader, *arguments):
        super().__init__(*arguments)
        self.reader = reader

    def shown(self, place):
        return dump.dump(place.point, describe=lambda *about: dump.line(*about, COMPARED), links=False, errors=True)

    def swap(self):
        """What fuse-overlayfs shows after a remount: what it has in memory differs after some calls."""
        shown = {}
        for self.names in ([self.reader], ["fuse-overlayfs"]):
            shown[self.names[0]] = self._shown_after_a_remount()
            # Now and then, seldom, fuse-overlayfs 1.10 does not find a name that it lists.
            if self.names == ["fuse-overlayfs"] and any(line.endswith(" lstat=ENOENT") for line in shown["fuse-overlayfs"]):
                shown["fuse-overlayfs"] = self._shown_after_a_remount()
        self._same(shown["fuse-overlayfs"], shown[self.reader], "what is shown", list(shown)[::-1])

    def _shown_after_a_remount(self):
        self._umount()
        self._mount()
        return self.shown(self.places[0])

    def compare_raw(self):
        """There is nothing to compare with."""


class ReadingBench(Bench):
    def scenario(self):
        return Reading(self.t.settings.system, self.t.settings, self.t.fresh("scenario"), None, ("fuse-overlayfs",))


def check(t, lowers):
    t.need("overlayfs", "fuse")
    bench = ReadingBench(t, ("fuse-overlayfs", t.settings.system))
    steps = t.settings.steps or STEPS
    source = random.Random(f"{t.settings.seed} fuse-overlayfs {lowers}")
    # It takes user.overlay marks for its own, as overpass does with userxattr only. Version 1.10 breaks on long names,
    # loses one side of an exchange, and mixes up the names of a lower hard link.
    without = ("setacl", "trusted.", "user.overlay.", "security.", "setcap", "exchange", "link", "linkat")
    calls = Calls(source, "trusted.", without=without, long_name="n" * 60)
    scenario = bench.scenario()
    try:
        for number in range(lowers):
            draw_layer(scenario, calls, number, None, ("redirect_dir=off",), metacopies=False)
        scenario.run("union")
        for step in range(steps):
            if step % LOOK_EVERY == 0:
                calls.known = scenario.paths()
            scenario.run("swap" if step and step % READ_EVERY == 0 else calls.call(scenario.handles()))
        scenario.finish()
        found = None
    except Difference as difference:
        found = scenario.lines, difference
    finally:
        scenario.close()
    if found:
        bench.report(*found)
    checks.holds(len(scenario.lines) > steps, "all calls were made")


def test_what_fuse_overlayfs_wrote_over_one_lower_reads_the_same(t):
    check(t, 1)


def test_what_fuse_overlayfs_wrote_over_two_lowers_reads_the_same(t):
    check(t, 2)


def test_what_fuse_overlayfs_wrote_over_eight_lowers_reads_the_same(t):
    check(t, 8)
