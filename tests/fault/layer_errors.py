# SPDX-License-Identifier: MIT
"""Each system call of an operation that changes a layer fails in turn, as on a full or broken disk.

The caller gets that errno and sees the old tree, or the call was dispensable and he gets what he
asked for. What the mount shows is what the disk holds; nothing is left in the workdir; the daemon
lives, and the operation succeeds when the disk works again.
"""
import errno
import itertools

from gate import Plan
from harness import checks, dump
from trials import Subject, left_in_workdir

ERRNOS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)


def fail_at(subject, step, number):
    with subject.trial() as trial:
        trial.prepare()
        plan = trial.operate(Plan(at=step, errno=lambda call: number))
        checks.holds(plan.reached, f"the operation makes {len(subject.calls)} calls again; "
                     f"it made {[str(call) for call in plan.calls]}")
        succeeded = trial.returned is True
        if not succeeded:
            # Without its redirect a directory cannot be renamed: as in overlayfs the caller then copies it.
            no_redirect = any(name.endswith("overlay.redirect") for name in plan.calls[step - 1].names)
            wanted = errno.EXDEV if no_redirect else number
            checks.equal(checks.name_of(trial.returned.errno), checks.name_of(wanted), "errno at the caller")
        expected = ("new",) if succeeded else ("between", "old", *["new"] * bool(subject.alike or subject.scenario.error_after))
        shown = trial.live_state()
        checks.holds(shown in expected, f"the tree is in state {expected}: it is {shown}")
        if not (subject.scenario.only_of_uppers or subject.scenario.not_for_kernel):
            checks.equal(trial.disk_state(), shown, "state on disk, compared with what is shown")
        # What cannot be removed stays until the next mount.
        all_removed = plan.calls[step - 1].name != "unlinkat"
        if all_removed:
            checks.equal(left_in_workdir(trial.stack), set(), "what is left in the workdir")
        if not succeeded:
            trial.operate(Plan())
            checks.equal(trial.returned, True, "what the operation returns when the disk works again")
            # A time that could not be put back stays what it is.
            wanted = ("new", "between") if plan.calls[step - 1].name == "utimensat" else ("new",)
            shown = trial.live_state()
            checks.holds(shown in wanted, f"the tree is in state {wanted} after it: it is {shown}")
        trial.mount.umount()
        if all_removed:
            grave = [f"{each['id']} {each['path']}" for each in trial.findings() if each["severity"] != "info"]
            checks.equal(grave, [], "what `overpass check` finds")
        checks.equal(trial.remounted_state(), shown, "state after a remount")
        checks.equal([dump.checksum(lower)[0] for lower in subject.lowers], subject.lower_sums, "lower layers")


def fail_at_every_step(t, scenario, **named):
    subject = Subject(t, scenario, **named)
    for step in subject.steps(len(subject.calls)):
        t.progress(f"{t.sentence}: step {step} of {len(subject.calls)}")
        numbers = ERRNOS if t.settings.full else [next(itertools.islice(itertools.cycle(ERRNOS), step, None))]
        for number in numbers:
            try:
                fail_at(subject, step, number)
            except Exception as error:
                raise checks.Failure(f"{checks.name_of(number)} at {subject.described(step)}\n{error}") from error


class Table:
    """A test for each of some scenarios."""

    def __init__(self, scenarios):
        self.scenarios = scenarios

    def cases(self, settings):
        for scenario in self.scenarios:
            yield f"an error during {scenario.name}", lambda t, scenario=scenario: fail_at_every_step(t, scenario)
