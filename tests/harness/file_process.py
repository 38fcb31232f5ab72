# SPDX-License-Identifier: MIT
"""The process in which the tests of one file run, in the private world made by isolation.

pytest collects, orders and reports. What a test does happens in a child process, one for each test file: the parent
names a test by its number in the session, the child runs it and answers with pytest's reports, as lines of JSON. So the
file's mounts, daemons and scratch directory end with the child, whatever the tests did. A child that dies or does not
answer in time is ended and fails its test; the file's other tests get a new one.
"""
import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback

import pytest
from _pytest.runner import runtestprotocol

from . import isolation, recording, scratch, syscalls, trees, worlds

OF_THE_SYSTEM = "/usr/bin/python3"      # one that all users may read: pytest's may be in a user's home


class FileProcess:
    def __init__(self, session, settings):
        """settings.scratch: where the scratch directory is made; "" for the system's temporary directory."""
        self.scratch = tempfile.mkdtemp(prefix="overpass-tests.", dir=settings.scratch or None)
        os.chmod(self.scratch, 0o755)
        own = dataclasses.replace(settings, scratch=self.scratch)
        self.numbers = {item: number for number, item in enumerate(session.items)}
        self.status, self.rest = None, b""
        self.answers, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self.answers.close()
            _begin(session, own, theirs, parent)
        theirs.close()
        self.recorder = recording.attach(self.pid)

    def run(self, item, nextitem, seconds, grace):
        """The process's answer: {"reports": serialized reports of the test} or {"broken": why it cannot begin};
        None if it has died or used up seconds and grace."""
        order = {"test": self.numbers[item], "next": self.numbers.get(nextitem), "seconds": seconds}
        try:
            self.answers.sendall(json.dumps(order).encode() + b"\n")
            return self._receive(time.monotonic() + seconds + grace)
        except OSError:     # it died before it read all
            return None

    def _receive(self, deadline):
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], max(0.0, deadline - time.monotonic()))
            piece = self.answers.recv(1 << 16) if ready else b""
            if not piece:
                return None
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def end(self, patience):
        """Lets the process end by itself for so many seconds, then ends it. Removes the scratch directory.

        The exit status is in self.status then: 0, unless something went wrong or the process had to be ended.
        """
        with contextlib.suppress(OSError):
            self.answers.shutdown(socket.SHUT_WR)       # no more orders
        for number, seconds in ((0, patience), (signal.SIGTERM, 10), (signal.SIGKILL, 600)):
            os.kill(self.pid, number)
            if self._has_ended(seconds):
                break
        recording.end(self.recorder)
        self.answers.close()
        trees.remove(self.scratch)

    def _has_ended(self, seconds):
        deadline = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                return False
            else:
                time.sleep(0.002)
        return True


def _begin(session, settings, orders, parent):
    """In the new process, for good."""
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        recording.wait_until_attached()
        signal.signal(signal.SIGINT, signal.default_int_handler)    # the process that started pytest may ignore them,
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)                   # and a daemon would inherit that
        # The alarm that ends a test is the test's own: processes that it starts may set theirs, and die of it.
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGALRM, signal.SIG_DFL))
        os.environ |= {"LC_ALL": "C.UTF-8", "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
        isolation.run_isolated(lambda: _serve(session, settings, orders))
    finally:
        os._exit(1)


def _serve(session, settings, orders):
    try:
        os.chdir("/")
        settings.scratch = scratch.prepare(settings.scratch, settings.scratch_kind)
        if settings.world != "root" and os.path.exists(OF_THE_SYSTEM):
            sys.executable = OF_THE_SYSTEM
        worlds.enter(settings)
        syscalls.die_with_parent(signal.SIGKILL)    # again: a change of ids takes it back
    except BaseException:
        orders.sendall(json.dumps({"broken": traceback.format_exc()}).encode() + b"\n")
        return 1
    session.config.settings, session.config.progress = settings, _title()
    for line in orders.makefile("rb"):
        order = json.loads(line)
        item = session.items[order["test"]]
        nextitem = session.items[order["next"]] if order["next"] is not None else None
        item.add_marker(pytest.mark.timeout(order["seconds"], method="signal", func_only=True), append=False)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        answer = [session.config.hook.pytest_report_to_serializable(config=session.config, report=report) for report in reports]
        orders.sendall(json.dumps({"reports": answer}).encode() + b"\n")
    return 0


def _title():
    """A function that shows a text as the title of the terminal, if there is one."""
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return lambda text: None

    def show(text):
        shown = "".join(filter(str.isprintable, text))[:200]
        os.write(terminal, f"\x1b]2;{shown}\a".encode(errors="replace"))
    return show
