# SPDX-License-Identifier: MIT
"""How mounts end without being unmounted: the daemon is killed, the mount namespace goes."""
import errno
import json
import os
import select
import signal
import subprocess

from harness import credentials, equal, holds, isolation, only_in, read, refused, syscalls, systems, write
from harness.worlds import NOBODY, hand_over, in_user_namespace, ordinary_fuse_device

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"file": "content"}


def mounted(path):
    return os.path.realpath(path) in isolation.mount_points()


def gone(t, path):
    """Waits until nothing is mounted there."""
    with open("/proc/self/mountinfo", "rb") as table:
        poll = select.poll()
        poll.register(table, select.POLLERR | select.POLLPRI)
        for _ in range(int(t.settings.seconds(100))):
            if not mounted(path):
                return True
            poll.poll(100)
    return False


def ended(t, pid, patience=10):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    over = bool(select.select([fd], [], [], t.settings.seconds(patience))[0])
    os.close(fd)
    return over


def in_background(t, stack):
    """The mount command as a container engine gives it; the daemon's pid."""
    status, _, err = t.status_text("-o", systems.option_text(stack), stack.mountpoint)
    equal((status, err), (0, ""), "the mount command")
    return systems.status_of(t.settings, stack.mountpoint)["pid"]


def killed(t, options):
    """In the mounting process: mounts, kills the daemon, and says whether the mount went, and where else."""
    def act(stack):
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "made", "before")
        m.daemon.kill()
        went = gone(t, m.path) if "auto_unmount" in options else not mounted(m.path)
        return went, os.listdir(m.path) if went else refused((errno.ENOTCONN, errno.ECONNABORTED), os.listdir, m.path)
    return act


def stack_with(t, *options, uid=None):
    """Layers that belong to uid, or to the user that runs the test."""
    stack = t.stack(t.layer(TREE), options=options)
    if uid is None:
        t.watch_lower(stack.lowers[0])
    else:
        ordinary_fuse_device(t)
        hand_over(t, stack, uid)
    return stack


def test_a_killed_daemon_leaves_no_mount_with_auto_unmount(t):
    stack = stack_with(t, "auto_unmount")
    equal(killed(t, stack.options)(stack), (True, []), "whether the mount is gone, and what is below it")
    m = t.mount_stack(stack)
    equal((read(m / "made"), read(m / "file")), (b"before", b"content"), "contents at the next mount")


@only_in("root", why="it enters that world itself")
def test_a_killed_daemon_leaves_no_mount_with_auto_unmount_in_a_user_namespace(t):
    stack = stack_with(t, "auto_unmount", uid=100_000)
    answer = in_user_namespace(lambda: killed(t, stack.options)(stack), 100_000, 65536)
    equal(answer, (True, []), "whether the mount is gone, and what is below it")


@only_in("root", why="it enters that world itself")
def test_a_killed_daemon_leaves_no_mount_with_auto_unmount_of_an_ordinary_user(t):
    stack = stack_with(t, "auto_unmount", uid=NOBODY)
    answer = credentials.as_user(NOBODY, lambda: killed(t, stack.options)(stack))
    equal(answer, (True, []), "whether the mount is gone, and what is below it")


def test_a_killed_daemon_leaves_a_dead_mount_and_the_next_one_says_so(t):
    stack = stack_with(t)
    equal(killed(t, ())(stack)[0], False, "whether the mount is gone")
    status, _, err = t.status_text("-o", systems.option_text(stack), stack.mountpoint)
    equal(status, 1, "status of the next mount")
    holds("daemon is dead" in err and "overpass umount" in err, f"the message names cause and remedy: {err}")
    equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "overpass umount")
    m = t.mount_stack(stack)
    equal(read(m / "made"), b"before", "content at the next mount")


