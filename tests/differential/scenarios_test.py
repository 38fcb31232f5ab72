# SPDX-License-Identifier: MIT
"""Scenarios in files: those in scenarios/, which once showed a difference, or the one of --scenario."""
import glob
import os

from bench import IN_USER_NAMESPACE, Bench, kinds_in
from harness import checks

HERE = os.path.dirname(os.path.abspath(__file__))


class Table:
    def cases(self, settings):
        for path in [settings.scenario] if settings.scenario else sorted(glob.glob(HERE + "/scenarios/*.txt")):
            sentence = os.path.splitext(os.path.basename(path))[0].replace("_", " ")
            yield sentence, lambda t, p=path: self._run(t, p)

    @staticmethod
    def _run(t, path):
        t.need("overlayfs", "fuse")
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        world = "user" if IN_USER_NAMESPACE in lines else "root"
        bench = Bench(t, ("kernel", t.settings.system), kinds_in(lines), world)
        bench.run(lambda: bench.check([line for line in lines if line != IN_USER_NAMESPACE]))
        checks.holds(True, "the scenario, perhaps in a process of its own, found no difference")


TABLE = Table()
