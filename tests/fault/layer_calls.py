# SPDX-License-Identifier: MIT
"""The system calls that change a layer, or read one, as a seccomp filter that hands them to a supervisor.

What waits or talks to the kernel's FUSE client passes untouched. The daemon gets no io_uring of its own: what
is done by a ring makes no call. Of the changing calls openat(2) is handed
over if it creates or truncates. openat2(2) and write(2) are not among them: the daemon gives the first no
mode to create with, and uses the second for its log only.
"""
import errno
import os

from harness import seccomp
from harness.seccomp import ALLOW, JUMP_EQUAL, JUMP_SET, NOTIFY, RETURN, load_argument, load_number

# What changes a layer. Call -> (x86_64, asm-generic); None where only the other has it.
CHANGING = {
    "pwrite64": (18, 68), "pwritev": (296, 70), "pwritev2": (328, 287),
    "copy_file_range": (326, 285), "ftruncate": (77, 46), "truncate": (76, 45), "fallocate": (285, 47),
    "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84), "syncfs": (306, 267),
    "mkdirat": (258, 34), "mknodat": (259, 33), "symlinkat": (266, 36), "linkat": (265, 37),
    "unlinkat": (263, 35), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, None), "mknod": (133, None), "symlink": (88, None), "link": (86, None), "unlink": (87, None),
    "rmdir": (84, None), "rename": (82, None), "chmod": (90, None), "chown": (92, None), "lchown": (94, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "fchown": (93, 55), "fchownat": (260, 54),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "openat": (257, 56), "ioctl": (16, 29),
}
# What reads one.
READING = {
    "openat": (257, 56), "openat2": (437, 437), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "statx": (332, 291), "newfstatat": (262, 79), "fstat": (5, 80), "readlinkat": (267, 78), "getdents64": (217, 61),
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "getxattrat": (464, 464),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "listxattrat": (465, 465),
    "pread64": (17, 67), "lseek": (8, 62), "fstatfs": (138, 44), "faccessat": (269, 48), "faccessat2": (439, 439),
    "file_getattr": (468, 468), "ioctl": (16, 29),
}
# Only some of their uses change anything.
CREATING = os.O_CREAT | os.O_TRUNC | 0o20000000                # the last is what O_TMPFILE adds to O_DIRECTORY
CHANGING_IOCTLS = {0x40049409: "FICLONE", 0x4020940D: "FICLONERANGE", 0x40086602: "FS_IOC_SETFLAGS",
                   0x401C5820: "FS_IOC_FSSETXATTR", 0x40806685: "FS_IOC_ENABLE_VERITY"}
READING_IOCTLS = {0x80086601: "FS_IOC_GETFLAGS", 0x801C581F: "FS_IOC_FSGETXATTR", 0x4010E501: "FUSE_DEV_IOC_BACKING_OPEN",
                  0xC0046686: "FS_IOC_MEASURE_VERITY"}
# Which arguments are paths, for the reader of a report.
NAMES = {
    "mkdirat": (1,), "mknodat": (1,), "symlinkat": (0, 2), "linkat": (1, 3), "unlinkat": (1,), "renameat2": (1, 3),
    "renameat": (1, 3), "fchmodat": (1,), "fchmodat2": (1,), "fchownat": (1,), "utimensat": (1,), "openat": (1,),
    "setxattr": (0, 1), "lsetxattr": (0, 1), "setxattrat": (1, 3), "fsetxattr": (1,), "removexattr": (0, 1),
    "lremovexattr": (0, 1), "removexattrat": (1, 3), "truncate": (0,),
    "openat2": (1,), "statx": (1,), "newfstatat": (1,), "readlinkat": (1,), "getxattr": (0, 1), "lgetxattr": (0, 1),
    "fgetxattr": (1,), "getxattrat": (1, 3), "listxattr": (0,), "llistxattr": (0,), "listxattrat": (1,),
    "name_to_handle_at": (1,), "file_getattr": (1,),
}


def _numbers(table):
    known = {name: seccomp.number(both) for name, both in table.items()}
    return {name: number for name, number in known.items() if number is not None}


def names_by_number():
    return {number: name for name, number in _numbers({**CHANGING, **READING}).items()}


def filter_program(reading=False):
    """The filter for the changing or the reading calls."""
    table, ioctls = (READING, READING_IOCTLS) if reading else (CHANGING, CHANGING_IOCTLS)
    numbers = _numbers(table)
    some = {"ioctl": (1, [(JUMP_EQUAL, code) for code in ioctls])}       # of these it depends on an argument
    if not reading:
        some["openat"] = (2, [(JUMP_SET, CREATING)])
    program = seccomp.begin() + seccomp.failing(seccomp.IO_URING_SETUP, errno.ENOSYS)
    program += [*_any_of([(JUMP_EQUAL, number) for name, number in numbers.items() if name not in some])]
    for name, (argument, tests) in some.items():
        program += [load_number(), (JUMP_EQUAL, 0, len(tests) + 2, numbers[name]), load_argument(argument), *_any_of(tests)]
    return [*program, (RETURN, 0, 0, ALLOW)]


def _any_of(tests):
    """Notifies if one of the tests holds, else goes on behind."""
    last = len(tests) - 1
    steps = [(kind, last - at, int(at == last), value) for at, (kind, value) in enumerate(tests)]
    return [*steps, (RETURN, 0, 0, NOTIFY)]
