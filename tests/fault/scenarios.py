# SPDX-License-Identifier: MIT
"""The operations whose every step is broken: layers before, and the calls a program makes.

Operations are chosen so that each way through the code that changes the upper layer is taken once. An
operation changes the tree by one call, so that there is one old and one new state.
"""
import dataclasses
import os
import socket
import stat
import typing

from states import with_parted_links

from harness import WHITEOUT, Dir, File, Link, Node, Symlink, acl, syscalls

DATA = bytes(range(256)) * 16
LARGE = File(DATA * 20, 0o640, size=300_000)                     # beyond what is copied by one call; ends in a hole
DRESSED = File(DATA, 0o4751, (1000, 1001), {"user.a": b"1", "user.b": b"2", "trusted.c": b"3"})


@dataclasses.dataclass
class Scenario:
    name: str
    operation: typing.Callable                                  # takes the mount
    lowers: tuple = ()
    upper: dict = dataclasses.field(default_factory=dict)
    options: tuple = ()
    prepare: typing.Callable = None                             # calls on the same mount before the operation
    keeps_handles: bool = False                                 # the upper holds handles of its own files
    between: typing.Callable = None                             # old and new state to a third that is allowed
    not_for_kernel: str = ""                                    # why the kernel is not asked
    only_of_uppers: str = ""                                    # what a layer shows of it only as the upper one
    error_after: str = ""                                       # why an error may come although it has happened


def scenario(name, operation, lower=None, upper=None, **named):
    return Scenario(name, operation, (lower or {},), upper or {}, **named)


def opened(path, flags, mode=0o644):
    os.close(os.open(path, flags, mode))


