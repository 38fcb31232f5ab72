# SPDX-License-Identifier: MIT
"""Draws a scenario from a combination and a seed, and runs it while it is drawn."""
import random

from harness import checks
from bench import FILE_SYSTEMS, Bench
from combinations import WORLDS, described, everything, options_of, pairwise
from random_calls import Calls, first_layer, next_layer
from scenario import Difference

STEPS = 2000      # calls of a combination
COMPARE_EVERY, SWAP_EVERY, REMOUNT_EVERY, FORGET_EVERY, LOOK_EVERY = 80, 660, 490, 130, 20
LAYER_CALLS = 40            # made through kernel overlayfs for a layer that it writes
# What a layer that kernel overlayfs wrote earlier may have been written with.
WRITTEN_WITH = {
    "plain": ("redirect_dir=off",),
    "trusted.": ("redirect_dir=on,metacopy=on,index=on", "redirect_dir=on,metacopy=on", "redirect_dir=on", "redirect_dir=off"),
    "user.": ("userxattr",),
}
# Calls whose answer tells, on kernel overlayfs, which file system a lower is on.
TELL_FILE_SYSTEMS = ("inos", "copy_content")
# In a user namespace these attributes are refused, but with which errno depends on what else is wrong; and kernel
# overlayfs takes the names of a file that it copied up for files of their own there.
LESS_IN_USER_NAMESPACE = ("security.", "trusted.", "link", "linkat")
# With nfs_export=on the entry of the index keeps a file linkable that has no name any more.
LESS_WITH_NFS_EXPORT = ("linkat",)
# With an index of user marks kernel overlayfs refuses to change links of a lower's symbolic links and nodes, and
# breaks the index by trying. Only a lower built by hand has links then, all of them of regular files.
LESS_IN_LAYERS_OF_USERS = ("link",)


class Table:
    """The tests of one world: a combination each, of some number of lowers or of any."""

    def __init__(self, world, lowers=None):
        self.world, self.lowers = world, lowers

    def cases(self, settings):
        """Sets of combinations that cover all pairs, with a seed each; or all combinations."""
        draw_set = everything if settings.full else pairwise
        for seed in range(settings.seed, settings.seed + (1 if settings.full else settings.in_form(brief=1, usual=1, long=3))):
            for chosen in draw_set(WORLDS[self.world], seed):
                if self.lowers in (None, chosen["lowers"]):
                    yield f"seed {seed}, {described(chosen)}", lambda t, s=seed, c=chosen: self._run(t, s, c)

    def _run(self, t, seed, chosen):
        t.need("overlayfs", "fuse")
        check(t, self.world, chosen, seed, t.settings.steps or STEPS * (10 if t.settings.full else 1))


def check(t, world, chosen, seed, steps):
    """Claims that the system under test does not differ from kernel overlayfs in one drawn scenario."""
    source = random.Random(f"{seed} {sorted(chosen.items())}")
    kind = source.choice(FILE_SYSTEMS) if chosen["filesystems"] == "two" else None
    bench = Bench(t, ("kernel", t.settings.system), [kind] if kind else (), world)

    def run():
        scenario = bench.scenario()
        try:
            without = (TELL_FILE_SYSTEMS if kind else ()) + (LESS_IN_USER_NAMESPACE if world == "user" else ()) + (
                LESS_WITH_NFS_EXPORT if chosen["nfs_export"] == "on" else ())
            # Kernel overlayfs writes no redirect of more than 256 bytes.
            long_name = "n" * (60 if chosen["redirect_dir"] == "on" else 255)
            calls = Calls(source, prefix_of(chosen), without=without, long_name=long_name)
            draw(scenario, calls, chosen, kind, steps, t.progress)
            return len(scenario.lines)
        except Difference as difference:
            found = scenario.lines, difference
        finally:
            scenario.close()
        return bench.report(*found)

    checks.holds(bench.run(run) > steps, "all calls were made")


def prefix_of(chosen):
    return "user." if chosen["userxattr"] == "yes" else "trusted."


def draw(scenario, calls, chosen, kind, steps, progress):
    """Draws and runs a whole scenario. kind: of the second file system, or None."""
    written_with = WRITTEN_WITH[calls.prefix]
    # Over two file systems kernel overlayfs does not list what it refuses, nor a metacopy without data.
    refuses = chosen["metacopy"] == "off" or chosen["redirect_dir"] == "nofollow"
    if kind and refuses and calls.prefix == "trusted.":
        written_with = WRITTEN_WITH["plain"]
    # Their sizes are not those of their data, beyond which kernel overlayfs reads where they differ.
    by_hand = not kind and written_with != WRITTEN_WITH["plain"] and chosen["lower_io"] == "passthrough"
    without = LESS_IN_LAYERS_OF_USERS if calls.prefix == "user." and chosen["index"] == "on" else ()
    for number in range(chosen["lowers"]):
        draw_layer(scenario, calls, number, kind if number in (0, 2) else None, written_with, by_hand, without)
    scenario.run("union " + ",".join(options_of(chosen)))
    for step in range(steps):
        if step % LOOK_EVERY == 0:
            calls.known = scenario.paths()
        if step % 200 == 0:
            progress(f"call {step} of {steps}")
        control = next((word for word, every in (("swap", SWAP_EVERY), ("remount", REMOUNT_EVERY),
                                                 ("forget", FORGET_EVERY), ("compare", COMPARE_EVERY))
                        if step and step % every == 0), None)
        scenario.run(control or calls.call(scenario.handles()))
        # An open file keeps the kernel from forgetting its directory.
        for line in calls.listed_numbers() if control == "forget" and not scenario.handles() else ():
            scenario.run(line)
    scenario.finish()


def draw_layer(scenario, calls, number, kind, written_with, metacopies, without=()):
    """Builds a layer: the lowest and then every second one by hand, the others through kernel overlayfs.

    without: commands that are not drawn for the latter.
    """
    if number % 2 == 1:
        scenario.run("lower " + calls.pick(*written_with))
        for at in range(LAYER_CALLS):
            if at % LOOK_EVERY == 0:
                calls.known = scenario.paths()
            scenario.run(calls.call(scenario.handles(), without))
        return
    scenario.run(f"lower {kind}" if kind else "lower")
    if number == 0:
        lines = first_layer(calls)
    else:
        known = calls.source.sample(calls.known, min(25, len(calls.known)))
        lines = next_layer(calls, known, metacopies)
    for line in lines:
        scenario.run(line)
