# SPDX-License-Identifier: MIT
"""The power fails during `overpass apply`: at every flush, and with a part of what was on its way.

Sandbox and outside are on one recorded disk. From each state that an outage leaves, the apply can be finished or
taken back, nothing of the outside is half done then, and undo still leads to what was there.
"""
import json
import os
import subprocess

import pytest
from harness import Dir, File, Link, checks, equal, features, holds, syscalls
from harness.block_recorder import Replay
from harness.recorded_disk import Disk
from outages import arrivals

SYSTEMS = ("overpass",)
PATIENCE = 900
TREE = {"file": File(b"old" * 3000), "other": "other", "dir": Dir({"inner": File(b"deep" * 2000), "second": "two"}), "gone": "gone", "one": File(b"one" * 4000), "two": Link("one")}
SCRIPT = ("head -c 20000 /dev/zero | tr '\\0' n > file; rm dir/inner; mv dir moved; mkdir made; echo made > made/it; "
          "ln -s file link; chmod 700 other; rm gone; mkdir gone; echo new > gone/new; echo new > one")


class Trial:
    """A sandbox `name` in the store of a mounted disk."""

    def __init__(self, t, point):
        self.t, self.point, self.outside = t, point, point + "/upper"

    def call(self, *words, allowed=(0,)):
        done = subprocess.run([self.t.settings.overpass, *words], cwd=self.outside, stdin=subprocess.DEVNULL, capture_output=True,
                              env={**os.environ, "OVERPASS_STORE": self.point + "/work/store"}, text=True, check=False,
                              timeout=self.t.settings.seconds(90))
        if done.returncode not in allowed:
            raise checks.Failure(f"overpass {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def shown(self):
        return self.t.dump(self.outside, mtime=None)


def judge(t, disk, before, after, ending):
    """Ends what the outage has interrupted, in one way, and goes through what can be done then. Gives the phase of the apply."""
    disk.mount(disk.trial, disk.point)
    trial, phase = Trial(t, disk.point), None
    try:
        if os.path.exists(disk.point + "/work/store/name/apply/journal.json"):
            with open(disk.point + "/work/store/name/apply/journal.json", encoding="utf-8") as file:
                phase = json.load(file)["phase"]
            done = trial.call("apply", "name", ending, "--yes", allowed=(0, 3))
            if done.returncode != 0:        # everything is applied, or nothing had begun
                trial.call("apply", "name", "--continue", "--yes", allowed=(0, 3))
        state = trial.shown()
        if state == before:
            trial.call("apply", "name", "--yes")
            state = trial.shown()
        equal(state, after, "the outside in the end")
        equal(trial.call("diff", "name").stdout, "", "what is left in the sandbox")
        trial.call("undo", "name", "--yes")
        equal(trial.shown(), before, "the outside after undo")
        return phase
    finally:
        syscalls.umount(disk.point)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_an_apply_that_loses_power(t, kind):
    features.need("fuse")
    disk = Disk(t, kind, TREE)
    trial = Trial(t, disk.point)
    trial.call("run", "name", "--", "sh", "-c", SCRIPT)
    before = trial.shown()
    disk.end()
    disk.begin_here()       # where the sandbox knows it
    trial.call("apply", "name", "--yes")
    after = trial.shown()
    disk.end()
    replay, phases = Replay(disk.log, disk.start), set()
    try:
        for number, flush in enumerate(replay.flushes, 1):
            replay.advance(flush)
            if t.settings.step and number != t.settings.step:
                continue
            t.progress(f"{t.sentence}: flush {number} of {len(replay.flushes)}")
            for at, arrival in enumerate(arrivals(t.settings.seed, replay, 2 if t.settings.full else 1)):
                replay.copy(disk.trial)
                if arrival.includes:
                    replay.scatter(disk.trial, arrival.includes)
                ending = ("--continue", "--abort")[(number + at) % 2]
                try:
                    phases.add(judge(t, disk, before, after, ending))
                except Exception as error:
                    raise checks.Failure(f"the disk as of flush {number} of {len(replay.flushes)} {arrival.description}, then "
                                         f"{ending}; repeat with --step {number} --seed {t.settings.seed}\n{error}") from error
    finally:
        replay.close()
    if not t.settings.step:
        holds({"preparing", "publishing", "published"} <= phases, f"outages came in all phases: {phases}")
