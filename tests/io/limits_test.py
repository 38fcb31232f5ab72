# SPDX-License-Identifier: MIT
"""Writing where space, a quota, descriptors or memory end: the right errno for the right caller, and service goes on.

A writer appends pieces and syncs each; what was synced before the end came is in the upper afterwards. The error may
be that of write, fsync or close, depending on what holds the data back, and is told once.
"""
import os
import resource
import subprocess
import threading

from harness import equal, holds, lacking, only, read, write
from harness.checks import name_of
from harness.daemon import is_sanitized
from harness.loop_images import mount_image
from modes import in_each_mode

PIECE = bytes(range(256)) * 256              # 64 KiB


def upper_on(root):
    os.mkdir(root + "/upper")
    os.chmod(root + "/upper", 0o777)
    return root + "/upper"


def append_until_refused(path, most, synced=lambda pieces: None):
    """Appends and syncs pieces. Returns how many were synced, and what was refused as {call: errno}."""
    refused, pieces = {}, 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)

    def attempt(name, call, *arguments):
        try:
            return call(*arguments)
        except OSError as error:
            refused[name] = name_of(error.errno)
            return None
    while not refused and pieces * len(PIECE) < most:
        count = attempt("write", os.write, fd, PIECE)
        if count == len(PIECE):
            attempt("fsync", os.fsync, fd)
            if not refused:
                pieces += 1
                synced(pieces)
        elif count is not None:                            # the next one says why
            attempt("write", os.write, fd, PIECE)
    attempt("a second fsync", os.fsync, fd)
    attempt("close", os.close, fd)
    return pieces, refused


def demand_end(result, name, most):
    """Refused once, at the call that noticed; everything after it goes through."""
    pieces, refused = result
    equal(list(refused.values()), [name], f"what was refused: {refused}")
    holds(set(refused) <= {"write", "fsync"}, f"by the call that had to notice it: {refused}")
    holds(0 < pieces * len(PIECE) < most, f"{pieces} pieces were written before")


def demand_pieces(path, pieces, what):
    content = read(path)
    holds(content[:pieces * len(PIECE)] == PIECE * pieces, f"the {pieces} synced pieces are whole {what}")


def a_full_disk_is_told_once_and_what_was_synced_stays(t, mode):
    for kind in ("ext4", "tmpfs"):
        root = mount_image(t, kind, 12 << 20)
        m = mode.mount(t, t.layer({"lower": PIECE}), upper=upper_on(root))
        write(m / "bystander", b"there before")
        result = append_until_refused(m / "large", 16 << 20)
        demand_end(result, "ENOSPC", 16 << 20)
        with open(m / "bystander", "r+b", buffering=0) as bystander:
            bystander.write(b"THERE")                       # in a block that it has
            os.fsync(bystander.fileno())
        equal(read(m / "lower") == PIECE, True, "a lower file is read")
        demand_pieces(m / "large", result[0], "on the full disk")
        os.truncate(m / "large", len(PIECE) * (result[0] - 4))
        equal(append_until_refused(m / "other", 2 * len(PIECE)), (2, {}), "a file that fits again")
        m = mode.remount(t, m)
        demand_pieces(m.upper + "/large", result[0] - 4, "in the upper")
        equal(read(m / "bystander") + read(m / "other"), b"THERE before" + PIECE * 2, "the others after a remount")
        m.umount()


def writers_who_share_a_full_disk_lose_nothing_that_was_synced(t, mode):
    root = mount_image(t, "ext4", 12 << 20)
    m = mode.mount(t, t.layer({}), upper=upper_on(root))
    results = {}

    def work(number):
        results[number] = append_until_refused(m / f"file{number}", 16 << 20)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        demand_end(results[number], "ENOSPC", 16 << 20)
    m.umount()
    for number in range(4):
        demand_pieces(f"{m.upper}/file{number}", results[number][0], "in the upper")


