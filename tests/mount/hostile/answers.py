# SPDX-License-Identifier: MIT
"""The answers of a tree of hostile layers, in few words, and those of kernel overlayfs for these layers.

A Row is a sentence, layers, and for each path that matters the answer: an errno, or what is there with what is
in it. Overpass has to give it, with the promised number of log lines and not one more when asked again, and so
has the kernel, unless the row says what it answers instead. The top layer is tried as the upper one and as a
lower one.
"""
import dataclasses
import os
import stat

from harness import checks, contains, equal, features, holds, systems

MARK = "trusted.overlay."
REFUSED = "refused"         # of the kernel: any errno, or a directory with its `own` file alone


@dataclasses.dataclass
class Row:
    sentence: str
    layers: list                # from the top
    answers: dict
    log: int
    says: str = ""              # what each line of the log holds
    kernel: object = None       # REFUSED for all that overpass refuses, or path -> answer; the same if None
    options: tuple = ()
    tops: tuple = ("upper", "lower")


def answer(path):
    """What is at the path: its kind, and a file's bytes, a directory's names or a link's target."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            return " ".join(["dir", *sorted(os.listdir(path))])
        if stat.S_ISLNK(mode):
            return f"symlink to {os.readlink(path)}"
        if not stat.S_ISREG(mode):
            return "other"
    except OSError as error:
        return checks.name_of(error.errno)
    try:
        with open(path, "rb") as file:
            return f"file {file.read(40).decode(errors='replace')}"
    except OSError as error:
        return f"file that cannot be read: {checks.name_of(error.errno)}"


def answer_of(call, *arguments):
    """The errno that the call fails with, by name."""
    try:
        call(*arguments)
    except OSError as error:
        return checks.name_of(error.errno)
    return "done"


def answers(mount, paths):
    return {path: answer(mount / path) for path in paths}


def log_lines(mount):
    return mount.daemon.text().splitlines()


def run(t, row, top):
    made = [t.layer(tree) for tree in row.layers]
    options = tuple(option.replace("redirect_dir=on", "redirect_dir=follow") if top == "lower" else option
                    for option in row.options)

    def mounted(system):
        lowers, upper = (made[1:], made[0]) if top == "upper" else (made, None)
        return t.mount(*lowers, upper=upper, options=options, system=system)

    m = mounted("overpass")
    for attempt in ("at first", "again"):
        equal(answers(m, row.answers), row.answers, f"answers, {attempt}")
        t.dump(m.path, errors=True)
        equal(len(log_lines(m)), row.log, f"lines of the log, {attempt}: {log_lines(m)}")
    for line in log_lines(m):
        contains(line, row.says, "a line of the log")
    m.umount()
    if top == "upper":
        status, _, err = t.status_text("check", "-o", systems.option_text(m.stack))
        equal((status in (0, 1), err), (True, ""), f"`overpass check` comes to an end: {status} is its status, and its errors")
    if features.has("overlayfs"):
        kernel = mounted("kernel")
        compare(answers(kernel, row.answers), row)
        kernel.umount()


def compare(seen, row):
    for path, wanted in row.answers.items():
        if row.kernel == REFUSED and wanted.isupper():
            holds(seen[path].isupper() or seen[path] == "dir own", f"the kernel refuses {path}: it says {seen[path]}")
        else:
            equal(seen[path], (row.kernel or {}).get(path, wanted) if row.kernel != REFUSED else wanted,
                  f"kernel overlayfs's answer to {path}")


class Table:
    def __init__(self, rows):
        self.rows = rows

    def cases(self, settings):
        for row in self.rows:
            for top in row.tops:
                yield f"{row.sentence}, in a layer that is {top}", lambda t, row=row, top=top: run(t, row, top)
