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
    mirror = "hp-uring" if ours == "overpass-uring" else "hp"
    if row.large:
        yield "overlayfs", 1 / 3
    elif row.fio and row.operation.endswith("-1m"):
        yield "plain", 0.97
    elif row.fio and row.operation.endswith("-4k"):
        yield "overlayfs", 1.0
    elif row.operation in WARM:
        yield "overlayfs", 0.9
    elif not row.copies_up:   # a mirror copies nothing up: no comparison
        yield mirror, 1.0
    yield "fuse-overlayfs", 1.0


def wanted_of_user(row):
    """Least ratio of an ordinary user's mount with a broker to root's: the same but for registering."""
    if row.operation == "open-first":
        return 0.5
    return 0.97 if row.fio else 0.9


def verdict_between(row, ours, against, wanted, mine, theirs):
    """Of neighbouring measurements; nothing when one side has none."""
    ratios = [a / b for a, b in zip(mine, theirs) if b]
    if not ratios:
        return []
    return [Verdict(row, ours, against, wanted, statistics.median(ratios), min(ratios), max(ratios))]


def judge(results):
    """All verdicts that the measured columns allow."""
    verdicts = []
    bases = {row.key: row for row in results.rows}
    for row in results.rows:
        for ours in ("overpass", "overpass-uring"):
            mine = results.values(row, ours)
            for theirs, wanted in wanted_ratios(row, ours):
                verdicts += verdict_between(row, ours, COLUMNS[theirs][1], wanted, mine,
                                            results.values(row, theirs))
            if row.base in bases:
                verdicts += verdict_between(row, ours, f"itself: {row.base}", 0.5, mine,
                                            results.values(bases[row.base], ours))
        verdicts += verdict_between(row, "overpass-user", COLUMNS["overpass"][1], wanted_of_user(row),
                                    results.values(row, "overpass-user"), results.values(row, "overpass"))
    return verdicts
