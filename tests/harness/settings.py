# SPDX-License-Identifier: MIT
"""The settings of a run of the tests: options (options.py) and a few environment variables."""
import dataclasses
import json
import os


@dataclasses.dataclass
class Settings:
    overpass: str = ""           # absolute path of the program under test
    system: str = "overpass"     # overpass, kernel or plain: what the mount suite mounts
    world: str = "root"          # or "userns", "user": the user that runs the tests and mounts (harness/worlds.py)
    seed: int = 1
    steps: int = 0               # model suite: number of operations, 0 for its own default
    step: int = 0                # fault suite: only this step of each scenario, 0 for all
    verbose: bool = False
    brief: bool = False          # fewer seeds, steps and kills: for builds that take long, and for worlds beside root
    long: bool = False           # more of them: before a release
    full: bool = False           # the sizes of the specification instead of shorter ones
    scratch: str = ""            # directory of this test file
    scratch_kind: str = "memory"  # "memory": layers lie on an ext4 in memory if possible; "": in that directory
    must_work: bool = False
    slow: float = 1.0            # how much slower than a normal build on a quiet machine everything may be
    mount_options: str = ""      # more options for every overpass mount, as "passthrough=off"
    scenario: str = ""           # differential suite: the file of the one scenario to run
    transport: str = ""          # "", "io_uring" or "/dev/fuse": forced by an option of the mount

    def to_text(self):
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_text(text):
        return Settings(**json.loads(text))

    @staticmethod
    def from_environment():
        return Settings(
            seed=int(os.environ.get("OVERPASS_TESTS_SEED", "1")),
            brief=os.environ.get("OVERPASS_TESTS_BRIEF", "") == "1",
            long=os.environ.get("OVERPASS_TESTS_LONG", "") == "1",
            full=os.environ.get("OVERPASS_TESTS_FULL", "") == "1",
            must_work=os.environ.get("OVERPASS_TESTS_MUST_WORK", "") == "1",
            slow=float(os.environ.get("OVERPASS_TESTS_SLOW", "1")) * float(os.environ.get("OVERPASS_TESTS_PACE", "1")))

    def in_form(self, brief, usual, long):
        """Which of three numbers holds in this run: docs/testing.md, "Three forms". The long form goes before the brief one."""
        if self.long or self.full:
            return long
        return brief if self.brief else usual

    def seconds(self, normal):
        """A patience in seconds, scaled for sanitizer builds and slow machines."""
        return normal * self.slow