def bind(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


def chain(item):
    return {"a": Dir({"b": Dir({"c": Dir({"file": item})}, 0o2750, (5, 6)), "other": "o"}, 0o711, xattrs={"user.d": b"d"})}


def emptied(names, **dressing):
    """The upper part of a directory whose lower entries are all hidden."""
    return Dir({name: WHITEOUT for name in names}, **dressing)


COPY_UP = [
    scenario("copy-up of a file by opening it", lambda m: opened(m / "file", os.O_WRONLY | os.O_APPEND), {"file": DRESSED}),
    scenario("copy-up of a file by chmod", lambda m: os.chmod(m / "file", 0o600), {"file": DRESSED}),
    scenario("copy-up of a large file with a hole", lambda m: os.chmod(m / "file", 0o600), {"file": LARGE}),
    scenario("copy-up of a file deep below", lambda m: os.chmod(m / "a/b/c/file", 0o600), chain(DRESSED)),
    scenario("copy-up of directories", lambda m: os.chmod(m / "a/b/c", 0o700), chain("x")),
    scenario("copy-up of a symbolic link", lambda m: os.lchown(m / "link", 7, 8), {"link": Symlink("to", (1, 2))}),
    scenario("copy-up of a fifo", lambda m: os.chmod(m / "fifo", 0o600), {"fifo": Node(stat.S_IFIFO, 0o644, owner=(1, 2))}),
    scenario("copy-up of a device", lambda m: os.utime(m / "node", (5, 5)), {"node": Node(stat.S_IFBLK, 0o640, (7, 99))}),
    scenario("copy-up of one of two hard links", lambda m: os.chmod(m / "one", 0o600), {"one": DRESSED, "two": Link("one")},
             between=lambda old, new: with_parted_links(old)),      # which is how a copy-up is seen without an index
    scenario("copy-up of a file with an ACL", lambda m: os.chown(m / "file", 3, 4),
             {"file": File(DATA, xattrs={"system.posix_acl_access": acl.encode("u::rw-,u:7:r--,g::r--,m::r--,o::---")})}),
    scenario("setting an extended attribute of a lower file", lambda m: os.setxattr(m / "file", "user.new", b"v"), {"file": DRESSED}),
    scenario("removing an extended attribute of a lower file", lambda m: os.removexattr(m / "file", "user.a"), {"file": DRESSED}),
    scenario("setting the times of a lower file", lambda m: os.utime(m / "file", (5, 6)), {"file": "x"}),
    scenario("chown of a lower set-user-ID file", lambda m: os.chown(m / "file", 3, 4), {"file": DRESSED}),
    scenario("copy-up for a link", lambda m: os.link(m / "file", m / "a/name"), {"file": DRESSED, "a": {}}),
]

SHORT_COPY = "only what is to stay is copied up, as in overlayfs; what follows may fail"
SIZES = [
    scenario("truncating open of a lower file", lambda m: opened(m / "file", os.O_WRONLY | os.O_TRUNC), {"file": LARGE},
             error_after=SHORT_COPY),
    scenario("truncation of a lower file", lambda m: os.truncate(m / "file", 1000), {"file": LARGE},
             error_after=SHORT_COPY),
    scenario("growing a lower file", lambda m: os.truncate(m / "file", 400_000), {"file": LARGE}),
]

CREATION = [
    scenario("creating a file", lambda m: opened(m / "a/new", os.O_CREAT | os.O_EXCL | os.O_WRONLY), {"a": {"x": "y"}}),
    scenario("creating a file over a whiteout", lambda m: opened(m / "name", os.O_CREAT | os.O_EXCL | os.O_WRONLY),
             {"name": DRESSED}, {"name": WHITEOUT}),
    scenario("mkdir", lambda m: os.mkdir(m / "a/new", 0o751), {"a": {"x": "y"}}),
    scenario("mkdir over a whiteout", lambda m: os.mkdir(m / "name"), {"name": {"x": "y"}}, {"name": WHITEOUT}),
    scenario("mkdir over a whiteout in a directory with a default ACL", lambda m: os.mkdir(m / "d/name"),
             {"d": {"name": {"x": "y"}}},
             {"d": Dir({"name": WHITEOUT}, 0o2775, (3, 4), {"system.posix_acl_default": acl.encode("u::rwx,u:7:r--,g::r-x,m::r-x,o::---")})}),
    scenario("symlink over a whiteout", lambda m: os.symlink("to", m / "name"), {"name": "x"}, {"name": WHITEOUT}),
    scenario("mkfifo over a whiteout", lambda m: os.mkfifo(m / "name", 0o620), {"name": "x"}, {"name": WHITEOUT}),
    scenario("binding a socket over a whiteout", lambda m: bind(m / "name"), {"name": "x"}, {"name": WHITEOUT}),
    scenario("link", lambda m: os.link(m / "file", m / "name"), {}, {"file": "x"}),
    scenario("link over a whiteout", lambda m: os.link(m / "file", m / "name"), {"name": "old"}, {"file": "x", "name": WHITEOUT}),
]

REMOVAL = [
    scenario("unlink of an upper file", lambda m: os.unlink(m / "file"), {}, {"file": "x"}),
    scenario("unlink of a lower file", lambda m: os.unlink(m / "a/file"), {"a": {"file": "x"}}),
    scenario("unlink of a copied-up file", lambda m: os.unlink(m / "file"), {"file": "x"}, {"file": "xy"}),
    scenario("unlink of one of two upper links", lambda m: os.unlink(m / "one"), {}, {"one": "x", "two": Link("one")}),
    scenario("rmdir of an upper directory", lambda m: os.rmdir(m / "d"), {}, {"d": {}}),
    scenario("rmdir of a lower directory", lambda m: os.rmdir(m / "d"), {"d": {}}),
    scenario("rmdir of a merged directory", lambda m: os.rmdir(m / "d"), {"d": {}}, {"d": {}}),
    scenario("rmdir of a merged directory full of whiteouts", lambda m: os.rmdir(m / "d"),
             {"d": {"x": "1", "y": "2", "z": {"deep": "3"}}}, {"d": emptied("xyz")}),
    scenario("rmdir of an upper directory with old whiteouts", lambda m: os.rmdir(m / "d"), {}, {"d": emptied("xyz")},
             not_for_kernel="it lists whiteouts of a directory that no lower layer has"),
    scenario("rmdir of an opaque directory", lambda m: os.rmdir(m / "d"), {"d": {"x": "1"}}, {"d": Dir(opaque="trusted")}),
]

RENAMES = [
    scenario("rename of an upper file", lambda m: os.rename(m / "old", m / "new"), {}, {"old": "x"}),
    scenario("rename of a lower file", lambda m: os.rename(m / "old", m / "new"), {"old": DRESSED}),
    scenario("rename of a lower file into another directory", lambda m: os.rename(m / "a/old", m / "b/new"),
             {"a": {"old": DRESSED}, "b": {"x": "y"}}),
    scenario("rename of a lower file over a lower file", lambda m: os.rename(m / "old", m / "new"), {"old": "x", "new": "y"}),
    scenario("rename of an upper file over a lower file", lambda m: os.rename(m / "old", m / "new"), {"new": "y"}, {"old": "x"}),
    scenario("rename of an upper file over a whiteout", lambda m: os.rename(m / "old", m / "new"),
             {"new": "y"}, {"old": "x", "new": WHITEOUT}),
    scenario("rename of a copied-up file over a whiteout", lambda m: os.rename(m / "old", m / "new"),
             {"old": "x", "new": "y"}, {"old": "xx", "new": WHITEOUT}),
    scenario("rename of a copied-up symbolic link", lambda m: os.rename(m / "old", m / "new"), {"old": Symlink("to")}),
    scenario("rename of an upper directory", lambda m: os.rename(m / "old", m / "new"), {}, {"old": {"x": "y"}}),
    scenario("rename of an upper directory over a whiteout", lambda m: os.rename(m / "old", m / "new"),
             {"new": {"y": "z"}}, {"old": {"x": "y"}, "new": WHITEOUT}),
    scenario("rename of an opaque directory over a whiteout", lambda m: os.rename(m / "old", m / "new"),
             {"old": {"w": "v"}, "new": {"y": "z"}}, {"old": Dir({"x": "y"}, opaque="trusted"), "new": WHITEOUT}),
    scenario("rename of an upper directory over an empty one", lambda m: os.rename(m / "old", m / "new"),
             {}, {"old": {"x": "y"}, "new": {}}),
    scenario("rename of an upper directory over an emptied merged one", lambda m: os.rename(m / "old", m / "new"),
             {"new": {"y": "z"}}, {"old": {"x": "y"}, "new": emptied("y", mode=0o751, owner=(3, 4))}),
    scenario("rename of an opaque directory over an emptied merged one", lambda m: os.rename(m / "old", m / "new"),
             {"old": {"w": "v"}, "new": {"y": "z"}}, {"old": Dir({"x": "y"}, opaque="trusted"), "new": emptied("y")}),
    scenario("rename of an upper directory over an empty lower one", lambda m: os.rename(m / "old", m / "new"),
             {"new": {}}, {"old": {"x": "y"}}),
    scenario("exchange of two lower files", lambda m: exchange(m / "old", m / "new"), {"old": "x", "new": "y"}),
    scenario("exchange of a lower file and an upper directory", lambda m: exchange(m / "old", m / "d"),
             {"old": "x"}, {"d": {"x": "y"}}),
    scenario("exchange of two upper directories over lower ones", lambda m: exchange(m / "d", m / "e"),
             {"d": {"x": "y"}, "e": {"z": "w"}},
             {"d": Dir({"1": "1"}, opaque="trusted"), "e": Dir({"2": "2"}, opaque="trusted")}),
]


def exchange(one, other):
    syscalls.renameat2(one, other, syscalls.RENAME_EXCHANGE)


REDIRECT = ("redirect_dir=on",)
DEEP = {"old": Dir({"x": "1", "sub": Dir({"deep": "2"}, 0o750)}, 0o751, (3, 4), {"user.a": b"1"})}
REDIRECTS = [
    scenario("rename of a lower directory", lambda m: os.rename(m / "old", m / "new"), DEEP, options=REDIRECT),
    scenario("rename of a lower directory into another one", lambda m: os.rename(m / "old", m / "to/new"),
             DEEP | {"to": {"y": "z"}}, options=REDIRECT),
    scenario("rename of a merged directory", lambda m: os.rename(m / "old", m / "new"), DEEP,
             {"old": Dir({"upper": "u", "x": WHITEOUT}, 0o700)}, options=REDIRECT),
    scenario("rename of a merged directory over a whiteout", lambda m: os.rename(m / "old", m / "new"),
             DEEP | {"new": {"hidden": "h"}}, {"old": {"upper": "u"}, "new": WHITEOUT}, options=REDIRECT),
    scenario("rename of a merged directory over an emptied one", lambda m: os.rename(m / "old", m / "new"),
             DEEP | {"new": {"y": "z"}}, {"old": {"upper": "u"}, "new": emptied("y")}, options=REDIRECT),
    scenario("rename of a lower directory back to its place", lambda m: os.rename(m / "new", m / "old"), DEEP,
             options=REDIRECT, prepare=lambda m: os.rename(m / "old", m / "new")),
    scenario("rename below a renamed directory", lambda m: os.rename(m / "new/sub", m / "out"), DEEP,
             options=REDIRECT, prepare=lambda m: os.rename(m / "old", m / "new")),
    scenario("copy-up below a renamed directory", lambda m: os.chmod(m / "new/sub/deep", 0o600), DEEP,
             options=REDIRECT, prepare=lambda m: os.rename(m / "old", m / "new")),
    scenario("exchange of two lower directories", lambda m: exchange(m / "old", m / "other"),
             DEEP | {"other": {"y": "z"}}, options=REDIRECT),
    scenario("exchange of a merged directory and a file", lambda m: exchange(m / "old", m / "file"),
             DEEP | {"file": DRESSED}, {"old": {"upper": "u"}}, options=REDIRECT),
    scenario("rmdir of an emptied renamed directory", lambda m: os.rmdir(m / "new"), {"old": {"x": "1"}},
             options=REDIRECT, prepare=lambda m: (os.rename(m / "old", m / "new"), os.unlink(m / "new/x"))),
]

def touched(*paths):
    """The old tree, the file with a new time: a metacopy is filled in place, and its time put back afterwards."""
    def state(old, new):
        lines = {path: " ".join("mtime=new" if word.startswith("mtime=") else word for word in old.lines[path].split(" "))
                 for path in paths}
        return dataclasses.replace(old, lines=old.lines | lines)
    return state


METACOPY = ("metacopy=on", "redirect_dir=on")
METACOPIES = [
    scenario("metacopy by chmod", lambda m: os.chmod(m / "file", 0o600), {"file": DRESSED}, options=METACOPY),
    scenario("metacopy by chown", lambda m: os.chown(m / "a/b/c/file", 3, 4), chain(LARGE), options=METACOPY),
    scenario("copying the data of a metacopy", lambda m: opened(m / "file", os.O_WRONLY | os.O_APPEND), {"file": LARGE},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600), between=touched("./file")),
    scenario("truncating a metacopy", lambda m: os.truncate(m / "file", 1000), {"file": LARGE},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600), between=touched("./file")),
    scenario("truncating open of a metacopy", lambda m: opened(m / "file", os.O_WRONLY | os.O_TRUNC), {"file": LARGE},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600), between=touched("./file")),
    scenario("rename of a metacopy", lambda m: os.rename(m / "file", m / "new"), {"file": LARGE},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600)),
    scenario("rename of a lower file by metacopy", lambda m: os.rename(m / "file", m / "a/new"), {"file": LARGE, "a": {}},
             options=METACOPY),
    scenario("rename of a metacopy over a lower file", lambda m: os.rename(m / "file", m / "new"),
             {"file": LARGE, "new": DRESSED}, options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600)),
    scenario("link of a metacopy", lambda m: os.link(m / "file", m / "a/new"), {"file": LARGE, "a": {}},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600)),
    scenario("unlink of a metacopy", lambda m: os.unlink(m / "file"), {"file": LARGE},
             options=METACOPY, prepare=lambda m: os.chmod(m / "file", 0o600)),
    scenario("copying the data of a renamed metacopy", lambda m: opened(m / "new", os.O_RDWR), {"file": LARGE},
             options=METACOPY, prepare=lambda m: (os.chmod(m / "file", 0o600), os.rename(m / "file", m / "new")),
             between=touched("./new")),
    scenario("metacopy below a renamed directory", lambda m: os.chmod(m / "new/sub/deep", 0o600), DEEP,
             options=METACOPY, prepare=lambda m: os.rename(m / "old", m / "new")),
]

