# SPDX-License-Identifier: MIT
"""Random operations, their execution on a real directory, and the dump of a real directory in the model's form."""
import errno
import os
import stat

from harness import OLD, syscalls
from union_model import DIR, FILE, LINK, NEW, Node, from_disk_mode, shown_content

NAMES = ["a", "b", "c", "d"]
TOP_NAMES = ["p", "q", "r", "f", "g"]
HANDLES = ["h1", "h2", "h3"]


def random_lower(random, depth=0):
    """A small tree of lower nodes. Some files have two names."""
    entries, files = {}, []
    for name in TOP_NAMES if depth == 0 else NAMES:
        choice = random.random()
        if choice < 0.35 and depth < 2:
            entries[name] = random_lower(random, depth + 1)
        elif choice < 0.7:
            content = bytes(random.choices(b"xyz", k=random.choice([0, 1, 10, 5000])))
            xattrs = {"user.x": b"low"} if random.random() < 0.3 else {}
            entries[name] = Node(FILE, random.choice([0o600, 0o644, 0o755]), content, OLD + random.randrange(99), None, xattrs)
            files.append(entries[name])
        elif choice < 0.78:
            entries[name] = Node(LINK, 0o777, b"nowhere/low", OLD)
        elif choice < 0.83 and files:
            entries[name] = random.choice(files)
        if name in entries:
            entries[name].upper = False
    node = Node(DIR, 0o755, b"", OLD + depth, entries)
    node.upper = False
    return node


def write_to_disk(node, path, seen):
    """Builds a model tree in a directory."""
    if id(node) in seen:
        os.link(seen[id(node)], path, follow_symlinks=False)
        return
    seen[id(node)] = path
    if node.kind == LINK:
        os.symlink(node.content.decode(), path)
    elif node.kind == FILE:
        with open(path, "wb") as file:
            file.write(node.content)
    else:
        os.makedirs(path, exist_ok=True)
        for name, child in node.entries.items():
            write_to_disk(child, f"{path}/{name}", seen)
    if node.kind != LINK:
        os.chmod(path, node.mode)
    for name, value in node.xattrs.items():
        os.setxattr(path, name, value)
    os.utime(path, (node.mtime, node.mtime), follow_symlinks=False)


def random_path(random, existing):
    """Mostly a path that exists, else any."""
    if existing and random.random() < 0.5:
        return random.choice(existing)
    parts = [random.choice(TOP_NAMES)] + random.choices(NAMES, k=random.choice([0, 0, 1, 1, 1, 2]))
    return "/".join(parts)


def random_operation(random, open_handles, existing):
    """One operation as a tuple that needs no state: (name, arguments...)."""
    path, other = random_path(random, existing), random_path(random, existing)
    data = random.choice([b"A", b"B", b"C"]) * random.choice([1, 3, 50, 4096])
    offset = random.choice([0, 1, 7, 4000])
    choices = [
        (8, ("read", path)), (5, ("stat", path)), (4, ("listdir", path)), (2, ("readlink", path)),
        (7, ("mkdir", path, random.choice([0o755, 0o700]))), (7, ("rmdir", path)), (9, ("unlink", path)),
        (3, ("symlink", path, "nowhere/up")), (5, ("link", path, other)),
        (9, ("rename", path, other)), (2, ("rename", path, other, "noreplace")), (4, ("rename", path, other, "exchange")),
        (4, ("chmod", path, random.choice([0o600, 0o644, 0o711]))), (3, ("utime", path, OLD + random.randrange(1000, 1999))),
        (3, ("setxattr", path, random.choice(["user.x", "user.y"]), data[:50])),
        (2, ("removexattr", path, random.choice(["user.x", "user.y"]))), (2, ("getxattr", path, "user.x")),
        (4, ("truncate", path, random.choice([0, 3, 9000])))]
    free = [handle for handle in HANDLES if handle not in open_handles]
    if free:
        how = random.choice(["r", "r", "w", "create", "create", "exclusive", "trunc"])
        choices.append((25, ("open", free[0], path, how, random.choice([0o600, 0o644]))))
    if open_handles:
        handle = random.choice(sorted(open_handles))
        choices += [(10, ("close", handle)), (10, ("pread", handle, offset, 5000))]
        if open_handles[handle] != "r":
            choices.append((10, ("pwrite", handle, offset, data)))
    weights = [weight for weight, _ in choices]
    return random.choices([operation for _, operation in choices], weights)[0]


