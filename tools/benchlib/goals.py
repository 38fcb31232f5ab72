# SPDX-License-Identifier: MIT
#
# What overpass is to reach, as a list of comparisons, and whether a run shows it. A goal is judged
# by the median of the ratios of neighbouring measurements, of two columns or, for what must not grow
# with the number of layers, of two rows; where their range contains the goal, a miss is marked as
# within the noise of the run.

import statistics
from dataclasses import dataclass

from benchlib.columns import COLUMNS

WARM = ("stat-warm", "absent-warm", "readdir-warm")


# Of whole programs, on a disk.
PROGRAMS = {"find": 1 / 1.5, "grep-first": 1 / 1.5, "grep-again-read-only": 1 / 1.1, "untar": 1 / 1.4, "cp-a": 1 / 1.5,
            "chmod-r": 2.0, "rm-rf-new": 1 / 1.5, "rm-rf-lower": 1 / 1.5}


@dataclass(frozen=True)
class Verdict:
    row: object
    ours: str
    against: str   # for people
    wanted: float
    ratio: float
    low: float
    high: float

    @property
    def met(self):
        return self.ratio >= self.wanted

    @property
    def noisy(self):
        return self.low <= self.wanted <= self.high


def wanted_ratios(row, ours):
    """Yields (column, least ratio of overpass to it) for one row."""
    if row.program:
        if row.operation in PROGRAMS:
            yield "overlayfs", PROGRAMS[row.operation]
        return
    mirror = "hp-uring" if ours == "overpass-uring" else "hp"
    if row.large:
        yield "overlayfs", 1 / 3
    elif row.disk == "ext4":
        yield "overlayfs", 1.0
    elif row.fio and row.piece == "4k":
        yield "overlayfs", 1.0
    elif row.fio:   # 1 MiB a call, or mapped
        yield "plain", 0.97
    elif row.operation in WARM:
        yield "overlayfs", 0.9
    elif not row.copies_up:   # a mirror copies nothing up: no comparison
        yield mirror, 1.0
    if not row.disk and not row.direct:   # it syncs no copy, and answers O_DIRECT from the cache
        yield "fuse-overlayfs", 1.0


def wanted_unpassed(row, ours):
    """Least ratio to the plain directory of a daemon that moves all data itself; None: no goal."""
    if not row.fio or row.direct or row.operation.endswith(("-libaio", "-uring")):
        return None
    if not row.writes_data:
        return 0.7 if row.cold else 0.95
    if row.operation in ("write-1m", "write-1m-synced"):
        return 0.7
    return 0.8 if ours == "overpass-writeback" and row.piece == "4k" else None


def wanted_of_user(row):
    """Least ratio of an ordinary user's mount with a broker to root's: the same but for registering."""
    if row.operation == "open-first":
        return 0.5
    return 0.97 if row.fio else 0.9


def unpassed(results, row, ours):
    """The verdicts on data that the daemon moves: next to the plain directory, and half as fast
    again as fuse-overlayfs, or else 0.9 of the plain directory, which leaves no room for more."""
    wanted, mine = wanted_unpassed(row, ours), results.values(row, ours)
    if wanted is None:
        return []
    beside_plain = verdict_between(row, ours, COLUMNS["plain"][1], wanted, mine, results.values(row, "plain"))
    beside_rival = verdict_between(row, ours, COLUMNS["fuse-overlayfs"][1], 1.5, mine,
                                   results.values(row, "fuse-overlayfs"))
    if beside_plain and beside_plain[0].ratio >= 0.9:
        beside_rival = []
    return beside_plain + beside_rival


def beside_constant(results, row, ours):
    """A file system that shares blocks copies a file of any size up in 10 ms."""
    if row.disk not in ("xfs", "btrfs"):
        return []
    mine = results.values(row, ours)
    return verdict_between(row, ours, "10 ms", 1.0, mine, [100.0] * len(mine))


def verdict_between(row, ours, against, wanted, mine, theirs):
    """Of neighbouring measurements; nothing when one side has none."""
    ratios = [a / b for a, b in zip(mine, theirs) if b]
    if not ratios:
        return []
    return [Verdict(row, ours, against, wanted, statistics.median(ratios), min(ratios), max(ratios))]


def beside_root(results, row):
    """An ordinary user's mounts next to root's: with a broker all, without one what is not data."""
    roots = results.values(row, "overpass")
    for ours in ("overpass-user", "overpass-alone"):
        if ours == "overpass-user" or row.group == "names":
            yield from verdict_between(row, ours, COLUMNS["overpass"][1], wanted_of_user(row),
                                       results.values(row, ours), roots)


def judge(results):
    """All verdicts that the measured columns allow."""
    verdicts = []
    bases = {row.key: row for row in results.rows}
    for row in results.rows:
        if row.group == "calls":
            continue
        for ours in ("overpass", "overpass-uring"):
            mine = results.values(row, ours)
            for theirs, wanted in wanted_ratios(row, ours):
                verdicts += verdict_between(row, ours, COLUMNS[theirs][1], wanted, mine,
                                            results.values(row, theirs))
            if row.base in bases:
                verdicts += verdict_between(row, ours, f"itself: {row.base}", 0.5, mine,
                                            results.values(bases[row.base], ours))
            verdicts += beside_constant(results, row, ours)
        for ours in ("overpass-alone", "overpass-writeback"):
            verdicts += unpassed(results, row, ours)
        verdicts += beside_root(results, row)
    return verdicts