def protect(path, flags):
    """As chattr(1) does: a file on ext4 that loses its other flags is converted, which may fail while it is written back."""
    fd = os.open(path, os.O_RDONLY)
    try:
        syscalls.set_flags(fd, syscalls.get_flags(fd) & ~(IMMUTABLE | APPEND) | flags)
    finally:
        os.close(fd)


IMMUTABLE, APPEND = syscalls.FS_IMMUTABLE_FL, syscalls.FS_APPEND_FL
def protection(name, operation, lower, upper=None, **named):
    return scenario(name, operation, lower, upper, only_of_uppers="protection", **named)


PROTECTION = [
    protection("making a lower file immutable", lambda m: protect(m / "a/b/c/file", IMMUTABLE), chain(DRESSED)),
    protection("making an upper file append-only", lambda m: protect(m / "file", APPEND), {}, {"file": "x"}),
    protection("making a lower directory immutable", lambda m: protect(m / "a/b", IMMUTABLE), chain("x")),
    protection("releasing an immutable file", lambda m: protect(m / "file", 0), {"file": "x"},
             prepare=lambda m: protect(m / "file", IMMUTABLE)),
    protection("exchanging one protection for another", lambda m: protect(m / "file", APPEND), {"file": "x"},
             prepare=lambda m: protect(m / "file", IMMUTABLE)),
]


