# SPDX-License-Identifier: MIT
"""A script of file system calls, one call a line, run in any directory and answered with a transcript.

    open h file r,w         write h hello          as 1000:1000,50 unlink dir/name
    fstat h                 umask 027 mkdir d 777  rename a b exchange

The first word is a command of script_calls (or the prefixes `as UID:GID[,GROUP...]` and `umask MASK`).
A transcript line is the call, an arrow, and its value or the name of its errno. Values never hold what
two equal file systems may answer differently: inode numbers become #1, #2 in order of appearance,
recent times become "new".
"""
import os
import shlex
import time

from . import checks, credentials, dump

COMMANDS = {}


def command(function):
    COMMANDS[function.__name__.rstrip("_")] = function
    return function


class NoHandle(Exception):
    """The call that should have opened the handle has failed."""


class Script:
    def __init__(self, root):
        self.root, self.handles, self.streams, self.marks, self.numbers = root, {}, {}, {}, {}
        self.boundary = time.time() - 3600

    def path(self, name):
        return self.root if name == "." else f"{self.root}/{name}"

    def fd(self, handle):
        if handle not in self.handles:
            raise NoHandle
        return self.handles[handle]

    def run(self, lines):
        """Runs all lines, closes what is open, returns the transcript."""
        transcript = []
        try:
            for line in lines:
                transcript.append(f"{line} -> {self.answer(line)}")
        finally:
            for fd in self.handles.values():
                os.close(fd)
            self.handles.clear()
        return transcript

    def answer(self, line):
        try:
            value = self.call(shlex.split(line))
        except OSError as error:
            return checks.name_of(error.errno)
        except NoHandle:
            return "no such handle"
        return "ok" if value is None else str(value)

    def call(self, words):
        if words[0] == "as":
            uid, _, rest = words[1].partition(":")
            gid, *groups = rest.split(",")
            with credentials.acting_as(int(uid), int(gid), [int(group) for group in groups]):
                return self.call(words[2:])
        if words[0] == "umask":
            with credentials.umask(int(words[1], 8)):
                return self.call(words[2:])
        return COMMANDS[words[0]](self, *words[1:])

    def number(self, inode):
        """A label for an inode number that is the same wherever the script runs."""
        return f"#{self.numbers.setdefault(inode, len(self.numbers) + 1)}"

    def time(self, time_ns):
        return dump.settled(time_ns, self.boundary)

    def shown_stat(self, info):
        kind = dump.kind_of(info.st_mode)
        text = f"{kind} {info.st_mode & 0o7777:04o} {info.st_uid}:{info.st_gid}"
        if kind != "dir":
            text += f" links={info.st_nlink} size={info.st_size}"
        if kind in ("char", "block"):
            text += f" rdev={os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
        return f"{text} mtime={self.time(info.st_mtime_ns)}"


def data(word):
    """hello, or x*4096, or x*3,y*5: bytes from a word."""
    pieces = []
    for part in word.split(","):
        text, star, times = part.rpartition("*")
        pieces.append(text.encode() * int(times) if star else part.encode())
    return b"".join(pieces)


def shown_data(content):
    """Bytes as a word, runs shortened; the inverse of data for the words that scripts use."""
    if not content:
        return "(empty)"
    runs = []
    for byte in content:
        char = chr(byte) if 33 <= byte < 127 else f"\\{byte:02x}"
        if runs and runs[-1][0] == char:
            runs[-1][1] += 1
        else:
            runs.append([char, 1])
    if len(runs) > 60:
        return f"{len(content)} bytes"
    return "".join(char * times if times < 4 else f"({char}*{times})" for char, times in runs)
