# SPDX-License-Identifier: MIT
"""One comparison, as lines of text that can be kept, shortened and run again.

    lower                                   a layer, bottom first; calls of harness.script build it
    mkdir d
    put d/f x*100
    lower redirect_dir=on,metacopy=on       this one is written by kernel overlayfs over those before it
    rename d e
    union redirect_dir=on,index=off         from here on every call is made on both unions
    put e/f hello
    compare | remount | forget | swap

`lower xfs` (or another file system) puts a layer there. `compare` compares what the unions show;
`remount` unmounts both and mounts again; `forget` makes the kernel forget names; `swap` compares what
both left in their upper layers, lets each system mount what the other wrote, and goes on. Every
scenario ends with a swap. Lowers are common to both, so that marks and inode numbers can be compared.
"""
import os
import re
import shutil
import stat
import time

from harness import checks, dump, syscalls, systems, trees
from place import Place
from raw_layers import RawLayers, Union

CONTROLS = ("compare", "remount", "forget", "swap")
LINKS = re.compile(r"links=\d+ ")
OLD = 1_000_000_000
KEPT_BY_REMOUNT = syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV | 8 | 1024      # and noexec, noatime


class Difference(Exception):
    """The two systems differ, in a kind of thing ("call", "mount", ...); the text says in what."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


class Scenario:
    """Runs lines, one after the other. REQUIRES: `close` is called at the end, whatever happens."""

    def __init__(self, settings, directory, elsewhere, names, world="root"):
        """directory: an empty one; elsewhere(kind): one on such a file system; names: the two systems compared."""
        self.settings, self.world, self.directory, self.elsewhere, self.names = settings, world, directory, elsewhere, list(names)
        self.directories = [directory]
        self.lowers, self.places, self.layer, self.boundary = [], [], None, time.time() - 3600
        self.options, self.lines, self.mounts, self.layer_mount = (), [], 0, None
        self.inodes = {}

    def run(self, line):
        self.lines.append(line)
        word, _, rest = line.partition(" ")
        if word == "lower":
            self._end_layer()
            self._begin_layer(rest)
        elif word == "union":
            self._end_layer()
            if not self.lowers:         # shortening left out its lines
                self._begin_layer("")
                self._end_layer()
            self._begin_union(tuple(filter(None, rest.split(","))))
        elif not self.places:
            if not self.layer:
                self._begin_layer("")
            self.layer.answer(line)
        elif word in CONTROLS:
            getattr(self, word)()
        else:
            self._both(line)

    # Layers

    def _begin_layer(self, how):
        is_kind = how and "=" not in how and how != "userxattr"
        base = self.elsewhere(how) if is_kind else self.directory
        self.directories.append(base)
        path = f"{base}/lower{len(self.lowers) + 1}"
        os.mkdir(path)
        self.layer = Place(path, "made")
        if how and not is_kind and self.lowers:
            stack = systems.Stack(self.lowers[::-1], self.layer.upper, self.layer.work, tuple(how.split(",")), self.layer.point)
            self.layer_mount = self.layer.mount = systems.mount_kernel(self.settings, stack)
        else:
            self.layer.script.root = self.layer.upper

    def _end_layer(self):
        if self.layer:
            self.layer.close_handles()
            if self.layer_mount:
                self.layer_mount.umount()
            _age(self.layer.upper)
            self.lowers.append(self.layer.upper)
        self.layer = self.layer_mount = None

    # The unions

    def _begin_union(self, options):
        self.options = options
        self.places = [Place(self.directory, name) for name, _ in zip(("first", "second"), self.names, strict=False)]
        self.before = [dump.checksum(lower) for lower in self.lowers]
        devices = {os.stat(lower).st_dev for lower in [*self.lowers, self.places[0].upper]}
        self.inodes = _inodes(self.lowers) if len(devices) == 1 else {}
        self._mount()
        self.compare()

    def _mount(self):
        for place, system in zip(self.places, self.names, strict=True):
            stack = systems.Stack(self.lowers[::-1], place.upper, place.work, self.options, place.point)
            self.mounts += 1
            try:
                place.mount = systems.mount(self.settings, stack, system, f"{self.directory}/{self.mounts}.log")
            except (systems.MountFailed, OSError) as error:
                raise Difference("mount", f"{system} does not mount: {error}") from error

    def _umount(self):
        for place in self.places:
            place.close_handles()
            try:
                place.mount.umount()
            except (checks.Failure, OSError) as error:
                raise Difference("end", f"{place.mount.system} does not end well: {error}") from error
            if "volatile" in self.options:
                shutil.rmtree(place.work + "/work/incompat", ignore_errors=True)

    def _both(self, line):
        answers = [place.answer(line, "metacopy=on" in self.options) for place in self.places]
        if not self._counts_links():
            answers = [LINKS.sub("", answer) for answer in answers]
        if answers[0] != answers[-1]:
            raise Difference("call", f"{line}\n" + "\n".join(
                f"    {system:8} -> {answer[:600]}" for system, answer in zip(self.names, answers, strict=True)))

    def _counts_links(self):
        """With nfs_export=on kernel overlayfs comes to count the entry of the index as a name of the file."""
        return "nfs_export=on" not in self.options

    def shown(self, place):
        """What the union shows, with link counts and, where they must be a lower's, inode numbers."""
        how = dump.How(mtime=self.boundary, errors=True)

        def is_numbered(info):
            """User marks cannot say where a copied-up device or symbolic link is from; its number is any then.

            In a user namespace kernel overlayfs can follow no file handle, with nfs_export=on it follows those only
            that its own index confirms: there all numbers are any.
            """
            kind = stat.S_IFMT(info.st_mode)
            return self.world == "root" and self._counts_links() and ("userxattr" not in self.options or kind in (stat.S_IFREG, stat.S_IFDIR))

        def describe(path, relative, info):
            number = f" ino={self.inodes[info.st_ino]}" if info.st_ino in self.inodes and is_numbered(info) else ""
            links = f" nlink={info.st_nlink}" if not stat.S_ISDIR(info.st_mode) and self._counts_links() else ""
            return dump.line(path, relative, info, how) + links + number
        lines = dump.dump(place.point, describe=describe, errors=True,
                          linked=lambda info: dump.is_linked(info) and is_numbered(info))
        # Kernel overlayfs lists a lower's whiteouts where nothing is merged with them.
        return [line for line in lines if not line.endswith(" lstat=ENOENT")]

    def compare(self):
        shown = [self.shown(place) for place in self.places]
        self._same(shown[0], shown[-1], "what the unions show")

    def _same(self, first, second, what, names=None):
        names = names or self.names
        if first != second:
            gone = [line for line in first if line not in set(second)]
            new = [line for line in second if line not in set(first)]
            raise Difference(what, "\n".join([f"{what} differs:", *(f"    {names[0]:8} {line}" for line in gone[:12]),
                                        *(f"    {names[1]:8} {line}" for line in new[:12])]))

    def remount(self):
        self.compare()
        self._umount()
        self._mount()
        self.compare()

    def forget(self):
        """A remount of the superblock alone drops the unused names, and only those of this mount."""
        for place in self.places:
            flags = os.statvfs(place.point).f_flag & KEPT_BY_REMOUNT
            syscalls.mount("none", place.point, None, syscalls.MS_REMOUNT | flags)

    def swap(self):
        self.compare()
        self._umount()
        self.compare_raw()
        self.names.reverse()
        self._mount()
        self.compare()

    def compare_raw(self):
        lowers = {f"lower{number}": lower for number, lower in enumerate(self.lowers, 1)}
        union = Union(lowers, self.options, self.world, self.boundary)
        self._same(*(RawLayers(place.layers, union).lines() for place in self.places),
                   "what the unions left in upper and work")

    def handles(self):
        """Names of the handles that are open now."""
        return set((self.places or [self.layer])[0].script.handles)

    def paths(self):
        """What there is now: (path, is a directory), as the first system or the layer being built shows it; sorted."""
        found, root = [], (self.places or [self.layer])[0].script.root
        for directory, names, files in os.walk(root):
            relative = os.path.relpath(directory, root)
            beneath = "" if relative == "." else relative + "/"
            found += [(beneath + name, True) for name in names if not os.path.islink(f"{directory}/{name}")]
            found += [(beneath + name, False) for name in files]
        return sorted(found)

    def finish(self):
        """The last swap, and that no lower was touched."""
        self.run("swap")
        self._umount()
        self.compare_raw()
        for lower, before in zip(self.lowers, self.before, strict=True):
            if dump.checksum(lower)[0] != before[0]:
                raise Difference("lower", f"the lower layer {lower} was written to")

    def close(self):
        for place in [*self.places, *([self.layer] if self.layer else [])]:
            place.give_up()
        for directory in self.directories:
            trees.remove(directory)


def _age(root):
    """Gives everything an old time that says what it was, so that a lost time shows."""
    for number, (directory, names, files) in enumerate(os.walk(root, topdown=False)):
        for at, name in enumerate([*sorted(files), *sorted(names)]):
            path = f"{directory}/{name}"
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.utime(path, (OLD + at, OLD + at), follow_symlinks=False)
        os.utime(directory, (OLD + number, OLD + number))


def _inodes(lowers):
    """From inode number to the place of a lower's object, which a union on one file system must keep."""
    found = {}
    for number, lower in enumerate(lowers, 1):
        for directory, names, files in os.walk(lower):
            for name in [*names, *files]:
                path = os.path.join(directory, name)
                found.setdefault(os.lstat(path).st_ino, f"lower{number}:{os.path.relpath(path, lower)}")
    return found
