# SPDX-License-Identifier: MIT
"""Which set-id bits and capabilities a change of a file's bytes or owner takes, for each kind of caller.

One table: each change, by each caller, of each kind of privileged file, of an upper file and of one that is copied up
by the change, in each way in which a mount moves data. The truth is a plain directory, and kernel overlayfs has to
agree with it. explained() has what the kernel's FUSE makes otherwise, each with the reason.
"""
import errno
import mmap
import os
import struct

from harness import equal, features, has, need, only_in, syscalls, write
from harness.credentials import acting_as, umask

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user cannot act as others"
OWNER, GROUP = 1000, 3000
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)      # cap_net_raw+ep

CALLERS = {
    "root": (0, 0, ()),
    "owner": (OWNER, OWNER, ()),
    "owner in the group": (OWNER, OWNER, (GROUP, 0)),
    "member": (1001, 1001, (GROUP, 0)),
    "stranger": (1002, 1002, ()),
}
KINDS = {       # mode, whether it has capabilities, group
    "suid": (0o4777, False, GROUP),
    "sgid": (0o2777, False, GROUP),
    "sgid without group execute": (0o2767, False, GROUP),
    "sgid without group execute, of the daemon's group": (0o2767, False, 0),
    "suid, sgid without group execute": (0o6767, False, GROUP),
    "capabilities": (0o777, True, GROUP),
    "suid, sgid, capabilities": (0o6777, True, GROUP),
}
LENGTH = 8192


def with_open(flags, function):
    def change(path, source):
        fd = os.open(path, flags)
        try:
            function(fd, source)
        finally:
            os.close(fd)
    return change


def copy_range(fd, source):
    origin = os.open(source, os.O_RDONLY)
    try:
        os.copy_file_range(origin, fd, 100, 0, 0)
    finally:
        os.close(origin)


def write_directly(fd, source):
    with mmap.mmap(-1, 4096) as aligned:
        os.pwrite(fd, aligned, 0)


def store(fd, source):
    with mmap.mmap(fd, 4096) as mapping:
        mapping[:3] = b"new"
        mapping.flush()


def chown_to_same(path, source):
    info = os.stat(path)
    os.chown(path, info.st_uid, info.st_gid)


def allocation(modes):
    return with_open(os.O_RDWR, lambda fd, source: syscalls.fallocate(fd, modes, 0, 4096))


CHANGES = {
    "write": with_open(os.O_WRONLY, lambda fd, source: os.pwrite(fd, b"new", 0)),
    "append": with_open(os.O_WRONLY | os.O_APPEND, lambda fd, source: os.write(fd, b"new")),
    "write past the page cache": with_open(os.O_WRONLY | os.O_DIRECT, write_directly),
    "store into a mapping": with_open(os.O_RDWR, store),
    "truncate": lambda path, source: os.truncate(path, 100),
    "ftruncate": with_open(os.O_RDWR, lambda fd, source: os.ftruncate(fd, 100)),
    "open with O_TRUNC": with_open(os.O_WRONLY | os.O_TRUNC, lambda fd, source: None),
    "open for writing alone": with_open(os.O_RDWR, lambda fd, source: None),
    "fallocate": allocation(()),
    "punch hole": allocation(("punch_hole", "keep_size")),
    "zero range": allocation(("zero_range",)),
    "copy_file_range": with_open(os.O_RDWR, copy_range),
    "chown": lambda path, source: os.chown(path, 5, 6),
    "chgrp": lambda path, source: os.chown(path, -1, OWNER),
    "chown to the same": chown_to_same,
    "chown(-1, -1)": lambda path, source: os.chown(path, -1, -1),
}
CASES = [(change, caller, kind) for change in CHANGES for caller in CALLERS for kind in KINDS]

MODES = {
    "passed through": (("passthrough",), ()),
    "through the daemon": ((), ("passthrough=off",)),
    "lowers cached": (("passthrough",), ("lower_io=cached",)),
    "writeback": ((), ("writeback=on",)),
}


def explained(mode, world):
    """What is otherwise here, and why."""
    # The kernel takes capabilities by a request of its own before the one that asks for the rest, and the first looks
    # like that of a write, which may be made by any writer.
    answers = {("chown(-1, -1)", caller, "suid, sgid, capabilities"): f"EPERM: 6777 {OWNER}:{GROUP}"
               for caller in ("member", "stranger")}
    # What is stored into the kernel's own pages is written by the daemon, and each write takes capabilities. Where the
    # file is passed through, its pages are those of the file below. In a user namespace nothing is passed through, and
    # only CAP_FSETID of the machine would keep the bits.
    kinds = {"suid, sgid, capabilities": "6777"}
    if world != "root":
        kinds = {"suid": "777", "sgid": "777", "suid, sgid without group execute": "2767",
                 "suid, sgid, capabilities": "777", "capabilities": "777"}
    elif "passthrough" not in MODES[mode][0]:
        kinds["capabilities"] = "777"
    return answers | {("store into a mapping", caller, kind): f"done: {left} {OWNER}:{GROUP}"
                      for caller in CALLERS for kind, left in kinds.items()}


def fill(directory):
    for number, (_, _, kind) in enumerate(CASES):
        path = f"{directory}/{number}"
        with open(path, "wb") as file:
            file.write(b"x" * LENGTH)
        mode, has_capability, group = KINDS[kind]
        os.chown(path, OWNER, group)
        if has_capability:
            os.setxattr(path, "security.capability", CAPABILITY)
        os.chmod(path, mode)
    with open(directory + "/source", "wb") as file:
        file.write(b"s" * LENGTH)
    os.chmod(directory + "/source", 0o644)
    os.chmod(directory, 0o755)


