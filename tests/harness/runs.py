# SPDX-License-Identifier: MIT
"""Runs one test function with its Case, and one test file in its process, for tests/conftest.py."""
import contextlib
import fcntl
import os
import time

import pytest

from . import caches, checks, file_process
from .case import Case
from .features import MOUNTING

FILE_PATIENCE = 150.0     # seconds for one test file in a normal build, unless it says PATIENCE = N
GRACE = 10.0              # seconds that a test has to clean up when its time is over


def patience_of(module, settings):
    """Seconds that all tests of a file may take together."""
    normal = getattr(module, "PATIENCE", FILE_PATIENCE)
    return settings.seconds(getattr(module, "FULL_PATIENCE", 4 * normal) if settings.full else settings.in_form(normal, normal, 4 * normal))


def run_test(item, case, settings):
    """Runs a test once, with the case as its `t`, and checks the case's own demands. A test that lacks something is skipped."""
    __tracebackhide__ = True
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames} | {"t": case}
    checks.made = 0
    try:
        try:
            item.obj(**arguments)
            if checks.made == 0:
                raise checks.Failure("the test claims nothing")
        except BaseException:
            case.failed = True
            raise
        finally:
            case.finish()
    except checks.Lacking as lacking:
        if settings.must_work and str(lacking) == MOUNTING:
            raise checks.Failure(f"not possible here: {MOUNTING}") from lacking
        raise pytest.skip.Exception(str(lacking), _use_item_location=True) from lacking


def run_undisturbed(item, settings):
    """Runs a test; one that counts what warm caches save is run again if another process dropped them meanwhile."""
    __tracebackhide__ = True
    for turn in range(5):
        case = item.funcargs["t"] if turn == 0 else Case(settings, item.funcargs["t"].sentence, item.nodeid)
        before = caches.drops()
        try:
            return run_test(item, case, settings)
        except pytest.skip.Exception:
            raise
        except BaseException as error:
            disturbed = getattr(item.module, "ALONE", False) and caches.drops() != before
            if not disturbed or turn == 4 or not isinstance(error, Exception):
                if case.evidence():
                    item.add_report_section("call", "daemon", case.evidence())
                raise
    return None


class Files:
    """The test files of a session, of which one is running."""

    def __init__(self, session, settings, turns):
        """turns: a directory for the locks that keep ALONE files apart from all others; None if nothing else runs."""
        self.session, self.settings, self.turns = session, settings, turns
        self.path = self.process = self.left = None
        self.lock = contextlib.ExitStack()

    def run(self, item, nextitem):
        """The reports of a test. The file's process is started before its first test and ends after its last."""
        if item.path != self.path:
            self._begin(item)
        if self.left < 0.1:
            reports = [self._failure(item, "not run: the tests before it have used up the file's PATIENCE")]
        else:
            reports = self._run(item, nextitem)
        if nextitem is None or nextitem.path != item.path:
            reports += self.end(item)
        return reports

    def _begin(self, item):
        self.end()
        self.path, self.left = item.path, patience_of(item.module, self.settings)
        if self.turns:
            self.lock.enter_context(_turn(self.turns, getattr(item.module, "ALONE", False)))

    def _run(self, item, nextitem):
        # The tests after one that hangs still get their turn.
        allowed, started = round(0.9 * self.left, 1), time.monotonic()
        if self.session.config.option.timeout:
            allowed = min(allowed, self.session.config.option.timeout)
        grace = self.settings.seconds(GRACE)
        self.process = self.process or file_process.FileProcess(self.session, self.settings)
        try:
            answer = self.process.run(item, nextitem, allowed, grace)
        except BaseException:       # Ctrl-C
            self.process.end(0)
            self.process = None
            raise
        took = time.monotonic() - started
        self.left -= min(took, allowed)
        if answer and "reports" in answer:
            return [_report(self.session.config, data) for data in answer["reports"]]
        process, self.process = self.process, None
        process.end(0 if answer is None and took >= allowed else grace)
        if answer:
            return [self._failure(item, answer["broken"], took)]
        reason = "took too long and was ended" if took >= allowed else f"its process ended with status {process.status}"
        return [self._failure(item, reason, took)]

    def end(self, item=None):
        """Ends the file's process; returns a failure of its last test if the process ended badly."""
        process, self.process, self.path = self.process, None, None
        with self.lock:
            if not process:
                return []
            process.end(self.settings.seconds(60))
        if process.status == 0 or not item:
            return []
        return [self._failure(item, f"after the file's last test its process ended with status {process.status}")]

    def _failure(self, item, text, took=0.0):
        sections = []
        capture = self.session.config.pluginmanager.getplugin("capturemanager")
        if capture and capture.is_globally_capturing():
            sections = [(f"Captured {name}", text) for name, text in zip(("stdout", "stderr"), capture.read_global_capture()) if text]
        return pytest.TestReport(item.nodeid, item.location, {item.name: 1}, "failed", text, "call", sections, took)


def _report(config, data):
    if isinstance(data["longrepr"], list):
        data["longrepr"] = tuple(data["longrepr"])      # JSON knows no tuples: where a test was skipped, and why
    return config.hook.pytest_report_from_serializable(config=config, data=data)


@contextlib.contextmanager
def _turn(directory, alone):
    """Waits until no ALONE file runs; for one until no file runs at all. One that waits goes before those that come later."""
    with open(os.path.join(directory, "queue"), "w") as queue, open(os.path.join(directory, "running"), "w") as running:
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield
