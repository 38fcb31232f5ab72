# SPDX-License-Identifier: MIT
"""Records the system calls of the processes of test files, for `tests/coverage/run inputs`.

strace follows the process of a test file and what it forks, and lets go of what executes a program: so the daemon runs at
its own speed, and calls of other programs (cp, fio) are not recorded. It runs outside the file's namespaces, since it must
outlive them. Files of a record: `mounts` (a mount point of overpass per line), and a trace for each thread.
"""
import os
import subprocess
import tempfile
import time

VARIABLE = "OVERPASS_TESTS_RECORD"      # the directory of the record; unset: nothing is recorded
MOUNTS = "mounts"


def attach(pid):
    """Begins to record the process, which waits for it (wait_until_attached). Returns what `end` takes."""
    directory = os.environ.get(VARIABLE)
    if not directory:
        return None
    prefix = os.path.join(tempfile.mkdtemp(prefix="file.", dir=directory), "trace")
    return subprocess.Popen(["strace", "-f", "-ff", "-qq", "-y", "-s", "64", "-b", "execve", "-e", "signal=none",
                             "-e", "trace=%file,%desc", "-o", prefix, "-p", str(pid)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_until_attached():
    """For the process itself, before it does anything that is to be recorded."""
    deadline = time.monotonic() + 60
    while os.environ.get(VARIABLE) and not _is_traced():
        if time.monotonic() > deadline:
            raise OSError("strace does not attach")
        time.sleep(0.01)


def _is_traced():
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in file)


def end(recorder):
    """Waits for strace, which ends with the last process that it follows."""
    if recorder:
        recorder.wait(60)


def note_mount(mountpoint):
    """Calls on paths below this are calls on overpass."""
    directory = os.environ.get(VARIABLE)
    if directory:
        fd = os.open(os.path.join(directory, MOUNTS), os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, os.fsencode(mountpoint) + b"\n")
        finally:
            os.close(fd)