def test_recover_mounts_where_a_killed_daemon_left_its_mount(t):
    stack = stack_with(t)
    killed(t, ())(stack)
    call = ("mount", "--recover", "-o", systems.option_text(stack), stack.mountpoint)
    equal(t.status_text(*call), (0, "", ""), "overpass mount --recover")
    t.at_end(lambda: t.status_text("umount", stack.mountpoint))
    equal(read(stack.mountpoint + "/made"), b"before", "content at the next mount")
    equal(list(isolation.mount_points()).count(os.path.realpath(stack.mountpoint)), 1, "mounts there")
    status, _, err = t.status_text(*call)
    holds(status == 1 and "in use" in err, f"a living mount is left alone: {status} {err}")
    equal(read(stack.mountpoint + "/made"), b"before", "content after that")


def test_recover_without_a_dead_mount_is_a_mount(t):
    stack = stack_with(t)
    equal(t.status_text("mount", "--recover", "-o", systems.option_text(stack), stack.mountpoint), (0, "", ""), "the mount")
    equal(t.status_text("umount", stack.mountpoint), (0, "", ""), "the unmount")


@only_in("root", "userns", why="no other user can mount on what only an ordinary user may see")
def test_with_auto_unmount_what_is_mounted_there_later_stays(t):
    stack = stack_with(t, "auto_unmount")
    m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
    syscalls.mount("tmpfs", m.path, "tmpfs")
    write(m / "other", "x")
    m.daemon.kill()
    # The guard has no trace to leave; the daemon's end and one more round of the scheduler are all there is to wait for.
    equal(t.status_text("status", m.path)[0] != 0, True, "the daemon is gone")
    equal(os.listdir(m.path), ["other"], "names of what is mounted over it")
    syscalls.umount(m.path)
    try:
        syscalls.umount(m.path, syscalls.MNT_DETACH)
    except OSError as error:        # A guard that is late finds its own mount on top again.
        equal(error.errno, errno.EINVAL, "errno where nothing is mounted any more")


def test_an_unmount_and_a_signal_end_a_mount_with_auto_unmount_cleanly(t):
    for end in (lambda m: m.umount(), lambda m: m.daemon.signal(signal.SIGTERM)):
        m = t.mount_stack(stack_with(t, "auto_unmount"))
        end(m)
        if m.alive:
            m.daemon.end()
            m.alive = False
        holds(not mounted(m.path), "nothing is mounted")


def test_a_mount_can_be_followed_by_another_of_the_same_upper_at_once(t):
    stack = stack_with(t)
    for number in range(10):
        in_background(t, stack)
        write(f"{stack.mountpoint}/{number}", "x" * 100_000)
        if number % 2:
            systems.unmount(stack.mountpoint)
        else:
            systems.unmount_by_program(stack.mountpoint)
    equal(len(os.listdir(stack.upper)), 10, "files in the upper layer")


def in_own_namespace(t, function):
    def enter():
        syscalls.unshare(syscalls.CLONE_NEWNS)
        isolation.make_private()
    return credentials.in_child(function, enter)


@only_in("root", "userns", why="an ordinary user makes no namespace of mounts")
def test_a_mount_ends_with_its_mount_namespace(t):
    stack = stack_with(t)
    pid = in_own_namespace(t, lambda: in_background(t, stack))
    holds(ended(t, pid), "the daemon has ended")
    m = t.mount_stack(stack)
    equal(read(m / "file"), b"content", "content")


@only_in("root", why="it enters that world itself")
def test_a_mount_ends_with_its_user_namespace_and_keeps_what_was_written(t):
    """As `buildah unshare` does when its command ends without `buildah umount`."""
    stack = stack_with(t, uid=100_000)

    def mount_and_write():
        in_background(t, stack)
        write(stack.mountpoint + "/made", "in time")
    in_user_namespace(mount_and_write, 100_000, 65536)
    again = in_user_namespace(lambda: (in_background(t, stack), read(stack.mountpoint + "/made")), 100_000, 65536)
    equal(again[1], b"in time", "content at the next mount")
    holds(ended(t, again[0]), "the second daemon has ended")