def indexed(name, operation, lower, prepare=None, options=("index=on",), **named):
    return scenario(name, operation, lower, prepare=prepare, options=options, keeps_handles=True,
                    only_of_uppers="links that are not copied up", **named)


TWO = {"one": DRESSED, "a": {"two": Link("one")}}
COPIED = lambda m: os.chmod(m / "one", 0o600)                                   # noqa: E731
INDEXED = [
    indexed("indexed copy-up of one of two links", COPIED, TWO),
    indexed("indexed copy-up of the other link", lambda m: os.chmod(m / "a/two", 0o640), TWO, COPIED),
    indexed("indexed copy-up of one of two symbolic links", lambda m: os.lchown(m / "one", 7, 8),
            {"one": Symlink("to", (1, 2)), "two": Link("one")}),
    indexed("truncating open of one of two links", lambda m: opened(m / "one", os.O_WRONLY | os.O_TRUNC),
            {"one": LARGE, "a": {"two": Link("one")}},
            error_after=SHORT_COPY),
    indexed("link of an indexed file", lambda m: os.link(m / "one", m / "a/three"), TWO),
    indexed("link of an indexed file over a whiteout", lambda m: os.link(m / "one", m / "a/gone"),
            {"one": DRESSED, "a": {"two": Link("one"), "gone": "g"}}, lambda m: os.unlink(m / "a/gone")),
    indexed("unlink of a lower link", lambda m: os.unlink(m / "one"), TWO),
    indexed("unlink of an indexed link", lambda m: os.unlink(m / "one"), TWO, COPIED),
    indexed("unlink of the last indexed link", lambda m: os.unlink(m / "one"), TWO,
            lambda m: (COPIED(m), os.unlink(m / "a/two"))),
    indexed("unlink of the last lower link", lambda m: os.unlink(m / "one"), TWO, lambda m: os.unlink(m / "a/two")),
    indexed("rename of a lower link", lambda m: os.rename(m / "one", m / "new"), TWO),
    indexed("rename of an indexed link", lambda m: os.rename(m / "a/two", m / "new"), TWO, COPIED),
    indexed("rename over an indexed link", lambda m: os.rename(m / "file", m / "one"), TWO | {"file": "x"}, COPIED),
    indexed("rename over the last indexed link", lambda m: os.rename(m / "file", m / "one"), TWO | {"file": "x"},
            lambda m: (COPIED(m), os.unlink(m / "a/two"))),
    indexed("exchange of an indexed link", lambda m: exchange(m / "one", m / "file"), TWO | {"file": "x"}, COPIED),
    indexed("creating over the whiteout of an indexed link", lambda m: opened(m / "one", os.O_CREAT | os.O_EXCL | os.O_RDWR),
            TWO, lambda m: (COPIED(m), os.unlink(m / "one"))),
    indexed("metacopy of one of two links", COPIED, TWO, options=("index=on", *METACOPY)),
    indexed("copying the data of an indexed metacopy", lambda m: opened(m / "a/two", os.O_RDWR), TWO, COPIED,
            options=("index=on", *METACOPY), between=touched("./one", "./a/two")),
    indexed("rename of an indexed metacopy", lambda m: os.rename(m / "one", m / "a/new"), TWO, COPIED,
            options=("index=on", *METACOPY)),
    indexed("rename of a lower directory with an index", lambda m: os.rename(m / "a", m / "b"), TWO,
            options=("index=on", *REDIRECT)),
]

# The parts in which they are tried, by what they change above all.
CONTENTS = [*COPY_UP, *SIZES, *PROTECTION]
NAMES = [*CREATION, *REMOVAL, *RENAMES]
MARKS = [*REDIRECTS, *METACOPIES, *INDEXED]
SCENARIOS = [*CONTENTS, *NAMES, *MARKS]
