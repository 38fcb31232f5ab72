# SPDX-License-Identifier: MIT
"""Random operations on a mount and on the model: every answer, dumps in between, remounts, the upper at the end.

A failure prints the seed and the shortest sequence of operations found that still fails.
"""
import dataclasses
import errno
import random

from harness import caches, equal, holds, limits, only_in
from harness.shrink import shortest
from operations import Real, dump_real, random_lower, random_operation, shown, write_to_disk
from union_model import Model

WORLDS = ("root", "userns", "user")
STEPS, DUMP_EVERY, REMOUNT_EVERY, FORGET_EVERY = 1200, 150, 400, 130
SHRINK_SECONDS = 60


class Difference(Exception):
    def __init__(self, step, text):
        super().__init__(text)
        self.step, self.text = step, text


def answer(function):
    try:
        return function()
    except OSError as error:
        return errno.errorcode[error.errno]


@dataclasses.dataclass
class Kind:
    """Of unions: how many lowers, the mount's options, and whether its file systems can do what NFS can, or all."""
    lowers: int
    options: tuple = ()
    like_nfs: bool = False

    @property
    def redirects(self):
        return not self.like_nfs and not {"userxattr", "redirect_dir=off"} & set(self.options)


class Run:
    """One mount and its model, and the operations applied to both."""

    def __init__(self, t, seed, kind):
        self.t, self.seed, self.kind = t, seed, kind
        source = random.Random(seed)
        trees = [random_lower(source) for _ in range(kind.lowers)]
        for tree in trees:
            tree.mode = 0o755
            if kind.like_nfs:
                forget_xattrs(tree)
        self.model = Model(trees, redirects=t.settings.world == "root" and kind.redirects)
        self.model.layers[0].mtime = "any"
        directories = [t.layer() for _ in trees]
        for tree, directory in zip(trees, directories, strict=True):
            write_to_disk(tree, directory, {})
        self.mount = self.mounted(t.stack(*directories, options=kind.options))
        self.real = Real(self.mount.path, t.started - 3600)

    def mounted(self, stack):
        return self.t.mount_stack(stack, **({"preexec_fn": limits.like_nfs()} if self.kind.like_nfs else {}))

    def apply(self, step, operation):
        if self.kind.like_nfs and is_beyond_nfs(operation):
            return
        if operation == ("remount",):
            self.remount()
        elif operation == ("forget",):
            if self.t.settings.world == "root":     # it is the machine's switch
                caches.drop()
        elif operation == ("dump",):
            self.compare_dumps(step, self.mount.path)
        elif operation[0] in ("pread", "pwrite", "close") and operation[1] not in self.model.handles:
            return          # its open was left out by shrinking, or failed
        elif operation[0] == "open" and operation[1] in self.model.handles:
            return          # its close was left out by shrinking
        else:
            name, *arguments = operation
            expected = answer(lambda: getattr(self.model, name)(*arguments))
            actual = answer(lambda: self.real.apply(operation))
            right = actual in expected if isinstance(expected, set) else actual == expected
            if not right and not self._root_time(operation, expected, actual):
                raise Difference(step, f"{shown(operation)}\n    is       {actual!r:.300}\n    expected {expected!r:.300}")

    @staticmethod
    def _root_time(operation, expected, actual):
        return operation[0] == "stat" and operation[1] == "" and expected[:3] == actual[:3]

    def remount(self):
        self.close_handles()
        self.mount.umount()
        self.mount = self.mounted(self.mount.stack)

    def close_handles(self):
        self.real.close_all()
        self.model.handles.clear()

    def compare_dumps(self, step, path):
        expected, actual = self.model.dump()[1:], dump_real(path, self.real.boundary)[1:]
        if actual != expected:
            wrong = [f"is       {line}" for line in actual if line not in expected]
            wrong += [f"expected {line}" for line in expected if line not in actual]
            raise Difference(step, "the dump differs:\n    " + "\n    ".join(wrong[:12] or ["in its order"]))

    def finish(self, step):
        self.close_handles()
        self.compare_dumps(step, self.mount.path)
        self.mount.umount()
        if self.mount.system == "overpass" and self.t.settings.world != "user":
            # The kernel's overlayfs knows no whiteouts by name.
            other = "fuse-overlayfs" if self.kind.like_nfs else "kernel"
            stack = dataclasses.replace(self.mount.stack, mountpoint=self.t.fresh("other"))
            mount = self.t.mount_stack(stack, other)
            self.compare_dumps(step, mount.path)
            mount.umount()

    def abandon(self):
        self.close_handles()
        self.mount.give_up()


