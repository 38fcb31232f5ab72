# SPDX-License-Identifier: MIT
"""Runs the tests of one file, in the private world made by isolation, and reports each to the runner.

A test is a function `test_some_sentence(t)`; t is a harness.case.Case. A file may instead (or also)
have a TABLE whose `cases()` yields (sentence, function) pairs, which is how parity rows are run.
Reports are lines of JSON on the file descriptor given as the last argument.
"""
import importlib.util
import json
import os
import sys
import traceback

from . import caches, checks, isolation, scratch, worlds
from .case import Case
from .settings import Settings


def main(arguments):
    path, settings_text, pattern, report_fd = arguments
    settings = Settings.from_text(settings_text)
    report = os.fdopen(int(report_fd), "w", buffering=1)
    isolation.run_isolated(lambda: run_file(path, settings, pattern, report))


def run_file(path, settings, pattern, report):
    settings.scratch = scratch.prepare(settings.scratch, settings.scratch_kind)
    module = load(path)
    if settings.system not in getattr(module, "SYSTEMS", ("overpass", "kernel")) or settings.world not in worlds.of(module):
        report.write(json.dumps({"event": "inapplicable"}) + "\n")
        return 0
    worlds.enter(settings)

    def progress(text):
        report.write(json.dumps({"event": "progress", "text": text}) + "\n")

    for sentence, function in cases_of(module, settings):
        if pattern and pattern not in sentence:
            continue
        if settings.system not in getattr(function, "systems", (settings.system,)) \
                or settings.world not in getattr(function, "worlds", (settings.world,)):
            report.write(json.dumps({"event": "inapplicable"}) + "\n")
            continue
        report.write(json.dumps({"event": "start", "test": sentence}) + "\n")
        outcome, detail = run_undisturbed(function, settings, sentence, getattr(module, "ALONE", False), progress)
        report.write(json.dumps({"event": "end", "test": sentence, "outcome": outcome, "detail": detail}) + "\n")
    return 0


def cases_of(module, settings):
    table = getattr(module, "TABLE", None)
    if table is not None:
        yield from table.cases(settings)
    for name, function in list(vars(module).items()):
        if name.startswith("test_") and callable(function):
            yield name[len("test_"):].replace("_", " "), function


def run_undisturbed(function, settings, sentence, sensitive, progress):
    """Runs a test; one that counts what warm caches save is run again if somebody dropped them meanwhile."""
    for _ in range(5):
        before = caches.drops()
        outcome = run_case(function, settings, sentence, progress)
        if outcome[0] != "failed" or not sensitive or caches.drops() == before:
            break
    return outcome


def run_case(function, settings, sentence, progress):
    case = Case(settings, sentence, progress)
    checks.made = 0
    outcome, detail = "passed", ""
    try:
        try:
            function(case)
            if checks.made == 0:
                raise checks.Failure("the test claims nothing")
        except BaseException:
            case.failed = True
            raise
        finally:
            case.finish()
    except checks.Lacking as lacking:
        outcome, detail = "lacking", str(lacking)
    except checks.Failure as failure:
        outcome, detail = "failed", f"{failure}\n{_where(failure)}"
    except Exception:
        outcome, detail = "failed", traceback.format_exc()
    if outcome == "failed" and case.evidence():
        detail += "\n" + case.evidence()
    return outcome, detail


def _where(failure):
    """The lines of the test itself that led to a failed claim."""
    frames = traceback.extract_tb(failure.__traceback__)
    own = [frame for frame in frames if "/harness/" not in frame.filename]
    return "\n".join(f"    at {frame.filename}:{frame.lineno}: {frame.line}" for frame in own)


def load(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("test_file", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module     # so that the administrator finds its functions
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1:])
