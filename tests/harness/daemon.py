# SPDX-License-Identifier: MIT
"""The overpass program as a child process: started in the foreground, watched, and judged when it ends.

Invariant: code that starts a Daemon ends it through `end`, which demands exit status 0 and a clean
standard error (no sanitizer report, no failed assertion).
"""
import json
import os
import re
import select
import signal
import subprocess
import time

from . import checks, isolation, recording

REPORTS = re.compile(r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|: runtime error:|Assertion .* failed|"
                     r"terminate called|lock order|SUMMARY: \w*Sanitizer")


class Daemon:
    def __init__(self, settings, arguments, mountpoint, log, **popen):
        self.settings, self.mountpoint, self.log = settings, os.path.realpath(mountpoint), log
        self._log_file = open(log, "wb")
        recording.note_mount(self.mountpoint)
        self.before = list(isolation.mount_points()).count(self.mountpoint)
        self.process = subprocess.Popen([settings.overpass, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=self._log_file, stderr=self._log_file, **popen)
        self.pid = self.process.pid

    def wait_until_usable(self):
        """Waits for the mount to appear, then for its first answer."""
        deadline = time.monotonic() + self.settings.seconds(20)
        with open("/proc/self/mountinfo", "rb") as table:
            poll = select.poll()
            poll.register(table, select.POLLERR | select.POLLPRI)
            while list(isolation.mount_points()).count(self.mountpoint) <= self.before:
                if self.process.poll() is not None:
                    raise MountFailed(self.process.returncode, self.text())
                if time.monotonic() > deadline:
                    self.kill()
                    raise checks.Failure(f"overpass did not mount {self.mountpoint}:\n{self.text()}")
                poll.poll(20)
        try:
            os.statvfs(self.mountpoint)
        except OSError as error:
            self.kill()
            raise checks.Failure(f"{self.mountpoint} is mounted but answers {error}:\n{self.text()}") from error

    def text(self):
        with open(self.log, "rb") as file:
            return file.read().decode(errors="replace")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log_file.close()

    def end(self, expected_status=0):
        """Waits for the daemon, which must already have been told to end."""
        try:
            status = self.process.wait(self.settings.seconds(20))
        except subprocess.TimeoutExpired:
            stacks = kernel_stacks(self.pid)
            self.kill()
            raise checks.Failure(f"overpass did not end after the unmount\n{stacks}\n{self.text()}") from None
        self._log_file.close()
        self.check_reports()
        if status != expected_status:
            raise checks.Failure(f"overpass ended with status {status}:\n{self.text()[-4000:]}")

    def check_reports(self):
        found = REPORTS.search(self.text())
        if found:
            report = self.text()[found.start():]
            raise checks.Failure(f"overpass reported {found.group(0)}:\n{report[:6000]}\n...\n{report[-300:]}")

    def signal(self, number=signal.SIGTERM):
        os.kill(self.pid, number)


class MountFailed(Exception):
    """The program ended before the mount was usable."""

    def __init__(self, status, text):
        super().__init__(status, text)
        self.status, self.text = status, text

    def __str__(self):
        return f"overpass mount ended with status {self.status}: {self.text.strip()[-3000:]}"


def status_of(settings, mountpoint):
    """What `overpass status MOUNTPOINT --json` says."""
    done = subprocess.run([settings.overpass, "status", mountpoint, "--json"], capture_output=True,
                          timeout=settings.seconds(30), check=False)
    if done.returncode != 0:
        raise checks.Failure(f"overpass status ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)


def is_sanitized(pid):
    """Whether it runs with a sanitizer, which needs much memory and descriptors of its own."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return any("asan" in line or "tsan" in line for line in file)


def need_no_sanitizer(settings, why, names=("asan", "tsan")):
    """For a test of what a sanitizer's own threads, calls or memory would change."""
    with open(settings.overpass, "rb") as program:
        content = program.read()
    if any(f"lib{name}.so".encode() in content for name in names):
        raise checks.Lacking(f"a program without sanitizers: {why}")


def kernel_stacks(pid):
    """Where the threads of a hanging daemon are."""
    lines = []
    try:
        for task in sorted(os.listdir(f"/proc/{pid}/task")):
            with open(f"/proc/{pid}/task/{task}/wchan") as file:
                lines.append(f"    thread {task} waits in {file.read()}")
    except OSError:
        pass
    return "\n".join(lines)
