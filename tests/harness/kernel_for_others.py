# SPDX-License-Identifier: MIT
"""Kernel overlayfs, mounted by the machine's root over the layers of a user who may not mount it, or not in this way.

The kernel keeps redirects, metacopies and the index to root, whose marks are trusted. attributes; the format is the
same under both names. So where a test asks for these, the marks in the layers get root's names as long as the kernel
has them mounted, and their own ones afterwards. What the kernel makes in a workdir is given to its owner.
"""
import os

from . import administrator, syscalls, trees

OURS, ROOTS = "user.overlay.", "trusted.overlay."


def mount(stack, text, renamed):
    """Mounts with that option text; renamed: whether marks get root's names. end() is the way back."""
    if renamed:
        administrator.do(rename_marks, _places(stack), OURS, ROOTS)
    try:
        administrator.do(syscalls.mount, "overlay", stack.mountpoint, "overlay", 0, text)
    except OSError:
        _give_back(stack, renamed)
        raise


def end(stack, renamed):
    """Unmounts and makes the layers their owner's again."""
    administrator.do(syscalls.umount, stack.mountpoint)
    _give_back(stack, renamed)


def _give_back(stack, renamed):
    if renamed:
        administrator.do(rename_marks, _places(stack), ROOTS, OURS)
    if stack.work:
        administrator.do(_give_away, stack.work)


def _places(stack):
    return [os.path.abspath(path) for path in (*stack.lowers, stack.upper, stack.work) if path]


def rename_marks(places, old, new):
    """Of all that is below these directories; marks which an object may not have under the new name are lost."""
    for path in everything(places):
        for name in os.listxattr(path, follow_symlinks=False):
            if name.startswith(old):
                value = os.getxattr(path, name, follow_symlinks=False)
                os.removexattr(path, name, follow_symlinks=False)
                try:
                    os.setxattr(path, new + name.removeprefix(old), value, follow_symlinks=False)
                except PermissionError:
                    pass            # user. attributes are for files and directories alone


def everything(places):
    """Paths of the directories and of all that is in them, as bytes."""
    for place in places:
        yield os.fsencode(place)
        for directory, names, files in os.walk(os.fsencode(place)):
            yield from (os.path.join(directory, name) for name in (*names, *files))


def _give_away(directory):
    """The kernel's directories are closed to all but root (mode 0)."""
    owner = trees.owner_of(directory)
    for path in everything([directory]):
        os.chown(path, *owner, follow_symlinks=False)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
