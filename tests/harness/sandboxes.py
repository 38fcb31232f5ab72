# SPDX-License-Identifier: MIT
"""Sandboxes of `overpass run`, in a store of the test's own, over a directory that must not change.

Invariant: at the end of the test no process of any sandbox is left, and the outside is as it was.
"""
import os
import signal
import subprocess
import time

from . import checks, daemon, dump, features


class Sandboxes:
    def __init__(self, t, tree=None):
        features.need("fuse")
        daemon.need_no_sanitizer(t.settings, "ThreadSanitizer has a thread, and who makes a user namespace must have one only",
                                 names=("tsan",))
        self.t, self.store = t, os.path.join(t.fresh("home"), "store")
        self.outside = t.fresh("outside", tree or {"file": "old", "dir": {"inner": "deep"}})
        self.before = dump.checksum(self.outside)
        self.started = []
        t.at_end(self._end)

    def outside_is_as_it_should_be(self):
        """For a test that prepares the outside itself: from here on it must not change."""
        self.before = dump.checksum(self.outside)

    def environment(self, **more):
        return {**os.environ, "OVERPASS_STORE": self.store, "HOME": os.path.dirname(self.store), **more}

    def traced_environment(self):
        """For a program under strace, where LeakSanitizer cannot work and would say so by the exit status."""
        return self.environment(ASAN_OPTIONS=":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"))))

    def call(self, *words, cwd=None, timeout=90, **named):
        """The finished program, with its output as text."""
        named.setdefault("stdin", subprocess.DEVNULL)
        if "input" in named:
            del named["stdin"]
        done = subprocess.run([self.t.settings.overpass, *words], env=self.environment(), text=True, errors="backslashreplace", capture_output=True,
                              cwd=cwd or self.outside, timeout=self.t.settings.seconds(timeout), check=False, **named)
        if daemon.REPORTS.search(done.stderr):
            raise checks.Failure(f"overpass {' '.join(words)}:\n{done.stderr}")
        return done

    def run(self, *words, **named):
        return self.call("run", *words, **named)

    def sh(self, script, *options, status=0, **named):
        """What a shell script in the sandbox prints; it must end with the status."""
        done = self.run(*options, "--", "sh", "-c", script, **named)
        if done.returncode != status:
            raise checks.Failure(f"{script!r} ended with {done.returncode}, not {status}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, *words, **named):
        """A run that goes on. The test reads from its standard output and writes to its input."""
        process = subprocess.Popen([self.t.settings.overpass, "run", *words], env=self.environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.outside, **named)
        self.started.append(process)
        return process

    def upper(self, name, at="/"):
        """The upper directory of the file system at a mountpoint."""
        directory, found = None, False
        with open(f"{self.store}/{name}/sandbox.toml", encoding="utf-8") as file:
            for line in file.read().split("[[file_system]]")[1:]:
                keys = dict(row.split(" = ") for row in line.strip().splitlines() if " = " in row)
                if keys["at"].strip("'\"") == at:
                    directory, found = keys["directory"], True
        if not found:
            raise checks.Failure(f"{name} has no file system at {at}")
        return f"{self.store}/{name}/{directory}/upper"

    def changed(self, name, path):
        """Where the sandbox has its own copy of an outside path."""
        point = path
        while not os.path.ismount(point):
            point = os.path.dirname(point)
        return os.path.join(self.upper(name, point), os.path.relpath(path, point))

    def keepers(self):
        """Processes of this store's sandboxes outside: keepers and those that serve unions."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if f"OVERPASS_STORE={self.store}".encode() in file.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def wait_for_end(self):
        deadline = time.monotonic() + self.t.settings.seconds(30)
        while self.keepers():
            if time.monotonic() > deadline:
                raise checks.Failure(f"processes of the sandbox are left: {self.keepers()}")
            time.sleep(0.02)

    def _end(self):
        for process in self.started:
            process.stdin.close()
            try:
                process.wait(self.t.settings.seconds(30))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        try:
            self.wait_for_end()
        except checks.Failure:
            for pid in self.keepers():
                os.kill(pid, signal.SIGKILL)
            raise
        checks.equal(dump.checksum(self.outside), self.before, "the checksum of the outside")


class Running:
    """A shell in a sandbox that does what it is told, line by line."""

    def __init__(self, s, name):
        self.process = s.start(name, "--", "sh")

    def do(self, line):
        """What the line prints."""
        self.process.stdin.write(line + "\necho :end\n")
        self.process.stdin.flush()
        text = ""
        while not text.endswith(":end\n"):
            read = self.process.stdout.readline()
            checks.holds(read != "", f"the shell has not ended, after {text!r}")
            text += read
        return text.removesuffix(":end\n")

    def end(self):
        self.process.stdin.close()
        checks.equal(self.process.wait(60), 0, "the status of the shell")
