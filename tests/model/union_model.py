# SPDX-License-Identifier: MIT
"""A union filesystem in memory, as naive as can be: the truth that the random test compares a mount with.

Layers are trees of Node, the upper one first. A lookup asks every layer from the top until a whiteout,
an opaque directory or anything but a directory ends the search. Only the upper layer is ever changed.
Every operation is a method that returns its value or raises OSError, as the real one should. Callers
act as root, symlinks point nowhere, so permissions and symlink walks are not modelled.
"""
import errno
import stat
import zlib

NEW = "new"       # an mtime that some operation of the test made
DIR, FILE, LINK, WHITEOUT = "dir", "file", "symlink", "whiteout"


class Node:
    def __init__(self, kind, mode=0o644, content=b"", mtime=NEW, entries=None, xattrs=None):
        self.kind, self.mode, self.content, self.mtime = kind, mode, content, mtime
        self.entries = {} if entries is None else entries
        self.xattrs = dict(xattrs or {})
        self.opaque, self.upper = False, True
        self.below = []     # of a moved directory: what it is merged with, instead of what has its name

    def copy(self):
        return Node(self.kind, self.mode, self.content, self.mtime, None, self.xattrs)


class Handle:
    """An open file. `later` is the copied-up successor of a lower file that was open for reading only."""

    def __init__(self, node, path, writable):
        self.node, self.path, self.writable, self.later = node, path, writable, None


def refuse(number):
    raise OSError(number, "")


