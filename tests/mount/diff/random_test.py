# SPDX-License-Identifier: MIT
"""`overpass diff` after random changes, next to a naive comparison of two full walks.

The union is walked before the changes and after them. What `overpass diff --json` says must lead from the first walk
to the second one, and say nothing that is not so.
"""
import errno
import json
import os
import random
import stat

from harness import equal, features, holds, only_in
from harness.systems import option_text
from harness.trees import Dir, File, Symlink

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

STEPS, ROUNDS = 60, 6
NAMES = ("a", "b", "c", "d")
REFUSED = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EINVAL, errno.EXDEV,
           errno.EPERM, errno.EBUSY, errno.EOPNOTSUPP, errno.EIO, errno.ENODATA, errno.ELOOP)


def tree(source, depth=3):
    entries = {}
    for name in NAMES:
        kind = source.random()
        if kind < 0.35 and depth:
            entries[name] = Dir(tree(source, depth - 1))
        elif kind < 0.75:
            entries[name] = File(source.choice((b"", b"one", b"two", b"three\n")), mode=source.choice((0o644, 0o755)))
        elif kind < 0.85:
            entries[name] = Symlink(source.choice(NAMES))
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


def step(source, root):
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
        lambda: os.link(path, other, follow_symlinks=False),
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


def compare(t, before, after, *arguments, about):
    status, out, err = t.status_text("diff", "--json", *arguments)
    equal((status, err), (0, ""), f"exit status and messages, {about}")
    changes = json.loads(out)["changes"]
    kinds = [change["kind"] == "deleted" for change in changes]
    equal(kinds, sorted(kinds, reverse=True), "deletions come first")
    made = carried_out(before, after, changes)
    listing = "\n".join(json.dumps(change) for change in changes)
    equal({path: made[path] for path in sorted(made)}, {path: after[path] for path in sorted(after)},
          f"what the changes lead to, {about}\n{listing}")
    return {change["kind"] for change in changes}


def rounds(t, system, options):
    """The kinds of changes that were met."""
    kinds = set()
    for number in range(ROUNDS):
        seed = f"{t.settings.seed} {system} {options} {number}"
        source = random.Random(seed)
        # fuse-overlayfs cannot list names that are a directory in one lower and something else in another.
        lowers = [t.layer(tree(source)) for _ in range(1 if system == "fuse-overlayfs" else source.randint(1, 3))]
        for generation in range(1 if system == "fuse-overlayfs" else 2):
            about = f"seed {seed!r}, generation {generation}"
            m = t.mount(*lowers, system=system, options=options)
            before = walk(m.path)
            for _ in range(STEPS):
                step(source, m.path)
            if system == "fuse-overlayfs":
                m = t.remount(m)        # what it has in memory differs after some calls
            after = walk(m.path)
            layers = ("-o", option_text(m.stack))
            if system == "overpass":
                compare(t, before, after, m.path, about=about)
                compare(t, before, after, m.path, "-M", about=about)
            m.umount()
            kinds |= compare(t, before, after, *layers, about=about + ", unmounted")
            lowers = [m.upper, *lowers]     # the next upper lies over whiteouts, redirects and metacopies
    return kinds


def test_changes_of_overpass(t):
    kinds = rounds(t, "overpass", ("redirect_dir=on", "metacopy=on"))
    equal(kinds, {"deleted", "renamed", "added", "modified", "type-changed"}, "kinds that were met")


def test_changes_of_overpass_without_redirects(t):
    rounds(t, "overpass", ("redirect_dir=off",))


def test_changes_of_kernel_overlayfs(t):
    features.need("overlayfs")
    rounds(t, "kernel", ("redirect_dir=on", "metacopy=on") if t.world == "root" else ("userxattr",))


def test_changes_of_kernel_overlayfs_with_marks_of_users(t):
    features.need("overlayfs")
    rounds(t, "kernel", ("userxattr",))


@only_in("root", "user", why="fuse-overlayfs in a user namespace needs a set-up of its own")
def test_changes_of_fuse_overlayfs(t):
    rounds(t, "fuse-overlayfs", ())
