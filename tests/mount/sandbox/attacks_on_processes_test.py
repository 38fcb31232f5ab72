# SPDX-License-Identifier: MIT
"""Hostile commands try to reach processes: those outside, and those of overpass that they see.

Each test runs as the caller, and as root inside (--root). The directory outside is compared at its end (harness/sandboxes.py).
"""
import errno
import os
import subprocess
import sys

from harness import equal, holds, hostile, seccomp, syscalls
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
LANDLOCK_CREATE_RULESET, PR_SET_NO_NEW_PRIVS = 444, 38


def victim(t):
    """A process outside that ends with the test. No process of a sandbox has its number."""
    while (child := os.fork()) < 500:
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    os.waitpid(child, 0)
    process = subprocess.Popen(["sleep", "1000"])

    def end():
        process.kill()
        process.wait()
    t.at_end(end)
    return process


def test_no_process_outside_is_seen_or_signalled(t):
    process = victim(t)
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        found = hostile.outcomes(s, """
for number in (signal.SIGKILL, signal.SIGSTOP, 0):
    attempt(f"signal {number} to the victim", os.kill, victim, number)
    attempt(f"signal {number} to the group of the victim", os.kill, -victim, number)
attempt("a pidfd", call, PIDFD_OPEN, victim, 0)
told("visible", "done" if len(pids()) > 4 else "few")
""", *kind, values={"victim": process.pid})
        hostile.all_refused({name: outcome for name, outcome in found.items() if outcome != "few"}, "signal 9 to the victim")
        equal(found["visible"], "few", "processes that the command sees")
    equal(process.poll(), None, "the process outside")


def test_signal_to_all_processes_ends_none_outside(t):
    process = victim(t)
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        done = s.run(*kind, "all", "--", "/usr/bin/python3", "-c", "import os; os.kill(-1, 9)")
        holds(done.returncode != 0, "a run whose command ended everything that it saw did not end well")
    equal(process.poll(), None, "the process outside")


def test_signal_to_the_own_group_ends_none_outside(t):
    """The command is in the process group of its caller: without a filter, kill(0, ...) would reach that."""
    caller = """
import os, subprocess, sys
os.setpgid(0, 0)
other = subprocess.Popen(["sleep", "1000"])
run = subprocess.run(sys.argv[1:], check=False)
print("status", run.returncode, "other", other.poll(), "priority", os.getpriority(os.PRIO_PROCESS, other.pid), flush=True)
other.kill()
other.wait()
"""
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        words = hostile.command("""
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    attempt(f"signal {number}", os.kill, 0, number)
    attempt(f"signal {number} with more bits", call, 62 if IS_X86 else 129, 1 << 32, int(number))
attempt("priority", os.setpriority, os.PRIO_PGRP, 0, 7)
attempt("priority with more bits", call, 141 if IS_X86 else 140, 1 | 7 << 32, 1 << 32, 7)
attempt("input and output", call, IOPRIO_SET, 2, 0, 3 << 13)
def of_the_user():      # Permitted, for processes that are seen.
    for change in (lambda: os.setpriority(os.PRIO_USER, os.getuid(), 7), lambda: call(IOPRIO_SET, 3, os.getuid(), 3 << 13)):
        try:
            change()
        except OSError:
            pass
in_child(of_the_user)
""")
        done = subprocess.run([sys.executable, "-c", caller, t.settings.overpass, "run", *kind, "group", "--", *words],
                              env=s.environment(), cwd=s.outside, text=True, capture_output=True, check=False,
                              timeout=t.settings.seconds(60))
        equal(done.stdout.splitlines()[-1:], [f"status 0 other None priority {os.getpriority(os.PRIO_PROCESS, 0)}"],
              f"what the caller saw: {done.stdout}{done.stderr}")
        equal('"done"' in done.stdout, False, f"whether anything was done: {done.stdout}")