def state(path):
    info = os.stat(path)
    has_capability = "security.capability" in os.listxattr(path)
    return f"{info.st_mode & 0o7777:o}{' with capabilities' if has_capability else ''} {info.st_uid}:{info.st_gid}"


def answers(directory):
    """What each case answers and leaves, as its caller and root then see it."""
    found = {}
    for number, (change, caller, kind) in enumerate(CASES):
        path, (uid, gid, groups) = f"{directory}/{number}", CALLERS[caller]
        with acting_as(uid, gid, groups):
            try:
                CHANGES[change](path, directory + "/source")
                answer = "done"
            except OSError as error:
                answer = errno.errorcode[error.errno]
        found[change, caller, kind] = f"{answer}: {state(path)}"
    return found


SIDES = ("upper", "copied up")


def layers(t, side):
    """The files in the upper, or in the lower, from where the changes copy them up."""
    lower, upper = t.fresh("lower"), t.fresh("upper")
    fill(lower if side == "copied up" else upper)
    return t.stack(lower, upper=upper)


def truth(t):
    features.need("overlayfs")
    plain = t.fresh("plain")
    fill(plain)
    right = answers(plain)
    for side in SIDES:
        m = t.mount_stack(layers(t, side), "kernel")
        same_answers(f"overlayfs, {side}", answers(m.path), right)
    return right


def same_answers(where, found, right, excused=()):
    wrong = [f"{', '.join(case)}: {found[case]}, not {right[case]}"
             for case in CASES if found[case] != right[case] and (case not in excused or excused[case] != found[case])]
    stale = [f"{', '.join(case)}: is explained, and as it should be" for case in excused if found[case] == right[case]]
    equal(wrong + stale, [], f"differences, {where}")


def test_a_change_takes_the_bits_that_it_takes_in_a_plain_directory(t):
    right = truth(t)
    for mode, (needs, options) in MODES.items():
        if not all(has(feature) for feature in needs):
            continue
        for side in SIDES:
            stack = layers(t, side)
            stack.options = options
            m = t.mount_stack(stack)
            found = answers(m.path)
            same_answers(f"{mode}, {side}", found, right, explained(mode, t.world))
            m.umount()
            on_disk = {case: state(f"{m.upper}/{number}") for number, case in enumerate(CASES)
                       if os.path.exists(f"{m.upper}/{number}")}
            equal(on_disk, {case: found[case].partition(": ")[2] for case in on_disk}, f"on disk, {mode}, {side}")


def make_and_write(directory):
    """New files with set-id bits, written through the descriptor that made them."""
    found = {}
    with umask(0):
        for caller, (uid, gid, groups) in CALLERS.items():
            for bits in (0o4777, 0o2777, 0o2767, 0o6777):
                path = f"{directory}/{caller} {bits:o}"
                with acting_as(uid, gid, groups):
                    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, bits)
                    before = os.fstat(fd).st_mode
                    os.write(fd, b"new")
                    os.close(fd)
                found[caller, f"{bits:o}"] = f"{before & 0o7777:o}, {state(path)}"
    return found


def test_the_first_write_to_a_new_file_takes_what_it_takes_in_a_plain_directory(t):
    plain = t.fresh("plain")
    os.chmod(plain, 0o777)
    right = make_and_write(plain)
    for mode, (needs, options) in MODES.items():
        if all(has(feature) for feature in needs):
            m = t.mount(t.layer(), options=options)
            os.chmod(m.path, 0o777)
            equal(make_and_write(m.path), right, f"new files, {mode}")


def set_id_file(t, mode=0o4777, **named):
    m = t.mount(t.layer(), **named)
    write(m / "file", b"x" * LENGTH)
    os.chown(m / "file", OWNER, GROUP), os.chmod(m / "file", mode)
    return m


@only_in("root", why="elsewhere a write of root's takes the bits in a plain directory too")
def test_bits_set_while_the_file_is_passed_through_to_a_writer_fall_with_the_next_write_of_any_user(t):
    """The kernel writes to a backing file with the rights of the process that registered it, and gives no way to serve an
    open file otherwise from then on. In a plain directory a write of root's keeps the bits."""
    need("passthrough")
    m = set_id_file(t, 0o777)
    fd = os.open(m / "file", os.O_WRONLY)
    os.chmod(m / "file", 0o4777)
    os.write(fd, b"new")
    os.close(fd)
    equal(state(m / "file"), f"777 {OWNER}:{GROUP}", "the file after a write of root's")


def test_chown_to_nothing_of_a_file_that_is_open_for_writing_changes_nothing_for_others_and_root(t):
    """The kernel's request is the one that it makes before a write which costs capabilities or bits. What the write
    costs falls with the write. In a plain directory others are refused, and root's call takes the bits."""
    for mode, (needs, options) in MODES.items():
        if all(has(feature) for feature in needs):
            m = set_id_file(t, options=options)
            fd = os.open(m / "file", os.O_WRONLY)
            for caller in ("stranger", "root") if t.world == "root" else ("stranger",):
                with acting_as(*CALLERS[caller]):
                    os.chown(m / "file", -1, -1)
                equal(state(m / "file"), f"4777 {OWNER}:{GROUP}", f"after the call of {caller}, {mode}")
            with acting_as(*CALLERS["owner"]):
                os.chown(m / "file", -1, -1)
            equal(state(m / "file"), f"777 {OWNER}:{GROUP}", f"after the owner's call, {mode}")
            os.close(fd)
