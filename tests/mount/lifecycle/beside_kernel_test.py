# SPDX-License-Identifier: MIT
"""Kernel overlayfs has an upper or a workdir: overpass refuses to mount it, and leaves the live workdir alone.

Kernel overlayfs takes no lock that overpass could see, and sees none of overpass's.
"""
import dataclasses
import errno
import os
import subprocess

from harness import MountFailed, contains, equal, holds, only_in, read, refused, syscalls, write
from harness.systems import option_text

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"file": "x", "gone": "y", "other": "z"}


def expect_refusal(t, stack, what):
    """A mount of the stack that names the directory in its message, one line."""
    stack = dataclasses.replace(stack, mountpoint=t.fresh("mnt"))
    try:
        m = t.mount_stack(stack)
    except MountFailed as failure:
        equal(len(failure.text.strip().splitlines()), 1, f"lines of the message: {failure.text!r}")
        contains(failure.text, f"{what} '", "message")
        contains(failure.text, "is in use by", "message")
        return
    m.umount()
    holds(False, f"a mount whose {what} is in use is refused")


def use(m):
    """All of it goes through the live workdir."""
    os.unlink(m / "gone"), write(m / "gone", "again"), write(m / "file", "+", "ab")
    equal((read(m / "gone"), read(m / "file")), (b"again", b"x+"), "contents through the mount that was first")


def test_layers_mounted_by_kernel_overlayfs_are_refused(t):
    t.need("overlayfs")
    kernel = t.mount(t.layer(LOWER), system="kernel")
    fresh = t.stack(kernel.stack.lowers[0])
    expect_refusal(t, kernel.stack, "upperdir")
    expect_refusal(t, dataclasses.replace(fresh, work=kernel.work), "workdir")
    expect_refusal(t, dataclasses.replace(kernel.stack, work=fresh.work), "upperdir")
    use(kernel)
    m = t.mount_stack(fresh)
    use(m)
    kernel.umount()
    m = t.mount_stack(dataclasses.replace(kernel.stack, mountpoint=t.fresh("mnt")))
    equal((read(m / "gone"), read(m / "file")), (b"again", b"x+"), "contents after the unmount")


def test_it_is_refused_by_whatever_path(t):
    t.need("overlayfs")
    kernel = t.mount(t.layer(LOWER), system="kernel")
    elsewhere, link = t.fresh("elsewhere"), t.directory + "/link"
    t.by_root(syscalls.mount, t.directory, elsewhere, None, syscalls.MS_BIND)
    os.symlink(t.directory, link)
    try:
        for root in (elsewhere, link):
            expect_refusal(t, dataclasses.replace(kernel.stack, upper=kernel.upper.replace(t.directory, root),
                                                  work=kernel.work.replace(t.directory, root)), "upperdir")
    finally:
        t.by_root(syscalls.umount, elsewhere)
    use(kernel)


def test_layers_mounted_by_overpass_are_refused_by_every_path(t):
    m = t.mount(t.layer(LOWER))
    elsewhere = t.fresh("elsewhere")
    t.by_root(syscalls.mount, t.directory, elsewhere, None, syscalls.MS_BIND)
    try:
        expect_refusal(t, dataclasses.replace(m.stack, upper=m.upper.replace(t.directory, elsewhere),
                                              work=m.work.replace(t.directory, elsewhere)), "upperdir")
    finally:
        t.by_root(syscalls.umount, elsewhere)
    use(m)


def test_layers_that_kernel_overlayfs_only_reads_are_free(t):
    t.need("overlayfs")
    first = t.stack(t.layer(LOWER))
    t.let_lower_change(first.upper, "it is the upper of the second mount")
    kernel = t.mount(first.upper, first.lowers[0], upper=None, system="kernel")
    m = t.mount_stack(first)
    equal(sorted(os.listdir(m.path)), sorted(LOWER), "names")
    m.umount(), kernel.umount()


SCRIPT = 'cd "$3" && mount -t overlay none -o "$1" "$2" && echo ready && read end; umount "$2"'


def kernel_elsewhere(t, options, point, directory, *unshare):
    child = subprocess.Popen([*unshare, "sh", "-c", SCRIPT, "sh", options, point, directory],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(child.stdout.readline(), b"ready\n", "the mount of kernel overlayfs")
    return child


@only_in("root", "userns", why="an ordinary user mounts no overlayfs")
def test_a_mount_in_another_namespace_is_noticed(t):
    t.need("overlayfs")
    stack = t.stack(t.layer(LOWER))
    child = kernel_elsewhere(t, option_text(stack), t.fresh("point"), "/", "unshare", "-m")
    try:
        expect_refusal(t, stack, "upperdir")
        expect_refusal(t, dataclasses.replace(stack, upper=t.fresh("upper")), "workdir")
    finally:
        child.communicate(b"\n")
    use(t.mount_stack(stack))


@only_in("root", "userns", why="an ordinary user mounts no overlayfs")
def test_a_mount_with_relative_paths_is_noticed_and_no_other_is_taken_for_it(t):
    t.need("overlayfs")
    lower = t.layer(LOWER)
    a, b = (t.fresh(name, {"upper": {}, "work": {}, "free": {}}) for name in "ab")
    options, point = f"lowerdir={lower},upperdir=upper,workdir=work", t.fresh("point")
    first = t.stack(lower)
    here, there = (dataclasses.replace(first, upper=at + "/upper", work=at + "/work") for at in (a, b))
    kernel_elsewhere(t, options, point, b).communicate(b"\n")       # it leaves its "work" in b/work
    child = kernel_elsewhere(t, options, point, a)
    try:
        expect_refusal(t, here, "upperdir")
        expect_refusal(t, dataclasses.replace(here, upper=a + "/free"), "workdir")
        expect_refusal(t, dataclasses.replace(here, work=a + "/free"), "upperdir")
        m = t.mount_stack(there)
        use(m)
        m.umount()
    finally:
        child.communicate(b"\n")
    use(t.mount_stack(here))


@only_in("root", "userns", why="an ordinary user mounts no overlayfs")
def test_kernel_overlayfs_that_takes_the_workdir_away_later_makes_errors_and_no_wrong_answers(t):
    t.need("overlayfs")
    m = t.mount(t.layer(LOWER | {"d": {"a": "1"}}))
    kernel = t.mount_stack(dataclasses.replace(m.stack, mountpoint=t.fresh("kernel")), system="kernel")
    kernel.umount()
    refused(errno.EIO, os.unlink, m / "gone")
    refused(errno.EIO, os.chmod, m / "d/a", 0o600)
    equal((read(m / "gone"), read(m / "d/a")), (b"y", b"1"), "what could not be changed")
    contains(m.daemon.text(), "'work' in the workdir was removed", "the log")
    m = t.remount(m)
    use(m)
