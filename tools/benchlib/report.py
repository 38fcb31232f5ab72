# SPDX-License-Identifier: MIT
#
# The results as Markdown (padded, so that it reads as plain text too), CSV and JSON.

import csv
import json

from benchlib.goals import judge
from benchlib.results import overpass_for
from benchlib.columns import COLUMNS


def short(value):
    """Three digits and a letter: 812, 45.2k, 1.23M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            return f"{value / limit:.3g}{letter}" if value < limit * 999.5 else \
                   f"{value / limit:.0f}{letter}"
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def is_figure(cell):
    return not cell or cell[0].isdigit() or cell in ("-", "failed")


def table(header, lines):
    """A Markdown table with its columns padded; columns of figures to the right."""
    columns = range(len(header))
    widths = [max(len(line[i]) for line in [header, *lines]) for i in columns]
    right = [bool(lines) and all(is_figure(line[i]) for line in lines) for i in columns]

    def render(cells):
        padded = [cells[i].rjust(widths[i]) if right[i] else cells[i].ljust(widths[i])
                  for i in columns]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (widths[i] + 1) + (":" if right[i] else "-")
                          for i in columns) + "|"
    return "\n".join([render(header), rule, *map(render, lines)])


def header_of(results):
    return ["operation", "unit", *(COLUMNS[column][1] for column in results.columns)]


def medians(results):
    """Each cell: the median and, in brackets, how many times overpass's rate that is."""
    lines = []
    for row in results.rows:
        cells = [row.label, row.unit]
        for column in results.columns:
            median = results.median(row, column)
            if median is None:
                cells.append("failed" if (row.key, column) in results.failures else "-")
                continue
            ratio = results.ratio(row, column, overpass_for(column))
            bracket = "" if ratio is None or column == overpass_for(column) else f" ({ratio:.2f}x)"
            cells.append(short(row.figure(median)) + bracket)
        lines.append(cells)
    return table(header_of(results), lines)


def spreads(results):
    lines = []
    for row in results.rows:
        cells = [row.label, row.unit]
        for column in results.columns:
            spread = results.spread(row, column)
            least, most = sorted(map(row.figure, spread)) if spread else (0, 0)
            cells.append(f"{short(least)} - {short(most)}" if spread else "-")
        lines.append(cells)
    return table(header_of(results), lines)


def processor_times(results):
    """Of the daemons: microseconds for an operation, milliseconds for a whole program."""
    columns = [column for column in results.columns if COLUMNS[column][0].fuse]
    lines = []
    for row in results.rows:
        times = [results.median_cpu(row, column) for column in columns]
        if any(times):
            scale, unit = (1e3, "ms") if row.program else (1e6, "us")
            lines.append([row.label, unit, *("-" if time is None else short(time * scale) for time in times)])
    return table(["operation", "unit", *(COLUMNS[column][1] for column in columns)], lines)


def latencies(results):
    """stat of files that nobody knows yet, in microseconds: alone, and while a file is copied up."""
    lines = []
    for row in results.rows:
        for column in results.columns:
            figures = [results.latency(row, column, when, figure) for when in (0, 1)
                       for figure in ("median", "p99", "count")]
            if figures[2]:
                lines.append([row.label, COLUMNS[column][1],
                              *("-" if figure is None else short(figure) for figure in figures)])
    return table(["beside", "system", "idle: median", "99 %", "stats", "meanwhile: median", "99 %", "stats"], lines)


def goals(results, everything):
    """How many goals are met, and each one that is not, or all."""
    verdicts = judge(results)
    if not verdicts:
        return "No goal can be judged: overpass or what it is compared with was not measured."
    lines = []
    for verdict in verdicts:
        if everything or not verdict.met:
            lines.append([verdict.row.label, COLUMNS[verdict.ours][1], verdict.against,
                          f"{verdict.wanted:.2f}", f"{verdict.ratio:.2f}",
                          f"{verdict.low:.2f} - {verdict.high:.2f}",
                          "met" if verdict.met else
                          "missed, in the noise" if verdict.noisy else "missed"])
    met = sum(verdict.met for verdict in verdicts)
    text = f"{met} of {len(verdicts)} comparisons met."
    if lines:
        header = ["operation", "measured", "against", "wanted", "ratio", "range", "verdict"]
        text += "\n\n" + table(header, lines)
    return text


