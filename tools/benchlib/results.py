# SPDX-License-Identifier: MIT
#
# What was measured: a list of values per row and column, and the figures derived from them.

import statistics


def overpass_for(column):
    """The overpass column that a column is compared with: the one on the same transport."""
    return "overpass-uring" if column.endswith("-uring") else "overpass"


class Results:
    """Values in the order of the repetitions, so that the n-th of two columns are neighbours."""

    def __init__(self, rows, columns):
        self.rows = rows
        self.columns = columns
        self.samples = {}    # (row key, column) -> [value, ...]
        self.failures = {}   # (row key, column) -> why
        self.cpu = {}        # (row key, column) -> [seconds of the daemon per operation, ...]
        self.latencies = {}  # (row key, column) -> [(while idle, while copying), ...]

    def add(self, row, column, value):
        self.samples.setdefault((row.key, column), []).append(value)

    def add_latencies(self, row, column, idle, meanwhile):
        """Of stat, in microseconds: {"median", "p99", "count"}, beside what the row measures."""
        self.latencies.setdefault((row.key, column), []).append((idle, meanwhile))

    def add_cpu(self, row, column, seconds):
        """What the daemon has spent, for one operation or for a whole program."""
        self.cpu.setdefault((row.key, column), []).append(seconds)

    def median_cpu(self, row, column):
        values = self.cpu.get((row.key, column), [])
        return statistics.median(values) if values else None

    def latency(self, row, column, when, figure):
        """The median of a figure over the repetitions; when: 0 idle, 1 meanwhile."""
        found = [pair[when][figure] for pair in self.latencies.get((row.key, column), [])]
        found = [value for value in found if value is not None]
        return statistics.median(found) if found else None

    def values(self, row, column):
        if (row.key, column) in self.failures:
            return []
        return self.samples.get((row.key, column), [])

    def median(self, row, column):
        values = self.values(row, column)
        return statistics.median(values) if values else None

    def spread(self, row, column):
        values = self.values(row, column)
        return (min(values), max(values)) if values else None

    def ratios(self, row, column, base):
        """column / base of each repetition: what both suffered at the same time cancels out."""
        return [a / b for a, b in zip(self.values(row, column), self.values(row, base)) if b]

    def ratio(self, row, column, base):
        ratios = self.ratios(row, column, base)
        return statistics.median(ratios) if ratios else None
