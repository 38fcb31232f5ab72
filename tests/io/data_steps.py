# SPDX-License-Identifier: MIT
"""The steps of the random tester: each is made on the system by an actor, and its answer held against the model.

A step is (name, arguments...), so that a sequence can be printed, repeated and shortened. A step whose descriptor or
file is not there, since what made it was left out, does nothing.
"""
import errno
import mmap
import os

from data_actors import data_of
from data_model import (Difference, ModelHandle, ModelMap, clock, demand, demand_attributes, demand_holes, demand_read,
                        views_of_reader)
from modes import OLD


class Steps:
    """`files` by name; handles and maps by number; `actors` make the calls. `place` says what the tester runs on."""

    def __init__(self, place, files, actors):
        self.place, self.files, self.actors = place, files, actors
        self.handles, self.maps = {}, {}

    def apply(self, step):
        name, *arguments = step
        getattr(self, name)(*arguments)

    # Helpers

    def usable(self, *numbers):
        return all(number in self.handles for number in numbers)

    def call(self, handle, name, *arguments):
        return getattr(self.actors[handle.actor], name)(handle.number, *arguments)

    def attempt(self, handle, allowed, name, *arguments):
        """The answer, or None if it was an error that is allowed."""
        try:
            return self.call(handle, name, *arguments)
        except OSError as error:
            if error.errno in allowed:
                return None
            raise Difference(f"{name} of {handle.file.name}: {errno.errorcode[error.errno]}") from error

    @staticmethod
    def changed(file, before, content_changed=True):
        if content_changed:
            file.changed_at = before
        file.writes += 1

    # Opening and closing

    def open(self, number, actor, name, flags):
        file = self.files.get(name)
        if file is None or number in self.handles:
            return
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        views = ("new",) if writes else views_of_reader(file, self.place.mode.old_reads)
        before = clock()
        handle = ModelHandle(number, actor, file, flags, views)
        self.attempt(handle, (), "open", self.place.path(name), flags)
        if writes:
            file.written()
            if flags & os.O_TRUNC:
                shrinks = len(file.content) > 0
                file.resize(0)
                self.changed(file, before, shrinks)
        self.handles[number] = handle

    def close(self, number):
        if self.usable(number):
            self.attempt(self.handles.pop(number), (), "close")

    # Reading

    def pread(self, number, offset, length, shift):
        self._read(number, offset, length, "pread", shift)

    def read(self, number, offset, length):
        self._read(number, offset, length, "read")

    def _read(self, number, offset, length, name, *more):
        if not self.usable(number):
            return
        handle = self.handles[number]
        aligned = not (offset | length | sum(more)) % 4096
        allowed = (() if aligned else (errno.EINVAL,)) + self.place.direct_errors if handle.direct else ()
        data = self.attempt(handle, allowed, name, offset, length, *more)
        if data is not None and handle.appends and self.place.mode.gathers:
            length = len(data)          # it reads past the kernel's pages, and no farther than what was written back
        if data is not None:
            demand_read(handle.contents(), offset, length, data, f"{name} of {handle.file.name}")

    def holes(self, number):
        if not self.usable(number):
            return
        handle = self.handles[number]
        if handle.has_old_view:
            return
        holes = self.attempt(handle, (errno.EINVAL,) if self.place.mode.gathers else (), "holes")
        if holes is not None:
            demand_holes(handle.file.content, holes, f"holes of {handle.file.name}")

    def stat(self, number):
        if self.usable(number):
            handle = self.handles[number]
            shown = self.attempt(handle, (), "stat")
            demand_attributes(handle.file, shown, f"fstat of {handle.file.name}", self.place.most_blocks)

    def verify(self, name):
        """A new reader reads the file from one end to the other."""
        file = self.files.get(name)
        if file is None:
            return
        with open(self.place.path(name), "rb", buffering=0) as fresh:
            data = b"".join(iter(lambda: fresh.read(50_000), b""))
        demand_read([file.content], 0, len(file.content) + 1, data, f"all of {name}")

    def forget(self, number):
        if self.usable(number):
            self.attempt(self.handles[number], (), "forget")

    # Writing

    def pwrite(self, number, offset, length, fill, shift, flags):
        self._write(number, offset, length, "pwrite", fill, shift, flags)

    def write(self, number, offset, length, fill):
        self._write(number, offset, length, "write", fill)

    def _write(self, number, offset, length, name, fill, *more):
        if not self.usable(number):
            return
        handle = self.handles[number]
        file, before = handle.file, clock()
        aligned = not (offset | length | sum(more[:1]) | (len(file.content) if handle.appends else 0)) % 4096
        count = self.attempt(handle, (errno.EINVAL,) if handle.direct and not aligned else (),
                             name, offset, length, fill, *more)
        data, to = data_of(fill, length), len(file.content) if handle.appends else offset
        refused = count is None
        if refused:
            count, data = self._left_by_refusal(handle, to, data)
        demand(count == length or handle.direct and 0 <= count <= length,
               f"{name} of {file.name}: {count} of {length} bytes written")
        file.put(to, data[:count])
        keeps_times = self.place.mode.gathers and handle.appends
        self.changed(file, before, not refused and count > 0 and not keeps_times)

    def _left_by_refusal(self, handle, offset, data):
        """A direct write that is not aligned may have been made in part before it is refused, block by block."""
        content = handle.file.content
        with open(self.call(handle, "reopened"), "rb", buffering=0) as fresh:
            there = os.pread(fresh.fileno(), len(data), offset)
        old = bytes(content[offset:offset + len(data)]).ljust(len(there), b"\0")
        for at in range(0, len(there), 512):
            piece = slice(at, at + 512)
            demand(there[piece] in (old[piece], data[piece][:len(there[piece])]),
                   f"a refused direct write of {len(data)} bytes at {offset} of {handle.file.name} "
                   f"({len(content)} bytes) left something else at {offset + at}")
        return len(there), there

    def ftruncate(self, number, size):
        if self.usable(number):
            handle = self.handles[number]
            before, differs = clock(), size != len(handle.file.content)
            self.attempt(handle, (), "ftruncate", size)
            handle.file.resize(size)
            self.changed(handle.file, before, differs)

    def truncate(self, name, size):
        file = self.files.get(name)
        if file is not None:
            before, differs = clock(), size != len(file.content)
            os.truncate(self.place.path(name), size)
            file.written()
            file.resize(size)
            self.changed(file, before, differs)

    def chmod(self, name, mode):
        """A change of attributes alone: a lower file is copied up, and its descriptors stay what they are."""
        file = self.files.get(name)
        if file is not None:
            os.chmod(self.place.path(name), mode)
            file.attributes_changed = True

    def sync(self, number, data_only):
        if self.usable(number):
            handle = self.handles[number]
            shown = self.attempt(handle, (), "sync", data_only)
            demand_attributes(handle.file, shown, f"fstat of {handle.file.name} after fsync", self.place.most_blocks)
            demand(shown["blocks"] > 0 or not any(handle.file.content),
                   f"{handle.file.name} has data and no blocks after fsync")

    def fallocate(self, number, modes, offset, length):
        if not self.usable(number):
            return
        handle = self.handles[number]
        file, before, size = handle.file, clock(), len(handle.file.content)
        allowed = () if self.place.allocates(modes) else (errno.EOPNOTSUPP,)
        if not self.attempt(handle, allowed, "fallocate", modes, offset, length):
            return
        if "keep_size" not in modes and offset + length > size:
            file.resize(offset + length)
        file.largest = max(file.largest, offset + length)
        if "punch_hole" in modes or "zero_range" in modes:
            end = min(offset + length, len(file.content))
            if end > offset:
                file.content[offset:end] = bytes(end - offset)
        self.changed(file, before, len(file.content) != size)

    # Moving from one file to another

    def copy_range(self, source, at, target, to, length):
        self._move("copy_range", source, at, target, to, length)

    def sendfile(self, source, at, target, to, length):
        self._move("sendfile", source, at, target, to, length)

    def splice(self, source, at, target, to, length):
        self._move("splice", source, at, target, to, length)

    def _move(self, name, source, at, target, to, length):
        if not self.usable(source, target):
            return
        one, other = self.handles[source], self.handles[target]
        overlap = one.file is other.file and at < to + length and to < at + length
        if one.actor != other.actor or overlap or one.file is other.file and one.has_old_view:
            return
        if one.file is other.file and at + length > len(one.file.content):
            return                              # where it ends depends on how much of it is written meanwhile
        before = clock()
        count = self.attempt(one, self.place.move_errors, name, at, target, to, length)
        if count is None:
            return
        there = [bytes(content[at:at + count]) for content in one.contents()]
        for content, data in zip(one.contents(), there, strict=True):
            # Of an old view the kernel knows the size that the new one had when it last asked.
            least = 0 if one.has_old_view else min(len(content) - at, 1)
            if least <= count == len(data):
                break
        else:
            raise Difference(f"{name} from {one.file.name} at {at}: {count} bytes of {length} moved, "
                             f"the file has {len(one.file.content)}")
        if count:
            if len(set(there)) > 1:                     # which view it was is seen in what arrived
                arrived = self.call(other, "pread", to, count) if other.reads else there[-1]
                data = arrived if arrived in there else data
            other.file.put(to, data)
            self.changed(other.file, before)

    # Mappings

    def map(self, number, source, length, writes):
        if not self.usable(source) or number in self.maps:
            return
        handle = self.handles[source]
        length = min(length, len(handle.file.content), *map(len, handle.contents()))
        if not length or not handle.reads or writes and not handle.writes:
            return
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writes else 0)
        getattr(self.actors[handle.actor], "map")(number, source, length, protection)
        views = handle.views
        if handle.file.born == "lower" and self.place.mode.old_maps == OLD and not handle.writes:
            views = ("old", "new") if views == ("new",) else views
        self.maps[number] = ModelMap(number, handle, length, writes, views)

    def unmap(self, number):
        if number in self.maps:
            area = self.maps.pop(number)
            self.actors[area.handle.actor].unmap(number)

    def map_read(self, number, offset, length):
        area = self.maps.get(number)
        if area is None:
            return
        contents = [area.handle.file.lower_content if view == "old" else area.handle.file.content for view in area.views]
        length = min(length, area.length - offset, *(len(content) - offset for content in contents))
        if length > 0:
            data = self.actors[area.handle.actor].map_read(number, offset, length)
            demand_read(contents, offset, length, data, f"the mapping of {area.handle.file.name}")

    def map_write(self, number, offset, length, fill):
        area = self.maps.get(number)
        if area is None or not area.writes:
            return
        file = area.handle.file
        length = min(length, area.length - offset, len(file.content) - offset)
        if length <= 0:
            return
        area.stored_at = area.stored_at or clock()
        self.actors[area.handle.actor].map_write(number, offset, length, fill)
        file.put(offset, data_of(fill, length))
        file.writes += 1

    def msync(self, number):
        area = self.maps.get(number)
        if area is not None and area.writes:
            self.actors[area.handle.actor].msync(number)
            if self.place.maps_change_times:
                area.handle.file.changed_at = max(area.handle.file.changed_at, area.stored_at)
            area.stored_at = 0

    # Files

    def unlink(self, name):
        """Its descriptors go on; the name is gone."""
        if name in self.files:
            os.unlink(self.place.path(name))
            file = self.files.pop(name)
            file.name = f"{name} (removed)"

    def close_all(self):
        for actor in self.actors:
            actor.close_all()
        self.handles.clear(), self.maps.clear()

    def remount(self):
        self.close_all()
        self.place.remount(self.files)
