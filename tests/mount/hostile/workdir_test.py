# SPDX-License-Identifier: MIT
"""A workdir that belongs to an attacker: what he has put there beforehand, and what he changes later.

Kernel overlayfs removes the former "work" and makes its own; so must overpass, and no other user may reach into that.
"""
import errno
import os
import shutil
import stat

from harness import MountFailed, contains, credentials, equal, holds, only, only_in, read, refused, syscalls, worlds, write

WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's workdir is his own"
LOWER = {"low": "x", "other": "y", "dir": {"a": "1"}, "file": "content"}
OWNER, VICTIM = 1001, 1002


def stack_of(t, work=None, **named):
    """Layers of root's, and a workdir of OWNER's."""
    stack = t.stack(t.layer(LOWER), **named)
    os.chmod(t.directory, 0o755)
    os.chmod(stack.work, 0o777)
    if work:
        work(stack.work)
    worlds.give_to(stack.work, OWNER)
    return stack


def by_owner(function):
    return credentials.as_user(OWNER, function)


def is_whiteout(path):
    info = os.lstat(path)
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def open_to_all(work):
    os.mkdir(work + "/work"), os.chmod(work + "/work", 0o777)


def test_a_work_that_its_owner_made_is_made_anew(t):
    stack = stack_of(t, open_to_all)
    former = os.stat(stack.work + "/work")
    held = os.open(stack.work + "/work", os.O_RDONLY)
    m = t.mount_stack(stack)
    now = os.stat(stack.work + "/work")
    equal((now.st_uid, now.st_gid, now.st_mode & 0o777 in (0, 0o700)), (0, 0, True), "its owner and mode")
    holds(now.st_ino != former.st_ino or os.fstat(held).st_nlink == 0, "it is another directory")
    refused(errno.ENOENT, os.mkdir, f"/proc/self/fd/{held}/new")
    os.close(held)
    os.unlink(m / "low")
    holds(is_whiteout(m.upper + "/low"), "the whiteout")


def test_its_owner_cannot_change_what_becomes_a_whiteout(t):
    stack = stack_of(t, open_to_all)
    m = t.mount_stack(stack)

    def attack():
        work = stack.work + "/work"
        refused(errno.EACCES, os.listdir, work)
        refused(errno.EACCES, os.rename, work + "/whiteout", work + "/w")
        refused(errno.EACCES, write, work + "/new", "x")
        refused(errno.EPERM, os.chmod, work, 0o777)
        os.rename(work, stack.work + "/aside")
        os.mkdir(work)
        write(work + "/whiteout", "#!/bin/sh\n"), os.chmod(work + "/whiteout", 0o4755)
        for i in range(20):
            write(f"{work}/#{i:x}", "evil")

    by_owner(attack)
    os.unlink(m / "low"), shutil.rmtree(m / "dir")
    for name in ("low", "dir"):
        holds(is_whiteout(f"{m.upper}/{name}"), f"{name} is a whiteout")
        equal(os.lstat(f"{m.upper}/{name}").st_uid, 0, f"whose {name} is")
    write(m / "low", "new"), os.mkdir(m / "dir")
    write(m / "file", "+", "ab"), os.chmod(m / "other", 0o600)
    equal([read(m / name) for name in ("low", "file", "other")], [b"new", b"content+", b"y"], "contents")
    equal([os.stat(m / name).st_uid for name in ("low", "dir", "file", "other")], [0] * 4, "owners")


@only("overpass")
def test_a_work_exchanged_after_the_mount_is_made_anew_by_the_next(t):
    stack = stack_of(t)
    m = t.mount_stack(stack)

    def exchange():
        os.rename(stack.work + "/work", stack.work + "/aside"), os.mkdir(stack.work + "/work")

    by_owner(exchange)
    os.unlink(m / "low")
    m.umount()
    contains(refusal(t, stack), "'aside', which no overlay put there", "message")
    shutil.rmtree(stack.work + "/aside")
    m = t.mount_stack(stack)
    refused(errno.ENOENT, os.stat, m / "low")


def refusal(t, stack):
    """The message of a mount that must be refused."""
    try:
        t.mount_stack(stack)
    except MountFailed as failure:
        equal(len(failure.text.strip().splitlines()), 1, f"lines of the message: {failure.text!r}")
        return failure.text
    holds(False, "the mount is refused")
    return None


@only("overpass")
def test_the_owner_gets_nothing_removed_that_he_may_not_remove(t):
    """The attacker moved a directory of his into the workdir; another user has files in it."""
    def with_others(work):
        os.makedirs(work + "/work/of/victim")
        write(work + "/work/of/victim/file", "precious")

    stack = stack_of(t, with_others)
    worlds.give_to(stack.work + "/work/of/victim", VICTIM)
    message = refusal(t, stack)
    contains(message, "'work' in it belongs to another user", "message")
    equal(read(stack.work + "/work/of/victim/file"), b"precious", "the file of the other")
    shutil.rmtree(stack.work + "/work")
    equal(read(t.mount_stack(stack) / "low"), b"x", "the mount without it")


