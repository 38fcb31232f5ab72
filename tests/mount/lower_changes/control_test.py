# SPDX-License-Identifier: MIT
"""Commands to a mounted union, and to the unions of a running sandbox: who may give them."""
import errno
import os

from harness import contains, equal, holds
from harness.sandboxes import Sandboxes

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)

COMMAND = "overpass.control.refresh"


def error_of(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0


def test_a_union_is_refreshed_by_its_mountpoint_or_a_path_inside(t):
    u = t.mount(t.layer({"dir": {"file": "content"}}))
    for target in (u.path, u.path + "/dir", u.path + "/dir/file"):
        equal(t.status_text("refresh", target), (0, "", ""), f"overpass refresh {target}")


def test_a_read_only_union_takes_commands(t):
    u = t.mount(t.layer({"file": "content"}), upper=None)
    equal(t.status_text("refresh", u.path), (0, "", ""), "overpass refresh")


def test_the_attribute_is_not_listed_and_not_kept(t):
    u = t.mount(t.layer({"file": "content"}))
    equal(os.getxattr(u.path, COMMAND + ":"), b"", "the answer to a command")
    equal(os.listxattr(u.path), [], "the attributes of the root")
    equal(error_of(os.getxattr, u.path, COMMAND + ":value"), errno.EINVAL, "a value that is not wanted")
    equal(error_of(os.setxattr, u.path, COMMAND, b""), errno.EOPNOTSUPP, "a command that would wait for itself")
    equal(error_of(os.setxattr, u.path, "overpass.control.none", b""), errno.EOPNOTSUPP, "an unknown command")
    equal(error_of(os.getxattr, u.path + "/file", COMMAND + ":"), errno.EOPNOTSUPP, "a command to a file")


def test_what_is_no_union_is_refused(t):
    place = t.fresh("plain")
    status, out, err = t.status_text("refresh", place)
    holds(status != 0 and out == "", "it is refused")
    contains(err, place, "message")
    status, _, err = t.status_text("refresh")
    equal(status, 2, "the status without an argument")
    contains(err, "overpass refresh MOUNTPOINT", "message")


def test_a_running_sandbox_is_refreshed_by_its_name(t):
    s = Sandboxes(t)
    run = s.start("try1", "--", "sh", "-c", "echo ready; read line; exit 0")
    equal(run.stdout.readline(), "ready\n", "the command")
    for _ in range(3):
        done = s.call("refresh", "try1")
        equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "overpass refresh")
    run.stdin.close()
    equal(run.wait(), 0, "the end of the command")
    s.wait_for_end()


def test_a_sandbox_that_does_not_run_is_not_refreshed(t):
    s = Sandboxes(t)
    s.sh("true", "try1")
    done = s.call("refresh", "try1")
    equal(done.returncode, 1, "the status")
    contains(done.stderr, "does not run", "message")


def test_a_command_in_a_sandbox_cannot_give_commands(t):
    s = Sandboxes(t)
    script = f"""
import errno, os
for path in ("/", {s.outside!r}):
    for call in (lambda: os.setxattr(path, {COMMAND!r}, b""), lambda: os.getxattr(path, {COMMAND!r} + ":")):
        try:
            call()
            print("given")
        except OSError as error:
            print(errno.errorcode[error.errno])
"""
    for options in ((), ("--root",)):
        done = s.run("--discard", *options, "--", "python3", "-c", script)
        said = set(done.stdout.split())
        holds("EPERM" in said and not said - {"EPERM", "ENOTSUP"}, f"{options}: {done.stdout!r} {done.stderr!r}")
