# SPDX-License-Identifier: MIT
#
# What overpass is to reach, as a list of comparisons, and whether a run shows it. A goal is judged
# by the median of the ratios of neighbouring measurements; where their range contains the goal, a
# miss is marked as within the noise of the run.

from dataclasses import dataclass

WARM = ("stat-warm", "absent-warm", "readdir-warm")


@dataclass(frozen=True)
class Verdict:
    row: object
    ours: str
    theirs: str
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
    if row.fio and row.operation.endswith("-1m"):
        yield "plain", 0.97
    elif row.fio and row.operation.endswith("-4k"):
        yield "overlayfs", 1.0
    elif row.operation in WARM:
        yield "overlayfs", 0.9
    elif not row.copies_up:   # a mirror copies nothing up: no comparison
        yield mirror, 1.0
    yield "fuse-overlayfs", 1.0


def judge(results):
    """All verdicts that the measured columns allow."""
    verdicts = []
    for row in results.rows:
        for ours in ("overpass", "overpass-uring"):
            for theirs, wanted in wanted_ratios(row, ours):
                ratios = results.ratios(row, ours, theirs)
                if ratios:
                    verdicts.append(Verdict(row, ours, theirs, wanted,
                                            results.ratio(row, ours, theirs),
                                            min(ratios), max(ratios)))
    return verdicts
