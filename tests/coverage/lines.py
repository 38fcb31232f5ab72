# SPDX-License-Identifier: MIT
"""Builds with gcov, runs tests, and lists how much of src/ they reach, folder by folder.

Daemons write their counts when they end. Those of ordinary users may not write into the build directory, so all of them
write below a directory for everyone (GCOV_PREFIX), whose files are added to it afterwards. A daemon that ends by SIGKILL
and one whose file systems are confined away from that directory leave no counts.
"""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ("mount/data", "mount/whiteout", "mount/copy_up", "parity")
OPTIONS = ("-Db_coverage=true", "-Doptimization=0", "-Dwerror=false")
LEAST = 10


def main(arguments, pytest_arguments):
    if not shutil.which("gcovr"):
        sys.exit("coverage: gcovr is missing: run tools/setup, or apt-get install gcovr")
    build = os.path.join(TOP, arguments.build)
    if not os.path.exists(os.path.join(build, "build.ninja")):
        _run(["meson", "setup", *OPTIONS, build])
    _run(["meson", "compile", "-C", build])
    _run(["find", build, "-name", "*.gcda", "-delete"])
    with tempfile.TemporaryDirectory(prefix="overpass-gcda.") as counts:
        os.chmod(counts, 0o1777)
        status = _run_tests(build, counts, arguments, pytest_arguments)
        _gather(counts, build)
    _print(_summary(build))
    return status


def _run_tests(build, counts, arguments, pytest_arguments):
    """Runs the unit tests and the suites; counts is where daemons leave theirs."""
    environment = {"OVERPASS_TESTS_SLOW": "3"} | os.environ
    # What runs out of time leaves no counts.
    unit = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "5", "--suite", "unit"], check=False).returncode
    if arguments.suites == ["unit"]:
        return unit
    paths = [path if os.path.exists(path) else os.path.join(TOP, "tests", path) for path in arguments.suites or SUITES]
    # What is left of a path is relative to the build directory.
    environment |= {"GCOV_PREFIX_STRIP": str(len(build.strip("/").split("/")))}
    status = unit
    for world in arguments.world or ["root"]:
        command = ["pytest-3", "-q", "-n", "auto", f"--overpass={build}/overpass", "--world", world, *pytest_arguments, *paths]
        own = os.path.join(counts, world)
        _make_folders(build, own)
        status |= subprocess.run(command, env=environment | {"GCOV_PREFIX": own}, cwd=TOP, check=False).returncode
    return status


def _make_folders(build, own):
    """The folders in which counts are left, which every user may write."""
    for folder, _, names in os.walk(build):
        if any(name.endswith(".gcno") for name in names):
            os.makedirs(os.path.join(own, os.path.relpath(folder, build)))
    for folder, _, _ in os.walk(own):
        os.chmod(folder, 0o1777)


def _gather(counts, build):
    """Adds what the daemons have left to the counts of the unit tests in the build directory."""
    for world in sorted(os.listdir(counts)):
        own = os.path.join(counts, world)
        if not any(files for _, _, files in os.walk(own)):
            sys.exit(f"coverage: no daemon has left counts in world {world}")
        merged = os.path.join(counts, world + ".sum")
        _run(["gcov-tool", "merge", "-o", merged, build, own])
        shutil.copytree(merged, build, dirs_exist_ok=True)


def _summary(build):
    """gcovr's list of files: branches that only exceptions take are left out, since overpass throws none."""
    objects = [os.path.join(build, name) for name in ("src", "overpass.p", "overpass-broker.p")]
    listed = subprocess.run(["gcovr", "-j", str(os.cpu_count()), "--json-summary", "-", "--exclude-throw-branches", "--exclude-unreachable-branches",
                             "--root", TOP, "--filter", f"{TOP}/src/", *objects], stdout=subprocess.PIPE, check=True, cwd=TOP)
    return json.loads(listed.stdout)["files"]


def _print(files):
    sums = collections.defaultdict(collections.Counter)
    keys = ("line_covered", "line_total", "branch_covered", "branch_total")
    for file in files:
        folder = "/".join(file["filename"].split("/")[:3 if "/overlay/" in file["filename"] else 2])
        for name in (folder, "all"):
            sums[name].update({key: file[key] for key in keys})
    print(f"{'folder':24} {'lines':>16} {'branches':>16}")
    for name, found in sorted(sums.items()):
        print(f"{name:24} {_share(found, 'line'):>16} {_share(found, 'branch'):>16}")
    print("least covered files of 20 lines and more:")
    chosen = sorted((f for f in files if f["line_total"] >= 20), key=lambda f: f["line_covered"] / f["line_total"])
    for file in chosen[:LEAST]:
        print(f"  {file['filename']:42} {_share(file, 'line'):>16} {_share(file, 'branch'):>16}")


def _share(found, kind):
    covered, total = found[kind + "_covered"], found[kind + "_total"]
    return f"{100 * covered / total:.1f} % of {total}" if total else "-"


def _run(command):
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"coverage: {' '.join(command)} failed")
