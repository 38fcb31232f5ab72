# SPDX-License-Identifier: MIT
"""Random layers and random calls, as lines of a scenario.

Names are few, so that calls meet: the same name comes and goes as a file, a directory, a link. Only
calls are drawn whose answer two right unions must share: descriptors that read are closed before the
next call (a mapping or passed-through descriptor may go on showing a lower file), inode numbers are
not asked for but compared in dumps. Device numbers are those of no driver (60 is for local use):
calls open the nodes, and write to them.
"""
import shlex

NAMES = ("a", "b", "c", "d", "e", "f")
ODD = ("sp ace", "\u00e9", "-x", "a.b")
TOP = ("p", "q", "r", "s", "t", "a", "b")
HANDLES = ("h1", "h2")
WORDS = ("x", "abc", "x*100", "y*4096", "z*9000", "a*5000,b*5000")
PLAIN = (*WORDS, "v*300")
MODES = ("600", "644", "755", "711", "400", "777", "000")
OWNERS = ("0:0", "1000:1000", "1000:", ":1001", "65534:65534")
ACL = ("u::rwx,u:1000:r-x,g::r-x,m::rwx,o::---", "u::rw-,g::r--,o::r--", "u::rwx,u:1001:rwx,g::---,m::rwx,o::r-x")


# Of a metacopy: no digest, said in two ways, and one of a file whose bytes are other ones.
METACOPIES = ("", "0x00040000", "0x00240001" + "5a" * 32)


def mark_names(prefix):
    """Attribute names that are special or look so. prefix: "trusted." or "user.", where the marks are."""
    return (f"{prefix}overlay.opaque", f"{prefix}overlay.metacopy", f"{prefix}overlay.overlay.redirect",
            f"{prefix}overlay.custom", "trusted.overlay.opaque", "user.overlay.opaque")


ATTRIBUTES = ("user.a", "user.b", "user.c", "user.long-name-of-an-attribute", "trusted.e", "security.f")


def quoted(path):
    return shlex.quote(path)


class Calls:
    """Draws calls. source: a random.Random; known: [(path, is a directory)], to be kept up to date by the user.

    without: commands that are not drawn, and beginnings of names of attributes ("trusted.").
    """

    def __init__(self, source, prefix, known=(), without=(), long_name="n" * 255):
        self.source, self.prefix, self.known, self.handles, self.without = source, prefix, list(known), [], tuple(without)
        self.odd = (*ODD, long_name)

    # What a call is about

    def name(self):
        return self.source.choice(self.odd) if self.source.random() < 0.03 else self.source.choice(NAMES)

    def there(self, directory=None):
        """A path that was there lately: a directory, a file or any; sometimes any path."""
        found = [path for path, is_directory in self.known if directory in (None, is_directory)]
        if found and self.source.random() < 0.93:
            return self.source.choice(found)
        return self.fresh()

    def fresh(self):
        """A name in a directory that was there lately, which may well exist."""
        directories = [path for path, is_directory in self.known if is_directory]
        if not directories or self.source.random() < 0.2:
            return self.source.choice(TOP)
        return f"{self.source.choice(directories)}/{self.name()}"

    def anywhere(self):
        return self.there() if self.source.random() < 0.5 else self.fresh()

    def pick(self, *choices):
        return self.source.choice(choices)

    def attribute(self):
        return self.pick(*ATTRIBUTES) if self.source.random() < 0.8 else self.pick(*mark_names(self.prefix))

    def handle(self):
        return self.pick(*self.handles)

    def call(self, handles=(), also_without=()):
        """One line. handles: names of open handles; also_without: more commands that are not drawn."""
        self.handles = sorted(handles)
        rows = ROWS + HANDLE_ROWS if handles else ROWS
        _, draw = self.source.choices(rows, [weight for weight, _ in rows])[0]
        words = draw(self)
        without = (*self.without, *also_without)
        if any(word == other or (other.endswith(".") and word.startswith(other)) for word in words for other in without):
            return self.call(handles, also_without)
        if words[0] == "open" and words[1] in handles:
            words = ("close", words[1])
        line = " ".join(word if word in PLAIN else quoted(word) for word in words)
        if words[0] in AS_OTHERS and self.source.random() < 0.06:
            line = f"as {self.pick('1000:1000', '1000:1001', '65534:65534')} {line}"
        return line


    def listed_numbers(self):
        """Calls for directories that were just forgotten: earlier listings keep the number that a lower hard link had
        before its copy-up parted it from the others."""
        return [] if "inos" in self.without else [f"inos {quoted(self.there(True))}" for _ in range(4)]


