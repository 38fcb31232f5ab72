# SPDX-License-Identifier: MIT
"""Which options are taken together, and which values are taken at all: the same as on kernel overlayfs.

Only whether a mount succeeds is compared here; the other tests of this folder compare what it does.
Overpass takes some more words (yes, 1) for on, and refuses an option that is given twice.
"""
import itertools
import os
import random

from harness import checks, equal, syscalls, systems, trees

DRAWN = 120             # combinations tried; all with --full
LEVELS = {
    "redirect_dir": ("on", "follow", "nofollow", "off"),
    "index": ("on", "off"),
    "metacopy": ("on", "off"),
    "verity": ("off", "on", "require"),
    "nfs_export": ("on", "off"),
    "xino": ("on", "off", "auto"),
    "uuid": ("on", "off", "null", "auto"),
}
HOSTILE = ("", "2", "ON", " on", "on ", "off\t", "maybe", "\u00e9", "on=off", "x" * 300, "null\\,index=on")


class Tried:
    """A pair of layers, and whether each system mounts them with given options."""

    def __init__(self, t):
        self.t = t
        self.directory = t.fresh("options")
        self.lower = t.layer({"file": trees.File("content")})

    def mounts(self, system, options):
        """Whether the system mounts with these options; each time with a new upper and work directory."""
        place = self.t.fresh("try", at=self.directory)
        upper, work, point = (f"{place}/{name}" for name in ("upper", "work", "point"))
        for path in (upper, work, point):
            os.mkdir(path)
        stack = systems.Stack([self.lower], upper, work, options, point)
        try:
            if system == "kernel":
                syscalls.mount("overlay", stack.mountpoint, "overlay", 0, systems.option_text(stack))
                syscalls.umount(stack.mountpoint)
            else:
                systems.mount_overpass(self.t.settings, stack, place + "/log").umount()
            return True
        except (systems.MountFailed, OSError):
            return False
        finally:
            trees.remove(place)

    def compare(self, options):
        """"" if both systems say the same, else what they say.

        With user.* marks overpass follows redirects and metacopies where it is told to, and kernel overlayfs never.
        """
        kernel, other = (self.mounts(system, options) for system in ("kernel", self.t.settings.system))
        said = {True: "mounts", False: "refuses"}
        is_same = kernel == other or (other and "userxattr" in options)
        return "" if is_same else f"{','.join(options)}: kernel {said[kernel]}, {self.t.settings.system} {said[other]}"


def check(t, every):
    t.need("overlayfs", "fuse")
    tried = Tried(t)
    different = [text for text in map(tried.compare, every) if text]
    equal(different, [], "options on which the systems differ")
    checks.holds(len(every) > 10, "many were tried")


def test_the_same_options_are_taken_together(t):
    """Each may be left out, which decides what the others may be."""
    every = [tuple(f"{key}={level}" for key, level in zip(LEVELS, levels, strict=True) if level) + flags
             for levels in itertools.product(*((None, *levels) for levels in LEVELS.values()))
             for flags in ((), ("userxattr",), ("volatile",))]
    check(t, random.Random(t.settings.seed).sample(every, 2000 if t.settings.full else DRAWN))


def test_the_same_values_are_taken(t):
    check(t, [(f"{key}={value}",) for key in LEVELS for value in HOSTILE]
          + [(key,) for key in LEVELS] + [("nonsense",), ("nonsense=1",), ("redirect_dir=on", "index=bad")])
