# SPDX-License-Identifier: MIT
"""Mounts by root of a user namespace and by an ordinary user through fusermount3."""
import errno
import os
import shutil
import stat
import subprocess

from harness import Dir, File, Symlink, checks, dump, equal, holds, read, refused, syscalls, systems, write
from harness.credentials import as_user
from harness.parallel import together
from harness.worlds import NOBODY, give_to, hand_over, in_user_namespace, ordinary_fuse_device, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it enters the other worlds itself"
TREE = {"file": "content", "gone": "x", "dir": {"a": "1", "b": "2"}, "exec": File("#!/bin/sh\necho hi\n", 0o755)}


def stack_for(t, uid, tree=None):
    ordinary_fuse_device(t)
    stack = t.stack(t.layer(tree or TREE))
    hand_over(t, stack, uid)
    return stack


def use(m):
    """Does a bit of everything; returns the dump of the union."""
    equal(read(m / "file"), b"content", "content")
    write(m / "file", "+", "ab")
    os.unlink(m / "gone")
    shutil.rmtree(m / "dir"), os.mkdir(m / "dir"), write(m / "dir/new", "x")
    os.rename(m / "exec", m / "dir/exec"), os.symlink("to", m / "link"), os.link(m / "file", m / "hard")
    os.setxattr(m / "file", "user.a", b"b"), os.chmod(m / "file", 0o640)
    fd = os.open(m.path, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"unnamed")
    syscalls.link_fd(fd, m / "named")
    os.close(fd)
    equal(subprocess.run([m / "dir/exec"], capture_output=True, check=True).stdout, b"hi\n", "a program")
    equal(sorted(os.listdir(m.path)), ["dir", "file", "hard", "link", "named"], "names")
    equal(sorted(os.listdir(m / "dir")), ["exec", "new"], "names in the directory")
    return dump.dump(m.path, mtime=None)


def mount_use_twice(t, stack, log):
    """In the mounting process: mount, use, unmount, mount again, compare."""
    m = systems.mount_overpass(t.settings, stack, log)
    before, status = use(m), m.status()
    umount(m)
    again = systems.mount_overpass(t.settings, stack, log + "2")
    after = dump.dump(again.path, mtime=None)
    umount(again)
    checks.same_lines(after, before, "dump of the second mount")
    return status, checks.made


def marks(upper):
    return stat.S_ISCHR(os.lstat(upper + "/gone").st_mode), os.listxattr(upper + "/dir")


def test_root_of_a_user_namespace_mounts_and_changes(t):
    stack = stack_for(t, 100_000)
    status, made = in_user_namespace(lambda: mount_use_twice(t, stack, t.directory + "/log"), 100_000, 65536)
    holds(made >= 5, "the claims in the namespace were made")
    equal(status["passthrough"]["active"], False, "passthrough without privilege")
    holds(status["passthrough"]["reason"], "the status says why")
    is_whiteout, attributes = marks(stack.upper)
    equal((is_whiteout, "user.overlay.opaque" in attributes), (True, True), f"whiteout and opaque mark ({attributes})")
    equal(os.stat(stack.upper + "/named").st_uid, 100_000, "owner of a new file outside")


def test_an_ordinary_user_mounts_through_fusermount3_and_changes(t):
    stack = stack_for(t, NOBODY)
    status, made = as_user(NOBODY, lambda: mount_use_twice(t, stack, t.directory + "/log"))
    holds(made >= 5, "the claims of the user were made")
    equal(status["passthrough"]["active"], False, "passthrough without privilege")
    attributes = os.listxattr(stack.upper + "/dir")
    holds("user.overlay.opaque" in attributes, f"the opaque mark is in the upper layer ({attributes})")
    equal(os.stat(stack.upper + "/named").st_uid, NOBODY, "owner of a new file")


def test_others_are_kept_out_of_an_ordinary_users_mount(t):
    stack = stack_for(t, NOBODY)

    def held_open():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        return m.daemon.pid
    # the daemon stays: the child that started it ends, the mount is in our namespace
    pid = as_user(NOBODY, held_open)
    try:
        refused((13,), as_user, 1000, lambda: os.listdir(stack.mountpoint))
        equal(as_user(NOBODY, lambda: sorted(os.listdir(stack.mountpoint))), sorted(TREE), "names for the owner")
    finally:
        syscalls.umount(stack.mountpoint, syscalls.MNT_DETACH)
    holds(pid > 0, "the daemon had a process")


def test_the_kernel_reads_what_root_of_a_user_namespace_wrote(t):
    stack = stack_for(t, 100_000)
    in_user_namespace(lambda: mount_use_twice(t, stack, t.directory + "/log"), 100_000, 65536)
    point = t.fresh("kernel")
    kernel = systems.mount_kernel(t.settings, stack, point, ["userxattr"])
    try:
        equal(sorted(os.listdir(point)), ["dir", "file", "hard", "link", "named"], "names")
        equal(sorted(os.listdir(point + "/dir")), ["exec", "new"], "names in the directory made again")
        equal(read(point + "/file"), b"content+", "content")
    finally:
        kernel.umount()


