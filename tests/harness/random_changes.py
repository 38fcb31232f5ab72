# SPDX-License-Identifier: MIT
"""Random lower trees and random changes to a union, what a walk sees of them, and what a list of changes leads to."""
import errno
import os
import stat

from .checks import equal, holds
from .trees import Dir, File, Symlink

NAMES = ("a", "b", "c", "d")
REFUSED = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EINVAL, errno.EXDEV,
           errno.EPERM, errno.EBUSY, errno.EOPNOTSUPP, errno.EIO, errno.ENODATA, errno.ELOOP,
           errno.ESTALE)      # of kernel overlayfs, seldom


def tree(source, depth=3):
    """No symbolic link leads anywhere: git apply gives up where one that is replaced by a directory is a loop."""
    entries = {}
    for name in NAMES:
        kind = source.random()
        if kind < 0.35 and depth:
            entries[name] = Dir(tree(source, depth - 1))
        elif kind < 0.75:
            entries[name] = File(source.choice((b"", b"one", b"two", b"three\n")), mode=source.choice((0o644, 0o755)))
        elif kind < 0.85:
            entries[name] = Symlink(source.choice(("nowhere", "x")))
    return entries


def walk(root):
    """What is shown: type, mode, owner, content and attributes by path."""
    found, pending = {}, [""]
    while pending:
        above = pending.pop()
        for name in os.listdir(os.path.join(root, above)):
            path = os.path.join(above, name)
            whole = os.path.join(root, path)
            info = os.lstat(whole)
            content = None
            if stat.S_ISREG(info.st_mode):
                with open(whole, "rb") as file:
                    content = file.read()
            elif stat.S_ISLNK(info.st_mode):
                content = os.readlink(whole)
            xattrs = {key: os.getxattr(whole, key, follow_symlinks=False)
                      for key in os.listxattr(whole, follow_symlinks=False)}
            found[path] = {"type": stat.S_IFMT(info.st_mode), "mode": stat.S_IMODE(info.st_mode),
                           "owner": (info.st_uid, info.st_gid), "content": content, "xattrs": xattrs}
            if stat.S_ISDIR(info.st_mode):
                pending.append(path)
    return found


def somewhere(source, root):
    """A path of at most four names, most of which are there."""
    path = root
    for _ in range(source.randint(1, 4)):
        path = os.path.join(path, source.choice(NAMES))
        if not os.path.isdir(path) or os.path.islink(path):
            break
    return path


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


def again(path):
    remove(path)
    os.mkdir(path)


def put(path, mode, text):
    if os.path.islink(path):
        return
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def touch_up(path):
    """Copies the file up and leaves it as it is."""
    if not os.path.islink(path):
        with open(path, "r+b"):
            pass


def change_mode(source, path):
    if not os.path.islink(path):
        os.chmod(path, source.choice((0o700, 0o711) if os.path.isdir(path) else (0o600, 0o644, 0o700)))


def step(source, root, links=True):
    path, other, text = somewhere(source, root), somewhere(source, root), source.choice(("one", "two", "new", ""))
    operations = (
        lambda: put(path, "w", text),
        lambda: put(path, "a", text),
        lambda: touch_up(path),
        lambda: change_mode(source, path),
        lambda: remove(path),
        lambda: again(path),
        lambda: os.mkdir(path),
        lambda: os.rename(path, other),
        lambda: os.rename(path, other),
        lambda: os.symlink(text or "x", path),
        lambda: os.link(path, other, follow_symlinks=False) if links else None,
        lambda: os.setxattr(path, "user.test", text.encode(), follow_symlinks=False),
    )
    try:
        source.choice(operations)()
    except OSError as error:
        if error.errno not in REFUSED:
            raise


def prefixes(path):
    while path:
        yield path
        path = os.path.dirname(path)


def carried_out(before, after, changes):
    """The tree that the changes make of `before`. What they call different is taken from `after`."""
    gone = {change["path"] for change in changes if change["kind"] == "deleted"}
    gone |= {change.get("old_path", change["path"]) for change in changes if change["kind"] == "type-changed"}
    moved = {change["old_path"]: change["path"] for change in changes if change["kind"] == "renamed"}
    result = {}
    for path, what in before.items():
        for prefix in prefixes(path):      # the longest one decides
            if prefix in moved:
                result[moved[prefix] + path[len(prefix):]] = what
                break
            if prefix in gone:
                break
        else:
            result[path] = what
    for change in changes:
        if change["kind"] in ("added", "type-changed"):
            holds(change["path"] not in result, f"{change} adds what is there already")
            result[change["path"]] = after[change["path"]]
        elif change["kind"] in ("modified", "renamed"):
            old, new = result[change["path"]], after[change["path"]]
            differs = [key for key in ("content", "mode", "owner", "xattrs") if old[key] != new[key]]
            equal(sorted(change["differs"]), sorted(differs), f"what differs in {change}")
            result[change["path"]] = new
        else:
            holds(change["path"] in before, f"{change} deletes what was not there")
    return result
