# SPDX-License-Identifier: MIT
"""What a union left in its upper and work directories, as text in which equal meaning is equal text.

File handles (in overlay.origin, overlay.upper and as names in the index) are shown as the path of the
object that they belong to; what two right unions may do differently is left out, as RULES says.
"""
import os
import struct

from harness import dump, syscalls

RULES = """\
- A whiteout is only that: owner, mode, times and links of the device do not count.
- In a user namespace overlay.origin is empty where kernel overlayfs wrote it, for it could not follow file handles
  there: that it is there counts.
- overlay.uuid is drawn at random: that it is there counts.
- overlay.impure counts only where it is missing although an entry has an origin; kernel overlayfs takes it away when
  it lists a directory that does not need it. In a user namespace it takes it away always, and it does not count.
- overlay.opaque=y does not count: kernel overlayfs sets it where nothing is beneath as well. That it is where it
  must be shows when the other system mounts the layer.
- Of a directory of the workdir only its name counts; a whiteout that kernel overlayfs keeps in work/work, to link it
  where one is needed next, does not.
"""
ORIGIN_MAGIC, HEADER = 0xFB, 21


class Handles:
    """Which path has which file handle, over some directory trees."""

    def __init__(self, trees):
        """trees: from label to directory."""
        self.known = {}
        for label, root in trees.items():
            for directory, names, files in os.walk(root):
                for name in [".", *names, *files]:
                    self._add(os.path.join(directory, name), label, root)

    def _add(self, path, label, root):
        try:
            handle = syscalls.file_handle(path)
        except OSError:
            return
        self.known.setdefault(handle, f"{label}:{os.path.relpath(path, root)}")

    def shown(self, value):
        """The value of an origin mark (struct ovl_fb), or of an index entry's name."""
        if not value:
            return "(none)"
        if len(value) < HEADER or value[1] != ORIGIN_MAGIC or value[2] != len(value):
            return f"(malformed {value.hex()})"
        _, _, _, flags, kind = struct.unpack_from("=5B", value)
        owner = "nobody" if not any(value[5:HEADER]) else value[5:HEADER].hex()
        path = self.known.get((kind, value[HEADER:]), f"(unknown {kind} {value[HEADER:].hex()})")
        return f"{path}@{owner}:{flags}"


def raw_lines(place, prefix, trees, boundary, world):
    """The lines of place/upper and place/work, which must be all that place has.

    prefix: of the marks, as "trusted."; trees: from label to lower; boundary: later times are shown as new.
    """
    handles = Handles({**trees, "upper": place + "/upper"})
    overlay = prefix + "overlay."

    def value(name, content):
        if not name.startswith(overlay):
            return content.hex()
        mark = name[len(overlay):]
        if mark == "origin" and world == "user":
            return "(any)"
        if mark in ("origin", "upper"):
            return handles.shown(content)
        if mark == "uuid":
            return f"({len(content)} bytes)"
        return content.decode(errors="backslashreplace") if content.isascii() and content.isalnum() else _text(content)

    hidden = (overlay + "impure", overlay + "opaque")

    def describe(path, relative, info):
        is_index = relative.startswith(b"./work/index/")
        shown = b"./work/index/" + handles.shown(_unhex(relative[13:])).encode() if is_index else relative
        if dump.is_whiteout(info):
            return f"{dump.shown(shown)} whiteout"
        in_work = relative == b"./work" or relative.startswith(b"./work/") and not is_index
        if in_work and dump.kind_of(info.st_mode) == "dir":
            return f"{dump.shown(shown)} dir"
        how = dump.How(mtime=None if is_index else boundary, value=value, errors=True, hide=hidden)
        if dump.kind_of(info.st_mode) == "dir":
            return dump.line(path, shown, info, how) + (_impurity(path, overlay) if world == "root" else "")
        return dump.line(path, shown, info, how) + f" nlink={info.st_nlink}"

    lines = dump.dump(place, describe=describe, errors=True)
    return [line for line in lines if not (line.startswith("./work/work/") and line.endswith(" whiteout"))]


def _text(content):
    return "".join(chr(byte) if 33 <= byte < 127 else f"\\x{byte:02x}" for byte in content)


def _unhex(name):
    try:
        return bytes.fromhex(name.decode())
    except ValueError:
        return b"?"


def _impurity(directory, overlay):
    if _has(directory, overlay + "impure"):
        return ""
    return " impure-is-missing" if any(_has(entry.path, overlay + "origin") for entry in os.scandir(directory)) else ""


def _has(path, name):
    try:
        return name in os.listxattr(path, follow_symlinks=False)
    except OSError:
        return False
