# SPDX-License-Identifier: MIT
"""The cost of a mount in system calls, from the program's start to mount(2): so many for each lower, and file systems are asked
once, however many lowers they hold."""
import os
import shutil
import subprocess
from collections import Counter

from harness import at_most, equal, lacking, systems, syscalls
from harness.daemon import need_no_sanitizer
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "the calls of a user's mount are those of fusermount3 too"
FEW, MANY = 10, 60
OF_THE_LIBRARY = ("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "read")
OF_A_LOWER = Counter(openat=1, statx=2, readlinkat=1, open_tree_attr=1, close=1)


def calls_before_the_mount(t, lowers):
    stack = t.stack(*[t.layer({"file": ""}) for _ in range(lowers)])
    log = t.fresh("calls") + "/log"
    with subprocess.Popen(["strace", "-f", "-o", log, t.settings.overpass, "mount", "-f", "-o", systems.option_text(stack),
                           stack.mountpoint], stdin=subprocess.DEVNULL) as process:
        wait_for(t, lambda: os.path.ismount(stack.mountpoint), "the mount")
        syscalls.umount(stack.mountpoint)
        equal(process.wait(t.settings.seconds(60)), 0, "the daemon's status")
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line.split(None, 1) for line in file]
    mounting = next(number for number, (_, call) in enumerate(lines) if call.startswith("mount("))
    mounter = lines[mounting][0]
    names = (call.split("(")[0] for task, call in lines[:mounting] if task == mounter and "(" in call and call[0] != "<")
    # strace may be older than the call.
    return Counter("open_tree_attr" if name == "syscall_0x1d3" else name for name in names if name not in OF_THE_LIBRARY)


def test_a_lower_costs_a_mount_six_calls(t):
    if not shutil.which("strace"):
        lacking("strace")
    need_no_sanitizer(t.settings, "it makes calls of its own")
    few, many = calls_before_the_mount(t, FEW), calls_before_the_mount(t, MANY)
    of_a_lower = Counter({name: number / (MANY - FEW) for name, number in (many - few).items()})
    if "open_tree_attr" not in many:        # before Linux 6.15
        of_a_lower -= Counter(open_tree=1, mount_setattr=1)
        of_a_lower["open_tree_attr"] = 1
    equal(of_a_lower, OF_A_LOWER, "calls of a lower")
    at_most(sum(few.values()), 420, "calls of a mount of few lowers")
