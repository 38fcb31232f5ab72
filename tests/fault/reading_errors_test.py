# SPDX-License-Identifier: MIT
"""Each system call by which the daemon reads a layer fails in turn: a bad sector, no descriptor left.

A walk over the whole tree either fails or shows all of it, never a tree without what could not be read;
and the next one shows all of it again, so that no such answer is remembered. A change either happens
whole or not at all, and if the caller was told that it failed, what he sees afterwards is still what is
on disk.
"""
import errno

from gate import Plan
from harness import WHITEOUT, Dir, File, Link, Symlink, checks, dump, features
from scenarios import SCENARIOS, Scenario
from trials import Subject, left_in_workdir

SYSTEMS = ("overpass",)
PATIENCE = 900
CHANGES = (
    "copy-up of a file deep below", "copy-up of one of two hard links", "truncation of a lower file",
    "creating a file over a whiteout", "mkdir over a whiteout in a directory with a default ACL", "link over a whiteout",
    "unlink of a lower file", "unlink of a copied-up file", "rmdir of a merged directory full of whiteouts",
    "rename of a lower file over a lower file", "rename of an upper directory over an emptied merged one",
    "exchange of two lower files", "rmdir of an opaque directory", "rename of an opaque directory over a whiteout", "rename of a merged directory", "rename below a renamed directory",
    "copying the data of a metacopy", "rename of a metacopy",
    "indexed copy-up of one of two links", "unlink of the last lower link", "rename of a lower link",
)
TREE = {
    "dir": {"lower": "x", "both": {"one": "1"}, "hidden": "h"}, "link": Symlink("target"),
    "file": File(b"data" * 500, xattrs={"user.a": b"1"}), "one": "l", "two": Link("one"),
}
UPPER = {"dir": Dir({"upper": "u", "both": {"two": "2"}, "hidden": WHITEOUT}), "new": {"inside": "i"}}


def errno_of(call):
    return errno.EMFILE if call.name.startswith("open") else errno.EIO


def told_of(call):
    """EMFILE would speak of the caller's own limit."""
    return errno.ENFILE if errno_of(call) == errno.EMFILE else errno_of(call)


def walked(trial):
    return trial.t.dump(trial.mount.path)


def walk_with_error(subject, step, call):
    with subject.trial() as trial:
        plan = trial.gate.arm(Plan(at=step, errno=errno_of))
        try:
            checks.equal(walked(trial), subject.walk, "a walk that succeeded in spite of the error")
        except OSError as error:
            checks.holds(plan.reached, f"what failed was made to fail: {error}")
            wanted = told_of(plan.calls[step - 1])
            checks.equal(checks.name_of(error.errno), checks.name_of(wanted), "errno of the walk")
        finally:
            trial.gate.disarm()
        checks.equal(walked(trial), subject.walk, "the next walk")
        trial.mount.umount()


def change_with_error(subject, step, call):
    with subject.trial() as trial:
        trial.prepare()
        plan = trial.operate(Plan(at=step, errno=errno_of))
        # What is read depends on what the kernel remembers, so that it may be a call less than the last time.
        call = plan.calls[step - 1] if plan.reached else call
        if trial.returned is not True:
            checks.holds(plan.reached, f"what failed was made to fail: {trial.returned}")
            checks.equal(checks.name_of(trial.returned.errno), checks.name_of(told_of(call)), "errno at the caller")
        shown = trial.live_state()
        if not (subject.scenario.only_of_uppers or subject.scenario.not_for_kernel):
            checks.equal(trial.disk_state(), shown, "state on disk, compared with what is shown")
        if trial.returned is True:
            checks.equal(shown, "new", "state after the operation has succeeded")
        else:
            # Where it succeeded, something to be cleared away may stay until the next mount.
            checks.equal(left_in_workdir(trial.stack), set(), "what is left in the workdir")
            # The reply holds the attributes of what was changed: without them there is none.
            may_be_new = subject.alike or subject.scenario.error_after or call.name == "statx"
            allowed = ("between", "old", *["new"] * bool(may_be_new))
            checks.holds(shown in allowed, f"the tree is in state {allowed}: it is {shown}")
            if shown != "new":
                trial.operate(Plan())
                checks.equal(trial.returned, True, "what the operation returns the second time")
                checks.equal(trial.live_state(), "new", "state after it")
        trial.mount.umount()
        checks.equal(trial.remounted_state(), "new", "state after a remount")


def at_every_step(t, subject, one):
    for step in subject.steps(len(subject.calls)):
        t.progress(f"{t.sentence}: step {step} of {len(subject.calls)}")
        call = subject.calls[step - 1]
        try:
            one(subject, step, call)
        except Exception as error:
            raise checks.Failure(f"{checks.name_of(errno_of(call))} at {subject.described(step)}\n{error}") from error


def walk_at_every_step(t, *lowers):
    walk = Scenario("walk", lambda m: dump.dump(m.path), lowers, UPPER, ("redirect_dir=on", "metacopy=on"),
                    not_for_kernel="it does not know the marks of fuse-overlayfs")
    subject = Subject(t, walk, reading=True)
    subject.walk = t.dump(t.mount(*subject.lowers, upper=t.fresh("upper", UPPER), options=walk.options).path)
    at_every_step(t, subject, walk_with_error)


def test_a_read_error_during_a_walk_is_reported_and_forgotten(t):
    walk_at_every_step(t, TREE)


def test_a_read_error_among_marks_of_fuse_overlayfs_is_reported_and_forgotten(t):
    walk_at_every_step(t, {"dir": {".wh.lower": "", "both": {".wh..wh..opq": "", "own": "o"}}, ".wh.file": ""}, TREE)


def test_a_read_error_among_xwhiteouts_is_reported_and_forgotten(t):
    features.need("xwhiteouts")
    hidden = File(b"", xattrs={"trusted.overlay.whiteout": b""})
    walk_at_every_step(t, {"dir": Dir({"lower": hidden, "empty": ""}, xattrs={"trusted.overlay.opaque": b"x"})}, TREE)


class Table:
    def cases(self, settings):
        for scenario in SCENARIOS:
            if scenario.name in CHANGES or settings.full:
                yield f"a read error during {scenario.name}", lambda t, scenario=scenario: self.run(t, scenario)

    def run(self, t, scenario):
        at_every_step(t, Subject(t, scenario, reading=True), change_with_error)


TABLE = Table()
