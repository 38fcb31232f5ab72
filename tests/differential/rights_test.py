# SPDX-License-Identifier: MIT
"""Several users' random calls on overpass, on kernel overlayfs and in a plain directory: who may do what, and what it costs.

With --steps 100000 the whole of it, by hand; a difference is shortened for a minute.
"""
import os
import random

from harness import checks, dump, script_calls, syscalls        # noqa: F401 (registers the calls)
from harness.script import Script
from harness.shrink import shortest
from rights import DIRECTORIES, Calls, first_lines

PATIENCE = 1200
FULL_PATIENCE = 100000
STEPS, COMPARE_EVERY, REMOUNT_EVERY, SHRINK_SECONDS = 3000, 60, 500, 60
SYSTEMS = ("plain", "kernel", "overpass")
MODES = {"passed through": ("passthrough", ()), "through the daemon": ("fuse", ("passthrough=off",)),
         "writeback": ("fuse", ("writeback=on",))}
COMPARE, REMOUNT = "compare", "remount"
# What only overlayfs has, and what it cannot know of a directory.
PROTECTING = 0x10 | 0x20        # FS_IMMUTABLE_FL, FS_APPEND_FL
HIDDEN = ("trusted.overlay.",)


def flags_of(path):
    """Those of chattr(1); none of what is absent or has none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        return syscalls.get_flags(fd)
    except OSError:
        return 0
    finally:
        os.close(fd)


def is_errno(answer):
    return answer[0] == "E" and answer.isupper()


class Difference(Exception):
    """The systems do not do the same; str() says where."""


class Trial:
    """One set of the three directories, in which lines are run."""

    def __init__(self, t, options):
        self.t, self.mounts, self.scripts, self.gathers = t, {}, {}, "writeback=on" in options
        self.has_parted = False     # overlayfs has done what the plain directory has refused: their trees differ now
        lower = t.layer()
        for line in first_lines():
            self._must(Script(lower), line)
        plain = t.fresh("plain")
        for line in first_lines():
            self._must(Script(plain), line)
        self.scripts["plain"] = Script(plain)
        for system in SYSTEMS[1:]:
            stack = t.stack(lower, options=options if system == "overpass" else ())
            self.mounts[system] = t.mount_stack(stack, system)
            self.scripts[system] = Script(self.mounts[system].path)

    @staticmethod
    def _must(script, line):
        checks.equal(script.answer(line), "ok", line)

    def handles(self):
        return set(self.scripts["plain"].handles)

    def run(self, line):
        if line == COMPARE:
            return self._compare()
        if line == REMOUNT:
            return self._remount()
        if any(f" open {handle} " in line for handle in self.handles()):
            return None         # its close was left out by shortening
        answers = {system: script.answer(line) for system, script in self.scripts.items()}
        if len(set(answers.values())) > 1 and not self._is_explained(line, answers):
            raise Difference(f"{line}:\n" + "\n".join(f"    {system:9} {answer}" for system, answer in answers.items()))
        self.has_parted |= is_errno(answers["plain"]) != is_errno(answers["kernel"])
        return None

    def _is_explained(self, line, answers):
        """Differences that overpass-layers(7), or a parity row, has with their reasons."""
        plain, kernel, overpass = (answers[system] for system in SYSTEMS)
        words = line.split()
        removes_acl = "removexattr" in words and "system.posix_acl" in line
        if removes_acl and (plain, kernel) == ("ok", "ENODATA"):        # parity/acl
            return overpass in ("ok", "ENODATA")
        if not any(self._is_protected(word) for word in words):
            return False
        # The kernel's FUSE client does not know of flags: it looks at all else first, and does not ask where it decides
        # alone, about access(2) and a default ACL of what is no directory.
        if plain == kernel == "EPERM" and is_errno(overpass):
            return True
        if "access" in words or removes_acl:
            return overpass in ("granted", "ok")
        if "utime_now" in words and self.gathers:
            return overpass == "EPERM"
        return overpass in (plain, kernel)      # of what overlayfs itself answers otherwise

    def _is_protected(self, name):
        """Whether flags protect what is there, or its directory; or what the handle of that name is of."""
        if name in self.handles():
            return bool(flags_of(f"/proc/self/fd/{self.scripts['plain'].handles[name]}") & PROTECTING)
        if name not in DIRECTORIES and "/" not in name:
            return False
        root = self.scripts["plain"].root
        return any(flags_of(f"{root}/{path}") & PROTECTING for path in (name, os.path.dirname(name)))

    def _compare(self):
        shown = {system: dump.dump(script.root, mtime=None, links=False, errors=True, hide=HIDDEN)
                 for system, script in self.scripts.items()}
        lines = set().union(*shown.values())
        wrong = [f"    {system:9} {line}" for line in sorted(lines) for system in SYSTEMS
                 if line in shown[system] and not all(line in other for other in shown.values())]
        if wrong:
            raise Difference("what is shown differs:\n" + "\n".join(wrong[:20]))

    def _remount(self):
        self.close()
        for system, mount in self.mounts.items():
            self.mounts[system] = self.t.remount(mount)
        self._compare()

    def close(self):
        for script in self.scripts.values():
            for name in list(script.handles):
                script.answer(f"close {name}")

    def end(self):
        self.close()
        for mount in self.mounts.values():
            mount.umount()


def difference_in(t, options, lines):
    trial = Trial(t, options)
    try:
        for line in lines:
            trial.run(line)
            if trial.has_parted:
                break
        return None
    except Difference as difference:
        return str(difference)
    finally:
        trial.end()


def check(t, mode, seed, steps):
    feature, options = MODES[mode]
    # Where the kernel gathers writes it goes by its own idea of times (writeback= in overpass(1)).
    calls = Calls(random.Random(f"{seed} {mode}"), ("stat",) if mode == "writeback" else ())
    t.need("overlayfs", feature)
    trial, lines, done = Trial(t, options), [], 0
    try:
        for step in range(steps):
            if step % 500 == 0:
                t.progress(f"call {step} of {steps}")
            control = REMOUNT if step and step % REMOUNT_EVERY == 0 else COMPARE if step and step % COMPARE_EVERY == 0 else None
            lines.append(control or calls.call(trial.handles()))
            trial.run(lines[-1])
            done += 1
            if trial.has_parted:
                trial.end()
                trial, lines = Trial(t, options), []
        trial.run(REMOUNT)
        wrong = None
    except Difference as difference:
        wrong = str(difference)
    finally:
        trial.end()
    if wrong:
        t.progress(f"shortening {len(lines)} lines")
        kind = wrong.split(":")[0].split()[0]
        fails = lambda some: text if (text := difference_in(t, options, some)) and text.startswith(kind) else None  # noqa: E731
        shorter, now = shortest(lines, fails, t.settings.seconds(SHRINK_SECONDS))
        raise checks.Failure(f"after {len(lines)} calls with seed {seed}:\n{now or wrong}\nthe shortest way there:\n"
                             + "\n".join("    " + line for line in shorter))
    checks.equal(done, steps, "calls that were made")


class Table:
    """A test for each way in which a mount moves data."""

    def cases(self, settings):
        for mode in MODES:
            yield f"seed {settings.seed}, {mode}", lambda t, m=mode: check(t, m, settings.seed, settings.steps or STEPS)


TABLE = Table()