@only("overpass")
def test_a_deep_tree_in_work_is_removed(t):
    stack = stack_of(t)
    os.mkdir(stack.work + "/work")
    at = os.open(stack.work + "/work", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    os.chown(stack.work + "/work", OWNER, OWNER)
    m = t.mount_stack(stack)
    equal(read(m / "low"), b"x", "the mount")
    holds("d" not in os.listdir(stack.work + "/work"), "nothing of it is left")


@only("overpass")
def test_a_link_or_a_file_for_work_is_refused_and_stays(t):
    elsewhere = t.fresh("elsewhere", {"file": "mine"})
    for make in (lambda path: os.symlink(elsewhere, path), lambda path: write(path, "a file")):
        stack = stack_of(t, lambda work, make=make: make(work + "/work"))
        contains(refusal(t, stack), "is not a directory", "message")
        holds(os.path.lexists(stack.work + "/work"), "it is still there")
    equal(read(elsewhere + "/file"), b"mine", "what the link leads to")


@only("overpass")
def test_a_work_that_something_is_mounted_on_is_refused(t):
    stack = stack_of(t, open_to_all)
    syscalls.mount("tmpfs", stack.work + "/work", "tmpfs")
    try:
        write(stack.work + "/work/file", "mounted")
        contains(refusal(t, stack), "mounted on 'work'", "message")
        equal(read(stack.work + "/work/file"), b"mounted", "what is mounted")
    finally:
        syscalls.umount(stack.work + "/work")


@only("overpass")
def test_an_index_that_is_not_the_daemons_own_is_refused_and_stays(t):
    lower = t.layer({"a": "x"})
    os.link(lower + "/a", lower + "/b")
    for owner, mode in ((OWNER, 0o700), (0, 0o777), (0, 0o770)):
        stack = t.stack(lower, options=("index=on",))
        os.mkdir(stack.work + "/index")
        write(stack.work + "/index/entry", "kept")
        os.chown(stack.work + "/index", owner, owner), os.chmod(stack.work + "/index", mode)
        contains(refusal(t, stack), "'index' in the workdir belongs to another user", f"message of {owner}, {mode:o}")
        info = os.stat(stack.work + "/index")
        equal((read(stack.work + "/index/entry"), info.st_mode & 0o777), (b"kept", mode), "the index")


@only("overpass")
def test_an_index_of_the_daemons_own_is_closed_to_others(t):
    lower = t.layer({"a": "x"})
    os.link(lower + "/a", lower + "/b")
    stack = t.stack(lower, options=("index=on",))
    m = t.mount_stack(stack)
    os.chmod(m / "a", 0o600)
    m.umount()
    os.chmod(stack.work + "/index", 0o755)
    m = t.mount_stack(stack)
    equal(os.stat(stack.work + "/index").st_mode & 0o777, 0o700, "the mode")
    equal((os.stat(m / "b").st_mode & 0o777, os.stat(m / "b").st_nlink), (0o600, 2), "the file by its other name")


@only("overpass")
@only_in("root", why="it acts as an ordinary user, who mounts by fusermount3")
def test_an_ordinary_user_learns_which_users_work_is_in_the_way(t):
    worlds.ordinary_fuse_device(t)
    stack = t.stack(t.layer(LOWER))
    worlds.hand_over(t, stack, worlds.NOBODY)
    os.chown(stack.work, 0, 0), os.chmod(stack.work, 0o1777)
    os.mkdir(stack.work + "/work"), write(stack.work + "/work/#1", "x")
    for mode in (0o755, 0):
        os.chmod(stack.work + "/work", mode)

        def mount():
            return t.status_text("mount", "-o", f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}",
                                 stack.mountpoint)

        status, _, text = credentials.as_user(worlds.NOBODY, mount)
        equal((status, len(text.strip().splitlines())), (1, 1), f"status and lines of {text!r}")
        holds("another user" in text or "earlier mount left" in text, f"the message says why: {text!r}")
    equal(os.listdir(stack.work + "/work"), ["#1"], "what is in it")


@only("overpass")
@only_in("root", why="it acts as an ordinary user, who mounts by fusermount3")
def test_the_mark_of_a_volatile_mount_is_seen_in_directories_that_are_closed(t):
    """The kernel makes them with mode 0, which keeps their own owner out."""
    worlds.ordinary_fuse_device(t)
    stack = t.stack(t.layer(LOWER))
    os.makedirs(stack.work + "/work/incompat/volatile")
    worlds.hand_over(t, stack, worlds.NOBODY)
    for path in ("/work/incompat/volatile", "/work/incompat", "/work"):
        os.chmod(stack.work + path, 0)
    status, _, text = credentials.as_user(worlds.NOBODY, lambda: t.status_text(
        "mount", "-o", f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}", stack.mountpoint))
    equal(status, 1, "exit status")
    contains(text, "volatile mount", "message")
    holds(os.path.isdir(stack.work + "/work/incompat/volatile"), "the mark is still there")
