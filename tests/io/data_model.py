# SPDX-License-Identifier: MIT
"""The random tester's model of each file: a bytearray, the times it has seen, and which process holds what.

It knows nothing of mounts. A descriptor for reading that is older than the first write has, in modes that pass lowers
through, a view of its own: the content at that time. Where a change of attributes came before the first write it may
have either view.
"""
import dataclasses
import os
import time

from modes import OLD

ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


class Difference(Exception):
    """The system answered what the model does not allow."""


def demand(condition, text):
    if not condition:
        raise Difference(text)


def clock():
    """The clock that file systems take times from: never ahead of what they write next."""
    return time.clock_gettime_ns(5)


@dataclasses.dataclass(eq=False)
class ModelFile:
    name: str
    content: bytearray
    born: str                           # lower, upper, or new
    in_lower: bool = False              # it was neither opened for writing nor changed
    lower_content: bytes = b""          # what old descriptors may go on showing
    attributes_changed: bool = False    # copied up before the first write
    changed_at: int = 0                 # the clock before the last change of content
    mtime: int = 0
    ctime: int = 0
    largest: int = 0
    writes: int = 0

    def put(self, offset, data):
        if not data:
            return
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset:offset + len(data)] = data
        self.largest = max(self.largest, len(self.content))

    def resize(self, size):
        if size < len(self.content):
            del self.content[size:]
        else:
            self.content.extend(bytes(size - len(self.content)))
        self.largest = max(self.largest, size)

    def written(self):
        """It was opened for writing or cut."""
        self.in_lower = False


@dataclasses.dataclass(eq=False)
class ModelHandle:
    number: int
    actor: int
    file: ModelFile
    flags: int
    views: tuple = ("new",)         # of "new" (the content) and "old" (the lower's), those it may have

    @property
    def reads(self):
        return self.flags & ACCESS != os.O_WRONLY

    @property
    def writes(self):
        return self.flags & ACCESS != os.O_RDONLY

    @property
    def appends(self):
        return bool(self.flags & os.O_APPEND)

    @property
    def direct(self):
        return bool(self.flags & os.O_DIRECT)

    @property
    def has_old_view(self):
        return "old" in self.views

    def contents(self):
        return [self.file.lower_content if view == "old" else self.file.content for view in self.views]


@dataclasses.dataclass(eq=False)
class ModelMap:
    number: int
    handle: ModelHandle
    length: int
    writes: bool
    views: tuple
    stored_at: int = 0                  # the clock before the first store that no msync followed


def views_of_reader(file, what_old_ones_see):
    """The views that a descriptor for reading may have if it is opened now."""
    if file.born != "lower" or not file.in_lower or what_old_ones_see != OLD:
        return ("new",)
    return ("old", "new") if file.attributes_changed else ("old",)


def demand_read(contents, offset, length, data, what):
    """The bytes are those of one of the contents, all that were asked for up to its end."""
    for content in contents:
        if data == content[offset:offset + length]:
            return
    expected = bytes(contents[-1][offset:offset + length])
    if len(data) != len(expected):
        raise Difference(f"{what}: {len(data)} bytes at {offset}, expected are {len(expected)} "
                         f"(of {length}, in a file of {len(contents[-1])})")
    first = next(at for at in range(len(data)) if data[at] != expected[at])
    last = next(at for at in reversed(range(len(data))) if data[at] != expected[at])
    raise Difference(f"{what}: bytes {offset + first} to {offset + last} are wrong: {data[first:first + 8].hex()}..., "
                     f"expected {expected[first:first + 8].hex()}...")


def demand_attributes(file, shown, what, most_blocks):
    demand(shown["size"] == len(file.content), f"{what}: size {shown['size']}, expected {len(file.content)}")
    for name in ("mtime", "ctime"):
        demand(shown[name] >= getattr(file, name), f"{what}: {name} went back by {getattr(file, name) - shown[name]} ns")
        demand(shown[name] >= file.changed_at,
               f"{what}: {name} is {file.changed_at - shown[name]} ns older than the last change of content")
        demand(shown[name] <= time.time_ns(), f"{what}: {name} is in the future")
        setattr(file, name, shown[name])
    demand(shown["blocks"] * 512 <= most_blocks(file.largest), f"{what}: {shown['blocks']} blocks for {file.largest} bytes")


def demand_holes(content, answer, what):
    size, end, holes = answer
    demand(size == len(content), f"{what}: SEEK_END says {size}, expected {len(content)}")
    demand(end == size, f"{what}: the last hole or piece of data ends at {end} of {size}")
    for start, stop in holes:
        demand(not any(content[start:stop]), f"{what}: data in what is called a hole from {start} to {stop}")