def a_quota_is_told_to_the_writer_and_what_was_synced_stays(t, mode):
    root = mount_image(t, "btrfs", 256 << 20)
    if subprocess.run(["btrfs", "quota", "enable", root], capture_output=True, check=False).returncode:
        lacking("quotas of btrfs")
    volume = root + "/volume"
    subprocess.run(["btrfs", "subvolume", "create", volume], check=True, capture_output=True)
    subprocess.run(["btrfs", "qgroup", "limit", "8M", volume], check=True, capture_output=True)
    m = mode.mount(t, t.layer({"lower": PIECE}), upper=upper_on(volume))
    result = append_until_refused(m / "large", 16 << 20)
    demand_end(result, "EDQUOT", 16 << 20)
    equal(read(m / "lower") == PIECE, True, "a lower file is read")
    demand_pieces(m / "large", result[0], "beyond the quota")
    os.unlink(m / "large")
    m.settle()
    subprocess.run(["btrfs", "filesystem", "sync", root], check=True, capture_output=True)
    equal(append_until_refused(m / "other", 2 * len(PIECE)), (2, {}), "after something was removed")
    m.umount()
    demand_pieces(m.upper + "/other", 2, "in the upper")


def without_sanitizer(m):
    if is_sanitized(m.pid):
        lacking("a daemon without sanitizers: they end it at such limits")


@only("overpass")
def files_that_are_open_go_on_when_descriptors_run_out(t, mode):
    m = mode.mount(t, t.layer({f"f{number}": PIECE for number in range(60)}))
    without_sanitizer(m)
    held = [os.open(m / f"f{number}", os.O_RDWR) for number in range(10)]
    old = resource.prlimit(m.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (m.status()["open_fds"] + 4, old[1]))
    more, refusals = [], set()
    for number in range(10, 60):
        try:
            more.append(os.open(m / f"f{number}", os.O_RDWR))
        except OSError as error:
            refusals.add(name_of(error.errno))
    holds(refusals and refusals <= {"ENFILE", "ENOMEM"}, f"opens are refused for lack of descriptors: {refusals}")
    for number, fd in enumerate(held):
        os.pwrite(fd, b"%d is written" % number, 1000)
        os.fsync(fd)
        equal(os.pread(fd, 12, 1000), b"%d is written" % number, f"file {number} at the limit")
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, old)
    for fd in more + held:
        os.close(fd)
    for number in range(60):
        write(m / f"f{number}", b"+", "ab")
        equal(os.stat(m / f"f{number}").st_size, len(PIECE) + 1, f"size of file {number} afterwards")


@only("overpass")
def a_daemon_without_memory_errs_and_recovers(t, mode):
    if t.settings.transport == "io_uring":
        lacking("threads of the daemon's own beside io_uring queues: libfuse's end the mount without memory")
    m = mode.mount(t, t.layer({f"f{number}": PIECE * 16 for number in range(8)}))
    without_sanitizer(m)
    with open(f"/proc/{m.pid}/status", encoding="ascii") as file:
        size = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData:"))
    old = resource.prlimit(m.pid, resource.RLIMIT_DATA)
    resource.prlimit(m.pid, resource.RLIMIT_DATA, (size + (64 << 10), old[1]))
    wrong, refusals = [], set()

    def work(number):
        for turn in range(6):
            try:
                with open(m / f"f{number}", "r+b", buffering=0) as file:
                    count = file.write(PIECE * 16)
                    os.fsync(file.fileno())
                    if count == len(PIECE) * 16 and os.pread(file.fileno(), 100, 65536 * turn) != PIECE[:100]:
                        wrong.append(number)
            except OSError as error:
                refusals.add(name_of(error.errno))
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    resource.prlimit(m.pid, resource.RLIMIT_DATA, old)
    equal(wrong, [], "files that were written and read otherwise")
    holds(refusals <= {"ENOMEM", "EAGAIN", "EIO"}, f"only errors of exhaustion: {refusals}")
    for number in range(8):
        write(m / f"f{number}", b"+", "ab")
        equal(read(m / f"f{number}") == PIECE * 16 + b"+", True, f"file {number} afterwards")


TABLE = in_each_mode(a_full_disk_is_told_once_and_what_was_synced_stays,
                     writers_who_share_a_full_disk_lose_nothing_that_was_synced,
                     a_quota_is_told_to_the_writer_and_what_was_synced_stays,
                     files_that_are_open_go_on_when_descriptors_run_out, a_daemon_without_memory_errs_and_recovers)
