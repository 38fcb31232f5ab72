# SPDX-License-Identifier: MIT
"""Random calls by several users on what they may and may not do, as lines of a script.

Names are few, so that calls meet. Only calls are drawn whose answer a plain directory and two right unions share:
what is open is open for writing alone, and nothing that a descriptor keeps is asked of it later; bits that the next
write takes are not set while somebody has a file open (docs/testing.md).
"""
import shlex

GROUP = 2000
# Root, the owner of most files, a member of their group by its first and by a supplementary group, a stranger.
CALLERS = ("0:0", "1000:1000", f"1001:{GROUP}", f"1002:1002,{GROUP}", "1003:1003")
DIRECTORIES = ("open", "shared", "sticky", "private", "heir", "open/below")
NAMES = ("a", "b", "c", "d")
MODES = ("600", "640", "644", "660", "664", "666", "750", "755", "775", "777", "400", "444", "000", "711", "620")
SET_ID = ("4755", "2755", "6777", "4711", "2765", "2666", "6767", "1777", "2775", "3777")
OWNERS = ("0:0", "1000:1000", f"1000:{GROUP}", f":{GROUP}", ":1000", "1003:", "1001:1001", f"1000:{GROUP}")
ENTRIES = ("u::rwx,u:1003:r-x,g::r-x,m::rwx,o::---", "u::rw-,g::r--,o::r--", "u::rwx,u:1001:rwx,g::---,m::rwx,o::r-x",
           f"u::rw-,g::r--,g:{GROUP}:rw-,m::rw-,o::---", "u::rwx,u:1000:---,g::rwx,m::r-x,o::rwx")
ATTRIBUTES = ("user.a", "user.b", "trusted.a", "security.mine", "security.capability", "system.posix_acl_access",
              "system.posix_acl_default", "nonsense.a", "user.overlay.opaque")
# Overlayfs takes a set-group-ID bit as well when the owner removes an access ACL.
REMOVED = tuple(name for name in ATTRIBUTES if name != "system.posix_acl_access")
OPENS = ("w", "r,w", "w,append", "w,trunc", "r,w,trunc", "r,trunc", "w,creat", "r,w,creat,excl", "r,noatime", "r,dir",
         "r,nofollow", "w,creat,trunc", "path", "r,w,tmpfile", "w,dsync")
WORDS = ("x", "abc*100", "z*5000")
HANDLES = ("h1", "h2")
FLAGS = ("append", "immutable")


def first_lines():
    """The tree at the beginning, made by root in a lower layer or a plain directory."""
    lines = []
    for directory, owner, mode in (("open", "0:0", "777"), ("shared", f"1000:{GROUP}", "2775"), ("sticky", "0:0", "1777"),
                                   ("private", "1000:1000", "700"), ("heir", f"1000:{GROUP}", "775"),
                                   ("open/below", f"1000:{GROUP}", "3770")):
        lines += [f"mkdir {directory}", f"chown {directory} {owner}", f"chmod {directory} {mode}"]
    lines.append(f"setacl heir {ENTRIES[0]} default")
    for directory in DIRECTORIES:
        for name, owner, mode in (("a", f"1000:{GROUP}", "664"), ("b", f"1000:{GROUP}", "4775"), ("c", "0:0", "2766")):
            lines += [f"put {directory}/{name} content", f"chown {directory}/{name} {owner}", f"chmod {directory}/{name} {mode}"]
        lines += [f"setcap {directory}/a", f"setxattr {directory}/b user.a v", f"mkdir {directory}/d"]
    return lines


class Calls:
    """Draws lines. source: a random.Random; without: commands that are not drawn."""

    def __init__(self, source, without=()):
        self.source, self.without = source, without

    def pick(self, *choices):
        return self.source.choice(choices)

    def path(self):
        if self.source.random() < 0.06:
            return self.pick(*DIRECTORIES)
        return f"{self.pick(*DIRECTORIES)}/{self.pick(*NAMES)}"

    def call(self, handles):
        """One line; handles: names of the open ones."""
        rows = ROWS + (HANDLE_ROWS if handles else NO_HANDLE_ROWS)
        _, draw = self.source.choices(rows, [weight for weight, _ in rows])[0]
        words = draw(self, sorted(handles))
        if words[0] in self.without:
            return self.call(handles)
        if words[0] == "open" and words[1] in handles:
            words = ("close", words[1])
        line = " ".join(shlex.quote(word) for word in words)
        umask = f"umask {self.pick('0', '022', '077')} " if words[0] in ("open", "mkdir", "mknod", "put") else ""
        return f"as {self.pick(*CALLERS)} {umask}{line}" if words[0] != "close" else line