def shown(operation):
    """An operation as Python text, runs of bytes shortened."""
    words = [f"{word[:1]!r} * {len(word)}" if isinstance(word, bytes) and len(word) > 3 else repr(word)
             for word in operation]
    return "(" + ", ".join(words) + ")"


class Real:
    """Executes operations below a directory."""

    def __init__(self, root, boundary):
        self.root, self.boundary, self.fds = root, boundary, {}

    def apply(self, operation):
        name, *arguments = operation
        return getattr(self, "do_" + name)(*arguments)

    def at(self, path):
        return f"{self.root}/{path}"

    def close_all(self):
        for fd in self.fds.values():
            os.close(fd)
        self.fds.clear()

    def do_mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def do_symlink(self, path, target):
        os.symlink(target, self.at(path))

    def do_link(self, source, target):
        syscalls.link(self.at(source), self.at(target))

    def do_unlink(self, path):
        os.unlink(self.at(path))

    def do_rmdir(self, path):
        os.rmdir(self.at(path))

    def do_rename(self, source, target, flags=""):
        syscalls.renameat2(self.at(source), self.at(target), {"": 0, "noreplace": 1, "exchange": 2}[flags])

    def do_chmod(self, path, mode):
        os.chmod(self.at(path), mode)

    def do_utime(self, path, seconds):
        os.utime(self.at(path), (seconds, seconds))

    def do_setxattr(self, path, name, value):
        os.setxattr(self.at(path), name, value)

    def do_removexattr(self, path, name):
        os.removexattr(self.at(path), name)

    def do_getxattr(self, path, name):
        return os.getxattr(self.at(path), name)

    def do_stat(self, path):
        info = os.lstat(self.at(path))
        kind = from_disk_mode(info.st_mode)
        return kind, stat.S_IMODE(info.st_mode), info.st_size if kind != DIR else None, self.time(info)

    def do_listdir(self, path):
        return sorted(os.listdir(self.at(path)))

    def do_readlink(self, path):
        return os.readlink(self.at(path))

    def do_read(self, path):
        with open(self.at(path), "rb") as file:
            return file.read()

    def do_truncate(self, path, size):
        os.truncate(self.at(path), size)

    def do_open(self, handle, path, how, mode):
        flags = {"r": os.O_RDONLY, "w": os.O_RDWR, "create": os.O_RDWR | os.O_CREAT, "trunc": os.O_RDWR | os.O_TRUNC,
                 "exclusive": os.O_RDWR | os.O_CREAT | os.O_EXCL}[how]
        self.fds[handle] = os.open(self.at(path), flags | os.O_NOFOLLOW, mode)

    def do_pread(self, handle, offset, size):
        return os.pread(self.fds[handle], size, offset)

    def do_pwrite(self, handle, offset, data):
        return os.pwrite(self.fds[handle], data, offset)

    def do_close(self, handle):
        os.close(self.fds.pop(handle))

    def time(self, info):
        return NEW if info.st_mtime > self.boundary else int(info.st_mtime)


def xattrs_of(path):
    """Their names; none where there cannot be any."""
    try:
        return sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return []


def dump_real(root, boundary):
    """The model's dump, from a real directory."""
    lines, groups = [], {}
    real = Real(root, boundary)

    def walk(path):
        kind, mode, _, mtime = real.do_stat(path)
        full = real.at(path)
        info = os.lstat(full)
        group = groups.setdefault(info.st_ino, []) if kind != DIR else []
        group.append(path)
        xattrs = " ".join(f"{name}={os.getxattr(full, name, follow_symlinks=False)!r}" for name in xattrs_of(full))
        content = os.readlink(full).encode() if kind == LINK else real.do_read(path) if kind == FILE else None
        lines.append((f"/{path} {kind} {mode:04o} {shown_content(content) if content is not None else '-'} {mtime} {xattrs}", group))
        for name in sorted(os.listdir(full)) if kind == DIR else []:
            walk(f"{path}/{name}".lstrip("/"))
    walk("")
    return [line + (" = " + " ".join(group) if len(group) > 1 else "") for line, group in lines]
