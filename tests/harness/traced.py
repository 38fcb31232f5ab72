# SPDX-License-Identifier: MIT
"""The system calls that a daemon makes for some calls, counted as tools/bench counts them.

Serving is left to one thread, and marks in the trace say where the calls begin and end: a request each, so that nothing that
comes late is missed and no time decides.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

from . import checks
from .daemon import need_no_sanitizer

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))), "tools"))
from benchlib import trace     # noqa: E402
from benchlib.syscalls import is_traced     # noqa: E402

OPTIONS = ("threads=1", "io_uring=off", "busy_poll=off")     # for the mount
MARKER = "marker"                           # a file of the union
# Of the C library: memory and threads.
LIBRARY = {"mmap", "munmap", "mprotect", "brk", "madvise", "rt_sigprocmask", "clone3", "rseq", "set_robust_list", "exit"}


class Traced:
    """`with Traced(t, m) as traced:` and afterwards `traced.layer` are the calls on layers by name, `traced.recognizing` those
    that recognize objects, `traced.requests` how many requests there were."""

    def __init__(self, t, mount):
        need_no_sanitizer(t.settings, "it makes calls of its own")
        if not shutil.which("strace"):
            checks.holds(False, "strace is installed")
        self.t, self.mount, self.log = t, mount, os.path.join(t.directory, "trace")

    def __enter__(self):
        if os.path.exists(self.log):
            os.remove(self.log)     # of another trace of this test
        self.strace = subprocess.Popen(["strace", *trace.OPTIONS, "-o", self.log, f"--attach={self.mount.pid}"],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + self.t.settings.seconds(10)
        while not self._is_seen("user.begin"):      # an attached thread is traced from its next stop on
            checks.holds(time.monotonic() < deadline and self.strace.poll() is None, "strace attaches")
            if is_traced(self.mount.pid):
                self._mark("user.begin")
            time.sleep(0.01)
        return self

    def __exit__(self, kind, error, traceback):
        self._mark("user.end")
        self.strace.send_signal(signal.SIGINT)
        self.strace.wait(self.t.settings.seconds(10))
        if kind is None:
            self._read()

    def _is_seen(self, name):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return name in file.read()
        except FileNotFoundError:
            return False

    def _mark(self, name):
        checks.refused(61, os.getxattr, self.mount / MARKER, name)

    def _read(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            calls = [call for call in trace.calls_in(file) if call.name not in trace.WAITING]
        reads = [i for i, call in enumerate(calls) if call.name == "read"]
        begin = max(i for i in reads if "user.begin" in calls[i].arguments)
        first = next(i for i in reads if i > begin)
        between = calls[first:next(i for i in reads if "user.end" in calls[i].arguments)]
        self.requests = sum(call.name == "read" for call in between)
        self.layer = trace.counted(call.name for call in between if call.name not in trace.TRANSPORT | LIBRARY)
        self.recognizing = trace.counted(call.name for piece in trace.parts_of(between)
                                         for call in trace.recognizing(piece))