ROWS = (
    (6, lambda c, h: ("chmod", c.path(), c.pick(*MODES))),
    (7, lambda c, h: ("chown", c.path(), c.pick(*OWNERS))),
    (3, lambda c, h: ("lchown", c.path(), c.pick(*OWNERS))),
    (9, lambda c, h: ("try_open", c.path(), c.pick(*OPENS), c.pick("644", "666", "4755", "2775", "600"))),
    (4, lambda c, h: ("open", c.pick(*HANDLES), c.path(), c.pick("w", "w,append", "w,creat"), c.pick("644", "666"))),
    (4, lambda c, h: ("truncate", c.path(), c.pick("0", "3", "5000"))),
    (4, lambda c, h: ("append", c.path(), c.pick(*WORDS))),
    (4, lambda c, h: ("overwrite", c.path(), c.pick("0", "10"), c.pick(*WORDS))),
    (2, lambda c, h: ("copy_content", c.pick("open/a", "shared/a"), f"{c.pick(*DIRECTORIES[2:])}/{c.pick(*NAMES)}", "100")),
    (3, lambda c, h: ("put", c.path(), c.pick(*WORDS))),
    (3, lambda c, h: ("cat", c.path())),
    (3, lambda c, h: ("stat", c.path())),
    (2, lambda c, h: ("list", c.pick(*DIRECTORIES))),
    (4, lambda c, h: ("access", c.path(), c.pick("r", "w", "x", "rw", "rwx", "f"))),
    (4, lambda c, h: ("setxattr", c.path(), c.pick(*ATTRIBUTES[:4]), c.pick("v", ""))),
    (1, lambda c, h: ("setxattr", c.path(), c.pick(*ATTRIBUTES), "v", c.pick("create", "replace"))),
    (3, lambda c, h: ("removexattr", c.path(), c.pick(*REMOVED))),
    (3, lambda c, h: ("getxattr", c.path(), c.pick(*ATTRIBUTES))),
    (2, lambda c, h: ("listxattr", c.path())),
    (4, lambda c, h: ("setacl", c.path(), c.pick(*ENTRIES))),
    (2, lambda c, h: ("setacl", c.path(), c.pick(*ENTRIES), "default")),
    (2, lambda c, h: ("getacl", c.path())),
    (2, lambda c, h: ("mknod", c.path(), c.pick("socket", "file", "char", "block"), c.pick("644", "666"), "60:200")),
    (3, lambda c, h: ("mkdir", c.path(), c.pick("755", "777", "700"))),
    (2, lambda c, h: ("symlink", c.pick("a", "../open/a"), c.path())),
    (3, lambda c, h: ("link", c.path(), c.path())),
    (5, lambda c, h: ("rename", c.path(), c.path(), c.pick("", "", "noreplace", "exchange"))),
    (5, lambda c, h: ("unlink", c.path())),
    (3, lambda c, h: ("rmdir", c.path())),
    (3, lambda c, h: ("utime", c.path(), "1000000001", "1000000002")),
    (3, lambda c, h: ("utime_now", c.path())),
    (1, lambda c, h: ("getflags", c.path())),
)
NO_HANDLE_ROWS = (
    (6, lambda c, h: ("chmod", c.path(), c.pick(*SET_ID))),
    (4, lambda c, h: ("setcap", c.path())),
    (2, lambda c, h: ("setflags", c.path(), c.pick(*FLAGS))),
    (4, lambda c, h: ("setflags", c.path())),
)
HANDLE_ROWS = (
    (8, lambda c, h: ("write", c.pick(*h), c.pick(*WORDS))),
    (4, lambda c, h: ("ftruncate", c.pick(*h), c.pick("0", "10", "9000"))),
    (3, lambda c, h: ("fallocate", c.pick(*h), c.pick("allocate", "keep_size", "punch_hole,keep_size", "zero_range"), "0", "5000")),
    (2, lambda c, h: ("fchmod", c.pick(*h), c.pick(*MODES))),
    (2, lambda c, h: ("fchown", c.pick(*h), c.pick(*OWNERS))),
    (2, lambda c, h: ("fsetxattr", c.pick(*h), c.pick(*ATTRIBUTES[:4]), "v")),
    (12, lambda c, h: ("close", c.pick(*h))),
)
