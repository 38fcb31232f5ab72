# SPDX-License-Identifier: MIT
"""With survive=on the daemon is killed before each system call of an operation that changes a layer, and after the last.

Another daemon takes over. The operation ends as if nothing had been: it succeeds, the union shows the new tree, and so
do the layers after the end of the mount; but for the times of a file whose data were being added, which nothing keeps. Nothing is left in the workdir that the next mount does not take away.
"""
import dataclasses

from gate import Plan
from harness import checks, dump
from scenarios import CONTENTS, MARKS, NAMES
from trials import Subject

SYSTEMS = ("overpass",)
PATIENCE = 1800


def survive_at(subject, step):
    with subject.trial() as trial:
        trial.prepare()
        plan = trial.operate(Plan(at=step))
        checks.holds(plan.reached or step > len(subject.calls), f"the operation makes {len(subject.calls)} calls again; "
                     f"it made {[str(call) for call in plan.calls]}")
        if trial.returned is not True:
            raise checks.Failure(f"the operation failed: {trial.returned}\n{trial.mount.daemon.text()}")
        new = {"new", "between"} if "data of" in subject.scenario.name else {"new"}
        holds_state(trial.live_state(), new, "the state under the next daemon")
        trial.mount.umount()
        checks.equal([dump.checksum(lower)[0] for lower in subject.lowers], subject.lower_sums, "lower layers")
        checks.equal(trial.beyond_repair(), [], "what `overpass check` finds and cannot repair")
        holds_state(trial.remounted_state(), new, "the state after another mount")


def holds_state(seen, allowed, what):
    checks.holds(seen in allowed, f"{what} is {seen}, and should be {allowed}")


def survive_every_step(t, scenario):
    subject = Subject(t, dataclasses.replace(scenario, options=(*scenario.options, "survive=on"),
                                             not_for_kernel="survive=on is overpass's own"))
    for step in subject.steps(len(subject.calls)):
        t.progress(f"{t.sentence}: step {step} of {len(subject.calls)}")
        try:
            survive_at(subject, step)
        except Exception as error:
            raise checks.Failure(f"{subject.described(step)}\n{error}") from error


class Table:
    """A test for each of some scenarios."""

    def cases(self, settings):
        for scenario in [*NAMES, *CONTENTS, *MARKS]:
            yield f"a death during {scenario.name}", lambda t, scenario=scenario: survive_every_step(t, scenario)


TABLE = Table()
