# SPDX-License-Identifier: MIT
"""Flags of chattr(1) that protect a file, before and after it was copied up."""
import errno
import fcntl
import os
import struct
import time

from harness import equal, loop_images, mark, only_in, read, refused, syscalls, write
from harness.patience import wait_for
from harness.script_calls import CLOCK_REALTIME_COARSE

WORLDS = ("root", "userns", "user")

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
SYNC, IMMUTABLE, APPEND, NODUMP, NOATIME = 0x8, 0x10, 0x20, 0x40, 0x80


def flags(path, change=None, mask=IMMUTABLE | APPEND):
    """Those of the mask; after that they are changed."""
    handle = os.open(path, os.O_RDONLY)
    try:
        now = struct.unpack("=I", fcntl.ioctl(handle, GETFLAGS, bytes(8))[:4])[0]
        if change is not None:
            fcntl.ioctl(handle, SETFLAGS, struct.pack("=Q", (now & ~mask) | change))
        return now & mask
    finally:
        os.close(handle)


def protected(t):
    """A lower on ext4 with one append-only and one immutable file and directory."""
    disk = loop_images.mount_image(t, "ext4")
    for name in ("lower", "upper", "work"):
        os.mkdir(f"{disk}/{name}")
    lower = f"{disk}/lower"
    write(lower + "/log", "1"), write(lower + "/fixed", "2"), os.mkdir(lower + "/dir"), write(lower + "/dir/f", "3")
    for name, bits in (("log", APPEND), ("fixed", IMMUTABLE), ("dir", IMMUTABLE)):
        t.by_root(flags, f"{lower}/{name}", bits)
        t.at_end(lambda path=f"{lower}/{name}": t.by_root(flags, path, 0))
    return lower, f"{disk}/upper"


def test_flags_that_change_how_a_file_is_used_are_copied_up(t):
    """chattr +A and +S; what else a flag means is the file system's own affair, as nodump and compression are."""
    tree = {"plain": "0", "atime": "1", "sync": "2", "both": "3", "dir": {"file": "4"}, "nodump": "5", "meta": "6"}
    wanted = {"plain": 0, "atime": NOATIME, "sync": SYNC, "both": NOATIME | SYNC, "dir": NOATIME | SYNC, "nodump": 0, "meta": NOATIME}
    for system in ("overpass", "kernel"):
        lower = t.layer(tree)
        for name, bits in [*wanted.items(), ("nodump", NODUMP)]:
            flags(f"{lower}/{name}", bits, NOATIME | SYNC | NODUMP)
        m = t.mount(lower, options=("metacopy=on",), system=system)
        equal({name: flags(m / name, None, NOATIME | SYNC) for name in wanted}, wanted, f"flags before with {system}")
        for name in wanted:
            os.chmod(m / name, 0o700) if name == "meta" else os.utime(m / name) if name == "dir" else write(m / name, "+", "ab")
        equal({name: flags(f"{m.upper}/{name}", None, NOATIME | SYNC | NODUMP) for name in wanted}, wanted, f"flags of the copies of {system}")
        equal({name: flags(m / name, None, NOATIME | SYNC) for name in wanted}, wanted, f"flags afterwards with {system}")
        m.umount()