def test_files_of_unmapped_owners_are_readable_in_a_user_namespace(t):
    stack = stack_for(t, 100_000)
    os.chown(stack.lowers[0] + "/file", 5, 5)
    t.lowers.clear()
    t.watch_lower(stack.lowers[0])

    def look():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        found = read(m / "file"), os.stat(m / "file").st_uid
        try:
            write(m / "file", "x")
        except OSError as error:        # as kernel overlayfs, which cannot give a copy an unmapped owner
            equal((error.errno, read(m / "file")), (errno.EOVERFLOW, b"content"), "errno and content after a refused change")
        else:
            equal(read(m / "file"), b"x", "content after the change")
        m.umount()
        return found
    equal(in_user_namespace(look, 100_000, 65536), (b"content", 65534), "content and owner")


def in_foreign_lower(t, *options):
    """In a user namespace that knows no owner of the lower: what a write of a file comes to, and what the log says."""
    stack = stack_for(t, 100_000)
    t.lowers.clear()
    give_to(stack.lowers[0], 5)
    t.watch_lower(stack.lowers[0])
    stack.options = options

    def change():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        try:
            write(m / "file", "changed")
        except OSError as error:
            result = error.errno
        else:
            result = read(m / "file")
        m.umount()
        return result, m.daemon.text()
    return in_user_namespace(change, 100_000, 65536)


def test_the_mount_warns_of_a_lower_of_unmapped_owners_and_names_the_option_that_helps(t):
    result, log = in_foreign_lower(t)
    equal(result, errno.EOVERFLOW, "a write")
    told = [line for line in log.splitlines() if "squash_to_root" in line]
    equal((len(told), "EOVERFLOW" in told[0]), (1, True), f"lines about it: {log}")
    equal(in_foreign_lower(t, "squash_to_root"), (b"changed", ""), "content and log with squash_to_root")


RO_TREE = {"ro": Dir({"file": "content", "second": "x", "gone": "y", "sub": Dir({"deep": "z"}, 0o555)}, 0o555),
           "closed": Dir({"file": "content"}, 0o500), "link": Symlink("ro")}


def use_read_only_directories(m):
    """What an owner may do with the content of directories that he may not write to himself."""
    write(m / "ro/file", "+", "ab")
    os.chmod(m / "ro/second", 0o640)
    write(m / "ro/sub/deep", "+", "ab")
    os.utime(m / "closed/file", (1, 2))
    for name in ("ro/new", "ro/sub/new", "closed/new"):
        refused(errno.EACCES, write, m / name, "x")
    refused(errno.EACCES, os.unlink, m / "ro/gone")
    refused(errno.EACCES, os.rename, m / "ro/gone", m / "gone")
    return numbers_and_modes(m)


def numbers_and_modes(m):
    names = ("ro", "ro/file", "ro/second", "ro/gone", "ro/sub", "ro/sub/deep", "closed", "closed/file")
    return {name: (os.stat(m / name).st_ino, oct(os.stat(m / name).st_mode), os.stat(m / name).st_mtime_ns) for name in names}


def test_an_ordinary_user_changes_files_in_directories_he_may_not_write_to(t):
    stack = stack_for(t, NOBODY, RO_TREE)

    def change():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        before, after = numbers_and_modes(m), use_read_only_directories(m)
        umount(m)
        again = systems.mount_overpass(t.settings, stack, t.directory + "/log2")
        remounted = numbers_and_modes(again)
        os.chmod(again / "ro", 0o755), os.unlink(again / "ro/gone"), write(again / "ro/new", "x")
        os.chmod(again / "ro", 0o555)
        modes = oct(os.stat(again / "ro").st_mode), sorted(os.listdir(again / "ro"))
        umount(again)
        return before, after, remounted, modes
    before, after, remounted, modes = as_user(NOBODY, change)
    equal(remounted, after, "numbers, modes and times after a remount")
    for name in before:
        equal(after[name][0], before[name][0], f"number of {name}")
    for name in ("ro", "ro/sub", "closed"):
        equal(after[name], before[name], f"mode and time of {name}")
        equal(oct(os.stat(f"{stack.upper}/{name}").st_mode), before[name][1], f"mode of {name} on disk")
    equal(modes, ("0o40555", ["file", "new", "second", "sub"]), "mode and names after changes of the mode")
    equal((read(stack.upper + "/ro/file"), read(stack.upper + "/ro/sub/deep")), (b"content+", b"z+"), "the copies")


def test_a_read_only_directory_never_looks_open_while_its_files_are_copied(t):
    tree = {"ro": Dir({f"f{number}": "content" for number in range(150)}, 0o555)}
    stack = stack_for(t, NOBODY, tree)

    def change():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        half = len(tree["ro"].entries) // 2

        def append(numbers):
            for number in numbers:
                write(m / f"ro/f{number}", "+", "ab")

        def look():
            for _ in range(300):
                answer = syscalls.statx(m / "ro", flags=syscalls.AT_STATX_FORCE_SYNC)
                equal(oct(answer.mode & 0o7777), "0o555", "mode")
        together(t, [lambda: append(range(half)), lambda: append(range(half, 2 * half)), look, look])
        mode = os.stat(m / "ro").st_mode & 0o7777
        umount(m)
        return oct(mode)
    equal(as_user(NOBODY, change), "0o555", "mode at last")
    equal(oct(os.stat(stack.upper + "/ro").st_mode & 0o7777), "0o555", "mode on disk")
