# SPDX-License-Identifier: MIT
"""volatile: nothing is synced, the workdir says so, and no later mount trusts the upper by itself."""
import dataclasses
import errno
import os
import shutil

from harness import contains, dump, equal, holds, read, refused, syscalls, write
from harness.systems import MountFailed

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
MARK = "/work/incompat/volatile/dirty"


def refusal(t, stack):
    before = dump.dump(stack.upper), dump.dump(stack.work)
    try:
        t.mount_stack(dataclasses.replace(stack, mountpoint=t.fresh("mnt"))).umount()
    except MountFailed as failed:
        equal((dump.dump(stack.upper), dump.dump(stack.work)), before, "upper and workdir of the refused mount")
        return failed.text
    return holds(False, "the mount is refused")


def test_the_mark_is_that_of_overlayfs(t):
    for system in ("overpass", "kernel"):
        stack = t.stack(t.layer({"file": "x"}), options=("volatile",))
        m = t.mount_stack(stack, system)
        holds(t.by_root(os.path.isfile, stack.work + MARK), f"{system}: the mark is there while mounted")
        m.umount()
        holds(os.path.isfile(stack.work + MARK), f"{system}: and stays")
        for options in ((), ("volatile",)):
            contains(refusal(t, dataclasses.replace(stack, options=options)), "volatile mount", f"message after {system}")
            refused(errno.EINVAL, t.mount_stack, dataclasses.replace(stack, options=options), "kernel")
        shutil.rmtree(stack.work + "/work/incompat")
        t.mount_stack(dataclasses.replace(stack, options=())).umount()


def test_other_incompatible_features_are_refused_by_name(t):
    stack = t.stack(t.layer({"file": "x"}))
    os.makedirs(stack.work + "/work/incompat/future")
    contains(refusal(t, stack), "'future'", "message")
    os.rmdir(stack.work + "/work/incompat/future")
    t.mount_stack(stack).umount()
    holds(not os.path.exists(stack.work + "/work/incompat"), "an empty list of features goes")


def test_a_volatile_mount_that_fails_leaves_no_mark(t):
    stack = t.stack(t.layer({"file": "x"}))
    t.by_root(syscalls.mount, "/dev/null", "/dev/fuse", None, syscalls.MS_BIND)    # In this test's own mount namespace.
    try:
        status, _, err = t.status_text("mount", "-o", f"lowerdir={stack.lowers[0]},upperdir={stack.upper},"
                                       f"workdir={stack.work},volatile", stack.mountpoint)
    finally:
        t.by_root(syscalls.umount, "/dev/fuse")
    holds(status != 0, f"the mount fails: {err}")
    holds(not os.path.exists(stack.work + "/work/incompat"), "no mark")
    t.mount_stack(stack).umount()


def test_a_read_only_union_has_nothing_to_lose(t):
    m = t.mount(t.layer({"file": "x"}), upper=None, options=("volatile",))
    equal(read(m / "file"), b"x", "content")


def test_fsync_and_synchronous_writes_succeed(t):
    m = t.mount(t.layer({"file": "x"}), options=("volatile",))
    descriptor = os.open(m / "file", os.O_RDWR | os.O_SYNC)
    os.pwrite(descriptor, b"synced", 0)
    os.fsync(descriptor), os.fdatasync(descriptor)
    os.close(descriptor)
    directory = os.open(m.path, os.O_RDONLY)
    write(m / "new", "y")
    os.fsync(directory)
    os.close(directory)
    equal((read(m / "file"), read(m / "new")), (b"synced", b"y"), "content")


def test_the_status_says_what_a_copy_up_waits_for(t):
    low = t.layer({"file": "x"})
    for options, wanted in (((), ("ordered", "durable")), (("copy_up=durable",), ("durable",)), (("volatile",), ("volatile",))):
        holds(t.mount(low, options=options).status()["copy_up"] in wanted, f"one of {wanted} with {options}")
    equal(t.mount(low, upper=None).status()["copy_up"], "none", "without an upper")
