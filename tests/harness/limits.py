# SPDX-License-Identifier: MIT
"""A daemon whose file systems can do as little as NFS: no extended attributes, no device nodes, no flags of renameat2(2),
no unnamed files, no locks on directories. What its calls of that kind answer is what NFS answers.

    m = t.mount_stack(stack, preexec_fn=limits.like_nfs())
"""
import errno
import stat

from . import seccomp
from .seccomp import ALLOW, AND, ERRNO, JUMP_EQUAL, JUMP_SET, RETURN

# Call -> its numbers on x86_64 and elsewhere.
WRITING_XATTRS = {"setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
                  "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466)}
READING_XATTRS = {"getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "getxattrat": (464, 464),
                  "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "listxattrat": (465, 465)}
MKNODAT, RENAMEAT2, OPENAT, FLOCK = (259, 33), (316, 276), (257, 56), (73, 32)
TMPFILE = 0o20000000        # what O_TMPFILE adds to O_DIRECTORY


def like_nfs(lowers_have_xattrs=False):
    """A function for the child that becomes the daemon."""
    seccomp.need()
    program = seccomp.begin()
    for both in (*WRITING_XATTRS.values(), *(() if lowers_have_xattrs else READING_XATTRS.values())):
        program += seccomp.failing(seccomp.number(both), errno.EOPNOTSUPP)
    program += seccomp.failing(seccomp.number(FLOCK), errno.EBADF)
    program += _failing_if(MKNODAT, 2, [(AND, 0, 0, stat.S_IFMT(0o777777)), (JUMP_EQUAL, 0, 1, stat.S_IFCHR)], errno.EPERM)
    program += _failing_if(RENAMEAT2, 4, [(JUMP_SET, 0, 1, 0xFF)], errno.EINVAL)
    program += _failing_if(OPENAT, 2, [(JUMP_SET, 0, 1, TMPFILE)], errno.EOPNOTSUPP)
    program.append((RETURN, 0, 0, ALLOW))
    return lambda: seccomp.install(program)


def _failing_if(both, argument, tests, error):
    """The call fails if the last of the tests, which skips one step when it does not hold, holds for the argument."""
    body = [seccomp.load_argument(argument), *tests, (RETURN, 0, 0, ERRNO | error)]
    return [(JUMP_EQUAL, 0, len(body), seccomp.number(both)), *body, seccomp.load_number()]