class Model:
    def __init__(self, lowers, redirects=True):
        self.layers, self.redirects = [Node(DIR, 0o755), *lowers], redirects
        self.handles = {}

    # Looking up

    def find(self, path):
        """The nodes that make up a path, topmost first: several only for a merged directory."""
        stack = list(self.layers)
        for name in path.split("/") if path else []:
            if stack[0].kind == LINK:
                refuse(errno.ENOENT)
            if stack[0].kind != DIR:
                refuse(errno.ENOTDIR)
            stack = self.child(stack, name)
            if not stack:
                refuse(errno.ENOENT)
        return stack

    @staticmethod
    def child(stack, name):
        found = []
        for directory in stack:
            node = directory.entries.get(name)
            if node is None:
                continue
            if node.kind == WHITEOUT or (found and node.kind != DIR):
                break
            found.append(node)
            if node.kind != DIR or node.opaque:
                found.extend(node.below)
                break
        return found

    def parent(self, path):
        """The stack of the directory that holds a path, the last name, and the stack of the path or []."""
        above, _, name = path.rpartition("/")
        stack = self.find(above)
        if stack[0].kind == LINK:
            refuse(errno.ENOENT)
        if stack[0].kind != DIR:
            refuse(errno.ENOTDIR)
        return stack, name, self.child(stack, name)

    def names(self, stack):
        every = {name for directory in stack for name in directory.entries}
        return sorted(name for name in every if self.child(stack, name))

    # Changing the upper layer

    def copy_up(self, path):
        """The upper node of an existing path, made with all its parents if need be."""
        if not path:
            return self.layers[0]
        stack = self.find(path)
        if stack[0].upper:
            return stack[0]
        above, _, name = path.rpartition("/")
        copied = stack[0].copy()
        self.copy_up(above).entries[name] = copied
        for handle in self.handles.values():
            if handle.node is stack[0] and handle.path == path:
                handle.later = copied
        return copied

    def upper_file(self, path, directories=True):
        stack = self.find(path)
        if stack[0].kind == LINK:
            refuse(errno.ENOENT)
        if stack[0].kind == DIR and not directories:
            refuse(errno.EISDIR)
        return self.copy_up(path)

    def place(self, path, node):
        above, _, name = path.rpartition("/")
        directory = self.copy_up(above)
        node.opaque = node.kind == DIR
        directory.entries[name] = node
        directory.mtime = NEW

    def take_away(self, path):
        above, _, name = path.rpartition("/")
        directory = self.copy_up(above)
        directory.entries.pop(name, None)
        if self.child(self.find(above), name):
            directory.entries[name] = Node(WHITEOUT)
        directory.mtime = NEW

    def free_name(self, path):
        if self.parent(path)[2]:
            refuse(errno.EEXIST)

    # Operations on names

    def mkdir(self, path, mode):
        self.free_name(path)
        self.place(path, Node(DIR, mode))

    def symlink(self, path, target):
        self.free_name(path)
        self.place(path, Node(LINK, 0o777, target.encode()))

    def link(self, source, target):
        node = self.find(source)[0]
        self.free_name(target)
        if node.kind == DIR:
            refuse(errno.EPERM)
        self.place(target, self.copy_up(source))

    def unlink(self, path):
        stack = self.find(path)
        if stack[0].kind == DIR:
            refuse(errno.EISDIR)
        self.take_away(path)

    def rmdir(self, path):
        stack = self.find(path)
        if stack[0].kind != DIR:
            refuse(errno.ENOTDIR)
        if self.names(stack):
            refuse(errno.ENOTEMPTY)
        self.take_away(path)

    def rename(self, source, target, flags=""):
        source_stack, target_stack = self.parent(source)[2], self.parent(target)[2]
        self._rename_names(source, target, source_stack, target_stack, flags)
        old, new = source_stack[0], target_stack[0] if target_stack else None
        if old is new and (old.upper or source == target):
            return
        if new and flags != "exchange" and (old.kind == DIR) != (new.kind == DIR):
            refuse(errno.ENOTDIR if old.kind == DIR else errno.EISDIR)
        for stack in (source_stack, target_stack if flags == "exchange" else None):
            if stack and stack[0].kind == DIR and not self.redirects and not (len(stack) == 1 and stack[0].upper):
                refuse(errno.EXDEV)
        if new and new.kind == DIR and flags != "exchange" and self.names(target_stack):
            refuse(errno.ENOTEMPTY)
        moved = self.copy_up(source)
        moved.below = [node for node in source_stack if not node.upper and node.kind == DIR]
        if flags == "exchange":
            back = self.copy_up(target)
            back.below = [node for node in target_stack if not node.upper and node.kind == DIR]
            self.place(source, back)
        else:
            self.take_away(source)
        self.place(target, moved)
        self._move_handles(source, target, flags)

    def _move_handles(self, source, target, flags):
        """An open lower file is below the new name of a directory that moved."""
        ways = [(source, target), (target, source)] if flags == "exchange" else [(source, target)]
        for handle in self.handles.values():
            for old, new in ways:
                if handle.path.startswith(old + "/"):
                    handle.path = new + handle.path.removeprefix(old)
                    break

    @staticmethod
    def _rename_names(source, target, source_stack, target_stack, flags):
        if not source_stack or (flags == "exchange" and not target_stack):
            refuse(errno.ENOENT)
        if flags == "noreplace" and target_stack:
            refuse(errno.EEXIST)
        if target.startswith(source + "/"):
            refuse(errno.EINVAL)
        if source.startswith(target + "/"):
            refuse(errno.EINVAL if flags == "exchange" else errno.ENOTEMPTY)

    # Operations on attributes

    def chmod(self, path, mode):
        self.upper_file(path).mode = mode

    def utime(self, path, seconds):
        self.upper_file(path).mtime = seconds

    def setxattr(self, path, name, value):
        self.upper_file(path).xattrs[name] = value

    def removexattr(self, path, name):
        stack = self.find(path)
        if stack[0].kind == LINK:
            refuse(errno.ENOENT)
        if name not in stack[0].xattrs:
            refuse(errno.ENODATA)
        del self.copy_up(path).xattrs[name]

    def getxattr(self, path, name):
        node = self.find(path)[0]
        if node.kind == LINK:
            refuse(errno.ENOENT)
        return node.xattrs[name] if name in node.xattrs else refuse(errno.ENODATA)

    def stat(self, path):
        node = self.find(path)[0]
        size = len(node.content) if node.kind != DIR else None
        return node.kind, node.mode, size, node.mtime

    def listdir(self, path):
        stack = self.find(path)
        if stack[0].kind == LINK:
            refuse(errno.ENOENT)
        return self.names(stack) if stack[0].kind == DIR else refuse(errno.ENOTDIR)

    def readlink(self, path):
        node = self.find(path)[0]
        return node.content.decode() if node.kind == LINK else refuse(errno.EINVAL)

    # Operations on data

    def read(self, path):
        node = self.find(path)[0]
        if node.kind == LINK:
            refuse(errno.ENOENT)
        return node.content if node.kind == FILE else refuse(errno.EISDIR)

    def truncate(self, path, size):
        node = self.upper_file(path, directories=False)
        node.content = node.content[:size].ljust(size, b"\0")
        node.mtime = NEW

    def open(self, handle, path, how, mode):
        """how: r, w, create, exclusive, trunc; all but r read and write."""
        stack = self.parent(path)[2]
        if not stack:
            if how not in ("create", "exclusive"):
                refuse(errno.ENOENT)
            self.place(path, Node(FILE, mode))
            stack = self.find(path)
        elif how == "exclusive":
            refuse(errno.EEXIST)
        elif stack[0].kind == LINK:
            refuse(errno.ELOOP)
        elif stack[0].kind == DIR and how != "r":
            refuse(errno.EISDIR)
        node = stack[0] if how == "r" else self.copy_up(path)
        if how == "trunc":
            node.content, node.mtime = b"", NEW
        self.handles[handle] = Handle(node, path, how != "r")

    def pread(self, handle, offset, size):
        """All answers that are right: a lower file open since before its copy-up may show either content."""
        opened = self.handles[handle]
        if opened.node.kind == DIR:
            refuse(errno.EISDIR)
        nodes = [opened.node] + ([opened.later] if opened.later else [])
        return {node.content[offset:offset + size] for node in nodes}

    def pwrite(self, handle, offset, data):
        node = self.handles[handle].node
        if not self.handles[handle].writable:
            refuse(errno.EBADF)
        node.content = node.content.ljust(offset, b"\0")
        node.content = node.content[:offset] + data + node.content[offset + len(data):]
        node.mtime = NEW
        return len(data)

    def close(self, handle):
        del self.handles[handle]

    # The whole

    def paths(self, above="", stack=None):
        """All existing paths but the root."""
        stack, found = stack or self.layers, []
        for name in self.names(stack) if stack[0].kind == DIR else []:
            path = f"{above}/{name}".lstrip("/")
            found += [path, *self.paths(path, self.child(stack, name))]
        return found

    def dump(self):
        """Path, kind, mode, content, mtime and xattrs of all, and which paths are one file."""
        lines, groups = [], {}
        self._dump("", self.layers, lines, groups)
        return [line + (" = " + " ".join(group) if len(group) > 1 else "") for line, group in lines]

    def _dump(self, path, stack, lines, groups):
        node = stack[0]
        group = groups.setdefault(id(node), []) if node.kind != DIR else []
        group.append(path)
        xattrs = " ".join(f"{name}={value!r}" for name, value in sorted(node.xattrs.items()))
        content = shown_content(node.content) if node.kind != DIR else "-"
        lines.append((f"/{path} {node.kind} {node.mode:04o} {content} {node.mtime} {xattrs}", group))
        for name in self.names(stack) if node.kind == DIR else []:
            self._dump(f"{path}/{name}".lstrip("/"), self.child(stack, name), lines, groups)


def shown_content(content):
    return repr(content) if len(content) <= 20 else f"{len(content)} bytes, crc {zlib.crc32(content):08x}"


def from_disk_mode(mode):
    return {stat.S_IFDIR: DIR, stat.S_IFREG: FILE, stat.S_IFLNK: LINK}[stat.S_IFMT(mode)]
