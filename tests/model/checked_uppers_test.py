# SPDX-License-Identifier: MIT
"""Random operations through overpass and kernel overlayfs: `overpass check` finds nothing wrong in what is left.

A failure prints the seed and the options, and what was found.
"""
import os
import random

from harness import equal
from harness.systems import option_text
from operations import Real, random_lower, random_operation, write_to_disk

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
STEPS, REMOUNT_EVERY, LOOK_EVERY = 600, 170, 15
KERNEL = ((), ("redirect_dir=on",), ("index=on",), ("redirect_dir=on", "metacopy=on"),
          ("redirect_dir=on", "index=on", "metacopy=on"), ("index=on", "nfs_export=on", "redirect_dir=on"), ("userxattr",))
OVERPASS = ((), ("userxattr",), ("redirect_dir=off",), ("redirect_dir=on", "metacopy=on"),
            ("redirect_dir=on", "metacopy=on", "index=on"))


def paths_below(root):
    found = []
    for directory, names, files in os.walk(root):
        found += [os.path.relpath(os.path.join(directory, name), root) for name in [*names, *files]]
    return sorted(found)


class Run:
    """A mount that is changed at random and mounted anew now and then."""

    def __init__(self, t, system, options, seed):
        self.t, self.source, self.paths = t, random.Random(seed), []
        trees = [random_lower(self.source) for _ in range(1 + seed % 3)]
        directories = [t.layer() for _ in trees]
        for tree, directory in zip(trees, directories, strict=True):
            tree.mode = 0o755
            write_to_disk(tree, directory, {})
        self.use(t.mount(*directories, system=system, options=options))

    def use(self, mount):
        self.mount, self.real = mount, Real(mount.path, self.t.started)

    def apply(self, operation):
        """Refusals are fine; what is opened is written to if it can be, and closed."""
        try:
            self.real.apply(operation)
            if operation[0] == "open" and operation[3] != "r":
                self.real.apply(("pwrite", operation[1], 0, b"written"))
        except OSError:
            pass
        self.real.close_all()

    def go(self, steps):
        for step in range(1, steps + 1):
            if step % LOOK_EVERY == 1:
                self.paths = paths_below(self.mount.path)
            operation = random_operation(self.source, {}, self.paths)
            if operation[0] != "chmod" or self.t.world != "user":       # a user may lock himself out of what must be checked
                self.apply(operation)
            if step % REMOUNT_EVERY == 0:
                self.use(self.t.remount(self.mount))
        self.mount.umount()


def check(t, system, options, seed):
    run = Run(t, system, options, seed)
    run.go(t.settings.steps or STEPS)
    outcome = t.status_text("check", "-o", option_text(run.mount.stack))
    equal(outcome, (0, "", ""), f"the check after seed {seed} through {system} with {options}")


def test_what_kernel_overlayfs_leaves_is_sound(t):
    for number, options in enumerate(KERNEL):
        check(t, "kernel", options, t.settings.seed + number)


def test_what_overpass_leaves_is_sound(t):
    for number, options in enumerate(OVERPASS):
        check(t, "overpass", options, t.settings.seed + number)
