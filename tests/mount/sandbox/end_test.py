# SPDX-License-Identifier: MIT
"""On a terminal a run without a name asks at its end what becomes of the changes."""
import os
import pty
import re
import select
import time

from harness import equal, write
from harness.checks import Failure
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


class OnTerminal:
    """A program on a terminal of its own."""

    def __init__(self, s, *words):
        self.s, self.text = s, ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(s.outside)
            os.execve(s.t.settings.overpass, [s.t.settings.overpass, *words], s.environment(PS1="$ ", ENV=""))

    def until(self, pattern):
        """Reads until the pattern has come."""
        deadline = time.monotonic() + self.s.t.settings.seconds(60)
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline:
                raise Failure(f"{pattern!r} did not come:\n{self.text}")
            if not select.select([self.fd], [], [], 1)[0]:
                continue
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                raise Failure(f"the program ended before {pattern!r}:\n{self.text}") from None

    def answer(self, text):
        self.text = ""
        os.write(self.fd, text.encode())

    def end(self):
        try:
            while True:
                piece = os.read(self.fd, 4096)
                if not piece:
                    break
                self.text += piece.decode(errors="replace")
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_changes_are_told_and_kept(t):
    s = Sandboxes(t)
    run = OnTerminal(s, "run", "--", "sh", "-c", "echo new > file; exit 4")
    run.until(r"1 modified\r\n.*\[k/s/a/d\] ")
    run.answer("what\n")
    run.until(r"\[k/s/a/d\] ")
    run.answer("s\n")
    run.until(rf"M {s.outside[1:]}/file\r\n.*\[k/s/a/d\] ")
    run.answer("k\n")
    equal(run.end(), 4, "the exit status")
    equal(s.call("diff", "@last").stdout, f"M {s.outside[1:]}/file\n", "what is kept")


def test_changes_are_discarded(t):
    s = Sandboxes(t)
    run = OnTerminal(s, "run", "--", "sh", "-c", "echo new > file")
    run.until(r"\[k/s/a/d\] ")
    run.answer("d\n")
    equal(run.end(), 0, "the exit status")
    equal(os.listdir(s.store), [], "the store")


def test_changes_are_applied(t):
    s = Sandboxes(t)
    run = OnTerminal(s, "run", "--", "sh", "-c", "echo new > file; exit 4")
    run.until(r"\[k/s/a/d\] ")
    run.answer("a\n")
    equal(run.end(), 4, "the exit status")
    equal(open(s.outside + "/file", encoding="utf-8").read(), "new\n", "the file outside")
    s.outside_is_as_it_should_be()


def test_nothing_is_asked_without_changes_or_of_one_with_a_name(t):
    s = Sandboxes(t)
    for words in (("run", "true"), ("run", "--keep", "--", "sh", "-c", "echo new > file"),
                  ("run", "try1", "--", "sh", "-c", "echo new > file")):
        run = OnTerminal(s, *words)
        equal((run.end(), "[k/s/a/d]" in run.text), (0, False), f"the end of {words}: {run.text}")


def test_shell_has_job_control_and_the_terminal_comes_back(t):
    s = Sandboxes(t)
    run = OnTerminal(s, "run", "--", "bash", "--norc", "-i")
    run.until(r"[#$] $")
    run.answer("sh -c 'printf be%s gun; exec sleep 1000'\n")
    run.until("begun")
    run.answer("\x1a")
    run.until(r"Stopped")
    # Where wait still finds the job stopped, the first exit only warns of it.
    run.answer("tty; jobs; kill -9 %1; wait; echo new > file; exit 5; exit 5\n")
    run.until(r"\[k/s/a/d\] ")
    if "no job control" in run.text or "not a tty" in run.text:
        raise Failure(run.text)
    run.answer("k\n")
    equal(run.end(), 5, "the exit status")


def test_interrupt_ends_the_command_and_not_the_run(t):
    s = Sandboxes(t)
    run = OnTerminal(s, "run", "try1", "--", "sh", "-c", "trap 'echo got it; exit 6' INT; echo ready; while :; do sleep 0.1; done")
    run.until("ready")
    run.answer("\x03")
    equal(run.end(), 6, "the exit status")
    equal("got it" in run.text, True, "what the command said")


def test_removing_one_with_changes_is_asked_about(t):
    s = Sandboxes(t)
    s.sh("echo new > file", "try1")
    for given, left in (("\n", ["try1"]), ("n\n", ["try1"]), ("y\n", [])):
        rm = OnTerminal(s, "rm", "try1")
        rm.until(r"1 modified.*\[y/N\] ")
        rm.answer(given)
        rm.end()
        equal(os.listdir(s.store), left, f"the store after {given!r}")


def test_empty_and_old_ones_are_pruned(t):
    s = Sandboxes(t)
    s.sh("true", "empty"), s.sh("echo x > file", "fresh"), s.sh("echo x > file", "old"), s.sh("true", "broken")
    os.utime(s.store + "/old/lock", (0, 0))
    write(s.store + "/broken/sandbox.toml", "format = 9\n")
    run = s.start("busy", "--", "sh", "-c", "echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    equal(s.call("prune", "-n").stdout, "empty\n", "what would be removed")
    equal(s.call("prune").stdout, "empty\n", "what is removed")
    equal(s.call("prune", "--older-than", "30").stdout, "old\n", "what is old")
    equal(sorted(os.listdir(s.store)), ["broken", "busy", "fresh"], "what is left")
    for words in (("prune", "--older-than", "x"), ("prune", "fresh")):
        equal(s.call(*words).returncode, 2, f"the status of {words}")
