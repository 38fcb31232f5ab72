# SPDX-License-Identifier: MIT
"""Runs the tests that mount something under pytest: its options, the fixture `t`, worlds, a process for each file.

docs/testing.md says how a test is written and run. What runs it is in harness/runs.py.
"""
import collections
import contextlib
import os
import shutil
import sys
import tempfile

import pytest

TOP = os.path.dirname(os.path.abspath(__file__))
# The tests run as root: it leaves nothing in the tree, nor what pytest has written of this file.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
shutil.rmtree(os.path.join(TOP, "__pycache__"), ignore_errors=True)
sys.path.insert(0, TOP)

from harness import checks, choice, options, pace, runs, transport, worlds     # noqa: E402
from harness.case import Case                                           # noqa: E402


def pytest_addoption(parser):
    options.add_to(parser)


# A whole run

@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    config, option = session.config, session.config.option
    if not option.collectonly:
        _check_machine(option)
        if not hasattr(config, "workerinput"):
            _prepare_for_workers(config)
    config.settings = options.settings_from(option)
    config.progress = None
    config.files = runs.Files(session, config.settings, getattr(config, "workerinput", {}).get("turns"))


def _check_machine(option):
    if sys.getfilesystemencoding().lower() != "utf-8":
        raise pytest.UsageError("names of files must be UTF-8 here: run it with LC_ALL=C.UTF-8")
    if os.geteuid() != 0:
        raise pytest.UsageError("mounting layers for every kind of user needs root: run it with sudo")
    if option.system == "overpass" and not os.access(option.overpass, os.X_OK):
        raise pytest.UsageError(f"no program at {os.path.abspath(option.overpass)}: build it or give --overpass=PATH")


def _prepare_for_workers(config):
    """What holds for the whole run, and what xdist's workers find in their environment."""
    os.environ["OVERPASS_TESTS_PACE"] = str(max(float(os.environ.get("OVERPASS_TESTS_PACE", "1")), pace.measure()))
    if "suppressions=" not in os.environ.get("TSAN_OPTIONS", "suppressions="):
        os.environ["TSAN_OPTIONS"] += f":suppressions={TOP}/harness/tsan.supp"
    whole_run = contextlib.ExitStack()
    whole_run.enter_context(transport.put_back())
    config.turns = whole_run.enter_context(tempfile.TemporaryDirectory(prefix="overpass-turns."))
    config.add_cleanup(whole_run.close)


def pytest_report_header(config):
    settings = config.settings
    stretched = [f"limits of time are stretched {settings.slow:.1f} times"] if settings.slow > 1 else []
    return [f"seed {settings.seed}, world {settings.world}, system {settings.system}", *stretched]


def pytest_sessionfinish(session):
    if hasattr(session.config, "files"):
        session.config.files.end()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["turns"] = node.config.turns


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Two for each processor: half of what a test takes is waiting, for processes, for the kernel, for time to pass."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests belong together, whatever --dist says."""
    from xdist.scheduler import LoadFileScheduling
    return LoadFileScheduling(config, log)


# Collection

class TestFile(pytest.Module):
    """A test is a function `test_some_sentence(t)`. A file may instead (or also) have a TABLE whose cases(settings) yields
    (sentence, function) pairs, which is how parity rows are run."""

    def collect(self):
        table = getattr(self.obj, "TABLE", None)
        seen = collections.Counter()
        for sentence, function in table.cases(self.config.settings) if table else ():
            seen[sentence] += 1
            name = sentence if seen[sentence] == 1 else f"{sentence} ({seen[sentence]})"
            yield Row.from_parent(self, name=name, callobj=function)
        yield from super().collect()

    def _getobj(self):
        if str(self.path.parent) not in sys.path:
            sys.path.insert(0, str(self.path.parent))       # for the modules beside it
        return super()._getobj()


class Row(pytest.Function):
    def reportinfo(self):
        return self.path, 0, self.name


def pytest_pycollect_makemodule(module_path, parent):
    return TestFile.from_parent(parent, path=module_path)


def pytest_generate_tests(metafunc):
    choice.draw_seeds(metafunc)


def pytest_itemcollected(item):
    settings, function = item.config.settings, item.obj
    chosen_worlds = getattr(function, "worlds", worlds.of(item.module))
    for world in chosen_worlds:
        item.add_marker(world)
    if settings.world not in chosen_worlds and settings.world in worlds.of(item.module):
        _leave_out(item, function.why)
    elif settings.system not in getattr(function, "systems", (settings.system,)):
        _leave_out(item, f"it is about {' and '.join(function.systems)} only")
    item.add_marker(pytest.mark.timeout(runs.patience_of(item.module, settings), method="signal", func_only=True))


def _leave_out(item, why):
    item.add_marker("elsewhere")
    item.add_marker(pytest.mark.skip(reason=why))


def pytest_collection_modifyitems(config, items):
    """Leaves out the files that say nothing about this world, system or build, and sorts the others (harness/choice.py)."""
    taken = [item for item in items if choice.takes(item, config.settings)]
    config.hook.pytest_deselected(items=[item for item in items if not choice.takes(item, config.settings)])
    items[:] = sorted(taken, key=choice.order)


# One test

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in item.config.files.run(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture
def t(request):
    """Layers and mounts, looked after: see harness/case.py."""
    sentence = request.node.name.removeprefix("test_")
    sentence = sentence if isinstance(request.node, Row) else sentence.replace("_", " ")
    return Case(request.config.settings, sentence, request.node.nodeid, request.config.progress)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    __tracebackhide__ = True
    runs.run_undisturbed(pyfuncitem, pyfuncitem.config.settings)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Paths in reports begin where pytest was started; tests begin at the root, to hold nothing."""
    with contextlib.suppress(OSError):
        os.chdir(item.config.invocation_params.dir)
    yield
    os.chdir("/")


def pytest_assertion_pass():
    checks.count()


def pytest_report_teststatus(report):
    if report.skipped and "elsewhere" in report.keywords:
        return "elsewhere", "-", "ELSEWHERE"
    return None


def pytest_terminal_summary(terminalreporter):
    reasons = collections.Counter(report.longrepr[2] for report in terminalreporter.stats.get("elsewhere", ()))
    for reason, number in reasons.items():
        terminalreporter.write_line(f"ELSEWHERE [{number}] {reason.removeprefix('Skipped: ')}")
