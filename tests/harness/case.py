# SPDX-License-Identifier: MIT
"""The argument of a test function: it makes layers and mounts, and looks after both.

Every lower of every mount is checksummed before the first mount and again after the last unmount.
Every daemon is unmounted at the end of the test and must end cleanly. A test cannot forget either.
"""
import os
import time

from . import administrator, checks, dump, features, isolation, syscalls, systems, trees
from .systems import Stack

# Options that say how to read the layers; the kernel gets them too.
FORMAT_OPTIONS = ("userxattr", "redirect_dir", "metacopy", "index")


class Case:
    def __init__(self, settings, sentence, node="", progress=None):
        """node: pytest's name of the test. progress(text) shows what a long test is at, in the title of a terminal."""
        self.settings, self.sentence, self.failed = settings, sentence, False
        self.node, self.progress = node, progress or (lambda text: None)
        slug = "".join(c if c.isalnum() else "-" for c in sentence)[:40]
        self.directory = _fresh(os.path.join(settings.scratch, slug))
        self.started = time.time()
        self.mounts, self.lowers, self.ends, self._serial = [], {}, [], 0
        self.aftermath = []

    # Names and layers

    def fresh(self, name, tree=None, at=None):
        """A new directory in this test's scratch space, or in the directory `at`, holding the tree."""
        self._serial += 1
        path = os.path.join(at or self.directory, f"{name}{self._serial}")
        os.mkdir(path)
        return trees.build(path, tree or {})

    def layer(self, tree=None):
        return self.fresh("layer", tree)

    def watch_lower(self, path):
        if path not in self.lowers:
            self.lowers[path] = dump.checksum(path)

    def let_lower_change(self, path, reason):
        """For tests that pull a layer away: its checksum is not compared, and the reason says why."""
        assert reason
        self.lowers[path] = None

    # Mounts

    def stack(self, *lowers, upper=True, options=(), mountpoint=None):
        """Layers to mount: upper is a directory, True for a fresh one, None for a read-only union."""
        upper = self.fresh("upper") if upper is True else upper
        work = self._work_beside(upper) if upper else None
        return Stack(list(lowers), upper, work, tuple(options), mountpoint or self.fresh("mnt"))

    def mount(self, *lowers, system=None, **named):
        """Mounts the layers (top first) with the system under test."""
        return self.mount_stack(self.stack(*lowers, **named), system)

    def mount_stack(self, stack, system=None, **popen):
        system = system or self.settings.system
        for lower in stack.lowers:
            self.watch_lower(lower)
        if system == "kernel":
            features.need("overlayfs")
            mount = systems.mount_kernel(self.settings, stack)
        elif system == "overpass":
            features.need("fuse")
            mount = systems.mount_overpass(self.settings, stack, self._log(), **popen)
        else:
            mount = systems.mount(self.settings, stack, system, self._log())
        self.mounts.append(mount)
        return mount

    def remount(self, mount):
        mount.umount()
        return self.mount_stack(mount.stack, mount.system)

    def kernel_dump(self, mount, **named):
        """What kernel overlayfs shows for the layers of a mount that has been unmounted."""
        features.need("overlayfs")
        options = [option for option in mount.stack.options if option.split("=")[0] in FORMAT_OPTIONS]
        point = self.fresh("kernel")
        kernel = systems.mount_kernel(self.settings, mount.stack, point, options)
        self.mounts.append(kernel)
        try:
            return dump.dump(point, **named)
        finally:
            kernel.umount()

    def dump(self, path, **named):
        named.setdefault("mtime", self.started - 3600)
        return dump.dump(path, **named)

    def status_text(self, *arguments, **named):
        return systems.run_program(self.settings, *arguments, **named)

    def at_end(self, function):
        self.ends.append(function)

    @property
    def world(self):
        return self.settings.world

    def by_root(self, function, *arguments, **named):
        """function(*arguments, **named) as the machine's root, in every world."""
        return administrator.do(function, *arguments, **named)

    def need(self, *names):
        features.need(*names)

    def _work_beside(self, upper):
        work = f"{upper.rstrip('/')}.work"
        os.makedirs(work, exist_ok=True)
        return work

    def _log(self):
        self._serial += 1
        return os.path.join(self.directory, f"overpass{self._serial}.log")

    # The end

    def finish(self):
        """Unmounts all, compares all lowers. Raises the first thing that was wrong."""
        wrong = []
        for mount in reversed(self.mounts):
            if mount.alive and not self.failed:
                _collect(wrong, mount.umount)
            if mount.alive or self.failed or wrong:
                mount.give_up()
            self._check_lowers_on_mounts(mount, wrong)
        for path in self.lowers:
            self._check_lower(path, wrong)
        for function in reversed(self.ends):
            _collect(wrong, function)
        for point in reversed(isolation.mounts_below(self.directory)):
            _collect(wrong, lambda where=point: administrator.do(syscalls.umount, where, syscalls.MNT_DETACH))
        self.aftermath = [str(error) for error in wrong]
        if wrong and not self.failed:
            raise wrong[0]

    def _check_lowers_on_mounts(self, mount, wrong):
        """A lower that is itself a union of this test is compared while that union is still mounted."""
        for path in mount.stack.lowers:
            if any(other.alive and (path + "/").startswith(other.path + "/") for other in self.mounts):
                self._check_lower(path, wrong)

    def _check_lower(self, path, wrong):
        before, self.lowers[path] = self.lowers[path], None
        if before is not None:
            _collect(wrong, lambda: _unchanged(path, before))

    def evidence(self):
        """The ends of the daemons' outputs, for the report of a failure."""
        texts = [mount.daemon.text()[-1500:].strip() for mount in self.mounts if mount.daemon]
        aftermath = [f"and at the end: {text}" for text in self.aftermath] if self.failed else []
        return "\n".join([*(f"overpass said:\n{text}" for text in texts if text), *aftermath])


def _fresh(path):
    candidate, number = path, 1
    while os.path.exists(candidate):
        number += 1
        candidate = f"{path}-{number}"
    os.mkdir(candidate)
    return candidate


def _collect(wrong, function):
    try:
        function()
    except Exception as error:
        wrong.append(error)


def _unchanged(path, before):
    digest, lines = dump.checksum(path)
    if digest != before[0]:
        checks.same_lines(lines, before[1], f"the lower layer {path} was written to: its dump")
