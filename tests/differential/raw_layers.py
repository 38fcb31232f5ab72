# SPDX-License-Identifier: MIT
"""What a union left in its upper and work directories, as text in which equal meaning is equal text.

File handles (in overlay.origin, overlay.upper and as names in the index) are shown as the path of the
object that they belong to. What two right unions may leave differently is left out:

- A whiteout is only that: owner, mode, times and links of the device do not count. Whiteouts kept in
  the workdir, to be linked where one is needed next, do not count at all.
- Of a directory of the workdir only its name counts.
- overlay.uuid is drawn at random: that it is there counts.
- overlay.opaque=y: kernel overlayfs sets it also where nothing is beneath. That it is where it must be
  shows when the other system mounts the layer.
- overlay.redirect: where it leads counts, if that is not where the name itself would lead. (A rename
  that fails leaves such a mark on kernel overlayfs.) That of a file that has its data by now is not
  read any more, and does not count.
- overlay.impure counts only where it is missing although an entry has an origin: kernel overlayfs
  takes it away when it lists a directory that does not need it, in a user namespace always; with
  nfs_export=on it forgets the mark of a directory that a copied-up file is moved or linked into.
- In a user namespace overlay.origin is empty where kernel overlayfs wrote it, since it cannot follow
  file handles there: that it is there counts.
- With an index, which of its names an indexed file has in the upper: a caller of FUSE does not say by
  which name he opened it. So directories that were only copied up do not count either.
- overlay.nlink may count from the links of the upper or of the lower: the sum counts.
- In a user namespace kernel overlayfs turns the index off, and makes no directory for it.
- With nfs_export=on kernel overlayfs indexes all that it copies up; only hard links count.
- A metacopy of an empty file, for there is nothing to copy, and where it would be found.
"""
import dataclasses
import os
import struct

from harness import dump, syscalls

ORIGIN_MAGIC, HEADER = 0xFB, 21
LEFT_OUT = "(left out)"


class Handles:
    """Which path has which file handle, over some directory trees."""

    def __init__(self, trees):
        """trees: from label to directory."""
        self.known, self.trees = {}, trees
        for label, root in trees.items():
            for directory, names, files in os.walk(root):
                for name in [".", *names, *files]:
                    self._add(os.path.join(directory, name), label, root)

    def _add(self, path, label, root):
        try:
            handle = syscalls.file_handle(path)
        except OSError:
            return
        self.known.setdefault(handle, (label, os.path.relpath(path, root)))

    def shown(self, value):
        """The value of an origin mark (struct ovl_fb), or of an index entry's name."""
        if not value:
            return "(none)"
        if len(value) < HEADER or value[1] != ORIGIN_MAGIC or value[2] != len(value):
            return f"(malformed {value.hex()})"
        owner = "nobody" if not any(value[5:HEADER]) else value[5:HEADER].hex()
        place = self.known.get((value[4], value[HEADER:]))
        return f"{':'.join(place) if place else value[HEADER:].hex()}@{owner}:{value[3]}"

    def links(self, value):
        """The link count of the object that such a value belongs to; 0 if it is unknown."""
        label, path = self.known.get((value[4], value[HEADER:]), ("", "")) if len(value) >= HEADER else ("", "")
        return os.lstat(os.path.join(self.trees[label], path)).st_nlink if label else 0


@dataclasses.dataclass
class Union:
    """What the reading of the layers depends on."""
    lowers: dict            # from label to directory
    options: tuple = ()
    world: str = "root"
    boundary: float = 0     # later times are shown as new

    @property
    def overlay(self):
        return ("user." if "userxattr" in self.options else "trusted.") + "overlay."


