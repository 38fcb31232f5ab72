# SPDX-License-Identifier: MIT
"""Commands on frozen layers that are killed before each of their calls that change names: what the sandbox shows stays.

strace sends the signal.
"""
import os
import subprocess

from harness import equal, holds
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600
CALLS = ("renameat2", "linkat", "unlinkat", "mkdirat")
SHOWN = "find . -exec stat -c '%n %F %a %h %s %y' {} + | sort; cat file* */* 2> /dev/null; true"


def prepared(t):
    s = Sandboxes(t, {"file": "old", "gone": "y", "same": "x", "dir": {"a": "1", "b": "2"}})
    os.link(s.outside + "/file", s.outside + "/dir/second")
    os.link(s.outside + "/file", s.outside + "/file3")
    s.outside_is_as_it_should_be()
    s.sh("echo new >> file; rm gone; mv dir moved; : >> same", "try1")
    return s


def killed_at_each_call(t, s, *words, prepare=()):
    """Runs the command on forks of the sandbox, and kills each at another call. How often that was."""
    kills = 0
    for call in CALLS:
        number = 1
        while True:
            name = f"{call}{number}"
            equal(s.call("fork", "try1", name).returncode, 0, "the fork")
            for script in prepare:
                s.sh(script, name)
                equal(s.call("snapshot", name).returncode, 0, "a snapshot")
            s.sh("echo later >> moved/second; rm -f moved/b; : >> moved/a", name)
            before = s.sh(SHOWN, name)
            done = subprocess.run(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                   f"inject={call}:error=EINTR:signal=SIGKILL:when={number}", t.settings.overpass, *words, name],
                                  env=s.traced_environment(), capture_output=True, text=True, check=False)
            equal(s.sh(SHOWN, name), before, f"what is seen after {words} was killed at {call} {number}")
            again = s.call(*words, name)
            equal(again.returncode, 0, f"{words} once more, {again.stderr}")
            equal(s.sh(SHOWN, name), before, f"what is seen after {words} once more, {call} {number}")
            equal(s.call("rm", name).returncode, 0, "removing it")
            if done.returncode == 0:
                break
            kills += 1
            number += t.settings.in_form(brief=6, usual=3, long=1)
    left = set(os.listdir(s.store + "/@layers")) - {"lock"}
    equal(len(left), 1, f"layers that are left: {left}")
    return kills


def test_killed_snapshot(t):
    holds(killed_at_each_call(t, prepared(t), "snapshot") > 3, "it was killed at several calls")


def test_killed_squash(t):
    kills = killed_at_each_call(t, prepared(t), "squash", prepare=("echo z > gone", "ln file more; rm gone"))
    holds(kills > 6, "it was killed at several calls")


def test_killed_thaw(t):
    kills = killed_at_each_call(t, prepared(t), "squash", "--thaw", prepare=("echo z > gone", "ln file more; rm gone"))
    holds(kills > 6, "it was killed at several calls")


def test_killed_vacuum(t):
    holds(killed_at_each_call(t, prepared(t), "vacuum") > 0, "it was killed at several calls")


def test_killed_rebase(t):
    kills = killed_at_each_call(t, prepared(t), "rebase", prepare=("echo z > gone", "ln file more; rm gone"))
    holds(kills > 6, "it was killed at several calls")
