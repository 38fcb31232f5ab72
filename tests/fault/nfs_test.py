# SPDX-License-Identifier: MIT
"""Kills and errors at every step on an upper file system that can do as little as NFS.

Without devices and attributes whiteouts are files beside the names they hide, and a directory is opaque by a file in
it. A name and its whiteout may both be there: so an operation is seen as done or as not done, also where uppers with
devices leave a third tree because the file system cannot exchange two names. But a directory that shows nothing is out
of the way before another takes its name. What an upper has of devices was written by root, say, before an ordinary user
mounts it.
"""
import dataclasses
import errno

from gate import without
from harness import WHITEOUT, Dir, File, checks, refused
from kills import kill_at_every_step
from layer_errors import fail_at_every_step
from scenarios import COPY_UP, CREATION, REMOVAL, RENAMES
from states import State
from trials import Subject

SYSTEMS = ("overpass",)
PATIENCE = 900
LACKING = ("RENAME_WHITEOUT", "RENAME_EXCHANGE", "O_TMPFILE", "device nodes", "attributes")
OPERATIONS = [*COPY_UP[:5], *CREATION, *REMOVAL, *RENAMES]


def without_xattrs(tree, devices=False):
    """The tree as such an upper holds it, or as one with devices does."""
    if isinstance(tree, File):
        return dataclasses.replace(tree, xattrs={})
    if not isinstance(tree, Dir | dict):
        return tree
    entries = {}
    for name, item in (tree.entries if isinstance(tree, Dir) else tree).items():
        if item is WHITEOUT and not devices:
            entries[".wh." + name] = ""
        else:
            entries[name] = without_xattrs(item, devices)
    if not isinstance(tree, Dir):
        return entries
    return dataclasses.replace(tree, entries=entries | ({".wh..wh..opq": ""} if tree.opaque else {}), opaque=None, xattrs={})


def without_the_new_name(subject):
    gone = subject.old.below("./new")
    lines = {path: line for path, line in subject.old.lines.items() if path not in gone}
    return {"old tree without ./new": State(lines, subject.old.times)}


def kill(scenario):
    def run(t):
        has_third = "over an emptied merged one" in scenario.name
        _, seen = kill_at_every_step(t, scenario, deny=without(*LACKING), like_nfs=True,
                                     halfway=without_the_new_name if has_third else None)
        if not t.settings.step:
            third = {name for name in seen if name not in ("old", "new", "between")}
            checks.equal((third, seen[-1]), ({"old tree without ./new"} if has_third else set(), "new"), "third states, and the last")
    return run


class Table:
    def cases(self, settings):
        for each in OPERATIONS:
            scenario = dataclasses.replace(each, not_for_kernel="it knows no whiteouts by name")
            named = dataclasses.replace(scenario, lowers=tuple(map(without_xattrs, each.lowers)), upper=without_xattrs(each.upper))
            if each.name.startswith("exchange"):
                yield f"on NFS it is refused: {each.name}", self.refusal(named)
                continue
            yield f"a kill on NFS during {each.name}", kill(named)
            yield f"an error on NFS during {each.name}", lambda t, it=named: self.error(t, it)
            once_roots = dataclasses.replace(named, upper=without_xattrs(each.upper, devices=True))
            if once_roots.upper != named.upper:
                yield f"a kill on NFS, once root's, during {each.name}", kill(once_roots)

    def error(self, t, scenario):
        fail_at_every_step(t, scenario, deny=without(*LACKING), like_nfs=True)

    def refusal(self, scenario):
        return lambda t: refused(errno.EINVAL, Subject, t, scenario, deny=without(*LACKING), like_nfs=True)


TABLE = Table()
