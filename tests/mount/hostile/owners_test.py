# SPDX-License-Identifier: MIT
"""The owner of a lower, of an upper, or of a workdir exchanges objects at random while others work.

Root mounts; five identities call. No other user reads, changes or runs anything of root's, and no call waits for good.
`--steps N` makes each caller do N calls (10,000 and more by hand), `--seed` chooses them.
"""
import hashlib
import os
import random
import shutil
import signal
import stat

from harness import File, Node, Symlink, equal, holds, parallel, read, syscalls, write
from harness.credentials import become
from harness.trees import Dir
from harness.worlds import NOBODY

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "the owners of layers and the mounting user are different users"
PATIENCE = 900
SECRET = b"SECRET of root\n"
GROUP = 7000
IDENTITIES = {"root": (0, 0, ()), "the owner": (NOBODY, NOBODY, ()), "a member": (4001, GROUP, ()),
              "another member": (4002, 4002, (GROUP,)), "a stranger": (4003, 4003, ())}
PLANTED = b"#!/bin/sh\necho planted\n"
OPEN = {"open": Dir({"inside": File(b"own\n", 0o644)}, 0o777)}
STEPS = 400         # of each identity; many times more by hand


def tree():
    theirs = (NOBODY, GROUP)
    return {
        "file": File(b"own\n", 0o644, theirs), "shared": File(b"own\n", 0o666, theirs),
        "ours": File(b"own\n", 0o660, theirs), "program": File(b"#!/bin/true\n", 0o755, theirs),
        "link": Symlink("file", theirs), "fifo": Node(stat.S_IFIFO, 0o666, owner=theirs),
        "dir": Dir({"inside": File(b"own\n", 0o644, theirs)}, 0o777, theirs),
        "closed": Dir({"inside": File(b"own\n", 0o644, theirs)}, 0o700, theirs),
        "secret": File(SECRET, 0o600), "root_log": File(SECRET, 0o640), "root_link": Symlink("secret"),
        "root_dir": Dir({"inside": File(SECRET, 0o644), "deeper": Dir({"inside": File(SECRET, 0o644)})}, 0o700),
    }


FILES = ("file", "shared", "ours", "program", "link", "fifo", "secret", "root_log", "root_link", "root_program")
DIRECTORIES = ("dir", "closed", "root_dir")


def exchanging(t, pairs):
    """Exchanges what lies at two random paths of `pairs(chosen)`, as the owner of a layer, until told to end."""
    def run(running):
        become(NOBODY)
        chosen = random.Random(t.settings.seed)
        while os.path.exists(running):
            try:
                syscalls.renameat2(*pairs(chosen), syscalls.RENAME_EXCHANGE)
            except OSError:
                continue
    return run


def in_layer(layer, *groups):
    """Two names of one of the groups."""
    return lambda chosen: [f"{layer}/{name}" for name in chosen.sample(chosen.choice(groups), 2)]


class Caller:
    """One identity, which does what comes along and never reads what is root's."""

    def __init__(self, path, name, seed):
        self.path, self.chosen = path, random.Random(f"{seed} {name}")
        self.uid, self.gid, self.groups = IDENTITIES[name]

    def run(self, steps):
        become(self.uid, self.gid, self.groups)
        for _ in range(steps):
            call = self.chosen.choice(CALLS)
            # A directory of the upper is merged with whatever has its name in the lower, by its own permissions.
            name = self.chosen.choice(FILES if call in CHANGES else FILES + DIRECTORIES)
            signal.alarm(120)       # a call that waits for good ends this caller, and fails the test
            try:
                call(self, f"{self.path}/{name}")
            except OSError:
                continue
        signal.alarm(0)

    def check(self, content):
        if self.uid != 0 and b"SECRET" in content:
            raise AssertionError(f"uid {self.uid} has read {content!r}")

    def read(self, path):
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                self.check(os.pread(fd, 4096, 0))
        finally:
            os.close(fd)

    def inside(self, path):
        self.read(path + "/inside")

    def list(self, path):
        if self.uid != 0 and "deeper" in os.listdir(path):
            raise AssertionError(f"uid {self.uid} has listed root's directory")

    def append(self, path):
        if self.uid == 0:
            return                  # what root writes is root's own doing
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.write(fd, b"own\n")
        finally:
            os.close(fd)

    def chmod(self, path):
        if self.uid != 0:
            os.chmod(path, self.chosen.choice((0o644, 0o666, 0o4755, 0o777)))

    def utime(self, path):
        if self.uid != 0:
            os.utime(path, (1, 1))

    def truncate(self, path):
        if self.uid != 0:
            os.truncate(path, 4)

    def attribute(self, path):
        if self.uid != 0:
            os.setxattr(path, "user.theirs", b"1")

    def link(self, path):
        if self.uid != 0:
            os.link(path, f"{self.path}/open/{self.uid}")

    def unlink(self, path):
        os.unlink(f"{self.path}/open/{self.uid}")

    def execute(self, path):
        if os.access(path, os.X_OK) and self.uid != 0:
            os.spawnv(os.P_WAIT, path, [path])

    def stat(self, path):
        found = os.lstat(path)
        if found.st_uid == 0 and found.st_mode & stat.S_ISUID:
            raise AssertionError(f"{path} is set-user-ID root")

    def target(self, path):
        os.readlink(path)

    def make(self, path):
        write(f"{self.path}/open/made{self.uid}", b"own\n")
        os.rename(f"{self.path}/open/made{self.uid}", f"{self.path}/open/{self.uid}")


