# SPDX-License-Identifier: MIT
"""Every system call that the daemon makes is refused by a filter, one at a time, with both errnos that filters answer. Then
the union works in an older way, or the mount is refused with a message that names the call."""
import errno
import json
import os
import re
import select
import shutil
import subprocess

from harness import MountFailed, checks, contains, equal, holds, lacking, only_in, seccomp, syscalls, systems, transport
from harness.daemon import need_no_sanitizer
from workload import TREE, exercise, expected, state, wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "a filter would keep fusermount3 from mounting"
PATIENCE = 900

# Without these there is no process, or none that could say anything.
OF_ANY_PROGRAM = {"execve", "brk", "mmap", "munmap", "mprotect", "read", "write", "close", "openat", "newfstatat", "fstat",
                  "pread64", "rt_sigaction", "rt_sigprocmask", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
                  "prlimit64", "getrandom", "futex", "exit", "exit_group", "restart_syscall", "rt_sigreturn", "access", "lseek"}
# Without these the library or the loader ends or hangs before the filter matters.
OF_THE_LIBRARY = {"execve", "mmap", "munmap", "futex", "exit", "exit_group", "rt_sigreturn"}
# Users are told so; everything else works.
DONE_WITHOUT = {"mknodat": ["fifo: EPERM"]}
# The message of the library's or of ours that says what did not work names it in other words.
OTHER_WORDS = {"mount": "mount", "umount2": "mount", "clone3": "clone3", "poll": "poll", "fchdir": "proc"}
CALL = re.compile(r"^\d+ +\[ *(\d+)\] (\w+)\(", re.MULTILINE)


def calls_of_the_daemon(t, *flags):
    """Name -> number of what it and the command that starts it call from their start to the daemon's end."""
    if not shutil.which("strace"):
        lacking("strace")
    stack = t.stack(t.layer(TREE))
    log = t.directory + "/calls"
    command = ["strace", "-f", "-n", "-o", log, t.settings.overpass, "mount", *flags, "-o", systems.option_text(stack),
               stack.mountpoint]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        wait_for(t, lambda: os.path.ismount(stack.mountpoint), "the mount")
        equal(exercise(stack.mountpoint), [], "calls that failed")
        syscalls.umount(stack.mountpoint)
        equal(process.wait(t.settings.seconds(60)), 0, "the daemon's status")
    with open(log, encoding="utf-8", errors="replace") as file:
        return {name: int(number) for number, name in CALL.findall(file.read()) if name not in OF_THE_LIBRARY}


def refusing(number, error):
    program = [*seccomp.begin(), *seccomp.failing(number, error), (seccomp.RETURN, 0, 0, seccomp.ALLOW)]
    return lambda: seccomp.install(program)


