# SPDX-License-Identifier: MIT
"""Random reads, writes and all else that moves data, by several processes at once, held against a model.

In each mode on an ext4, with some on xfs, btrfs and tmpfs (`--steps N`: as many on each; a tenth with
OVERPASS_TESTS_BRIEF=1, fifteen times as many with `--full`). A failure prints its seed
and the shortest sequence of steps found that still fails. At the end, the same with a daemon whose own reads and
writes come in pieces, late and out of order, and with one that spoils a byte, which has to be found.
"""
import dataclasses
import os

from data_runs import check, run_into
from harness import contains, only
from harness.unruly_transfers import UnrulyTransfers
from modes import EachMode, Mode

PATIENCE = 300
FULL_PATIENCE = 36000
STEPS = {"ext4": 14_000, "xfs": 2000, "btrfs": 2000, "tmpfs": 2000}
UNRULY_STEPS = 1500


def usual(t, steps, full):
    """The number of steps: `steps`, or `full` times as many in a full run."""
    return steps * full if t.settings.full else t.settings.in_form(brief=steps // 10, usual=steps, long=3 * steps)


def on(kind):
    def data_are_those_of_the_model(t, mode):
        check(t, mode, kind, t.settings.steps or usual(t, STEPS[kind], 15))
    data_are_those_of_the_model.__name__ += f" on {kind}"
    return data_are_those_of_the_model


TABLE = EachMode([on(kind) for kind in STEPS])


@dataclasses.dataclass(frozen=True)
class UnrulyMode(Mode):
    """Each mount gets transfers of its own, which `made(upper)` makes."""
    made: object = None

    def mount_stack(self, t, stack):
        unruly = self.made(stack.upper)
        t.at_end(unruly.close)
        return t.mount_stack(stack, preexec_fn=unruly.install)


class Spoiling(UnrulyTransfers):
    """Every fortieth write of the daemon writes its first byte wrong."""
    writes = 0

    def _move(self, transfer, where, length, memory, fd):
        if transfer.writes:
            self.writes += 1
            if self.writes % 40 == 0:
                os.pwrite(memory.fileno(), bytes([os.pread(memory.fileno(), 1, where)[0] ^ 1]), where)
        return super()._move(transfer, where, length, memory, fd)


@only("overpass")
def test_data_are_those_of_the_model_when_transfers_come_in_pieces_and_late(t):
    mode = UnrulyMode("in pieces", ("passthrough=off",), apart=True,
                      made=lambda upper: UnrulyTransfers(upper, longest_read=7000, longest_write=7000, latest=0.0005))
    check(t, mode, "ext4", usual(t, UNRULY_STEPS, 10))


@only("overpass")
def test_a_daemon_that_spoils_a_byte_is_found_out(t):
    mode = UnrulyMode("spoiled", ("passthrough=off",), apart=True, made=Spoiling)
    _, wrong = run_into(t, mode, "ext4", 1000)
    contains(wrong or "nothing", "are wrong", "what is found")
