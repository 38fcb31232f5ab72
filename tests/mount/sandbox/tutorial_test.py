# SPDX-License-Identifier: MIT
"""The tasks of overpass-sandbox(7) work as they stand there: the test runs the examples of the page itself."""
import os
import re
import subprocess

from harness import contains, equal, pages, read, trees, write
from harness.checks import Failure
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PAGE = "overpass-sandbox.7"
INSTALLER = "mkdir -p ~/.local/bin\necho 'echo tool runs' > ~/.local/bin/tool\nchmod +x ~/.local/bin/tool\nrm ~/notes\n"
AGENT = ("#!/bin/sh\necho fixed > source.c\necho bad > .git/hooks/pre-commit || echo no hook\ncat .env || echo no secret\n"
         "echo bad > /usr/notes || echo no notes\n")
MAKEFILE = "result: source.c\n\tcp source.c result\n"


class Reader:
    """A home directory, and a shell in it that types what the page says."""

    def __init__(self, t, tree):
        self.s = Sandboxes(t)
        self.home = os.path.dirname(self.s.store)
        self.t = t
        trees.build(self.home, tree)
        os.mkdir(self.home + "/bin")
        os.symlink(os.path.abspath(t.settings.overpass), self.home + "/bin/overpass")

    def type(self, section):
        path = f"{self.home}/bin:{os.environ['PATH']}"
        environment = self.s.environment(PATH=path, XDG_CONFIG_HOME=self.home + "/.config", GIT_CONFIG_GLOBAL="/dev/null",
                                         GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        done = subprocess.run(["sh", "-ec", pages.examples(PAGE, section)], cwd=self.home, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=self.t.settings.seconds(120), check=False)
        if done.returncode != 0:
            raise Failure(f"{section} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout


def repository(directory):
    git = ["git", "-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "safe.directory=*"]
    for words in (["init", "-q"], ["add", "source.c", "Makefile"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})


def test_try_a_risky_installation(t):
    reader = Reader(t, {"install.sh": INSTALLER, "notes": "mine"})
    out = reader.type("TRY A RISKY INSTALLATION")
    here = reader.home[1:]
    for line in (f"D {here}/notes", f"A {here}/.local/bin/tool", "tool runs"):
        contains(out, line, "the answer")
    equal(read(reader.home + "/notes"), b"mine", "what the script removed")
    equal((os.path.exists(reader.home + "/.local"), os.listdir(reader.s.store)), (False, []), "what is left")


def test_let_an_agent_work_on_my_checkout(t):
    reader = Reader(t, {"notes": "mine", "project": {"source.c": "old\n", "Makefile": MAKEFILE, ".env": "SECRET"}})
    project = reader.home + "/project"
    write(project + "/agent", AGENT)
    os.chmod(project + "/agent", 0o755)
    repository(project)
    out = reader.type("LET AN AGENT WORK ON MY CHECKOUT")
    equal(out.splitlines(), ["no hook", "no secret", "no notes", "M source.c"], "the answers")
    equal(read(project + "/source.c"), b"fixed\n", "what was taken over")
    equal((os.path.exists(project + "/.git/hooks/pre-commit"), os.listdir(reader.s.store)), (False, []), "what is left")


def test_ten_build_chroots_on_one_base(t):
    reader = Reader(t, {"base": {"etc": {"name": "base\n"}}})
    out = reader.type("TEN BUILD CHROOTS ON ONE BASE")
    contains(out, "M etc/name", "the changes")
    equal(len(re.findall(r"^build@\d+ .*running", out, re.MULTILINE)), 10, "mounts in the list")
    equal(sorted(os.listdir(reader.home + "/chroots")), sorted(str(i) for i in range(1, 11) if i != 3), "what is left")
    equal(read(reader.home + "/base/etc/name"), b"base\n", "the base")


def test_a_second_worktree_without_copies(t):
    reader = Reader(t, {"project": {"source.c": "old\n", "Makefile": MAKEFILE}})
    repository(reader.home + "/project")
    out = reader.type("A SECOND WORKTREE WITHOUT COPIES")
    equal(out.splitlines()[-1], "A result", "the changes")
    equal(sorted(os.listdir(reader.home + "/project")), [".git", "Makefile", "source.c"], "the first worktree")
    equal([name for name in os.listdir(reader.home) if name.startswith("second")], [], "what is left")
