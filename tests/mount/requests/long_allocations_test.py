# SPDX-License-Identifier: MIT
"""fallocate of more than one wants to wait for, on tmpfs, which takes page after page.

It ends with its caller, and leaves nothing or everything, as on tmpfs itself.
"""
import errno
import os
import signal
import stat

from harness import equal, has, holds, loop_images, refused, syscalls
from harness.daemon import need_no_sanitizer
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
MIB = 1 << 20
BLOCK = 512
MOST, LEAST = 3 << 30, 512 * MIB
ATTEMPTS = 20
DONE, NO_SPACE = 0, 77


def long_size():
    """Bytes that take much longer than the daemon needs to see that a caller is being killed."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
    return min(MOST, max(LEAST, available // 4)) & -MIB


def transports():
    return ("io_uring=off", "io_uring=on") if has("io_uring transport") else ("io_uring=off",)


class Allocated:
    """A mount on a tmpfs with a new file "big"."""

    def __init__(self, t, space, *options):
        root = loop_images.mount_image(t, "tmpfs", space)
        self.m = t.mount(t.layer({"lower": "1"}), upper=t.fresh("upper", at=root), options=options)
        self.path = self.m / "big"
        os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o644))

    def on_disk(self):
        """Size and bytes in blocks."""
        info = os.stat(self.m.upper + "/big")
        return info.st_size, info.st_blocks * BLOCK

    def allocating(self, size, modes=(), before=lambda: None):
        child = os.fork()
        if child == 0:
            try:
                before()
                syscalls.fallocate(os.open(self.path, os.O_RDWR), modes, 0, size)
                os._exit(DONE)
            except OSError as error:
                os._exit(NO_SPACE if error.errno == errno.ENOSPC else 1)
            finally:
                os._exit(2)
        return child

    def wait_until_under_way(self, t, child):
        wait_for(t, lambda: self.on_disk()[1] > 0 or has_ended(child), "the first pages")

    def empty(self):
        os.truncate(self.path, 0)
        equal(self.on_disk(), (0, 0), "size and blocks of the emptied file")


def has_ended(child):
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def end_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_until_one_is_interrupted(t, allocated, size, modes):
    """How often a killed caller's allocation was complete before it was interrupted, for the first time."""
    for attempt in range(ATTEMPTS):
        child = allocated.allocating(size, modes)
        allocated.wait_until_under_way(t, child)
        os.kill(child, signal.SIGKILL)
        holds(end_of(child) in (-signal.SIGKILL, DONE), "the caller is killed, if it had not ended")
        wait_for(t, lambda: allocated.m.status()["worker_tasks"] == 0, "the end of the request")
        length, blocks = allocated.on_disk()
        holds((length, blocks) in ((0, 0), (0 if modes else size, size)), f"nothing or all: {length}, {blocks} of {size}")
        if blocks == 0:
            return attempt
        allocated.empty()
    return ATTEMPTS


def test_it_ends_with_its_caller_and_leaves_nothing(t):
    need_no_sanitizer(t.settings, "ThreadSanitizer lets no process be started")
    size = long_size()
    for transport in transports():
        for modes in ((), ("keep_size",)):
            allocated = Allocated(t, size + 8 * MIB, transport)
            complete = killed_until_one_is_interrupted(t, allocated, size, modes)
            holds(complete < ATTEMPTS, f"one of {ATTEMPTS} that were killed was interrupted ({transport}, {modes})")
            child = allocated.allocating(64 * MIB, modes)
            equal(end_of(child), DONE, "the end of the next one")
            equal(allocated.on_disk(), (0 if modes else 64 * MIB, 64 * MIB), "size and blocks of the next one")
            allocated.empty()
            allocated.m.umount()


def test_others_that_are_under_way_go_on(t):
    size = long_size() // 2 & -MIB
    allocated = Allocated(t, 2 * size + 8 * MIB)
    other = allocated.m / "other"
    os.close(os.open(other, os.O_CREAT | os.O_WRONLY, 0o644))
    killed = allocated.allocating(size)
    allocated.wait_until_under_way(t, killed)
    allocated.path = other
    going_on = allocated.allocating(size)
    os.kill(killed, signal.SIGKILL)
    equal(end_of(going_on), DONE, "the end of the one that nothing happened to")
    info = os.stat(allocated.m.upper + "/other")
    equal((info.st_size, info.st_blocks * BLOCK), (size, size), "its size and blocks")
    holds(end_of(killed) in (-signal.SIGKILL, DONE), "the other one is killed, if it had not ended")
    os.unlink(other)


def test_a_signal_that_is_handled_does_not_end_it(t):
    size = long_size() // 2 & -MIB
    allocated = Allocated(t, size + 8 * MIB)
    child = allocated.allocating(size, before=lambda: signal.signal(signal.SIGUSR1, lambda *_: None))
    allocated.wait_until_under_way(t, child)
    os.kill(child, signal.SIGUSR1)
    equal(end_of(child), DONE, "the end of the process")
    equal(allocated.on_disk(), (size, size), "size and blocks")
    allocated.empty()


def test_want_of_space_leaves_nothing(t):
    allocated = Allocated(t, 64 * MIB)
    for size in (65 * MIB, 1 << 40):
        equal(end_of(allocated.allocating(size)), NO_SPACE, f"the end of the process ({size} bytes)")
        equal(allocated.on_disk(), (0, 0), "size and blocks")
    equal(end_of(allocated.allocating(48 * MIB)), DONE, "the end of one that there is space for")
    equal(allocated.on_disk(), (48 * MIB, 48 * MIB), "its size and blocks")


def test_what_is_refused_and_what_it_costs_is_as_for_a_short_one(t):
    allocated = Allocated(t, 128 * MIB)
    fd = os.open(allocated.path, os.O_RDWR)
    modes = []
    for size in (MIB, 48 * MIB):
        refused(errno.EOPNOTSUPP, syscalls.fallocate, fd, ("zero_range",), 0, size)
        os.chmod(allocated.path, 0o4755)
        syscalls.fallocate(fd, (), 0, size)
        equal(os.fstat(fd).st_size, size, "the size that the caller sees")
        modes.append(oct(stat.S_IMODE(os.stat(allocated.path).st_mode)))
        syscalls.fallocate(fd, ("punch_hole", "keep_size"), 0, size)
        equal(allocated.on_disk(), (size, 0), "size and blocks of a hole")
    os.close(fd)
    equal(modes[1], modes[0], "what is left of the mode")