class RawLayers:
    """Reads place/upper and place/work, which must be all that place has."""

    def __init__(self, place, union):
        self.place, self.union, self.overlay = place, union, union.overlay
        self.handles = Handles({**union.lowers, "upper": place + "/upper"})
        self.indexes_all = "nfs_export=on" in union.options
        self.has_index = "index=on" in union.options and union.world == "root"
        self.indexed = set(self._indexed_links(place + "/work/index"))
        hidden = tuple(self.overlay + mark for mark in ("impure", "opaque", "nlink", "redirect"))
        self.beneath = {".": ""}
        self.how = dump.How(mtime=union.boundary, value=self._value, errors=True, hide=hidden)

    def lines(self):
        lines = dump.dump(self.place, describe=self._describe, errors=True,
                          linked=lambda info: dump.is_linked(info) and not self.indexes_all and info.st_ino not in self.indexed)
        return [line for line in lines if line != LEFT_OUT]

    def _indexed_links(self, index):
        """Inode numbers of the copies of lower hard links."""
        for entry in os.scandir(index) if os.path.isdir(index) else ():
            if self.handles.links(_unhex(os.fsencode(entry.name))) > 1:
                yield entry.inode()

    def _value(self, name, content):
        mark = name.removeprefix(self.overlay)
        if mark == name:
            return content.hex()
        if mark == "origin" and self.union.world == "user":
            return "(any)"
        if mark in ("origin", "upper"):
            return self.handles.shown(content)
        return f"({len(content)} bytes)" if mark == "uuid" else _text(content)

    def _describe(self, path, relative, info):
        is_directory, is_whiteout = dump.kind_of(info.st_mode) == "dir", dump.is_whiteout(info)
        if relative.startswith(b"./work/index/"):
            return self._index_entry(path, relative.rpartition(b"/")[2], info)
        if relative == b"./work/index" and not self.has_index:
            return LEFT_OUT
        if relative == b"./work" or relative.startswith(b"./work/"):
            return LEFT_OUT if is_whiteout else f"{dump.shown(relative)} {dump.kind_of(info.st_mode)}"
        if is_whiteout:
            return f"{dump.shown(relative)} whiteout"
        if is_directory:
            return self._directory(path, relative, info)
        if info.st_ino in self.indexed:
            return LEFT_OUT
        how, links = self._how_of_file(info), "" if self.indexes_all else f" nlink={info.st_nlink}"
        moved = self._moved(path) if how is self.how and "metacopy" in self._marks(path) else ""
        return dump.line(path, relative, info, how) + moved + links

    def _how_of_file(self, info):
        if dump.kind_of(info.st_mode) != "file" or info.st_size > 0:
            return self.how
        return dataclasses.replace(self.how, hide=(*self.how.hide, self.overlay + "metacopy"))

    def _directory(self, path, relative, info):
        marks, moved = self._marks(path), self._moved(path)
        if self.has_index and "origin" in marks and not moved:
            return LEFT_OUT
        is_missing = "impure" not in marks and self.union.world == "root" and not self.indexes_all and any(
            "origin" in self._marks(entry.path) for entry in os.scandir(path))
        how = self.how
        if relative == b"./upper" and not self.has_index:
            how = dataclasses.replace(how, hide=(*how.hide, self.overlay + "origin"))
        return dump.line(path, relative, info, how) + moved + (" impure-is-missing" if is_missing else "")

    def _moved(self, path):
        """Where a redirect leads, unless the name itself would."""
        relative = os.path.relpath(os.fsdecode(path), self.place + "/upper")
        beneath, natural = self._beneath(relative), self._natural(relative)
        return f" below={beneath}" if beneath != natural else ""

    def _natural(self, relative):
        parent, _, name = relative.rpartition("/")
        return f"{self._beneath(parent or '.')}/{name}" if relative != "." else ""

    def _beneath(self, relative):
        """The path in the lowers of what is at a path of the upper, as far as its redirects say."""
        if relative not in self.beneath:
            path, natural = f"{self.place}/upper/{relative}", self._natural(relative)
            if "redirect" in self._marks(path):
                said = os.fsdecode(os.getxattr(path, self.overlay + "redirect", follow_symlinks=False))
                natural = said if said.startswith("/") else f"{natural.rpartition('/')[0]}/{said}"
            self.beneath[relative] = natural
        return self.beneath[relative]

    def _index_entry(self, path, name, info):
        if dump.is_whiteout(info) and name.startswith(b"#"):
            return LEFT_OUT
        handle = _unhex(name)
        lower_links = self.handles.links(handle)
        if self.indexes_all and (lower_links < 2 or not dump.is_linked(info)):
            return LEFT_OUT
        how = dataclasses.replace(self._how_of_file(info), mtime=None)
        shown = dump.line(path, b"./work/index/" + self.handles.shown(handle).encode(), info, how)
        return f"{shown} names={self._names(path, info.st_nlink, lower_links)}"

    def _names(self, path, upper_links, lower_links):
        """How many names an indexed file has in the union."""
        if "nlink" not in self._marks(path):
            return "(not said)"
        said = os.getxattr(path, self.overlay + "nlink", follow_symlinks=False).decode()
        return {"U": upper_links, "L": lower_links}[said[0]] + int(said[1:])

    def _marks(self, path):
        try:
            names = os.listxattr(path, follow_symlinks=False)
        except OSError:
            return set()
        return {name.removeprefix(self.overlay) for name in names if name.startswith(self.overlay)}


def _text(content):
    return "".join(chr(byte) if 33 <= byte < 127 else f"\\x{byte:02x}" for byte in content)


def _unhex(name):
    try:
        return bytes.fromhex(name.decode())
    except ValueError:
        return b"?"
