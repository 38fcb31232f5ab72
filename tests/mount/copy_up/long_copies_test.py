# SPDX-License-Identifier: MIT
"""Copy-ups that take long: shown while they last, and ended when no remaining caller wants them.

Each write of the daemon to the copy stops before it is made, so that the copy takes as long as a test likes
(harness/unruly_transfers); the layers lie on two file systems, or the kernel would copy by itself. What a test claims
of a moment is true for as long as the copy is held.
"""
import json
import os
import signal
import subprocess
import threading

from harness import contains, equal, has, holds, loop_images, mark, read, write
from harness.credentials import as_user, become
from harness.patience import wait_for
from harness.unruly_transfers import UnrulyTransfers

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's seccomp filter would keep fusermount3 from mounting"
MIB = 1 << 20
SIZE = 24 * MIB
OPENED, REFUSED = 0, 77


class Held:
    """A mount of a lower file "big" whose copy stops for good before its third MiB, until it is let go."""

    def __init__(self, t, *options, prepare=lambda m: None):
        low = loop_images.mount_image(t, "tmpfs", 64 * MIB)
        with open(low + "/big", "wb") as file:
            for number in range(SIZE // MIB):
                file.write(bytes([number + 1]) * MIB)
        os.chmod(low + "/big", 0o666)
        self.stack = t.stack(low, options=options)
        self.is_held, self.may_go_on, self.writes = threading.Event(), threading.Event(), []
        self.may_go_on.set()
        self.unruly = UnrulyTransfers(os.path.dirname(self.stack.upper), rings=True, waits=self._wait)
        self.m = t.mount_stack(self.stack, preexec_fn=self.unruly.install)
        self.path = self.m / "big"
        t.at_end(self._end)
        prepare(self.m)
        self.m.settle()
        self.before = self._traces()
        self.may_go_on.clear()

    def _wait(self, transfer):
        if not transfer.writes:
            return
        self.writes.append(transfer.offset)
        if transfer.offset >= 2 * MIB:
            self.is_held.set()
            self.may_go_on.wait()

    def _end(self):
        self.may_go_on.set()
        self.unruly.close()

    def wait_until_held(self, t):
        holds(self.is_held.wait(t.settings.seconds(20)), "the copy begins")

    def copies(self):
        return self.m.status()["copies"]

    def wait_for_waiters(self, t, count):
        wait_for(t, lambda: [copy["waiting"] for copy in self.copies()] == [count], f"{count} callers wait for the copy")

    def has_left_nothing(self, t):
        wait_for(t, lambda: self.m.status()["worker_tasks"] == 0, "the end of the copy")
        self.m.settle()
        equal(self.copies(), [], "copies under way")
        equal(self._traces(), self.before, "what is in the workdir, and files that the daemon has open")

    def _traces(self):
        descriptors = f"/proc/{self.m.daemon.pid}/fd"
        links = [os.readlink(f"{descriptors}/{number}") for number in os.listdir(descriptors)]
        return os.listdir(self.m.work + "/work"), [link for link in links if "/work/" in link or link.endswith("/big")]

    def can_be_copied_anew(self):
        self.may_go_on.set()
        write(self.path, b"+", "ab")
        equal(os.stat(self.m.upper + "/big").st_size, SIZE + 1, "size of the copy")
        content = read(self.path)
        equal([content[number * MIB] for number in range(SIZE // MIB)], [n + 1 for n in range(SIZE // MIB)], "each MiB")


def opening(path, signals=(), before=lambda: None):
    """A process that opens the file for writing; it counts the signals it is sent."""
    ready, mine = os.pipe()
    child = os.fork()
    if child == 0:
        seen = []
        try:
            before()
            for number in signals:
                signal.signal(number, lambda number, frame: seen.append(number))
            os.write(mine, b".")
            os.close(os.open(path, os.O_RDWR))
            os._exit(OPENED if len(seen) == len(signals) else 1)
        except OSError:
            os._exit(REFUSED)
        finally:
            os._exit(2)
    os.close(mine)
    os.read(ready, 1)
    os.close(ready)
    return child


def status_of(path):
    return json.loads(os.getxattr(path, "overpass.status"))


def end_of(child):
    """What became of a process: "opened", or the signal that ended it."""
    status = os.waitpid(child, 0)[1]
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else {
        OPENED: "opened", REFUSED: "refused"}.get(os.WEXITSTATUS(status), f"status {os.WEXITSTATUS(status)}")


def transports():
    return ("io_uring=off", "io_uring=on") if has("io_uring transport") else ("io_uring=off",)


def test_a_long_copy_is_seen_in_the_status_and_then_gone(t):
    held = Held(t)
    equal(held.copies(), [], "copies before the open")
    child = opening(held.path)
    held.wait_until_held(t)
    [copy] = held.copies()
    equal((copy["file"], copy["phase"], copy["done"], copy["total"], copy["waiting"]),
          ("/big", "copying", 2 * MIB, SIZE, 0), "file, phase, bytes done and to be done, waiters")
    holds(abs(copy["since"] - t.started) < t.settings.seconds(120), "it says since when")
    wait_for(t, lambda: held.copies()[0]["seconds"] >= 1, "a second of the copy")
    contains(t.status_text("status", held.m.path)[1], "copies:\n    /big: copying, 2 of 24 MiB (8%), for ", "the summary")
    held.may_go_on.set()
    equal(end_of(child), "opened", "the process that opens the file")
    equal(held.copies(), [], "copies after the open")
    contains(t.status_text("status", held.m.path)[1], "copies: none that takes long", "the summary afterwards")


def test_a_copy_is_shown_to_the_user_it_is_made_for_and_to_no_other_user(t):
    held = Held(t, prepare=lambda m: os.chown(m.path, 1000, 1000))
    child = opening(held.path, before=lambda: become(1000))
    held.wait_until_held(t)
    own, others = (as_user(uid, lambda: status_of(held.m.path)) for uid in (1000, 1001))
    equal([(copy["file"], copy["done"], copy["total"]) for copy in own["copies"]], [("/big", 2 * MIB, SIZE)], "its own copies")
    equal(sorted(own["copies"][0]), ["done", "file", "phase", "seconds", "since", "total"], "what is said of it")
    equal((own["complete"], others["complete"], others["copies"]), (False, False, []), "what the other user is shown")
    equal([copy["file"] for copy in held.copies()], ["/big"], "what the user who mounted is shown")
    held.may_go_on.set()
    equal(end_of(child), "opened", "the process that opens the file")


def test_other_calls_on_the_mount_go_on_meanwhile(t):
    held = Held(t)
    child = opening(held.path)
    held.wait_until_held(t)
    os.mkdir(held.m / "dir")
    os.symlink("x", held.m / "dir/link")
    equal(sorted(os.listdir(held.m.path)), ["big", "dir"], "a listing during the copy")
    equal((os.stat(held.path).st_size, read(held.path)[:2]), (SIZE, b"\1\1"), "the file itself during the copy")
    held.may_go_on.set()
    equal(end_of(child), "opened", "the process that opens the file")


def test_a_fatal_signal_to_the_only_waiter_ends_the_copy_and_leaves_nothing(t):
    for transport in transports():
        for number in (signal.SIGKILL, signal.SIGTERM):
            held = Held(t, transport)
            child = opening(held.path)
            held.wait_until_held(t)
            os.kill(child, number)
            held.may_go_on.set()
            equal(end_of(child), number.name, f"the end of the process ({transport})")
            held.has_left_nothing(t)
            holds(len(held.writes) < SIZE // MIB, f"not all was copied: {len(held.writes)} MiB")
            holds(not os.path.exists(held.m.upper + "/big"), "nothing was published")
            held.can_be_copied_anew()


def test_a_signal_that_is_handled_does_not_end_it(t):
    for transport in transports():
        held = Held(t, transport)
        child = opening(held.path, [signal.SIGUSR1, signal.SIGUSR2])
        held.wait_until_held(t)
        os.kill(child, signal.SIGUSR1), os.kill(child, signal.SIGUSR2)
        held.may_go_on.set()
        equal(end_of(child), "opened", f"the process that opens the file and counts its signals ({transport})")
        equal(held.writes, [number * MIB for number in range(SIZE // MIB)], "where the copy was written, once")


def test_a_copy_that_others_wait_for_goes_on(t):
    held = Held(t)
    first = opening(held.path)
    held.wait_until_held(t)
    second = opening(held.path)
    held.wait_for_waiters(t, 1)
    os.kill(first, signal.SIGKILL)
    held.may_go_on.set()
    equal(end_of(second), "opened", "the process that waited")
    equal(end_of(first), "SIGKILL", "the end of the one that was killed")
    equal(held.writes, [number * MIB for number in range(SIZE // MIB)], "where the copy was written, once")


def test_a_caller_that_waits_for_anothers_copy_can_be_killed(t):
    held = Held(t)
    first = opening(held.path)
    held.wait_until_held(t)
    second = opening(held.path)
    held.wait_for_waiters(t, 1)
    os.kill(second, signal.SIGKILL)
    equal(end_of(second), "SIGKILL", "the end of the one that waited, while the copy is held")
    held.wait_for_waiters(t, 0)
    os.kill(first, signal.SIGKILL)
    held.may_go_on.set()
    equal(end_of(first), "SIGKILL", "the end of the one it was made for")
    held.has_left_nothing(t)
    held.can_be_copied_anew()


def test_the_bytes_of_a_metacopy_are_given_up_as_well(t):
    held = Held(t, "metacopy=on", prepare=lambda m: os.chmod(m / "big", 0o600))
    blocks = os.stat(held.m.upper + "/big").st_blocks
    child = opening(held.path)
    held.wait_until_held(t)
    os.kill(child, signal.SIGKILL)
    held.may_go_on.set()
    equal(end_of(child), "SIGKILL", "the end of the process")
    held.has_left_nothing(t)
    equal(os.stat(held.m.upper + "/big").st_blocks, blocks, "blocks of the metacopy")
    equal(os.getxattr(held.m.upper + "/big", mark("metacopy")), b"", "its mark")
    held.can_be_copied_anew()


def test_attributes_set_while_a_metacopy_gets_its_bytes_stay(t):
    held = Held(t, "metacopy=on", prepare=lambda m: (os.chmod(m / "big", 0o4600), os.utime(m / "big", (5, 6))))
    child = opening(held.path)
    held.wait_until_held(t)
    os.utime(held.path, (7, 9)), os.chmod(held.path, 0o640)
    held.may_go_on.set()
    equal(end_of(child), "opened", "the end of the process")
    for path in (held.path, held.m.upper + "/big"):
        info = os.stat(path)
        equal((oct(info.st_mode), info.st_atime, info.st_mtime), ("0o100640", 7, 9), f"mode and times of {path}")


def test_setting_one_time_then_leaves_the_other(t):
    held = Held(t, "metacopy=on", prepare=lambda m: (os.chmod(m / "big", 0o600), os.utime(m / "big", (5, 6))))
    child = opening(held.path)
    held.wait_until_held(t)
    subprocess.run(["touch", "-c", "-a", "-d", "@7", held.path], check=True)
    held.may_go_on.set()
    equal(end_of(child), "opened", "the end of the process")
    info = os.stat(held.m.upper + "/big")
    equal((info.st_atime, info.st_mtime), (7, 6), "times of the copy")
