# SPDX-License-Identifier: MIT
"""What a daemon inherits from the mounting process, and does not keep: limits, signals, descriptors, priorities; callers' own limits count."""
import ctypes
import errno
import os
import resource
import select
import signal

from harness import at_most, contains, equal, holds, isolation, only_in, read, refused, same_lines, syscalls, systems, write
from harness.daemon import need_no_sanitizer
from workload import TREE, exercise, expected, state, wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
KIB = 1024


def mount(t, inherit=None, options=(), tree=None, **named):
    """The mount command as users give it, in a process that inherits: (stack, pid of the daemon, what was said)."""
    stack = t.stack(t.layer(tree or TREE), options=options)
    t.watch_lower(stack.lowers[0])
    status, out, err = t.status_text("-o", systems.option_text(stack), stack.mountpoint, preexec_fn=inherit, **named)
    equal((status, out), (0, ""), f"the mount command: {err}")
    pid = systems.status_of(t.settings, stack.mountpoint)["pid"]
    t.at_end(lambda: end(t, stack, pid))
    return stack, pid, err


def end(t, stack, pid):
    if os.path.realpath(stack.mountpoint) in isolation.mount_points():
        systems.unmount(stack.mountpoint, syscalls.MNT_DETACH)
    wait_for(t, lambda: gone(pid), "the daemon's end")


def gone(pid):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    over = bool(select.select([fd], [], [], 0)[0])
    os.close(fd)
    return over


def limits_of(pid):
    """Name -> (soft, hard)."""
    found = {}
    for line in read(f"/proc/{pid}/limits").decode().splitlines()[1:]:
        found[line[:26].strip()] = tuple(line[26:].split()[:2])
    return found


def low(which, soft, hard=None):
    return lambda: resource.setrlimit(which, (soft, resource.getrlimit(which)[1] if hard is None else hard))


SOFT = {"file size": (resource.RLIMIT_FSIZE, 64 * KIB), "cpu time": (resource.RLIMIT_CPU, 1), "stack": (resource.RLIMIT_STACK, 64 * KIB),
        "open files": (resource.RLIMIT_NOFILE, 40), "locked memory": (resource.RLIMIT_MEMLOCK, 0),
        "address space": (resource.RLIMIT_AS, 64 << 20), "data": (resource.RLIMIT_DATA, 16 << 20)}


def test_the_daemon_does_not_keep_the_mounting_users_soft_limits(t):
    need_no_sanitizer(t.settings, "they cannot start within such limits")

    def inherit():
        for which, soft in SOFT.values():
            low(which, soft)()
    stack, pid, said = mount(t, inherit)
    equal(said, "", "what it says")
    truth = expected(t)
    equal(exercise(stack.mountpoint), [], "calls that failed")
    same_lines(state(t, stack.mountpoint), truth, "the union")
    limits = limits_of(pid)
    for name in ("Max file size", "Max cpu time", "Max stack size", "Max open files", "Max locked memory", "Max address space",
                 "Max data size"):
        equal(limits[name][0], limits[name][1], name)
    equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")




def test_a_hard_limit_of_file_size_ends_no_daemon(t):
    stack, _, said = mount(t, low(resource.RLIMIT_FSIZE, 64 * KIB, 64 * KIB))
    os.close(os.open(stack.mountpoint + "/new", os.O_CREAT | os.O_WRONLY))
    if said == "":
        os.truncate(stack.mountpoint + "/new", 200 * KIB)
        equal(os.stat(stack.mountpoint + "/new").st_size, 200 * KIB, "the size")
    else:
        contains(said, "no file of the mount can grow beyond 65536 bytes", "what it says")
        contains(said, "ulimit -f", "what it says")
        refused(errno.EFBIG, os.truncate, stack.mountpoint + "/new", 200 * KIB)
    equal(read(stack.mountpoint + "/file"), b"content", "the union afterwards")
    write(stack.mountpoint + "/file", "+", "ab")
    equal(read(stack.mountpoint + "/file"), b"content+", "a copy-up afterwards")
    equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")


def test_small_hard_limits_leave_a_daemon_that_serves(t):
    def inherit():
        low(resource.RLIMIT_STACK, 128 * KIB, 128 * KIB)()
        low(resource.RLIMIT_MEMLOCK, 0, 0)()
        low(resource.RLIMIT_CORE, 0, 0)()
        low(resource.RLIMIT_MSGQUEUE, 0, 0)()
        low(resource.RLIMIT_SIGPENDING, 0, 0)()
    stack, _, said = mount(t, inherit)
    equal((said, exercise(stack.mountpoint)), ("", []), "what it says, and calls that failed")
    equal(t.status_text("umount", stack.mountpoint, preexec_fn=inherit), (0, "", ""), "the unmount")


def ignoring():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


def blocking():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def test_ignored_and_blocked_signals_are_not_inherited(t):
    for inherit in (ignoring, blocking, lambda: (ignoring(), blocking())):
        stack, pid, said = mount(t, inherit, options=("auto_unmount",))
        equal((said, exercise(stack.mountpoint)), ("", []), "what it says, and calls that failed")
        equal(t.status_text("status", stack.mountpoint, "--json", preexec_fn=inherit)[0::2], (0, ""), "overpass status")
        equal(t.status_text("umount", stack.mountpoint, preexec_fn=inherit), (0, "", ""), "overpass umount")
        holds(gone(pid), "umount waited for the daemon")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            stack, pid, _ = mount(t, inherit)
            os.kill(pid, number)
            wait_for(t, lambda ended=pid: gone(ended), f"the end by signal {number}")
            holds(stack.mountpoint not in isolation.mount_points(), "the mount is gone")


