# SPDX-License-Identifier: MIT
"""Runs suites while strace records their test processes, and compares what was tried with the domain."""
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import calls
from domain import DOMAINS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ("mount", "parity", "model", "io")
SLOWER = "4"        # a traced process makes its calls so much later
KINDS = ("flag", "size", "result")


def record(directory, suites, pytest_arguments, overpass):
    """Runs the suites with the record in the directory. Returns pytest's exit status."""
    os.chmod(directory, 0o755)
    mounts = os.path.join(directory, "mounts")
    with open(mounts, "w", encoding="utf-8"):
        os.chmod(mounts, 0o666)     # daemons are started by ordinary users as well
    environment = {"OVERPASS_TESTS_SLOW": SLOWER, "OVERPASS_TESTS_BRIEF": "1"} | os.environ
    environment["OVERPASS_TESTS_RECORD"] = directory
    paths = [suite if os.path.exists(suite) else os.path.join(TOP, "tests", suite) for suite in suites]
    command = ["pytest-3", "-q", "-n", "auto", f"--overpass={overpass}", *pytest_arguments, *paths]
    return subprocess.run(command, env=environment, cwd=TOP, check=False).returncode


class Unions:
    """Says of a path whether it is on a union."""

    def __init__(self, directory):
        with open(os.path.join(directory, "mounts"), encoding="utf-8", errors="replace") as file:
            self.mounts = {line.rstrip("\n") for line in file}
        self.known = {}

    def __call__(self, path):
        parts = path.split("/")
        head = "/".join(parts[:5])      # most paths are of the system, or of a test without a mount
        if head not in self.known:
            self.known[head] = any(mount.startswith(head) for mount in self.mounts)
        return self.known[head] and any("/".join(parts[:end]) in self.mounts for end in range(5, len(parts) + 1))


def count(directory):
    """What a record holds: a Counter of (call, kind, value)."""
    unions, counted = Unions(directory), collections.Counter()
    for name in glob.glob(os.path.join(directory, "file.*", "trace.*")):
        with open(name, encoding="utf-8", errors="replace") as file:
            for call in calls.calls_in(file, unions):
                counted.update(calls.tried_by(*call))
    return counted


def untried(counted):
    """{call: {kind: [values of the domain that no call had]}}; a call that was never made has its kinds in full."""
    gaps = {}
    for call, domain in DOMAINS.items():
        sizes = () if domain.size is None else ("0", "1", "small", *_powers(domain.largest))
        wanted = {"flag": domain.flags, "size": sizes, "result": ("ok", *domain.errnos)}
        missing = {kind: [value for value in values if not counted[call, kind, value]] for kind, values in wanted.items()}
        gaps[call] = {kind: values for kind, values in missing.items() if values}
    return gaps


def _powers(largest):
    return [f"2^{power}{more}" for power in range(calls.SMALLEST_POWER, largest) for more in ("", "+")]


def table(counted):
    """The lines of what was tried, with counts."""
    for call in sorted({call for call, _, _ in counted} & set(DOMAINS)):
        for kind in KINDS:
            found = sorted((value, number) for (name, its, value), number in counted.items() if (name, its) == (call, kind))
            if found:
                yield f"{call:18} {kind:6} " + ", ".join(f"{value} {number}" for value, number in found)


def list_of(gaps):
    """The lines of what was not."""
    for call, missing in gaps.items():
        if "ok" in missing.get("result", ()):
            yield f"{call:18} never with success" + (f"; flags {' '.join(missing['flag'])}" if "flag" in missing else "")
            continue
        for kind, values in missing.items():
            yield f"{call:18} {kind:6} " + " ".join(shortened(values) if kind == "size" else values)


def shortened(sizes):
    """2^4 2^4+ 2^5 2^5+ as 2^4..2^5+: runs of powers of two."""
    runs = []
    for size in sizes:
        power = re.fullmatch(r"2\^(\d+)(\+?)", size)
        place = 2 * int(power[1]) + bool(power[2]) if power else -1
        if runs and place == runs[-1][2] + 1 and power:
            runs[-1][1:] = [size, place]
        else:
            runs.append([size, size, place])
    return [first if first == last else f"{first}..{last}" for first, last, _ in runs]


def main(arguments, pytest_arguments):
    if os.geteuid() != 0:
        sys.exit("coverage: the suites mount, and strace follows every kind of user: run it as root")
    with tempfile.TemporaryDirectory(prefix="overpass-inputs.") as own:
        directory, status = arguments.record or own, 0
        if not arguments.record:
            status = record(directory, arguments.suites or SUITES, pytest_arguments, arguments.overpass)
        counted = count(directory)
    gaps = untried(counted)
    print("== tried", *table(counted), "== never tried", *list_of(gaps), sep="\n")
    tried = sum(1 for call, kind, value in counted if call in DOMAINS)
    print(f"== {tried} kinds of input and outcome tried, {sum(len(v) for gap in gaps.values() for v in gap.values())} of the domain not")
    if arguments.json:
        listed = [{"call": c, "kind": k, "value": v, "count": n} for (c, k, v), n in sorted(counted.items())]
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"tried": listed, "untried": gaps}, file, indent=1)
    return status
