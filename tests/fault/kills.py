# SPDX-License-Identifier: MIT
"""The daemon is killed before each system call of an operation that changes a layer, and after the last.

Then the lower layers are what they were, and overpass, and independently kernel overlayfs, mount what
is there and show either the old tree or the new one: names, types, modes, owners, sizes, contents,
extended attributes, links, times. Before that `overpass check` finds nothing but what it can repair.
The workdir is clean after either mount, and where the tree is the old one the operation can be
repeated. Which calls there are is found out by an undisturbed run.
"""
from gate import Plan
from harness import checks, dump
from trials import Subject


def kill_at(subject, step):
    """What each of the two readers shows after a kill at the step."""
    names = []
    readers = ("overpass", "kernel") if subject.scenario.keeps_handles else ("both",)
    for reader in readers:
        with subject.trial() as trial:
            trial.prepare()
            plan = trial.operate(Plan(at=step))
            trial.end_by_kill()
            checks.holds(plan.reached or step > len(subject.calls), f"the operation makes {len(subject.calls)} calls "
                         f"again; it made {[str(call) for call in plan.calls]}")
            checks.equal([dump.checksum(lower)[0] for lower in subject.lowers], subject.lower_sums, "lower layers")
            checks.equal(trial.beyond_repair(), [], "what `overpass check` finds and cannot repair")
            seen = []
            if reader != "overpass" and not subject.scenario.not_for_kernel:
                seen.append(subject.name_of(trial.kernel_state()))
            if reader != "kernel":
                seen.append(trial.remounted_state(retry=True))
            if trial.returned is True:
                checks.equal(set(seen), {"new"}, "states after the operation had returned")
            names += seen
    checks.equal(len(set(names)), 1, f"number of different states that overpass and the kernel show ({names})")
    return names[0]


def kill_at_every_step(t, scenario, **named):
    subject = Subject(t, scenario, **named)
    seen = []
    for step in subject.steps(len(subject.calls) + 1):
        t.progress(f"{t.sentence}: step {step} of {len(subject.calls) + 1}")
        try:
            seen.append(kill_at(subject, step))
        except Exception as error:
            raise checks.Failure(f"{subject.described(step)}\n{error}") from error
    return subject, seen


class Table:
    """A test for each of some scenarios."""

    def __init__(self, scenarios):
        self.scenarios = scenarios

    def cases(self, settings):
        for scenario in self.scenarios:
            yield f"a kill during {scenario.name}", lambda t, scenario=scenario: self.run(t, scenario)

    def run(self, t, scenario):
        _, seen = kill_at_every_step(t, scenario)
        if not t.settings.step:
            checks.equal(seen[-1], "new", "state after a kill behind the last call")
