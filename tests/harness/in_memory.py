#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a program of unit tests with its scratch directory on an ext4 in memory, as test files that mount have it
(scratch.py): on the machine's disk the programs take up to nine times as long. Where mounting is not permitted it is only run.

usage: in_memory.py PROGRAM [ARGUMENT]...
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import isolation, scratch, syscalls    # noqa: E402


def run_in(directory, words):
    """In the new process: the mounts end with it, since nobody else sees them."""
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        isolation.make_private()
        os.environ["OVERPASS_TESTS_SCRATCH"] = scratch.prepare(directory, "memory")
    except OSError as error:
        print(f"in_memory: not on a file system in memory: {error}", file=sys.stderr)
        os.environ.pop("OVERPASS_TESTS_SCRATCH", None)
    os.execv(words[0], words)


def main(words):
    if os.geteuid() != 0 or "OVERPASS_TESTS_SCRATCH" in os.environ:
        os.execv(words[0], words)
    with tempfile.TemporaryDirectory(prefix="overpass-unit.") as directory:
        os.chmod(directory, 0o755)
        child = os.fork()
        if child == 0:
            try:
                run_in(directory, words)
            finally:
                os._exit(127)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