AS_OTHERS = ("put", "append", "mkdir", "unlink", "rmdir", "rename", "chmod", "cat", "list", "link", "utime", "truncate")

# (weight, words of the call)
ROWS = (
    (7, lambda c: ("put", c.fresh(), c.pick("", *WORDS))),
    (3, lambda c: ("append", c.there(False), c.pick(*WORDS))),
    (3, lambda c: ("overwrite", c.there(False), c.pick("0", "10", "5000"), c.pick(*WORDS))),
    (2, lambda c: ("truncate", c.there(False), c.pick("0", "3", "5000", "70000"))),
    (2, lambda c: ("copy_content", c.there(False), c.anywhere(), c.pick("10", "90000"), "0", "100000")),
    (3, lambda c: ("cat", c.there(False))),
    (3, lambda c: ("stat", c.there())),
    (2, lambda c: ("lstat", c.anywhere())),
    (3, lambda c: ("list", c.there(True))),
    (1, lambda c: ("kinds", c.there(True))),
    (1, lambda c: ("access", c.there(), c.pick("r", "w", "x", "f"))),
    (8, lambda c: ("mkdir", c.fresh(), c.pick("755", "700", "777", "1777"))),
    (4, lambda c: ("rmdir", c.there(True))),
    (2, lambda c: ("rm_r", c.there())),
    (7, lambda c: ("unlink", c.there(False))),
    (6, lambda c: ("rename", c.there(True), c.fresh())),
    (5, lambda c: ("rename", c.there(False), c.fresh())),
    (3, lambda c: ("rename", c.there(), c.there())),
    (2, lambda c: ("rename", c.there(), c.anywhere(), "noreplace")),
    (5, lambda c: ("rename", c.there(), c.there(), "exchange")),
    (1, lambda c: ("rename", path := c.there(True), f"{path}/{c.name()}")),
    (5, lambda c: ("link", c.there(False), c.fresh())),
    (3, lambda c: ("symlink", c.pick("a", "p/a", "../b", "/no/where", "l" * 200), c.fresh())),
    (1, lambda c: ("readlink", c.there(False))),
    (2, lambda c: ("mknod", c.fresh(), "fifo", "644")),
    (1, lambda c: ("mknod", c.fresh(), c.pick("char", "block"), "600", c.pick("1:3", "0:0", "60:200"))),
    (1, lambda c: ("mknod", c.fresh(), c.pick("socket", "file"), "600")),
    (4, lambda c: ("chmod", c.there(), c.pick(*MODES))),
    (2, lambda c: ("chmod", c.there(), c.pick("4755", "2755", "1777", "6711"))),
    (3, lambda c: ("lchown", c.there(), c.pick(*OWNERS))),
    (3, lambda c: ("utime", c.there(), "1000000001", str(1_000_000_000 + c.source.randrange(10_000)))),
    (4, lambda c: ("setxattr", c.there(), c.attribute(), c.pick("", "v", "v*300", "y"))),
    (1, lambda c: ("setxattr", c.there(), c.attribute(), "v", c.pick("create", "replace"))),
    (3, lambda c: ("removexattr", c.there(), c.attribute())),
    (1, lambda c: ("getxattr", c.there(), c.attribute())),
    (2, lambda c: ("listxattr", c.there())),
    (2, lambda c: ("setacl", c.there(), c.pick(*ACL))),
    (1, lambda c: ("setacl", c.there(True), c.pick(*ACL), "default")),
    (1, lambda c: ("setcap", c.there(False))),
    (3, lambda c: ("open", c.pick(*HANDLES), c.there(False), c.pick("r,w", "r,w,trunc", "r,w,append"))),
    (2, lambda c: ("open", c.pick(*HANDLES), c.fresh(), c.pick("r,w,creat", "r,w,creat,excl"), c.pick("644", "600"))),
    (2, lambda c: ("open", c.pick(*HANDLES), c.there(True), "r,w,tmpfile", c.pick("644", "600"))),
)
HANDLE_ROWS = (
    (6, lambda c: ("pwrite", c.handle(), c.pick("0", "10", "5000"), c.pick(*WORDS))),
    (3, lambda c: ("write", c.handle(), c.pick(*WORDS))),
    (3, lambda c: ("pread", c.handle(), "0", "6000")),
    (3, lambda c: ("fstat", c.handle())),
    (2, lambda c: ("ftruncate", c.handle(), c.pick("0", "10", "9000"))),
    (1, lambda c: ("fchmod", c.handle(), c.pick("644", "600"))),
    (1, lambda c: ("fallocate", c.handle(), c.pick("allocate", "keep_size", "punch_hole,keep_size"), "100", "5000")),
    (1, lambda c: ("fsync", c.handle())),
    (6, lambda c: ("linkat", c.handle(), c.fresh())),
    (9, lambda c: ("close", c.handle())),
)


