# SPDX-License-Identifier: MIT
"""Finds test files, runs each in a process of its own, prints one line per test and the closing count."""
import concurrent.futures
import dataclasses
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from . import trees
from .features import MOUNTING

FILE_PATIENCE = 150.0     # seconds for one test file in a normal build, unless it says PATIENCE = N


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    inapplicable: int = 0
    lacking: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)


def find_files(top, suites, names):
    """Test files of the suites as (path, pattern): names select files by path or tests by sentence."""
    found = []
    for suite in suites:
        for directory, _, files in os.walk(os.path.join(top, suite)):
            found += [os.path.join(directory, file) for file in files if file.endswith("_test.py")]
    found.sort()
    if not names:
        return [(path, "") for path in found]
    chosen = []
    for name in names:
        by_path = [path for path in found if name in os.path.relpath(path, top)]
        chosen += [(path, "") for path in by_path] or [(path, name) for path in found]
    return chosen


def run_all(top, files, settings, jobs):
    tally = Tally()
    # A file that says ALONE = True counts what the whole machine can disturb, as dropping caches does.
    alone = [entry for entry in files if _says(entry[0], "ALONE") == "True"]
    for path, pattern in alone:
        run_file(top, path, pattern, settings, tally)
    files = [entry for entry in files if entry not in alone]
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(run_file, top, path, pattern, settings, tally) for path, pattern in files]
        for future in running:
            future.result()
    _print_closing(tally, settings)
    return 1 if tally.failed else 0


def _says(path, word):
    """What a test file sets the word to in a line of its own, as text; None without such a line."""
    with open(path, encoding="utf-8") as file:
        return next((line.split("=")[1].strip() for line in file if line.startswith(f"{word} = ")), None)


def run_file(top, path, pattern, settings, tally):
    scratch = tempfile.mkdtemp(prefix="overpass-tests.", dir=settings.scratch or None)
    os.chmod(scratch, 0o755)
    try:
        own = dataclasses.replace(settings, scratch=scratch)
        _run_child(top, path, pattern, own, tally)
    finally:
        trees.remove(scratch)


def _run_child(top, path, pattern, settings, tally):
    label = os.path.splitext(os.path.relpath(path, top))[0].removesuffix("_test")
    read_end, write_end = os.pipe()
    output = open(os.path.join(settings.scratch, "output"), "w+b")
    environment = dict(os.environ, PYTHONPATH=top, PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8")
    process = subprocess.Popen(
        [_interpreter(settings), "-m", "harness.child", path, settings.to_text(), pattern, str(write_end)],
        pass_fds=[write_end], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd="/")
    os.close(write_end)
    patience = float(_says(path, "PATIENCE") or FILE_PATIENCE)
    if settings.full:
        patience = float(_says(path, "FULL_PATIENCE") or 4 * patience)
    current = _follow(process, read_end, label, settings.seconds(patience), settings, tally)
    status = process.wait()
    if current is not None or status != 0:
        text = _tail(output)
        reason = "took too long and was ended" if status == -9 else f"its process ended with status {status}"
        _report(tally, settings, label, current or "the file as a whole", "failed", f"{reason}\n{text}", 0)
    elif settings.verbose:
        sys.stdout.write(_tail(output))
    output.close()


def _interpreter(settings):
    """One that the users of the tests' world may read, too: this one may be in somebody's home."""
    of_the_system = "/usr/bin/python3"
    return of_the_system if settings.world != "root" and os.path.exists(of_the_system) else sys.executable


def _follow(process, read_end, label, patience, settings, tally):
    """Takes reports until the child closes its end; returns the test that never ended, if any."""
    current, started, rest = None, time.monotonic(), b""
    deadline = started + patience
    while True:
        ready, _, _ = select.select([read_end], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            process.kill()
            break
        piece = os.read(read_end, 65536)
        if not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["event"] == "inapplicable":
                tally.inapplicable += 1
            elif event["event"] == "start":
                current, started = event["test"], time.monotonic()
            elif event["event"] == "progress":
                _show_progress(tally, f"{label}: {event['text']}")
            else:
                current = None
                took = time.monotonic() - started
                _report(tally, settings, label, event["test"], event["outcome"], event["detail"], took)
    os.close(read_end)
    return current


def _report(tally, settings, label, test, outcome, detail, took):
    with tally.lock:
        if outcome == "passed":
            tally.passed += 1
        elif outcome == "lacking" and not (settings.must_work and detail == MOUNTING):
            tally.lacking.append((detail, f"{label}: {test}"))
        else:
            tally.failed += 1
            tally.failures.append(f"{label}: {test}")
        _erase_progress()
        duration = f"  ({took:.1f} s)" if settings.verbose or took > 5 else ""
        print(f"{outcome:7} {label}: {test}{duration}", flush=True)
        if outcome == "failed":
            print("    " + detail.rstrip().replace("\n", "\n    "), flush=True)


def _show_progress(tally, text):
    """On a terminal only: one line that the next one replaces."""
    if sys.stdout.isatty():
        with tally.lock:
            _erase_progress()
            print(text[:shutil.get_terminal_size().columns - 1], end="", flush=True)


def _erase_progress():
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)


def _print_closing(tally, settings):
    if tally.lacking:
        print("\nskipped for what this kernel lacks:")
        for feature in sorted({feature for feature, _ in tally.lacking}):
            tests = [test for name, test in tally.lacking if name == feature]
            print(f"  {feature}: {len(tests)}")
            for test in tests:
                print(f"    {test}")
    if tally.failures:
        print("\nfailed:")
        for failure in tally.failures:
            print(f"  {failure}")
    if tally.inapplicable and settings.verbose:
        print(f"{tally.inapplicable} do not apply to the system {settings.system}")
    print(f"{tally.passed} passed, {tally.failed} failed, {len(tally.lacking)} skipped")


def _tail(output):
    output.flush()
    output.seek(0)
    text = output.read().decode(errors="replace")
    return text[-6000:]