TRACING = """
def attack(how):
    for pid in of_overpass():
        who = f"{pid if pid == 1 else 'attendant'} {how}"
        for name in ("root", "cwd", "exe"):
            path = f"/proc/{pid}/{name}"
            attempt(f"{name} of {who}", os.stat, path)
            attempt(f"chmod {name} of {who}", os.chmod, path, 0o755)
            attempt(f"utime {name} of {who}", os.utime, path, (1, 1))
            attempt(f"open {name} of {who}", os.open, path, os.O_RDWR)
        for name in os.listdir(f"/proc/{pid}/fd") if os.access(f"/proc/{pid}/fd", os.R_OK | os.X_OK) else []:
            attempt(f"descriptor {name} of {who}", os.open, f"/proc/{pid}/fd/{name}", os.O_RDONLY | os.O_NONBLOCK)
        for name in ("mem", "environ", "maps", "auxv"):
            attempt(f"{name} of {who}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
        attempt(f"write mem of {who}", os.open, f"/proc/{pid}/mem", os.O_RDWR)
        attempt(f"seize {who}", lambda: checked(libc.ptrace(PTRACE_SEIZE, pid, None, None)))
        attempt(f"attach {who}", lambda: checked(libc.ptrace(PTRACE_ATTACH, pid, None, None)))
        fd = os.pidfd_open(pid)
        for number in range(12):
            attempt(f"take descriptor {number} of {who}", call, PIDFD_GETFD, fd, number, 0)
        for kind in (NEWNS, NEWUSER, NEWPID, NEWIPC, NEWNET, NEWCGROUP, NEWUTS):
            attempt(f"enter {kind:x} of {who}", lambda: checked(libc.setns(fd, kind)))
in_child(lambda: attack("as it is"))
in_child(lambda: become_root_of_own_namespace() and attack("from a namespace below"))
"""


def test_processes_of_overpass_cannot_be_traced_or_opened(t):
    program = os.stat(t.settings.overpass)
    for kind in hostile.kinds(t):
        found = hostile.outcomes(Sandboxes(t), TRACING, *kind)
        hostile.all_refused(found, "chmod exe of attendant as it is", "attach 1 as it is", "open root of 1", "enter 20000 of 1")
    now = os.stat(t.settings.overpass)
    equal((now.st_mode, now.st_mtime_ns, now.st_size), (program.st_mode, program.st_mtime_ns, program.st_size), "the program")


def test_processes_of_overpass_cannot_be_traced_without_landlock(t):
    """As before Linux 6.12. With --root pid 1 can be traced then, see overpass-run(1)."""
    seccomp.need()
    landlock_is_absent = [*seccomp.begin(), *seccomp.failing(LANDLOCK_CREATE_RULESET, errno.ENOSYS), (seccomp.RETURN, 0, 0, seccomp.ALLOW)]

    def before():
        syscalls.libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        seccomp.install(landlock_is_absent)
    found = hostile.outcomes(Sandboxes(t), TRACING, preexec_fn=before)
    hostile.all_refused(found, "chmod exe of attendant as it is", "attach 1 as it is", "open root of attendant")


def test_processes_that_join_cannot_be_traced(t):
    """A command in the background waits for those who begin the next one, and tries them before they are confined."""
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        trap = s.start(*kind, "joined", "--", *hostile.command("""
print("ready", flush=True)
known, deadline = set(pids()), time.monotonic() + limit
while not os.path.exists("stop") and time.monotonic() < deadline:
    for pid in set(pids()) - known:
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if "overpass" not in file.read():
                    continue
            checked(libc.ptrace(PTRACE_SEIZE, pid, None, None))
            if "overpass" in os.readlink(f"/proc/{pid}/exe"):
                told("seized", "done")
        except OSError as error:
            told("seized", errno.errorcode[error.errno])
        except ValueError:
            pass
""", limit=t.settings.seconds(60)))
        equal(trap.stdout.readline(), "ready\n", "the trap")
        for _ in range(8):
            s.run("joined", "--", "true")
        s.sh("touch stop", "joined")
        trap.stdin.close()
        text = trap.stdout.read()
        equal(trap.wait(), 0, "the trap's status")
        equal("done" in text, False, f"whether one was traced: {text}")