def first_layer(calls):
    """Lines that build the lowest layer: a tree of some fifty objects of every kind."""
    lines, directories, files, source = [], [], [], calls.source

    def dress(path, is_file):
        if source.random() < 0.3:
            lines.append(f"chmod {path} {calls.pick('600', '755', '4755', '2755') if is_file else calls.pick('700', '2775', '1777')}")
        if source.random() < 0.2:
            lines.append(f"lchown {path} {calls.pick(*OWNERS)}")
        if source.random() < 0.25:
            lines.append(f"setxattr {path} {calls.pick(*ATTRIBUTES)} v*{source.randrange(1, 200)}")
        if source.random() < 0.08:
            lines.append(f"setacl {path} {calls.pick(*ACL)}")
        if source.random() < 0.05 and is_file:
            lines.append(f"setcap {path}")

    def fill(beneath, depth):
        for name in TOP if depth == 0 else [*NAMES, *([calls.pick(*calls.odd)] if source.random() < 0.3 else [])]:
            path, choice = quoted(beneath + name), source.random()
            if choice < (0.5 if depth < 2 else 0.15) and depth < 4:
                lines.append(f"mkdir {path}")
                directories.append(path)
                fill(f"{beneath}{name}/", depth + 1)
                dress(path, False)
            elif choice < 0.75:
                lines.append(f"put {path} {quoted(calls.pick(*WORDS))}")
                if source.random() < 0.1:
                    lines.append(f"truncate {path} 300000")
                files.append(path)
                dress(path, True)
            elif choice < 0.82 and files and "link" not in calls.without:
                lines.append(f"link {calls.pick(*files)} {path}")
            elif choice < 0.87:
                lines.append(f"symlink {calls.pick('a', '../b', '/no/where')} {path}")
            elif choice < 0.92:
                lines.append(f"mknod {path} {calls.pick('fifo', 'socket', 'char 600 1:3', 'block 600 60:9')}")

    fill("", 0)
    return lines


def next_layer(calls, known, metacopies):
    """Lines that build a further layer over known paths by hand: whiteouts, opaque directories, things of other kinds.

    metacopies: whether there may be files without data.
    """
    lines, made, opaque, source = [], set(), set(), calls.source
    overlay = f"{calls.prefix}overlay."
    for path, is_directory in sorted(known):
        parent = path.rpartition("/")[0]
        choice = source.random()
        if parent and parent not in made:
            continue
        if is_directory and choice < 0.75:
            lines.append(f"mkdir {quoted(path)}")
            made.add(path)
            if choice < 0.1:
                lines.append(f"setxattr {quoted(path)} {overlay}opaque y")
            if choice < 0.1 or parent in opaque:
                opaque.add(path)
        elif choice < 0.82 and parent not in opaque:       # in an opaque one kernel overlayfs lists it
            lines.append(f"mknod {quoted(path)} char 0 0:0")
        elif choice < 0.9:
            lines.append(f"put {quoted(path)} {quoted(calls.pick(*WORDS))}")
        elif metacopies:
            lines.append(f"put {quoted(path)} ''")
            lines.append(f"truncate {quoted(path)} {calls.pick('3', '4096', '9000')}")
            lines.append(f"setxattr {quoted(path)} {overlay}metacopy {quoted(calls.pick(*METACOPIES))}")
            if choice < 0.95:
                lines.append(f"setxattr {quoted(path)} {overlay}redirect {quoted('/' + calls.there(False))}")
    for directory in ["", *sorted(made)]:
        name = quoted(f"{directory}/{calls.name()}".lstrip("/"))
        lines.append(calls.pick(f"put {name} new*7", f"mkdir {name}", f"symlink a {name}", f"mknod {name} fifo"))
    return lines
