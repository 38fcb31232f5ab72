# SPDX-License-Identifier: MIT
#
# Rows that are whole programs at work on the tree of small files: what people wait for. One run each;
# what comes before it is not timed.

import os
import subprocess
import time

from benchlib.row import Row

# Row -> what has to be done before it, and the program, as shell commands below the mountpoint.
COMMANDS = {
    "find": ("", "find tree -size +1000k"),
    "grep-first": ("find tree -size +1000k", "grep -r absent tree"),
    "grep-again": ("grep -r absent tree", "grep -r absent tree"),
    "untar": ("mkdir new", "tar -C new -xf {archive}"),
    "cp-a": ("", "cp -a tree copy"),
    "cp-a-two": ("", "cp -a tree copy1 & cp -a tree copy2; wait"),
    "chmod-r": ("", "chmod -R g+w tree"),
    "rm-rf-new": ("cp -a tree copy", "rm -rf copy"),
    "rm-rf-lower": ("", "rm -rf tree"),
}
PROGRAMS = [
    Row("find", "find of all files, cold", cold=True, program=True),
    Row("grep-first", "grep -r, first", cold=True, program=True),
    Row("grep-again", "grep -r, again", program=True),
    Row("grep-again-read-only", "grep -r, again, read-only, open=none", work="grep-again", program=True, read_only=True,
        without=("plain", "hp", "hp-uring")),
    Row("untar", "tar -x", program=True),
    Row("cp-a", "cp -a", program=True),
    Row("cp-a-two", "two cp -a at a time", program=True),
    Row("chmod-r", "chmod -R of lower files", program=True, uses_up=True, copies_up=True),
    Row("rm-rf-new", "rm -rf of new files", program=True),
    Row("rm-rf-lower", "rm -rf of lower files", program=True, uses_up=True),
]


# What they leave behind.
MADE = ("new", "copy", "copy1", "copy2")


def shell(command, root, timeout, identity):
    """grep's status says that it found nothing, as it should. timeout(1) ends what hangs: Python's own waiting with a
    limit looks every 50 ms only."""
    done = subprocess.run(["timeout", "--signal=KILL", str(timeout), "sh", "-c", command], cwd=root,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, **identity)
    if done.returncode in (124, 137):
        raise subprocess.TimeoutExpired(command, timeout)


def prepare_program(settings, row, root, timeout, identity):
    """What comes before it."""
    archive = settings.scratch.at("tree.tar")
    if not os.path.exists(archive):
        subprocess.run(["tar", "-C", settings.scratch.lower, "-cf", archive, "tree"], check=True)
    before, _ = COMMANDS[row.work or row.operation]
    if before:
        shell(before, root, timeout, identity)
    if not row.cold:
        settings.scratch.settle()


def run_program(settings, row, root, timeout, identity):
    """Seconds."""
    _, program = COMMANDS[row.work or row.operation]
    begin = time.monotonic()
    shell(program.format(archive=settings.scratch.at("tree.tar")), root, timeout, identity)
    return time.monotonic() - begin
