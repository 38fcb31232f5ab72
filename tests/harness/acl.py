# SPDX-License-Identifier: MIT
"""POSIX ACLs as text, in the binary form of the system.posix_acl_* extended attributes."""
import os
import struct

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
TAGS = {("u", ""): 0x01, ("u", "id"): 0x02, ("g", ""): 0x04, ("g", "id"): 0x08, ("m", ""): 0x10, ("o", ""): 0x20}
NO_ID = 0xFFFFFFFF


def encode(text):
    """From "u::rw-,u:1000:r--,g::r--,m::rw-,o::---" to the attribute's value."""
    entries = []
    for part in text.split(","):
        who, name, letters = part.split(":")
        tag = TAGS[who, "id" if name else ""]
        permissions = sum(bit for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if letter in letters)
        entries.append((tag, int(name) if name else NO_ID, permissions))
    entries.sort(key=lambda entry: (entry[0], entry[1]))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits, who) for tag, who, bits in entries)


def decode(value):
    names = {tag: key for key, tag in TAGS.items()}
    parts = []
    for at in range(4, len(value), 8):
        tag, bits, who = struct.unpack_from("<HHI", value, at)
        letter, named = names[tag]
        shown = "".join(c if bits & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))
        parts.append(f"{letter}:{who if named else ''}:{shown}")
    return ",".join(parts)


def set_acl(path, text, kind=ACCESS):
    os.setxattr(path, kind, encode(text))


def get_acl(path, kind=ACCESS):
    return decode(os.getxattr(path, kind))