CHANGES = (Caller.append, Caller.chmod, Caller.utime, Caller.truncate, Caller.attribute, Caller.link)
CALLS = (Caller.read, Caller.read, Caller.inside, Caller.list, Caller.unlink, Caller.execute, Caller.stat, Caller.target,
         Caller.make, *CHANGES)


def populated(t):
    layer = t.layer(tree())
    shutil.copy("/usr/bin/true", layer + "/root_program")
    os.chmod(layer + "/root_program", 0o644)
    os.chown(layer, NOBODY, NOBODY)
    return layer


def work_beside(t, m, hostile, how=""):
    """Every identity does its part while `hostile` works against them; all calls end, and the daemon lives on."""
    running, problems = t.directory + "/running", t.directory + "/problems"
    write(running, b"")
    os.chmod(t.directory, 0o777)
    steps = t.settings.steps or t.settings.in_form(brief=STEPS // 4, usual=STEPS, long=8 * STEPS)

    def reason(name):
        path = f"{problems}.{name}"
        return read(path).decode() if os.path.exists(path) else ""

    def callers():
        children = []
        for name in IDENTITIES:
            child = os.fork()
            if child == 0:
                end = 1
                try:
                    Caller(m.path, name, t.settings.seed).run(steps)
                    end = 0
                except AssertionError as problem:
                    write(f"{problems}.{name}", f" ({problem})")
                os._exit(end)
            children.append((name, child))
        ends = {name: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for name, child in children}
        os.unlink(running)
        write(problems, " ".join(f"{name}: {end}{reason(name)}" for name, end in ends.items() if end != 0))

    parallel.together(t, [lambda: hostile(running), callers], seconds=steps)
    equal(read(problems), b"", "callers that did not come to their end, or got what is root's" + how)
    equal(m.status()["pid"], m.pid, "the daemon that answers")


def roots_of(layer):
    """Root's objects of the layer, by what they are and not by their names."""
    found = []
    for directory, _, names in os.walk(layer):
        for name in names:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            if info.st_uid == 0 and stat.S_ISREG(info.st_mode):
                found.append((info.st_ino, info.st_size, hashlib.sha256(read(path)).hexdigest()[:16],
                              stat.S_IMODE(info.st_mode), info.st_nlink, os.listxattr(path)))
    return sorted(found)


def test_a_hostile_owner_of_a_lower_gains_nothing(t):
    for options in ((), ("passthrough=off",), ("metacopy=on", "index=on")):
        layer = populated(t)
        before = roots_of(layer)
        m = t.mount(layer, t.layer(OPEN), options=options)
        t.let_lower_change(layer, "its owner exchanges its objects")
        work_beside(t, m, exchanging(t, in_layer(layer, FILES, DIRECTORIES)), f", with {options}")
        equal(roots_of(layer), before, f"root's objects in the lower, with {options}")
        for path in (m.upper, layer):
            no_set_user_id_of_root(path)
        m.umount()


def test_a_hostile_owner_of_an_upper_gains_nothing(t):
    layer = populated(t)
    before = roots_of(layer)
    m = t.mount(t.layer(OPEN), upper=layer)
    work_beside(t, m, exchanging(t, in_layer(layer, FILES + DIRECTORIES)))
    made = {entry[0] for entry in before}
    equal([entry for entry in roots_of(layer) if entry[0] in made], before, "root's objects in the upper")
    no_set_user_id_of_root(layer)


def test_a_hostile_owner_of_a_workdir_gains_nothing(t):
    stack = t.stack(t.layer({
        "file": File(b"own\n", 0o644), "shared": File(b"own\n", 0o666), "ours": File(b"own\n", 0o660),
        **OPEN, "secret": File(SECRET, 0o600),
        "closed": Dir({"inside": File(SECRET, 0o644)}, 0o700)}))
    os.chown(stack.work, NOBODY, NOBODY)
    m = t.mount_stack(stack)
    os.mkdir(stack.work + "/mine")
    write(stack.work + "/program", PLANTED)
    for name in ("mine", "program"):
        os.chown(f"{stack.work}/{name}", NOBODY, NOBODY)
    work_beside(t, m, exchanging(t, lambda chosen: [f"{stack.work}/{name}" for name in chosen.sample(
        ("work", "index", "mine", "program"), 2)]))
    no_set_user_id_of_root(m.upper)
    for directory, _, names in os.walk(m.upper):
        for path in (os.path.join(directory, name) for name in names):
            holds(not os.path.isfile(path) or PLANTED not in read(path), f"{path} is not what the workdir's owner made")


def no_set_user_id_of_root(top):
    for directory, _, names in os.walk(top):
        for name in names:
            info = os.lstat(os.path.join(directory, name))
            holds(not (info.st_uid == 0 and info.st_mode & stat.S_ISUID), f"{directory}/{name} does not run as root")
