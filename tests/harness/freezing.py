# SPDX-License-Identifier: MIT
"""Freezing the upper of a mounted union, as `overpass snapshot` does: the command "freeze"."""
import os

COMMAND = "overpass.control.freeze"
# What a mount needs for it.
OPTIONS = ("freezable", "index=on", "redirect_dir=on")


class Freezable:
    """A union, and its layers as they are after each freeze."""

    def __init__(self, t, mount):
        self.t, self.mount = t, mount
        self.uppers = [mount.stack.upper]

    def new_directories(self):
        """A new upper beside the present one, and its workdir."""
        upper = f"{self.mount.stack.upper}.{len(self.uppers)}"
        for path in (upper, upper + ".work"):
            os.makedirs(path, exist_ok=True)
        return upper, upper + ".work"

    def freeze(self):
        """Raises OSError, and then all is as before."""
        upper, work = self.new_directories()
        value = "\0".join((upper, work, self.uppers[-1]))
        os.setxattr(self.mount.path, COMMAND, os.fsencode(value))
        self.uppers.append(upper)

    def stack(self):
        """The layers for another mount of what the union shows."""
        from dataclasses import replace
        return replace(self.mount.stack, lowers=[*self.uppers[-2::-1], *self.mount.stack.lowers], upper=self.uppers[-1],
                       work=self.uppers[-1] + ".work")
