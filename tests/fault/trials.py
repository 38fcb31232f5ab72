# SPDX-License-Identifier: MIT
"""One trial: fresh layers, a mount behind a gate, one operation with something happening to its calls.

A Subject is a scenario on this machine: it makes trials, and knows the states of the tree before and
after the operation, both as overpass and as kernel overlayfs show them.
"""
import json
import os
import shlex
import shutil
import subprocess

from gate import Gate, Plan
from harness import checks, dump, systems
from states import name_of_state, state_of


class Trial:
    """A mounted scenario. Use it as a context: whatever is left is ended and removed."""

    def __init__(self, subject):
        self.subject, self.t = subject, subject.t
        self.gate = Gate(subject.deny, subject.reading)
        self.returned = None         # what the operation gave: None before, True, or its OSError
        upper = self.t.fresh("upper", subject.scenario.upper)
        self.stack = self.t.stack(*subject.lowers, upper=upper, options=subject.scenario.options)
        self.mount = self.t.mount_stack(self.stack, preexec_fn=self.gate.install)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.mount.alive:
            self.mount.give_up()
        self.gate.close()
        if kind is None:
            for path in (self.stack.upper, self.stack.work, self.stack.mountpoint):
                shutil.rmtree(path)

    def prepare(self):
        if self.subject.scenario.prepare:
            self.subject.scenario.prepare(self.mount)

    def operate(self, plan):
        """Makes the operation's calls under the plan."""
        self.gate.arm(plan)
        try:
            self.subject.scenario.operation(self.mount)
            self.returned = True
        except OSError as error:
            self.returned = error
        finally:
            self.gate.disarm()
        return plan

    def end_by_kill(self):
        self.mount.give_up()

    def findings(self):
        """What `overpass check` finds of the layers on disk, one by one."""
        _, out, err = self.t.status_text("check", "--json", "-o", systems.option_text(self.stack))
        found = json.loads(out or "{}").get("findings", [{"severity": "error", "repair": err}])
        return [each for each in found if not self.subject.like_nfs or each.get("id") not in ("whiteout-name", "mark-foreign")]

    def beyond_repair(self):
        """Of that what --repair could not do away with."""
        return [each for each in self.findings() if each["repair"] != "possible"]

    def live_state(self):
        return self.subject.name_of(state_of(self.t, self.mount.path))

    def disk_state(self):
        """What is on disk under a live mount."""
        return self.subject.name_of(self._state_as_lowers())

    def _state_as_lowers(self):
        """What kernel overlayfs shows with the upper layer as a lower one."""
        point = self.t.fresh("disk")
        stack = systems.Stack([self.stack.upper, *self.stack.lowers], options=self.stack.options)
        kernel = systems.mount_kernel(self.t.settings, stack, point)
        self.t.mounts.append(kernel)
        seen = state_of(self.t, point)
        kernel.umount()
        os.rmdir(point)
        return seen

    def remounted_state(self, retry=False):
        """What overpass shows after the end of the first mount, which state that is, and if it is the old one
        and `retry`, what the operation makes of it now."""
        mount = self.t.mount_stack(self.stack)
        seen = state_of(self.t, mount.path)
        name = self.subject.name_of(seen)
        if retry and name == "old":
            self.subject.scenario.operation(mount)
            again = self.subject.name_of(state_of(self.t, mount.path))
            checks.equal(again, "new", "state after the operation was repeated on the remounted tree")
        mount.umount()
        checks.equal(left_in_workdir(self.stack), set(), "temporaries in the workdir after a remount by overpass")
        return name

    def kernel_state(self):
        """What kernel overlayfs shows of the layers. They are copied, unless the format knows its own files."""
        if self.subject.marks_whiteouts:
            return self._state_as_lowers()
        stack = self.stack if self.subject.scenario.keeps_handles else self._copied()
        point = self.t.fresh("kernel")
        kernel = systems.mount_kernel(self.t.settings, stack, point)
        self.t.mounts.append(kernel)
        seen = state_of(self.t, point)
        kernel.umount()
        checks.equal(os.listdir(stack.work + "/work"), [], "temporaries in the workdir after a mount by the kernel")
        if stack is not self.stack:
            shutil.rmtree(stack.upper), shutil.rmtree(stack.work)
        shutil.rmtree(point)
        return seen

    def _copied(self):
        upper, work = self.t.fresh("copy"), self.t.fresh("copy")
        subprocess.run(["cp", "-a", self.stack.upper + "/.", upper], check=True)
        subprocess.run(["cp", "-a", self.stack.work + "/.", work], check=True)
        return systems.Stack(self.stack.lowers, upper, work, self.stack.options)


def left_in_workdir(stack):
    """Temporaries there; the whiteout that others are links to is to stay."""
    return set(os.listdir(stack.work + "/work")) - {"whiteout"}


class Subject:
    def __init__(self, t, scenario, deny=lambda call: 0, halfway=None, reading=False, marks_whiteouts=False, like_nfs=False):
        """halfway(old, new) gives more states that may be seen: name -> State. marks_whiteouts: `deny` makes
        them files with a mark, which kernel overlayfs knows in the listings of lower layers only. like_nfs: it leaves
        no marks at all, only names, which the kernel does not know and `overpass check` warns of."""
        self.marks_whiteouts, self.like_nfs = marks_whiteouts, like_nfs
        self.t, self.scenario, self.deny, self.reading = t, scenario, deny, reading
        self.lowers = [t.layer(tree) for tree in scenario.lowers]
        self.lower_sums = [dump.checksum(lower)[0] for lower in self.lowers]
        self.known = {}
        self.old, self.new, self.calls = self._run_undisturbed()
        self.known = {"old": self.old, "new": self.new}
        if scenario.between:
            self.known = {"between": scenario.between(self.old, self.new)} | self.known
        if halfway:
            self.known = halfway(self) | self.known

    def name_of(self, seen):
        return name_of_state(seen, self.known)

    @property
    def alike(self):
        """The operation makes no difference that can be seen."""
        return self.old.lines == self.new.lines

    def trial(self):
        return Trial(self)

    def _run_undisturbed(self):
        """States before and after, and the calls the operation takes."""
        with self.trial() as trial:
            trial.prepare()
            old = state_of(self.t, trial.mount.path)
        with self.trial() as trial:
            trial.prepare()
            plan = trial.operate(Plan())
            if trial.returned is not True:
                raise trial.returned
            self.known = {"new": state_of(self.t, trial.mount.path)}
            trial.mount.umount()
            trial.remounted_state()
            if not self.scenario.not_for_kernel:
                self.name_of(trial.kernel_state())
        return old, self.known["new"], plan.calls

    def steps(self, last):
        """The numbers of the steps to try: all up to `last`, or the one that was asked for."""
        return [self.t.settings.step] if self.t.settings.step else range(1, last + 1)

    def described(self, step):
        before = f"before {self.calls[step - 1]}" if step <= len(self.calls) else "after the last call"
        return (f"step {step} of {len(self.calls) + 1}, {before}; to repeat it alone: "
                f"pytest {shlex.quote(self.t.node)} --step {step}")
