# SPDX-License-Identifier: MIT
"""The same shell commands on the union under test, on kernel overlayfs and on a plain directory.

Each step's output is compared as soon as all three have run it, the trees at the end. The plain
directory is the truth; where only unions can agree (what a tree occupies) it is left out.
"""
import os
import subprocess

from harness import checks

from layers import whiteouts_hide_something

PATIENCE = 240      # seconds for one step in a normal build


class Systems:
    """Three copies of one tree, one of them mounted by each system."""

    def __init__(self, t, source, budget):
        self.t = t
        self.plain = t.fresh("plain")
        copy_part(source, self.plain + "/tree", budget)
        self.union, self.kernel = (t.mount(self._copy()), t.mount(self._copy(), system="kernel"))
        self.places = {"plain": self.plain, "kernel": self.kernel.path, "union": self.union.path}

    def _copy(self):
        layer = self.t.layer()
        subprocess.run(["cp", "-a", self.plain + "/.", layer], check=True)
        return layer

    def run(self, sentence, text, only_unions=False):
        """Runs a script in each place; what it prints must be the same. Returns that."""
        answers = {name: self.run_at(sentence, name, text) for name in self.places
                   if not (only_unions and name == "plain")}
        expected = answers["kernel" if only_unions else "plain"]
        for name, answer in answers.items():
            checks.same_lines(answer.splitlines(), expected.splitlines(), f"{sentence}: what it prints on {name}")
        return expected

    def run_at(self, sentence, name, text):
        self.t.progress(f"{sentence} on {name}")
        environment = dict(os.environ, LC_ALL="C.UTF-8", HOME=self.t.directory, GIT_CONFIG_NOSYSTEM="1", TZ="UTC")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.places[name], env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=self.t.settings.seconds(PATIENCE), check=False)
        if done.returncode != 0:
            raise checks.Failure(f"{sentence} on {name} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    def end_alike(self):
        """All three trees are the same, and kernel overlayfs shows the same of the union's upper layer."""
        self.t.progress("comparing the trees")
        expected = self.t.dump(self.plain)
        for name in ("kernel", "union"):
            checks.same_lines(self.t.dump(self.places[name]), expected, f"the tree on {name}, against a directory")
        self.union.umount()
        shown = self.t.kernel_dump(self.union, mtime=self.t.started - 3600)
        checks.same_lines(shown, expected, "what kernel overlayfs shows of the union's layers")
        whiteouts_hide_something(self.union.upper, self.union.stack.lowers[0])


def copy_part(source, target, budget):
    """Copies as many entries of the source, in the order of their names, as fit into the budget of bytes."""
    os.mkdir(target)
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        size = int(subprocess.run(["du", "-s", "-B1", "--apparent-size", path], check=True, capture_output=True,
                                  text=True).stdout.split()[0])
        if size <= budget:
            budget -= size
            subprocess.run(["cp", "-a", path, target], check=True)