def exercised(t, m):
    """exercise() in a process of its own, for it may have to wait for ever."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            os.write(theirs, json.dumps(exercise(m.path)).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    came = select.select([ours], [], [], t.settings.seconds(20))[0]
    answer = json.loads(os.read(ours, 65536) or b'["it died"]') if came else ["it hangs"]
    if not came:
        m.give_up()
    os.close(ours)
    os.waitpid(child, 0)
    return answer


def judged(t, name, stack, inherit, truth):
    """What is wrong with a daemon behind this filter; empty if nothing is."""
    try:
        m = t.mount_stack(stack, preexec_fn=inherit)
    except MountFailed as failed:
        if os.path.ismount(stack.mountpoint):
            return "the mount was refused, and is there"
        if failed.status < 0:
            return f"the daemon ended by signal {-failed.status}: {failed.text.strip()[-200:]}"
        if name not in OF_ANY_PROGRAM and OTHER_WORDS.get(name, name) not in failed.text:
            return f"the message does not name it: {failed.text.strip()[-300:]}"
        return ""
    except PermissionError:
        return ""       # not even started
    except (AssertionError, checks.Failure) as failed:
        return f"no mount, and no end: {failed}"
    wrong = exercised(t, m)
    if wrong and wrong == DONE_WITHOUT.get(name):
        wrong, truth = [], [line for line in truth if "pipe" not in line]
    if wrong:
        t.mounts.remove(m)
        m.give_up()
        return f"mounted, and then {', '.join(wrong)}"
    shown = state(t, m.path)
    t.mounts.remove(m)
    try:
        m.umount()
    except checks.Failure as failed:
        m.give_up()
        return f"mounted, and at the end: {failed}"
    return "" if shown == truth else "mounted, and the union is another one"


def test_no_refused_call_breaks_a_union(t):
    need_no_sanitizer(t.settings, "they make calls of their own")
    seccomp.need()
    truth = expected(t)
    calls = calls_of_the_daemon(t, "-f")
    holds(len(calls) > 50, f"calls were seen: {len(calls)}")
    complaints = []
    lower = t.layer(TREE)
    for name, number in sorted(calls.items()):
        for error in (errno.EPERM, errno.ENOSYS):
            t.progress(f"{name} {errno.errorcode[error]}")
            wrong = judged(t, name, t.stack(lower), refusing(number, error), truth)
            if wrong:
                complaints.append(f"{name} refused by {errno.errorcode[error]}: {wrong}")
    equal(complaints, [], "refused calls after which something is wrong")


def judged_in_background(t, name, stack, inherit):
    """The same of a daemon that the command leaves behind."""
    command = [t.settings.overpass, "-o", systems.option_text(stack), stack.mountpoint]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, preexec_fn=inherit,
                              timeout=t.settings.seconds(30))
    except subprocess.TimeoutExpired:
        return "the command does not return"
    said = done.stderr.decode()
    if done.returncode != 0:
        mounted = os.path.ismount(stack.mountpoint)
        if mounted:
            syscalls.umount(stack.mountpoint, syscalls.MNT_DETACH)
        if mounted or done.returncode < 0 or said == "":
            return f"status {done.returncode}, mounted: {mounted}, and it says: {said}"
        return ""
    failed = exercise(stack.mountpoint)
    answer = t.status_text("umount", stack.mountpoint)
    return "" if (failed, answer) == ([], (0, "", "")) else f"{failed}, umount: {answer}"


def test_no_refused_call_breaks_the_way_into_the_background(t):
    need_no_sanitizer(t.settings, "they trace themselves, as the test does")
    seccomp.need()
    calls = calls_of_the_daemon(t)
    for name in calls_of_the_daemon(t, "-f"):
        calls.pop(name, None)
    holds(calls, "some calls are made there only")
    complaints = []
    lower = t.layer(TREE)
    for name, number in sorted(calls.items()):
        for error in (errno.EPERM, errno.ENOSYS):
            wrong = judged_in_background(t, name, t.stack(lower), refusing(number, error))
            if wrong:
                complaints.append(f"{name} refused by {errno.errorcode[error]}: {wrong}")
    equal(complaints, [], f"calls ({' '.join(calls)}) after whose refusal something is wrong")


@only_in("root", why="the kernel's switch for io_uring is root's")
def test_io_uring_is_left_out_where_one_of_its_calls_is_refused(t):
    """Refused later, it would leave all callers waiting in the kernel for queues that never come."""
    need_no_sanitizer(t.settings, "they make calls of their own")
    seccomp.need()
    truth = expected(t)
    for name, number in (("io_uring_enter", 426), ("io_uring_register", 427)):
        with transport.switched_on():
            m = t.mount_stack(t.stack(t.layer(TREE), options=("io_uring=auto",)), preexec_fn=refusing(number, errno.EPERM))
        equal(exercised(t, m), [], f"what a union does without {name}")
        status = m.status()
        equal(status["transport"], "/dev/fuse", f"transport without {name}")
        contains(status["transport_reason"], name, "the reason")
        equal(state(t, m.path), truth, f"the union without {name}")
        m.umount()
