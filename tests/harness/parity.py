# SPDX-License-Identifier: MIT
"""Runs rows of calls on a plain directory, on kernel overlayfs and on overpass, and compares all three.

The truth is the plain directory. A row marked `union=REASON` is one where a union differs by nature;
there kernel overlayfs is the truth, and the mark itself is checked: the two must really differ.
An ordinary user has no kernel overlayfs: of his rows the plain directory alone is the truth, also at a second mount.
In a user namespace kernel overlayfs can do less; what it answers there is right as well.
Each row runs with its tree in the lower layer, in the upper layer, and merged (directories in both,
all else in the lower). All rows of a table share one mount per placement, each in its own directory.
"""
import dataclasses
import os

from . import checks, dump, features, systems, trees
from .case import Case
from .script import Script
from . import script_calls, script_flags     # noqa: F401 (they register the commands)

PLACEMENTS = ("lower", "upper", "merged")


@dataclasses.dataclass
class Row:
    name: str
    script: list
    tree: dict = None              # None: the table's tree
    layers: tuple = None           # (lower tree, upper tree) instead of tree: overlayfs is the truth
    union: str = ""                # why a union differs from a plain directory here
    kernel_differs: str = ""       # why overlayfs falls short of the plain directory, which stays the truth
    either: str = ""               # why the union may answer like overlayfs or like a plain directory
    through_fuse: list = None      # another transcript that is right, since FUSE or its safety forces it, and
    because: str = ""              # why
    root_only: str = ""            # why there is no truth for the row in a user namespace
    need: tuple = ()
    placements: tuple = PLACEMENTS

    def is_of_users(self):
        """Whether an ordinary user can have the row's truth and its tree."""
        return not (self.mark() or self.layers or self.through_fuse)

    def mark(self):
        return self.union or self.either or self.kernel_differs


def row(name, *script, **named):
    lines = [line.strip() for text in script for line in text.split(";") if line.strip()]
    return Row(name, lines, **named)


class Table:
    def __init__(self, tree, rows, options=(), image=None):
        self.tree, self.rows, self.options, self.image = tree, rows, options, image
        self.case = self.places = None

    def cases(self, settings):
        for number, line in enumerate(self.rows):
            if line.root_only and settings.world != "root" or settings.world == "user" and not line.is_of_users():
                continue
            yield line.name, lambda t, n=number, r=line: self._run_row(t, n, r)
        yield "what the table left behind reads the same after the unmount and the lowers are untouched", self._close

    def _open(self, settings):
        self.case = self.case or Case(settings, "table")
        self.base = self.case.fresh("base") if not self.image else self.image(self.case)
        self.places = {}
        for placement in (*PLACEMENTS, "layers"):
            chosen = [(n, r) for n, r in enumerate(self.rows)
                      if self._has(r, placement) and (settings.world != "user" or r.is_of_users())]
            if chosen:
                self.places[placement] = Place(self, placement, chosen, settings)

    @staticmethod
    def _has(line, placement):
        return (placement == "layers") if line.layers else placement in line.placements

    def _run_row(self, t, number, line):
        features.need(*(() if t.settings.world == "user" else ("overlayfs",)), *line.need)
        if self.places is None:
            self._open(t.settings)
        differs = False
        for placement, place in self.places.items():
            if self._has(line, placement):
                differs |= place.run(number, line)
        if line.mark() and t.settings.world == "root":
            checks.holds(differs, f"the row's mark is right: overlayfs differs from a plain directory ({line.mark()})")

    def _close(self, t):
        if self.places is None:
            raise checks.Lacking("what every row of this table needs")
        for place in self.places.values():
            place.close()
        self.case.finish()