def outlives_processes(t):
    stack = stack_with(t, uid=NOBODY)
    # Programs that are executed as the user, not forked from root, so that his daemon may look at them.
    session = f"'{t.settings.overpass}' -o {systems.option_text(stack)} {stack.mountpoint} && sleep 0.3 && cat {stack.mountpoint}/file"
    said = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c", session],
                          check=True, capture_output=True).stdout
    equal(said, b"content", "what he reads")
    pid = credentials.as_user(NOBODY, lambda: systems.status_of(t.settings, stack.mountpoint))["pid"]
    holds(not ended(t, pid, patience=0.5), "the daemon is there")
    equal(credentials.as_user(NOBODY, lambda: read(stack.mountpoint + "/file")), b"content", "what he reads when he is back")
    credentials.as_user(NOBODY, lambda: systems.unmount(stack.mountpoint))
    holds(ended(t, pid), "the daemon has ended")


@only_in("root", why="it enters that world itself")
def test_an_ordinary_users_mount_outlives_his_processes(t):
    outlives_processes(t)


@only_in("root", why="it enters that world itself")
def test_an_ordinary_users_mount_outlives_them_where_he_sees_no_others(t):
    syscalls.mount("proc", "/proc", "proc", data="hidepid=2")
    t.at_end(lambda: syscalls.umount("/proc", syscalls.MNT_DETACH))
    outlives_processes(t)


@only_in("root", "userns", why="an ordinary user makes no namespace of mounts")
def test_several_mounts_of_one_namespace_end_with_it(t):
    stacks = [stack_with(t) for _ in range(3)]
    pids = in_own_namespace(t, lambda: [in_background(t, stack) for stack in stacks])
    equal([ended(t, pid) for pid in pids], [True] * 3, "whether the daemons have ended")


@only_in("root", "userns", why="an ordinary user makes no namespace of mounts")
def test_a_mount_stays_while_a_namespace_made_from_its_own_has_it(t):
    """A container's root outlives the engine that mounted it."""
    stack, fifos = stack_with(t), t.fresh("fifos")
    for name in ("ready", "go", "answer"):
        os.mkfifo(f"{fifos}/{name}")
    container = f"cd {fifos}; echo > ready; read line < go; cat {stack.mountpoint}/file > answer"

    def engine():
        pid = in_background(t, stack)
        process = subprocess.Popen(["unshare", "--mount", "sh", "-c", container])
        read(fifos + "/ready")
        return pid, process.pid
    pid, process = in_own_namespace(t, engine)
    holds(not ended(t, pid, patience=0.2), "the daemon is there after the engine")
    write(fifos + "/go", "\n")
    equal(read(fifos + "/answer"), b"content", "what the container reads of its root")
    holds(ended(t, process) and ended(t, pid), "the daemon has ended after the container")


def named_namespace(t):
    """A mount namespace that is kept by a bind mount. Linux 6.18 refuses one in a few (EINVAL), whose number, drawn by another
    processor, is smaller than that of the namespace it is bound in."""
    name = t.fresh("name", {"ns": ""}) + "/ns"
    processors = sorted(os.sched_getaffinity(0))
    for attempt in range(50):
        processor = processors[attempt % len(processors)]
        done = subprocess.run(["unshare", f"--mount={name}", "--propagation", "private", "true"], capture_output=True, check=False,
                              preexec_fn=lambda at=processor: os.sched_setaffinity(0, {at}))
        if done.returncode == 0:
            t.at_end(lambda: syscalls.umount(name, syscalls.MNT_DETACH))
            return name
    raise AssertionError(done.stderr)


@only_in("root", "userns", why="an ordinary user makes no namespace of mounts")
def test_a_mount_stays_while_its_namespace_has_a_name(t):
    stack = stack_with(t)
    name = named_namespace(t)

    def inside(*command):
        done = subprocess.run(["nsenter", f"--mount={name}", *command], capture_output=True, check=False)
        equal((done.returncode, done.stderr), (0, b""), f"{command[0]} in the namespace")
        return done.stdout
    inside(t.settings.overpass, "-o", systems.option_text(stack), stack.mountpoint)
    equal(inside("cat", stack.mountpoint + "/file"), b"content", "what a process that enters the namespace reads")
    pid = json.loads(inside(t.settings.overpass, "status", stack.mountpoint, "--json"))["pid"]
    holds(not ended(t, pid, patience=0.2), "the daemon is there with no process in the namespace")
    inside("umount", stack.mountpoint)
    holds(ended(t, pid), "the daemon has ended")
