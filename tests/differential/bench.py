# SPDX-License-Identifier: MIT
"""Where scenarios are run: file systems for their layers, the world they are mounted in, and how they are shortened."""
import os

from harness import checks, loop_images
from harness.shrink import shortest
from harness.worlds import in_user_namespace, ordinary_fuse_device
from scenario import Difference, Scenario

FILE_SYSTEMS = ("ext4", "xfs", "btrfs", "tmpfs")
SHRINK_SECONDS = 60
FIRST_ID, IDS = 100_000, 70_000         # of the user namespace
IN_USER_NAMESPACE = "world user"        # the first line of a scenario for one


class Bench:
    """Makes scenarios of two systems. kinds: of file systems that some of their layers are on."""

    def __init__(self, t, names=("kernel", "overpass"), kinds=(), world="root"):
        self.t, self.names, self.world = t, names, world
        self.file_systems = {kind: loop_images.mount_image(t, kind) for kind in kinds}
        if world == "user":
            ordinary_fuse_device(t)
            for path in [t.directory, *self.file_systems.values()]:
                os.chown(path, FIRST_ID, FIRST_ID)

    def run(self, function):
        """Calls function() in the world of this bench."""
        if self.world == "user":
            return in_user_namespace(function, FIRST_ID, IDS)
        return function()

    def scenario(self):
        def elsewhere(kind):
            return self.t.fresh("layers", at=self.file_systems[kind])
        return Scenario(self.t.settings, self.t.fresh("scenario"), elsewhere, self.names, self.world)

    def difference_in(self, lines):
        """What is wrong when the lines are run, or None."""
        if not any(line.startswith("union") for line in lines):
            return None
        scenario = self.scenario()
        try:
            for line in lines:
                scenario.run(line)
            scenario.finish()
        except Difference as difference:
            return difference
        finally:
            scenario.close()
        return None

    def check(self, lines):
        """Claims that nothing is wrong when the lines are run."""
        difference = self.difference_in(lines)
        if difference:
            self.report(lines, difference)
        checks.holds(not difference, "both do the same")

    def report(self, lines, difference):
        """Fails with the shortest lines found that still show that kind of difference."""
        def fails(some):
            now = self.difference_in(some)
            return now if now and now.kind == difference.kind else None
        self.t.progress(f"shortening {len(lines)} lines")
        shorter, now = shortest(lines, fails, self.t.settings.seconds(SHRINK_SECONDS))
        shown = [IN_USER_NAMESPACE, *shorter] if self.world == "user" else shorter
        raise checks.Failure(f"{' and '.join(self.names)} differ after {len(lines)} lines:\n{now or difference}\n"
                             "the shortest scenario found, for pytest tests/differential/scenarios_test.py --scenario FILE:\n"
                             + "\n".join("    " + line for line in shown))


def kinds_in(lines):
    return {line.split()[1] for line in lines if line.startswith("lower ") and line.split()[1] in FILE_SYSTEMS}
