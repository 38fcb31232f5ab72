# SPDX-License-Identifier: MIT
"""Roots as debootstrap and mmdebstrap make them, which have no /etc/mtab: fusermount3 mounts there and does not unmount."""
import os
import select
import shutil
import signal
import subprocess

from harness import contains, equal, holds, isolation, read, syscalls, systems, write
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("user",)
ELSEWHERE = "root needs no fusermount3"


def cover_etc(scratch):
    """By root: a copy of /etc without mtab over /etc, in this private mount namespace only."""
    shutil.copytree("/etc", scratch + "/etc", symlinks=True, copy_function=shutil.copy2)
    os.remove(scratch + "/etc/mtab")
    syscalls.mount(scratch + "/etc", "/etc", None, syscalls.MS_BIND)


def uncover_etc(scratch):
    syscalls.umount("/etc", syscalls.MNT_DETACH)
    shutil.rmtree(scratch + "/etc")


def without_mtab(t):
    scratch = t.fresh("root")
    os.chmod(scratch, 0o755)
    if os.path.lexists("/etc/mtab"):
        t.by_root(cover_etc, scratch)
        t.at_end(lambda: t.by_root(uncover_etc, scratch))
    holds(not os.path.lexists("/etc/mtab"), "there is no /etc/mtab")


def in_background(t, *options):
    stack = t.stack(t.layer({"file": "content"}), options=options)
    t.watch_lower(stack.lowers[0])
    equal(t.status_text("-o", systems.option_text(stack), stack.mountpoint), (0, "", ""), "the mount command")
    pid = systems.status_of(t.settings, stack.mountpoint)["pid"]
    t.at_end(lambda: end(pid, stack.mountpoint))
    return pid, stack.mountpoint


def end(pid, point):
    """For a test that failed half way."""
    if point in isolation.mount_points():
        os.kill(pid, signal.SIGKILL)
        systems.unmount(point, syscalls.MNT_DETACH)


def mounted(point):
    return point in isolation.mount_points()


def test_fusermount3_alone_would_not_do(t):
    """If it did, nothing here would be tested."""
    without_mtab(t)
    _, point = in_background(t)
    done = subprocess.run(["fusermount3", "-u", point], capture_output=True, check=False)
    holds(done.returncode != 0 and b"/etc/mtab" in done.stderr, f"what fusermount3 says: {done}")
    equal((t.status_text("umount", point), mounted(point)), ((0, "", ""), False), "overpass umount, and whether it is mounted")


def test_a_user_unmounts_lazily_what_is_in_use(t):
    without_mtab(t)
    pid, point = in_background(t)
    with open(point + "/file", "rb") as file:
        status, _, err = t.status_text("umount", point)
        equal(status, 1, "overpass umount of what is in use")
        contains(err, "is busy", "message")
        equal(t.status_text("umount", "--lazy", point), (0, "", ""), "overpass umount --lazy")
        equal((mounted(point), file.read()), (False, b"content"), "whether it is mounted, and what the open file reads")
    fd = os.pidfd_open(pid) if os.path.exists(f"/proc/{pid}") else None
    holds(fd is None or select.select([fd], [], [], t.settings.seconds(20))[0], "the daemon has ended")


def test_a_daemon_that_is_ended_takes_its_mount_away(t):
    without_mtab(t)
    pid, point = in_background(t)
    write(point + "/new", "x")
    os.kill(pid, signal.SIGTERM)
    wait_for(t, lambda: not mounted(point), "the end of the mount")
    holds(not os.listdir(point), "nothing is left at the mountpoint")


def test_a_mount_whose_daemon_was_killed_goes_by_itself_or_by_umount(t):
    without_mtab(t)
    pid, point = in_background(t, "auto_unmount")
    os.kill(pid, signal.SIGKILL)
    wait_for(t, lambda: not mounted(point), "the end of the mount with auto_unmount")
    pid, point = in_background(t)
    os.kill(pid, signal.SIGKILL)
    wait_for(t, lambda: t.status_text("status", point)[0] != 0, "the end of the daemon")
    contains(t.status_text("status", point)[2], "dead", "what status says")
    equal((t.status_text("umount", point), mounted(point)), ((0, "", ""), False), "overpass umount, and whether it is mounted")


def test_where_neither_program_can_the_remedy_is_named(t):
    without_mtab(t)
    _, point = in_background(t)
    programs = t.fresh("bin")
    os.symlink(shutil.which("fusermount3"), programs + "/fusermount3")
    status, _, err = t.status_text("umount", point, env=dict(os.environ, PATH=programs))
    equal(status, 1, "overpass umount without umount(8)")
    contains(err, "ln -s /proc/self/mounts /etc/mtab", "message")
    equal((read(point + "/file"), t.status_text("umount", point)[0]), (b"content", 0), "it is still there, and goes then")