def per(number, count):
    return f"{number / count:.2f}" if count else "-"


def listing(counts, operations, limit=5):
    """The most frequent ones, as NAME number-per-operation."""
    frequent = sorted(counts.items(), key=lambda item: -item[1])[:limit]
    return ", ".join(f"{name} {number / operations:.2f}" for name, number in frequent
                     if number / operations >= 0.005) or "none"


def sum_cell(calls, operations):
    """How many for each operation, and of which."""
    if not calls:
        return "-"
    return f"{per(sum(calls.values()), operations)}: {listing(calls, operations, len(calls))}"


def syscall_table(everything):
    lines = []
    for counts in everything:
        cells = [counts.row.title, COLUMNS[counts.column][1]]
        if counts.failure:
            lines.append([*cells, "failed", *"-" * 6])
            continue
        calls, requests = sum(counts.calls.values()), sum(counts.requests.values())
        lines.append([*cells, per(requests, counts.operations) if counts.requests else "-",
                      per(calls, counts.operations), per(calls, requests),
                      sum_cell(counts.recognizing, counts.operations),
                      listing(counts.requests, counts.operations) if counts.requests else "-",
                      listing(counts.calls, counts.operations, len(counts.calls)),
                      sum_cell(counts.helper_calls, counts.operations)])
    return table(["operation", "system", "requests/op", "calls/op", "calls/request",
                  "of these to recognize objects, at most", "requests", "calls",
                  "the broker's calls/op"], lines)


def markdown(results, syscalls, environment, all_goals):
    parts = ["# Benchmark", "\n".join(f"- {key}: {value}" for key, value in environment.items())]
    if results.rows:
        parts += ["## Medians", "In brackets: the rate as a multiple of overpass's on the same "
                  "transport (median of the ratios of neighbouring runs).",
                  medians(results), "## Spread (least - greatest)", spreads(results)]
    if results.cpu:
        parts += ["## Processor time of the daemon", processor_times(results)]
    if results.latencies:
        parts += ["## stat of other files, microseconds", latencies(results)]
    failures = [f"- {row}, {column}: {why}" for (row, column), why in results.failures.items()]
    failures += [f"- system calls of {counts.row.key}, {counts.column}: {counts.failure}"
                 for counts in syscalls if counts.failure]
    if failures:
        parts += ["## Failed", "\n".join(failures)]
    if results.rows:
        parts += ["## Goals", goals(results, all_goals)]
    if syscalls:
        parts += ["## Requests and system calls of the daemon, per operation",
                  syscall_table(syscalls)]
    return "\n\n".join(parts) + "\n"


def write_csv(results, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["row", "threads", "unit", "column", "median", "min", "max",
                      "ratio_to_overpass", "values"])
        for row in results.rows:
            for column in results.columns:
                values = results.values(row, column)
                if values:
                    ratio = results.ratio(row, column, overpass_for(column))
                    figures = [row.figure(value) for value in values]
                    out.writerow([row.operation, row.threads, row.unit, column,
                                  f"{row.figure(results.median(row, column)):.1f}", f"{min(figures):.1f}",
                                  f"{max(figures):.1f}", "" if ratio is None else f"{ratio:.4f}",
                                  " ".join(f"{figure:.1f}" for figure in figures)])


def write_json(results, syscalls, environment, path):
    cells = [{"row": row.operation, "threads": row.threads, "unit": row.unit, "column": column,
              "values": [row.figure(value) for value in results.values(row, column)],
              "daemon_seconds": results.cpu.get((row.key, column), []),
              "stat_us": results.latencies.get((row.key, column), []),
              "failure": results.failures.get((row.key, column))}
             for row in results.rows for column in results.columns]
    goals_list = [{"row": v.row.operation, "threads": v.row.threads, "ours": v.ours,
                   "against": v.against, "wanted": v.wanted, "ratio": v.ratio, "met": v.met}
                  for v in judge(results)]
    counted = [{"row": c.row.operation, "column": c.column, "operations": c.operations,
                "calls": c.calls, "recognizing": c.recognizing, "requests": c.requests,
                "failure": c.failure or None}
               for c in syscalls]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"environment": environment, "cells": cells, "goals": goals_list,
                   "syscalls": counted}, file, indent=1)
        file.write("\n")
