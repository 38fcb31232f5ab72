# SPDX-License-Identifier: MIT
"""A mount is there at once or not at all: nothing is looked up in it before it answers, whatever it lies over and however
its mountpoint was named, and one that never answers is taken away."""
import errno
import os
import socket
import subprocess
import time

from harness import contains, equal, holds, isolation, only_in, read, seccomp, syscalls, systems, write
from workload import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"file": "content", "dir": {"a": "1"}}
WRITEV = (20, 66)


def mounted(path):
    """Without a look at it, which would have to wait."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) in isolation.mount_points()


def mounts_and_serves(t, arguments, point, cwd=None):
    """The command as a user gives it, in the background, from the directory."""
    done = subprocess.run([t.settings.overpass, *arguments], cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False,
                          timeout=t.settings.seconds(60))
    equal((done.returncode, done.stderr), (0, b""), f"overpass {' '.join(arguments)}")
    equal((sorted(os.listdir(point)), read(point + "/file")), (["dir", "file"], b"content"), "the union")
    equal(t.status_text("umount", point), (0, "", ""), "the unmount")


def test_a_mountpoint_may_be_named_from_inside(t):
    home = t.fresh("home", {"low": TREE, "mnt": {"dir": {}}, "link-target": {}})
    t.watch_lower(home + "/low")
    os.symlink("mnt", home + "/link")
    for cwd, lower, point in (("mnt", "../low", "."), ("", "low", "mnt/."), ("", "low", "mnt/dir/.."), ("", "low", "link"),
                              ("", "low", "link/."), ("mnt/dir", "../../low", ".."), ("mnt", home + "/low", "./dir/..")):
        mounts_and_serves(t, ["mount", "--lower", lower, point], home + "/mnt", os.path.join(home, cwd))
    os.mkdir(home + "/up"), os.mkdir(home + "/work")
    mounts_and_serves(t, ["-o", "lowerdir=../low,upperdir=../up,workdir=../work", "."], home + "/mnt", home + "/mnt")


@only_in("root", why="others may not mount over the system's directories, or see them as they are")
def test_a_union_may_lie_over_what_its_daemon_uses(t):
    for place in ("/etc", "/run", "/usr", "/dev", "/var", "/sys"):
        names = sorted(os.listdir(place))
        answer = t.status_text("-o", f"lowerdir={place}", place)
        shown = sorted(os.listdir(place))
        syscalls.umount(place)
        equal(answer, (0, "", ""), f"the mount over {place}")
        equal(shown, names, f"names in {place}")


@only_in("root", "userns", why="a filter would keep fusermount3 from mounting")
def test_a_mount_that_does_not_answer_is_taken_away(t):
    for options in ((), ("auto_unmount",)):
        stack = t.stack(t.layer(TREE), options=options)
        holder, ours = socket.socketpair()
        command = [t.settings.overpass, "-o", systems.option_text(stack), stack.mountpoint]
        log = t.directory + "/said"
        with open(log, "wb") as said:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                       preexec_fn=holding_answers(holder))
        wait_for(t, lambda: mounted(stack.mountpoint) or process.poll() is not None, "the mount")
        holds(process.poll() is None, f"it waits: {read(log)}")
        toucher = subprocess.Popen(["ls", stack.mountpoint + "/."], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        started = time.monotonic()
        equal(process.wait(t.settings.seconds(90)), 1, "the command's status")
        said = read(log).decode()
        contains(said, f"the mount at '{stack.mountpoint}' did not answer the kernel within 20 seconds and is given up", "what it says")
        contains(said, "ended with exit code 1 before the mount was usable", "what it says")
        holds(not mounted(stack.mountpoint), "the mount is gone")
        holds(toucher.wait(t.settings.seconds(20)) != 0, f"the waiting process got an error after {time.monotonic() - started}")
        write(stack.mountpoint + "/below", "usable")
        os.unlink(stack.mountpoint + "/below")
        ours.close(), holder.close()


def holding_answers(holder):
    """Answers to the kernel (writev to a descriptor) are handed to a supervisor, which does not let them pass."""
    seccomp.need()
    none = 0xFFFFFFFF       # the daemon asks so whether there is the call
    program = [*seccomp.begin(), (seccomp.JUMP_EQUAL, 0, 3, seccomp.number(WRITEV)), seccomp.load_argument(0),
               (seccomp.JUMP_EQUAL, 1, 0, none), (seccomp.RETURN, 0, 0, seccomp.NOTIFY), (seccomp.RETURN, 0, 0, seccomp.ALLOW)]
    return lambda: seccomp.install(program, holder)


def test_what_was_mounted_over_a_union_is_not_unmounted_with_it(t):
    if t.world == "user":
        return holds(True, "an ordinary user mounts nothing over it")
    m = t.mount(t.layer(TREE))
    syscalls.mount("none", m.path, "tmpfs")
    write(m / "other", "kept")
    m.daemon.signal()
    m.daemon.end()
    equal(read(m / "other"), b"kept", "what lies over it")
    syscalls.umount(m.path)
    syscalls.umount(m.path, syscalls.MNT_DETACH)
    m.alive = False
    return None


def test_what_takes_the_place_of_a_union_is_not_unmounted_with_its_daemon(t):
    """The number of the new file system is that of the union at times: the kernel gives the lowest free one."""
    if t.world == "user":
        return holds(True, "an ordinary user mounts nothing in its place")
    for _ in range(20):
        m = t.mount(t.layer(TREE))
        syscalls.umount(m.path)
        syscalls.mount("none", m.path, "tmpfs")
        write(m / "other", "kept")
        m.daemon.end()
        equal(read(m / "other"), b"kept", "what took the place of the union")
        syscalls.umount(m.path)
        m.alive = False
    return None


def test_what_takes_the_place_of_a_detached_union_stays_when_its_daemon_is_ended(t):
    if t.world == "user":
        return holds(True, "an ordinary user mounts nothing in its place")
    m = t.mount(t.layer(TREE))
    held = os.open(m.path, os.O_RDONLY)
    syscalls.umount(m.path, syscalls.MNT_DETACH)
    syscalls.mount("none", m.path, "tmpfs")
    write(m / "other", "kept")
    m.daemon.signal()
    m.daemon.end()
    equal(read(m / "other"), b"kept", "what took the place of the union")
    os.close(held)
    syscalls.umount(m.path)
    m.alive = False
    return None