def test_keys_of_the_caller_cannot_be_used(t):
    """The keyrings of the user are found by his id, whatever namespace he is in."""
    calls = hostile.hostile_calls
    ring = calls.call(calls.KEYCTL, 0, -4, 1)       # The user's own, KEY_SPEC_USER_KEYRING.
    key = calls.call(calls.ADD_KEY, b"user", b"overpass-test", b"secret", calls.ctypes.c_long(6), -4)
    t.at_end(lambda: calls.call(calls.KEYCTL, 9, key, -4))
    hostile.everywhere(t, lambda: Sandboxes(t), """
def attack(how):
    for number, name in ((ring, "ring"), (key, "key"), (-4, "user"), (-5, "session of the user")):
        attempt(f"link {name} {how}", call, KEYCTL, 8, number, -3)
        buffer = ctypes.create_string_buffer(64)
        attempt(f"read {name} {how}", call, KEYCTL, 11, number, buffer, 64)
        attempt(f"search {name} {how}", call, KEYCTL, 10, number, b"user", b"overpass-test", 0)
        attempt(f"revoke {name} {how}", call, KEYCTL, 3, number)
        attempt(f"clear {name} {how}", call, KEYCTL, 7, number)
    attempt(f"add {how}", call, ADD_KEY, b"user", b"hostile", b"x", 1, -4)
    attempt(f"request {how}", call, 249 if IS_X86 else 218, b"user", b"overpass-test", 0, -3)
in_child(lambda: attack("as it is"))
in_child(lambda: become_root_of_own_namespace() and attack("in a namespace below"))
""", "link ring as it is", "read key as it is", values={"ring": ring, "key": key})
    buffer = calls.ctypes.create_string_buffer(64)
    equal(calls.call(calls.KEYCTL, 11, key, buffer, 64), 6, "the length of the key outside")


def test_memory_and_queues_of_the_caller_cannot_be_reached(t):
    calls = hostile.hostile_calls
    shared = calls.checked(calls.libc.shmget(0x0BADCAFE, 4096, 0o1666))
    t.at_end(lambda: calls.libc.shmctl(shared, 0, None))
    messages = calls.checked(calls.libc.msgget(0x0BADCAFE, 0o1666))
    t.at_end(lambda: calls.libc.msgctl(messages, 0, None))
    hostile.everywhere(t, lambda: Sandboxes(t), """
attempt("memory by key", lambda: checked(libc.shmget(0x0BADCAFE, 4096, 0)))
attempt("memory by number", lambda: checked(libc.shmctl(shared, 0, None)))
attempt("messages by key", lambda: checked(libc.msgget(0x0BADCAFE, 0)))
attempt("messages by number", lambda: checked(libc.msgctl(messages, 0, None)))
attempt("queue", lambda: checked(ctypes.CDLL("librt.so.1", use_errno=True).mq_open(b"/overpass-test", 0)))
""", "memory by number", "queue", values={"shared": shared, "messages": messages})
    equal(calls.libc.shmget(0x0BADCAFE, 4096, 0), shared, "the memory outside")
    equal(calls.libc.msgget(0x0BADCAFE, 0), messages, "the queue outside")


def test_command_that_ends_its_attendant_ends_its_run(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        done = s.run(*kind, "parent", "--", "sh", "-c", "echo kept > file; kill -9 $PPID; sleep 1000")
        equal((done.returncode, "ended" in done.stderr), (125, True), f"the run: {done.stderr}")
        s.wait_for_end()
        equal(s.sh("cat file", "parent"), "kept\n", "what a later run sees")


def test_command_that_stops_its_attendant_is_ended_with_the_run(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        run = s.start(*kind, "stopped", "--", "sh", "-c", "kill -STOP $PPID; kill -STOP 1; echo ready; sleep 1000")
        equal(run.stdout.readline(), "ready\n", "the command")
        equal(s.sh("echo joined", "stopped"), "joined\n", "a run that joins")
        run.kill()
        run.wait()
        s.wait_for_end()
        equal(s.sh("echo again", "stopped"), "again\n", "a later run")


def test_processes_that_renew_themselves_end_with_the_run(t):
    """A gentle fork bomb: few at a time, but each is gone before somebody could end it by its number."""
    s = Sandboxes(t)
    bomb = "import os, time\nfor _ in range(3):\n    os.fork()\nos.setsid() if os.getpid() != os.getsid(0) else None\n" \
           "os.write(1, b'x')\nwhile True:\n    if os.fork():\n        os._exit(0)\n    time.sleep(0.1)\n"
    run = s.start("bomb", "--", "sh", "-c", f"/usr/bin/python3 -c \"{bomb}\" & sleep 1000")
    equal(run.stdout.read(8), "x" * 8, "what the processes said")
    run.kill()
    run.wait()
    s.wait_for_end()
    equal(s.sh("echo again", "bomb"), "again\n", "a later run")
