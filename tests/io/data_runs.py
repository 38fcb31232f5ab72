# SPDX-License-Identifier: MIT
"""A run of the random tester: layers for a seed, a mount of them, random steps, and the shortening of what fails.

After every unmount the upper's files are those of the model, byte for byte; the next mount shows them again.
"""
import errno
import os
import random

from data_actors import Actor, OtherProcess
from data_generator import ACTORS, KINDS, Generator, first_content, sparse_write
from data_model import Difference, ModelFile, demand, demand_read
from data_steps import Steps
from harness import equal, features, holds
from harness.loop_images import mount_image
from harness.shrink import shortest

REMOUNT_EVERY, FILE_EVERY, SHRINK_SECONDS = 3000, 170, 60


class Place:
    """The mount that the steps are made on."""

    def __init__(self, t, mode, kind, seed, steps):
        self.t, self.mode, self.kind = t, mode, kind
        self.move_errors = (errno.EXDEV,) if t.settings.system == "kernel" else ()    # it copies on one file system only
        self.direct_errors = (errno.EIO,) if kind == "xfs" else ()   # of a read beside what is allocated late, everywhere
        self.maps_change_times = kind != "tmpfs"       # tmpfs learns of the first store only
        source, lower, self.files = random.Random(seed), t.layer(), {}
        root = t.directory if kind == "ext4" and features.has("ext4") else mount_image(t, kind, 600 << 20)
        upper = t.fresh("upper", at=root)
        for number in range(3 + steps // FILE_EVERY):
            name, born, content = f"f{number}", source.choice(KINDS), first_content(source)
            if born == "new":
                content = bytearray()
            sparse_write(f"{lower if born == 'lower' else upper}/{name}", content)
            self.files[name] = ModelFile(name, content, born, in_lower=born == "lower",
                                         lower_content=bytes(content) if born == "lower" else b"", largest=len(content))
        self.mount = mode.mount(t, lower, upper=upper)

    def path(self, name):
        return self.mount / name

    def most_blocks(self, size):
        """What a file system may take for a file of this size: more than its pages, as it foresees growth."""
        return 4 * size + (1 << 20)

    def allocates(self, modes):
        """Whether what lies below must have this fallocate; else the answer may be EOPNOTSUPP."""
        return not ("zero_range" in modes and self.kind == "tmpfs")

    def remount(self, files):
        self.mount.umount()
        for name, file in files.items():
            path = f"{self.mount.upper}/{name}"
            if not file.in_lower or file.born != "lower":
                with open(path, "rb") as upper:
                    demand_read([file.content], 0, len(file.content) + 1, upper.read(), f"the upper's {name}")
                file.born, file.in_lower = "upper", False
            elif not file.attributes_changed:
                demand(not os.path.exists(path), f"the upper has no {name}, which was never written")
        shown = sorted(files)
        self.mount = self.mode.mount_stack(self.t, self.mount.stack)
        demand(sorted(os.listdir(self.mount.path)) == shown, "the names after the remount")


class Run:
    def __init__(self, t, mode, kind, seed, steps):
        self.place = Place(t, mode, kind, seed, steps)
        actors = [OtherProcess() if mode.apart else Actor(), *(OtherProcess() for _ in range(ACTORS - 1))]
        self.steps = Steps(self.place, dict(self.place.files), actors)
        self.done = []

    def generate(self, seed, count):
        generator = Generator(random.Random(seed * 7919 + 1), self.steps)
        generator.waiting = list(self.place.files)
        for number in range(count):
            step = ("remount",) if number % REMOUNT_EVERY == REMOUNT_EVERY - 1 else generator.next()
            self.done.append(step)
            self.steps.apply(step)
            if number % 500 == 0:
                self.place.t.progress(f"{self.place.mode.name} on {self.place.kind}: {number} steps")

    def finish(self):
        self.steps.remount()
        for name in self.steps.files:
            self.steps.verify(name)
        self.place.mount.umount()

    def abandon(self):
        for actor in self.steps.actors:
            actor.close_all()
        for actor in self.steps.actors:
            actor.end()
        if self.place.mount.alive:
            self.place.mount.give_up()


def fails(t, mode, kind, seed, count, steps):
    run = Run(t, mode, kind, seed, count)
    try:
        for step in steps:
            run.steps.apply(step)
        run.finish()
        return None
    except (Difference, OSError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        run.abandon()


def seed_of(t, kind):
    return t.settings.seed * 10 + ("ext4", "xfs", "btrfs", "tmpfs").index(kind)


def run_into(t, mode, kind, count):
    """Makes `count` random steps. Returns them, and what was wrong with the last one, or None."""
    features.need(kind if kind != "tmpfs" else "tmpfs user xattrs")
    run = Run(t, mode, kind, seed_of(t, kind), count)
    try:
        run.generate(seed_of(t, kind), count)
        run.finish()
        holds(sum(file.writes for file in run.place.files.values()) > count // 8, "a good part of the steps wrote")
        return run.done, None
    except (Difference, OSError) as difference:
        return run.done, f"{type(difference).__name__}: {difference}"
    finally:
        run.abandon()


def check(t, mode, kind, count):
    """Raises Failure, with a shortened sequence, where `count` random steps in this mode are not answered rightly."""
    done, wrong = run_into(t, mode, kind, count)
    if wrong is None:
        equal(len(done), count, "steps made")
        return
    shorter, now = shortest(done, lambda some: fails(t, mode, kind, seed_of(t, kind), count, some),
                            t.settings.seconds(SHRINK_SECONDS))
    lines = "\n".join(f"        {step}" for step in shorter[-60:])
    holds(False, f"the files are those of the model (seed {t.settings.seed}, step {len(done)} on {kind})\n    {wrong}\n"
                 f"    the shortest failing sequence found has {len(shorter)} steps: {now or wrong}\n{lines}")