def test_nohup_keeps_a_daemon_in_the_foreground_from_ending(t):
    m = t.mount_stack(t.stack(t.layer(TREE)), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    m.daemon.signal(signal.SIGHUP)
    for _ in range(50):
        os.stat(m / "file")
    equal(read(m / "file"), b"content", "the union after SIGHUP")
    m.daemon.signal(signal.SIGTERM)
    m.daemon.end()
    m.alive = False


def test_the_mounting_users_umask_changes_nothing(t):
    stack, _, said = mount(t, lambda: os.umask(0o777))
    equal((said, exercise(stack.mountpoint)), ("", []), "what it says, and calls that failed")
    same_lines(state(t, stack.mountpoint), expected(t), "the union")


def test_no_process_waits_for_descriptors_that_the_daemon_inherited(t):
    for options in ((), ("auto_unmount",)):
        ours, theirs = os.pipe()
        held = os.open(t.directory, os.O_RDONLY)
        # run() itself waits for the end of what the daemon has as its output.
        stack, pid, _ = mount(t, options=options, pass_fds=(theirs, held))
        os.close(theirs)
        holds(select.select([ours], [], [], t.settings.seconds(20))[0], "the pipe has ended")
        equal(os.read(ours, 1), b"", "what came through it")
        os.close(ours), os.close(held)
        shown = [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)] if t.world != "user" else ["/dev/null"] * 3
        equal(shown, ["/dev/null"] * 3, "the standard streams")
        equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")


def set_io_priority(priority):
    ctypes.CDLL(None).syscall({"x86_64": 251}.get(os.uname().machine, 30), 1, 0, priority)


def io_priority(pid):
    return ctypes.CDLL(None).syscall({"x86_64": 252}.get(os.uname().machine, 31), 1, pid)


@only_in("root", why="others may not take such things back")
def test_a_daemon_is_as_important_as_others(t):
    need_no_sanitizer(t.settings, "their thread is started before")

    def inherit():
        os.nice(15)
        set_io_priority(3 << 13)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        write("/proc/self/oom_score_adj", "500")
    _, pid, _ = mount(t, inherit)
    for thread in os.listdir(f"/proc/{pid}/task"):
        thread = int(thread)
        equal((os.getpriority(os.PRIO_PROCESS, thread), os.sched_getscheduler(thread)), (0, os.SCHED_OTHER), "niceness and policy")
        at_most(io_priority(thread), 2 << 13 | 4, "the priority of its I/O")
    equal(read(f"/proc/{pid}/oom_score_adj"), b"0\n", "what the kernel thinks of it when memory ends")
    m = t.mount_stack(t.stack(t.layer(TREE)), preexec_fn=lambda: os.nice(5))
    equal(os.getpriority(os.PRIO_PROCESS, m.pid), os.getpriority(os.PRIO_PROCESS, 0) + 5, "the niceness of a daemon in the foreground, which is its supervisor's")


def test_a_daemon_has_left_session_and_directory(t):
    stack, pid, _ = mount(t, cwd=t.fresh("cwd"))
    equal((os.getsid(pid), os.getpgid(pid)), (pid, pid), "session and group")
    if t.world != "user":
        equal(os.readlink(f"/proc/{pid}/cwd"), "/", "its directory")
    equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")


def growing(path):
    """In a child with a limit of 64 KiB: what each way of growing a file answers, and what the signal was."""
    def limited(call):
        signals = []
        signal.signal(signal.SIGXFSZ, lambda *_: signals.append(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * KIB, 64 * KIB))
        fd = os.open(path, os.O_RDWR)
        try:
            result = call(fd)
        except OSError as error:
            result = errno.errorcode[error.errno]
        return result, len(signals), os.fstat(fd).st_size

    calls = (lambda fd: os.pwrite(fd, b"x" * 100 * KIB, 0), lambda fd: os.pwrite(fd, b"x", 64 * KIB),
             lambda fd: os.ftruncate(fd, 200 * KIB), lambda fd: os.posix_fallocate(fd, 0, 200 * KIB),
             lambda fd: os.copy_file_range(os.open("/proc/self/exe", os.O_RDONLY), fd, 10, 0, 64 * KIB))
    answers = []
    for call in calls:
        os.truncate(path, 0)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(theirs, repr(limited(call)).encode())
            os._exit(0)
        os.close(theirs), os.waitpid(child, 0)
        answers.append(os.read(ours, 1000).decode())
        os.close(ours)
    return answers


def test_the_callers_own_limit_of_file_size_counts(t):
    plain = t.fresh("plain", {"file": "content"})
    truth = growing(plain + "/file")
    for options in ((), ("passthrough=off",), ("writeback=on", "passthrough=off")):
        m = t.mount(t.layer({"file": "content"}), options=options)
        equal(growing(m / "file"), truth, f"answers with {options}")
        m.umount()
