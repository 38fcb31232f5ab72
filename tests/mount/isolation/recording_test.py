# SPDX-License-Identifier: MIT
"""What `tests/coverage/run inputs` reads from the trace of a process: the calls on a union, and nothing else."""
import os
import sys

from harness import checks, equal, recording
from harness.syscalls import RENAME_EXCHANGE, renameat2

sys.path.append(os.path.join(os.path.dirname(recording.__file__), "../coverage"))
import inputs   # noqa: E402

WORLDS = ("root",)
ELSEWHERE = "the tests are always recorded by root"


def make_calls(union, beside):
    """Some calls on a union; the same names beside it are not counted."""
    for directory in (union, beside):
        fd = os.open(directory + "/file", os.O_RDWR | os.O_APPEND)
        os.write(fd, b"x" * 4096)
        os.pwrite(fd, b"", 7)
        os.close(fd)
    renameat2(union + "/file", union + "/other", RENAME_EXCHANGE)
    os.mkdir(union + "/new", 0o1777)
    try:
        os.rmdir(union + "/a, b \"c")
    except FileNotFoundError:
        pass


def record_of(t, function):
    """The directory in which strace has left the calls of a child that runs the function."""
    if os.environ.get(recording.VARIABLE):
        raise checks.Lacking("a run that is not recorded itself")
    directory = t.fresh("record")
    with open(os.path.join(directory, recording.MOUNTS), "w", encoding="ascii"):
        os.environ[recording.VARIABLE] = directory
    try:
        child = os.fork()
        if child == 0:
            recording.wait_until_attached()
            function()
            os._exit(0)
        recorder = recording.attach(child)
        equal(os.waitpid(child, 0)[1], 0, "the child's status")
        recording.end(recorder)
    finally:
        del os.environ[recording.VARIABLE]
    return directory


def test_calls_on_a_union_are_counted_with_flags_sizes_and_errnos(t):
    tree = {"file": "content", "other": "other"}
    m, beside = t.mount(t.layer(tree)), t.layer(tree)
    directory = record_of(t, lambda: make_calls(m.path, beside))
    with open(os.path.join(directory, recording.MOUNTS), "w", encoding="utf-8") as file:
        file.write(m.path + "\n")
    counted = inputs.count(directory)
    for tried in (("openat", "flag", "O_APPEND"), ("openat", "flag", "O_RDWR"), ("write", "size", "2^12"), ("pwrite64", "size", "0"),
                  ("renameat2", "flag", "RENAME_EXCHANGE"), ("mkdirat", "flag", "S_ISVTX"), ("unlinkat", "flag", "AT_REMOVEDIR"),
                  ("unlinkat", "result", "ENOENT")):
        equal(counted[tried], 1, tried)
    gaps = inputs.untried(counted)
    assert "O_APPEND" not in gaps["openat"]["flag"] and "O_SYNC" in gaps["openat"]["flag"]
    assert "ok" not in gaps["mkdirat"]["result"] and "ok" in gaps["chroot"]["result"]


def test_runs_of_powers_of_two_are_written_short(t):
    assert inputs.shortened(["0", "small", "2^9", "2^9+", "2^10", "2^12"]) == ["0", "small", "2^9..2^10", "2^12"]
