# SPDX-License-Identifier: MIT
"""/proc is unmounted, covered, or another one, while a union is served; and before it is mounted."""
import contextlib
import errno
import os
import subprocess

from harness import equal, holds, only_in, read, same_lines, seccomp, syscalls, systems
from harness.daemon import need_no_sanitizer
from workload import TREE, exercise, expected, state, wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user neither covers /proc nor can he ask root for it while it is covered"
# Calls that newer kernels have, with the numbers they have everywhere: without them a path is needed.
NEWER = {"openat2": 437, "fchmodat2": 452, "setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466,
         "file_getattr": 468}


@contextlib.contextmanager
def covered_proc():
    syscalls.mount("none", "/proc", "tmpfs")
    try:
        yield
    finally:
        syscalls.umount("/proc")


@contextlib.contextmanager
def no_proc(flags=0):
    syscalls.umount("/proc", flags)
    try:
        yield
    finally:
        syscalls.mount("proc", "/proc", "proc", 14)


def serves_without(t, m, absence):
    truth = expected(t)
    with absence:
        failed = exercise(m.path)
        shown = state(t, m.path)
    equal(failed, [], "calls that failed")
    same_lines(shown, truth, "the union")


def test_a_union_is_served_while_something_lies_over_proc(t):
    m = t.mount(t.layer(TREE))
    serves_without(t, m, covered_proc())
    holds(m.status()["open_fds"] > 3, "the daemon still counts its descriptors")


@only_in("root", why="a user namespace may not unmount what it was given")
def test_proc_can_be_unmounted_while_a_union_is_served(t):
    m = t.mount(t.layer(TREE))
    serves_without(t, m, no_proc())


@only_in("root", why="a user namespace may not unmount what it was given")
def test_a_union_is_served_after_a_lazy_unmount_of_proc(t):
    m = t.mount(t.layer(TREE))
    serves_without(t, m, no_proc(syscalls.MNT_DETACH))


def without_newer_calls(error):
    seccomp.need()
    program = seccomp.begin()
    for number in NEWER.values():
        program += seccomp.failing(number, error)
    program.append((seccomp.RETURN, 0, 0, seccomp.ALLOW))
    return lambda: seccomp.install(program)


def test_an_older_kernel_serves_without_proc_as_well(t):
    for error in (errno.ENOSYS, errno.EPERM):
        m = t.mount_stack(t.stack(t.layer(TREE)), preexec_fn=without_newer_calls(error))
        serves_without(t, m, covered_proc())
        m.umount()


@only_in("root", why="a user namespace may not have a procfs of its own while it sees none")
def test_a_mount_needs_no_proc_at_its_start(t):
    need_no_sanitizer(t.settings, "they look into /proc, and say so")
    stack = t.stack(t.layer(TREE))
    truth = expected(t)
    for older in (None, without_newer_calls(errno.ENOSYS)):
        upper = t.layer()
        with covered_proc():
            command = [t.settings.overpass, "-o", f"lowerdir={stack.lowers[0]},upperdir={upper},workdir={t.fresh('work')}",
                       stack.mountpoint]
            done = subprocess.run(command, capture_output=True, check=False, preexec_fn=older, timeout=t.settings.seconds(60))
            failed = exercise(stack.mountpoint) if done.returncode == 0 else ["the mount"]
            shown = state(t, stack.mountpoint)
        equal((done.returncode, done.stderr, failed), (0, b"", []), "the mount, and calls that failed")
        same_lines(shown, truth, "the union")
        equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")


@only_in("userns", why="root has a procfs of his own")
def test_a_user_who_may_have_no_procfs_learns_that_proc_is_missing(t):
    stack = t.stack(t.layer(TREE))
    with covered_proc():
        answer = t.status_text("-o", systems.option_text(stack), stack.mountpoint)
    equal(answer, (1, "", "overpass: /proc is not mounted (mount -t proc proc /proc)\n"), "the answer")


def test_a_daemon_in_a_process_namespace_of_its_own_serves_with_the_proc_of_another(t):
    stack = t.stack(t.layer(TREE))
    truth = expected(t)
    # The namespace lasts as long as its first process, which is the daemon in the foreground.
    command = ["unshare", "--pid", "--fork", t.settings.overpass, "mount", "-f", "-o", systems.option_text(stack),
               stack.mountpoint]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    wait_for(t, lambda: os.path.ismount(stack.mountpoint), "the mount")
    equal(exercise(stack.mountpoint), [], "calls that failed")
    same_lines(state(t, stack.mountpoint), truth, "the union")
    equal(read(stack.mountpoint + "/cut"), b"0123", "a file")
    syscalls.umount(stack.mountpoint)
    equal(process.wait(t.settings.seconds(20)), 0, "the daemon's status")
