# SPDX-License-Identifier: MIT
"""`overpass check NAME` of a sandbox, and what other commands say of one."""
import json
import os

from harness import contains, equal
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def test_a_sandbox_is_checked_by_its_name(t):
    s = Sandboxes(t, {"file": "old", "dir": {"inner": "deep"}, "gone": "x"})
    s.sh("echo new > file; rm gone; mv dir moved; mkdir made; ln file made/second; chmod 600 moved/inner", "try1")
    done = s.call("check", "--verbose", "try1")
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "what a check finds")
    equal(s.call("snapshot", "try1").returncode, 0, "a snapshot")
    s.sh("echo more > file; rm moved/inner", "try1")
    done = s.call("check", "--json", "try1")
    documents = json.loads(done.stdout)
    upper = s.changed("try1", s.outside)
    equal([upper.startswith(one["upper"]) for one in documents].count(True), 1, f"uppers: {[one['upper'] for one in documents]}")
    equal((done.returncode, [one["counts"]["error"] for one in documents]), (0, [0] * len(documents)), "errors")


def test_what_is_wrong_in_a_sandbox_is_found(t):
    s = Sandboxes(t)
    s.sh("echo new > file", "try1")
    stray = os.path.join(s.changed("try1", s.outside), ".wh.file")
    with open(stray, "w", encoding="ascii"):
        pass
    done = s.call("check", "try1")
    equal(done.returncode, 1, "exit status")
    contains(done.stdout, f"{stray}: warning", "the finding")


def test_a_sandbox_that_runs_is_not_checked(t):
    s = Sandboxes(t)
    running = s.start("try1", "--", "sh", "-c", "echo begun; read line")
    equal(running.stdout.readline(), "begun\n", "the sandbox")
    done = s.call("check", "try1")
    equal((done.returncode, done.stdout), (3, ""), "a check")
    contains(done.stderr, "is running", "the message")
    running.communicate("\n", timeout=t.settings.seconds(30))


def test_a_sandbox_is_no_mount(t):
    s = Sandboxes(t)
    s.sh("true", "try1")
    for command in ("status", "umount", "refresh"):
        done = s.call(command, "try1", cwd=os.path.dirname(s.store))
        equal(done.returncode, 1, f"{command} of a sandbox")
        contains(done.stderr, "the sandbox 'try1' does not run" if command == "refresh" else "'try1' is a sandbox", "the message")


def test_a_call_that_is_wrong(t):
    s = Sandboxes(t)
    s.sh("true", "try1")
    done = s.call("check", "try1", "try2")
    equal(done.returncode, 2, "exit status")
    contains(done.stderr, "check takes one NAME", "the message")