def forget_xattrs(tree):
    tree.xattrs.clear()
    for child in tree.entries.values() if tree.entries else ():
        forget_xattrs(child)


def is_beyond_nfs(operation):
    return operation[0].endswith("xattr") or operation[0] == "rename" and operation[3:] == ("exchange",)


def generate(run, seed, steps):
    """Applies fresh random operations; returns all of them, raises Difference with them so far."""
    source, operations, modes = random.Random(seed * 7919), [], {}
    for step in range(steps):
        if step and step % REMOUNT_EVERY == 0:
            operation, modes = ("remount",), {}
        elif step and step % DUMP_EVERY == 0:
            operation = ("dump",)
        elif step and step % FORGET_EVERY == 0:
            operation = ("forget",)
        else:
            open_handles = {handle: modes[handle] for handle in run.model.handles}
            operation = random_operation(source, open_handles, run.model.paths())
            if operation[0] == "chmod" and run.t.settings.world == "user":      # the model knows of no permissions
                operation = (*operation[:2], operation[2] | 0o700)
            if operation[0] == "open":
                modes[operation[1]] = operation[3]
        operations.append(operation)
        try:
            run.apply(step, operation)
        except Difference as difference:
            difference.operations = operations
            raise
    try:
        run.finish(steps)
    except Difference as difference:
        difference.operations = operations
        raise
    return operations


def fails(t, seed, kind, operations):
    run = Run(t, seed, kind)
    try:
        for step, operation in enumerate(operations):
            run.apply(step, operation)
        run.finish(len(operations))
        return None
    except Difference as difference:
        return difference.text
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        run.abandon()


def shrink(t, seed, kind, operations, text):
    """Leaves out operations while the rest still fails."""
    shorter, now = shortest(operations, lambda some: fails(t, seed, kind, some),
                            t.settings.seconds(SHRINK_SECONDS))
    return shorter, now or text


def check(t, seed, *kind):
    steps, kind = t.settings.steps or STEPS, Kind(*kind)
    run = Run(t, seed, kind)
    try:
        done = generate(run, seed, steps)
        equal(len(done), steps, "operations done")
    except Difference as difference:
        run.abandon()
        operations, text = shrink(t, seed, kind, difference.operations, difference.text)
        lines = "\n".join("        " + shown(operation) for operation in operations)
        holds(False, f"the mount agrees with the model (seed {seed}, {kind}, found at step {difference.step})\n"
                     f"    {text}\n    the shortest failing sequence found, after building the lowers from the seed:\n{lines}")


def test_random_operations_over_one_lower_agree_with_the_model(t):
    check(t, t.settings.seed, 1)


def test_random_operations_over_three_lowers_agree_with_the_model(t):
    check(t, t.settings.seed + 1000, 3)


def test_random_operations_over_an_empty_lower_agree_with_the_model(t):
    check(t, t.settings.seed + 2000, 0 if t.settings.system == "plain" else 1)


def test_random_operations_without_redirects_agree_with_the_model(t):
    check(t, t.settings.seed + 4000, 2, ("redirect_dir=off",))


def test_random_operations_with_userxattr_agree_with_the_model(t):
    check(t, t.settings.seed + 3000, 2, ("userxattr",))


@only_in("root", "userns", why="an ordinary user's fusermount3 gains no privilege behind a filter of system calls")
def test_random_operations_on_file_systems_like_nfs_agree_with_the_model(t):
    check(t, t.settings.seed + 5000, 1 + t.settings.seed % 3, (), True)