def only_appending_is_allowed(path):
    write(path, "+", "ab")
    refused(errno.EPERM, open, path, "r+")
    refused(errno.EPERM, open, path, "w")
    refused(errno.EPERM, os.open, path, os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
    refused(errno.EPERM, os.unlink, path)
    refused(errno.EPERM, os.rename, path, path + ".new")
    refused(errno.EPERM, os.link, path, path + ".new")
    refused(errno.EPERM, os.chmod, path, 0o600)
    refused(errno.EPERM, os.truncate, path, 0)
    equal(flags(path), APPEND, "flags")


def test_an_append_only_lower_stays_so_over_copy_up_and_remount(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    only_appending_is_allowed(m / "log")
    equal(os.getxattr(upper + "/log", mark("protattr")), b"a", "the mark")
    m = t.remount(m)
    only_appending_is_allowed(m / "log")
    equal(read(m / "log"), b"1++", "content")
    m.umount()
    kernel = t.mount_stack(m.stack, "kernel")
    only_appending_is_allowed(kernel / "log")


@only_in("userns", "user", why="root may take the flag away")
def test_an_immutable_lower_stays_so_for_users_who_may_not_release_it(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    refused(errno.EPERM, write, m / "fixed", "x", "r+")
    refused(errno.EPERM, os.setxattr, m / "fixed", "user.x", b"y")
    refused(errno.EPERM, os.chmod, m / "fixed", 0o600)
    refused(errno.EPERM, os.unlink, m / "fixed")
    refused(errno.EPERM, write, m / "dir/new", "x")
    for name in ("fixed", "log"):
        refused(errno.EPERM, flags, m / name, 0)
    write(m / "own", "1")
    refused(errno.EPERM, flags, m / "own", IMMUTABLE)
    equal((flags(m / "fixed"), flags(m / "log"), flags(m / "own")), (IMMUTABLE, APPEND, 0), "flags afterwards")
    equal((read(m / "fixed"), sorted(os.listdir(upper))), (b"2", ["own"]), "content, and what was copied up")


@only_in("root", why="only CAP_LINUX_IMMUTABLE takes the flag away")
def test_an_immutable_lower_can_be_released(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    refused(errno.EPERM, write, m / "fixed", "x", "r+")
    refused(errno.EPERM, os.setxattr, m / "fixed", "user.x", b"y")
    refused(errno.EPERM, write, m / "dir/new", "x")
    equal(flags(m / "fixed", 0), IMMUTABLE, "flags before")
    write(m / "fixed", "released")
    equal((read(m / "fixed"), flags(m / "fixed")), (b"released", 0), "content and flags")
    flags(m / "dir", 0)
    write(m / "dir/new", "x")


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flag")
def test_protection_given_through_the_mount_is_kept_in_the_mark(t):
    lower, upper = protected(t)
    m = t.mount(lower, upper=upper)
    write(m / "new", "1"), flags(m / "new", IMMUTABLE)
    refused(errno.EPERM, os.unlink, m / "new")
    equal(flags(upper + "/new"), 0, "flags of the upper file itself")
    m = t.remount(m)
    refused(errno.EPERM, write, m / "new", "2")
    m.umount()
    kernel = t.mount_stack(m.stack, "kernel")
    refused(errno.EPERM, os.unlink, kernel / "new")
    equal(flags(kernel / "new", 0), IMMUTABLE, "what kernel overlayfs reads")
    kernel.umount()
    os.unlink(t.mount_stack(m.stack) / "new")


def answer(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def on_each_system(t, try_it):
    """What try_it(directory) answers in a plain directory, on kernel overlayfs and on overpass."""
    answers = {"a plain directory": try_it(t.fresh("plain"))}
    for system in ("kernel", "overpass"):
        answers[system] = try_it(t.mount(t.layer(), system=system).path)
    return answers


def same_on_each_system(t, try_it):
    answers = on_each_system(t, try_it)
    equal(answers, dict.fromkeys(answers, answers["a plain directory"]), "answers")
    return answers["overpass"]


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flags")
def test_the_clocks_time_may_be_set_on_what_is_append_only(t):
    def try_it(directory):
        found = {}
        for name in ("log", "dir"):
            path = f"{directory}/{name}"
            write(path, "1") if name == "log" else os.mkdir(path)
            for bits in (APPEND, IMMUTABLE):
                flags(path, bits)
                found[name, bits] = answer(os.utime, path), answer(os.utime, path, (5, 6))
                flags(path, 0)
        return found
    found = same_on_each_system(t, try_it)
    equal(found["log", APPEND], ("done", "EPERM"), "utimensat without times, and with")


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flags")
def test_with_a_write_back_cache_no_time_may_be_set_on_what_is_append_only(t):
    """The kernel sends the time of its own clock then, as one that a user chose."""
    m = t.mount(t.layer(), options=("writeback=on",))
    write(m / "log", "1"), flags(m / "log", APPEND)
    refused(errno.EPERM, os.utime, m / "log")
    write(m / "log", "2", "ab")         # the file is closed without an error
    with open(m / "late", "wb", buffering=0) as file:
        file.write(b"3")
        flags(m / "late", IMMUTABLE)
    equal((read(m / "log"), read(m / "late")), (b"12", b"3"), "content of what was written before, and after, the flag")
    flags(m / "log", 0), flags(m / "late", 0)


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flags")
def test_descriptors_from_before_the_flag_copy_and_allocate_no_more(t):
    def try_it(directory):
        found = {}
        write(directory + "/source", "source")
        with open(directory + "/source", "rb") as source:
            for bits in (0, APPEND, IMMUTABLE):
                path = f"{directory}/{bits}"
                write(path, "x" * 8192)
                fd = os.open(path, os.O_RDWR)
                flags(path, bits)
                found[bits] = [answer(os.copy_file_range, source.fileno(), fd, 6, 0, 0)] + [
                    answer(syscalls.fallocate, fd, modes, 0, 4096)
                    for modes in ((), ("keep_size",), ("punch_hole", "keep_size"), ("zero_range",))]
                flags(path, 0)
                os.close(fd)
        return found
    found = same_on_each_system(t, try_it)
    equal((found[0], found[IMMUTABLE]), (["done"] * 5, ["EPERM"] * 5), "without a flag, and immutable")


def test_a_changed_flag_changes_the_time_of_change_at_once(t):
    def try_it(directory):
        found = []
        for bits in (NODUMP, 0):
            write(directory + "/file", "x")
            before = os.stat(directory + "/file").st_ctime_ns
            wait_for(t, lambda: time.clock_gettime_ns(CLOCK_REALTIME_COARSE) > before, "a later time")
            flags(directory + "/file", bits, NODUMP)
            found.append(os.stat(directory + "/file").st_ctime_ns > before)
        return found
    m = t.mount(t.layer())
    equal((try_it(t.fresh("plain")), try_it(m.path)), ([True, True], [True, True]), "whether the time is a later one")


def test_statx_does_not_say_which_flags_a_file_has(t):
    """The kernel's FUSE client passes over the attributes in a server's answer (fuse_do_statx() of Linux 6.18 takes
    the time of birth from it). A program that needs a flag asks by FS_IOC_GETFLAGS."""
    m = t.mount(t.layer())
    write(m / "file", "x")
    flags(m / "file", NODUMP, NODUMP)
    equal(syscalls.statx(m.upper + "/file").attributes & NODUMP, NODUMP, "what the upper's file system says")
    equal(syscalls.statx(m / "file").attributes & NODUMP, 0, "what the union says")
    equal(flags(m / "file", None, NODUMP), NODUMP, "what FS_IOC_GETFLAGS says")


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flags")
def test_no_name_of_an_append_only_directory_is_replaced(t):
    def try_it(directory):
        os.mkdir(directory + "/dir"), write(directory + "/dir/old", "1"), write(directory + "/new", "2")
        flags(directory + "/dir", APPEND)
        found = [answer(os.rename, directory + "/new", directory + "/dir/old"),
                 answer(syscalls.renameat2, directory + "/new", directory + "/dir/old", 2),
                 answer(os.rename, directory + "/dir/old", directory + "/newer"),
                 answer(os.rename, directory + "/new", directory + "/dir/new")]
        flags(directory + "/dir", 0)
        return found
    equal(same_on_each_system(t, try_it), ["EPERM", "EPERM", "EPERM", "done"], "over, exchanged with, out of, into")


@only_in("root", why="only CAP_LINUX_IMMUTABLE gives the flag")
def test_a_program_with_capabilities_that_is_append_only_is_appended_to(t):
    capability = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)

    def try_it(directory):
        write(directory + "/tool", "1")
        os.setxattr(directory + "/tool", "security.capability", capability)
        flags(directory + "/tool", APPEND)
        found = [answer(os.removexattr, directory + "/tool", "security.capability"),
                 answer(write, directory + "/tool", "2", "ab"), os.listxattr(directory + "/tool")]
        flags(directory + "/tool", 0)
        return found
    equal(same_on_each_system(t, try_it), ["EPERM", "done", []], "removal, append, attributes afterwards")
