# SPDX-License-Identifier: MIT
"""What must hold of any union after heavy use: others show the same, and its upper layer is well formed."""
import os
import stat

from harness import checks, dump

OPAQUE = "trusted.overlay.opaque"


def shown_alike_by_all(t, m):
    """The dump of the mounted union is that of kernel overlayfs and of a second mount. Unmounts m."""
    t.progress("comparing with kernel overlayfs")
    merged = dump.dump(m.path)
    m.umount()
    checks.same_lines(t.kernel_dump(m), merged, "what kernel overlayfs shows of the same layers")
    t.progress("comparing with a second mount")
    again = t.remount(m)
    checks.same_lines(dump.dump(again.path), merged, "the union after a remount")
    again.umount()


def whiteouts_hide_something(upper, lower):
    """Every whiteout stands over a name that the union would show without it. Returns the paths of all."""
    found = []
    for directory, names, files in os.walk(upper):
        relative = os.path.relpath(directory, upper)
        opaque = is_opaque(directory)
        for name in files:
            path = os.path.normpath(os.path.join(relative, name))
            if is_whiteout(os.path.join(upper, path)):
                found.append(path)
                checks.holds(not opaque and os.path.lexists(os.path.join(lower, path)),
                             f"the whiteout {path} hides something of the lower layer")
        names[:] = [name for name in names if not opaque]
    return found


def removed_by_whiteout(m, path):
    """The path of the lower layer is gone from the union because it or a directory above it was removed."""
    checks.holds(not os.path.lexists(m / path), f"{path} is gone from the union")
    while path:
        if is_whiteout(os.path.join(m.upper, path)):
            return
        path = os.path.dirname(path)
        if is_opaque(os.path.join(m.upper, path)):
            return
    raise checks.Failure(f"{path} is hidden by nothing in the upper layer")


def is_whiteout(path):
    try:
        info = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def is_opaque(path):
    try:
        return os.getxattr(path, OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False