class Place:
    """One placement of all rows: the three directories and the mounts over them."""

    def __init__(self, table, placement, rows, settings):
        self.case, self.placement, self.settings = table.case, placement, settings
        self.base = os.path.join(table.base, placement)
        os.makedirs(self.base)
        for number, line in rows:
            self._build(number, line, line.tree if line.tree is not None else table.tree)
        self.plain, lower = self.base + "/plain", self.base + "/lower"
        for name in ("plain", "lower", "kernel.upper", "subject.upper"):
            os.makedirs(f"{self.base}/{name}", exist_ok=True)
        self.kernel = self.subject = None
        if settings.world != "user":
            self.kernel = self._mount(lower, "kernel", "kernel", table.options)
        if settings.system == "overpass":
            # With redirects asked for, a system writes them for an ordinary user, too.
            options = table.options if self.kernel else (*table.options, "redirect_dir=on")
            self.subject = self._mount(lower, "subject", "overpass", options)

    def _mount(self, lower, name, system, options):
        stack = self.case.stack(lower, upper=f"{self.base}/{name}.upper", options=options)
        return self.case.mount_stack(stack, system)

    def _build(self, number, line, tree):
        lower, upper = line.layers or {"lower": (tree, None), "upper": (None, tree),
                                       "merged": (tree, _directories(tree))}[self.placement]
        if not line.layers:
            self._build_in("plain", number, tree)
        if lower is not None:
            self._build_in("lower", number, lower)
        if upper is not None:
            self._build_in("kernel.upper", number, upper)
            self._build_in("subject.upper", number, upper)

    def _build_in(self, where, number, tree):
        root = f"{self.base}/{where}/row{number:03}"
        os.makedirs(root)
        trees.build(root, tree)
        trees.dress(root, trees.Dir(mode=0o777))

    def run(self, number, line):
        """Runs and compares; answers whether overlayfs and the plain directory differ."""
        directory = f"row{number:03}"
        plain = None if line.layers else self._transcript(f"{self.plain}/{directory}", line)
        if self.kernel is None:
            self._compare_subject(directory, line, [plain])
            return False
        kernel = self._transcript(self.kernel / directory, line)
        is_root = self.settings.world == "root"
        if plain is not None and not line.mark() and is_root:
            checks.same_lines(kernel, plain, f"[{self.placement}] kernel overlayfs against the plain directory")
        checks.holds(len(kernel) > len(line.script), "kernel overlayfs answers every call and shows what is left")
        if self.subject is not None:
            truths = [kernel] if plain is None or line.union else [plain, kernel] if line.either or not is_root else [plain]
            self._compare_subject(directory, line, truths)
        return plain != kernel

    def _compare_subject(self, directory, line, truths):
        subject = self._transcript(self.subject / directory, line)
        truth = subject if subject in truths else truths[0]
        if line.through_fuse is not None and subject not in truths:
            truth = [f"{call} -> {answer}" for call, answer in zip(line.script, line.through_fuse, strict=True)]
            subject = subject[:len(truth)]
        checks.same_lines(subject, truth, f"[{self.placement}] overpass")

    def _transcript(self, root, line):
        script = Script(root)
        answers = script.run(line.script)
        return answers + _dump(root, mtime=script.boundary)

    def close(self):
        """The upper that overpass wrote must look the same through kernel overlayfs."""
        if self.subject is None:
            self.kernel.umount()
            checks.holds(True, "nothing more to compare")
            return
        before = _dump(self.subject.path)
        self.subject.umount()
        if self.kernel:
            after = self.case.kernel_dump(self.subject)
            checks.same_lines(after, before, f"[{self.placement}] kernel overlayfs over the upper that overpass wrote")
        else:
            again = self.case.remount(self.subject)
            checks.same_lines(_dump(again.path), before, f"[{self.placement}] the next mount")
            again.umount()


def _dump(path, **named):
    """An ordinary user may have shut himself out of directories of his."""
    return dump.dump(path, errors=os.geteuid() != 0, **named)


def _directories(tree):
    """The directories of a tree alone, dressed the same."""
    kept = {}
    for name, item in tree.items():
        if isinstance(item, dict):
            kept[name] = _directories(item)
        elif isinstance(item, trees.Dir):
            kept[name] = dataclasses.replace(item, entries=_directories(item.entries))
    return kept


__all__ = ["Row", "Table", "row", "systems"]
