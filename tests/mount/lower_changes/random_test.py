# SPDX-License-Identifier: MIT
"""Random changes of a lower below a union that follows them, or is refreshed, against a naive model: two trees and the rules of a union.

Between two changes the union is looked at, so that much is kept of it; after a refresh, or with timeout=0 soon, all of it must be as
the model says. What the union has in its upper no change of the lower may touch.
"""
import errno
import os
import random
import shutil

from harness import equal, read, write
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
NAMES = ("a", "b", "c")
STEPS = 60


def paths():
    return [*NAMES, *(f"{x}/{y}" for x in NAMES for y in NAMES)]


def shape(top):
    """Directories as "dir", files by their bytes, of all names that may be there."""
    seen = {}
    for path in paths():
        try:
            where = os.path.join(top, path)
            seen[path] = "dir" if os.path.isdir(where) else read(where).decode()
        except OSError as error:
            seen[path] = errno.errorcode[error.errno]
    for path in ("", *NAMES):
        if path == "" or seen[path] == "dir":
            seen[path + "/"] = sorted(os.listdir(os.path.join(top, path)))
    return seen


class Model:
    """lower and upper: path -> bytes, or None for a directory; a path that is gone is in `gone`."""

    def __init__(self):
        self.lower, self.upper, self.gone, self.opaque = {}, {}, set(), set()

    def merged(self):
        def hidden(path):
            parts = path.split("/")
            above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
            blocked = any(p in self.gone or (p in self.upper and self.upper[p] is not None and p != path) for p in above)
            return blocked or any(p in self.opaque for p in above[:-1])
        shown = {path: item for path, item in self.lower.items() if not hidden(path) and path not in self.upper}
        # A directory of the upper over a file of the lower, or the reverse: the upper's counts, without what is below.
        shown = {path: item for path, item in shown.items()
                 if "/" not in path or self._is_merged(path.split("/")[0], shown)}
        return shown | self.upper

    def _is_merged(self, parent, shown):
        return parent in shown or (parent in self.upper and self.upper[parent] is None and self.lower.get(parent, "") is None)

    def shape(self):
        merged = self.merged()
        seen = {}
        for path in paths():
            parent = path.split("/")[0]
            if path in merged:
                seen[path] = "dir" if merged[path] is None else merged[path]
            elif "/" in path and merged.get(parent) is not None:
                seen[path] = "ENOTDIR"
            else:
                seen[path] = "ENOENT"
        for path in ("", *NAMES):
            if path == "" or seen[path] == "dir":
                depth = path + "/" if path else ""
                seen[path + "/"] = sorted(p[len(depth):] for p in merged if p.startswith(depth) and "/" not in p[len(depth):])
        return seen


class Run:
    def __init__(self, t, seed, *options):
        self.t, self.random, self.model, self.serial = t, random.Random(seed), Model(), 0
        self.low = t.layer({})
        self.m = t.mount(self.low, options=options)
        t.let_lower_change(self.low, "the test changes it, as others do")
        self.done = []

    def text(self):
        self.serial += 1
        return "x" * (self.serial % 7) + str(self.serial)

    def change_lower(self):
        path = self.random.choice(paths())
        model, where = self.model.lower, f"{self.low}/{path}"
        if "/" in path and model.get(path.split("/")[0], "") is not None:
            return
        kind = self.random.choice(("write", "replace", "remove", "mkdir", "rename"))
        self.done.append(f"lower {kind} {path}")
        if kind == "remove" and path in model:
            self._remove(where, path)
        elif kind == "mkdir" and path not in model:
            os.mkdir(where)
            model[path] = None
        elif kind == "rename" and "/" not in path and path in model:
            other = self.random.choice([name for name in NAMES if name != path])
            if other not in model:
                os.rename(where, f"{self.low}/{other}")
                for old in [p for p in model if p == path or p.startswith(path + "/")]:
                    model[other + old[len(path):]] = model.pop(old)
        elif kind in ("write", "replace") and model.get(path, "") is not None:
            text = self.text()
            write(where + ".new" if kind == "replace" else where, text)
            if kind == "replace":
                os.rename(where + ".new", where)
            model[path] = text

    def _remove(self, where, path):
        if self.model.lower[path] is None:
            shutil.rmtree(where)
        else:
            os.unlink(where)
        for old in [p for p in self.model.lower if p == path or p.startswith(path + "/")]:
            del self.model.lower[old]

    def change_union(self):
        """Writes a whole file, or removes one."""
        merged, path = self.model.merged(), self.random.choice(paths())
        parent = path.split("/")[0]
        if "/" in path and merged.get(parent, "") is not None:
            return
        if merged.get(path, "") is None:
            return
        self.done.append(f"union write {path}")
        text = self.text()
        write(self.m / path, text)
        self.model.upper[path] = text
        self.model.gone.discard(path)
        if "/" in path:
            self.model.upper.setdefault(parent, None)

    def refresh(self):
        self.done.append("refresh")
        equal(self.t.status_text("refresh", self.m.path), (0, "", ""), "overpass refresh")


    def go_on(self, look):
        for _ in range(self.random.randrange(1, 4)):
            self.change_lower()
        if self.random.random() < 0.5:
            shape(self.m.path)
        look()
        if self.random.random() < 0.3:
            self.change_union()
            look()

    def is_right(self):
        return shape(self.m.path) == self.model.shape()


def test_a_union_that_is_refreshed_shows_what_its_layers_hold(t):
    seed = t.settings.seed
    for number in range(4):
        run = Run(t, f"{seed}/{number}", "lower_changes=warn")

        def look(run=run):
            run.refresh()
            equal(shape(run.m.path), run.model.shape(), f"seed {seed}, after {run.done[-8:]}")

        for _ in range(t.settings.steps or STEPS):
            run.go_on(look)


def test_a_union_that_follows_shows_what_its_layers_hold(t):
    seed = t.settings.seed
    for number in range(4):
        run = Run(t, f"{seed}/{number}", "lower_changes=follow", "timeout=0")

        def look(run=run):
            wait_for(t, run.is_right, f"seed {seed}: the union follows {run.done[-8:]}")
            equal(shape(run.m.path), run.model.shape(), f"seed {seed}, after {run.done[-8:]}")

        for _ in range(t.settings.steps or STEPS):
            run.go_on(look)
