# SPDX-License-Identifier: MIT
#
# What strace wrote down of a daemon: its system calls in order, request by request, and which of
# them recognize objects: make sure that what a name leads to is what the kernel was told of.

import re
from dataclasses import dataclass

BEGUN = re.compile(r"^(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
UNFINISHED = "<unfinished ...>"
RESULT = re.compile(r"^(.*)\) += (-?\d+|0x[0-9a-f]+|\?)([^)]*(?:\(.*\))?)$")
OPTIONS = ("-f", "-qq", "-s", "64", "-e", "signal=none")

# Threads that wait for each other, as long as nothing is to be done as well: how often depends on
# the time that passes, not on what is asked for.
WAITING = {"futex", "restart_syscall", "clock_nanosleep"}
# The request and its answer.
TRANSPORT = {"read", "writev", "write", "poll", "ppoll", "splice", "io_uring_enter"}
# Numbers, the same on all machines, of calls that an older strace has no names for.
NEWER = {0x1c4: "fchmodat2", 0x1cf: "setxattrat", 0x1d0: "getxattrat", 0x1d1: "listxattrat",
         0x1d2: "removexattrat", 0x1d4: "file_getattr", 0x1d5: "file_setattr"}

CHANGES_NAME = ("unlinkat", "renameat2", "renameat", "rename", "unlink")
REGISTERS = re.compile(r"0xe5, 0x1,|BACKING_OPEN")
PLACE = re.compile(r'^(-?\w+), ("[^"]*")')


@dataclass
class Call:
    thread: int
    name: str
    arguments: str
    result: str

    @property
    def succeeded(self):
        return not self.result.startswith("-1")

    @property
    def place(self):
        """Directory and name, or the descriptor and "", of the calls that begin with these."""
        match = PLACE.match(self.arguments)
        return match.groups() if match else None


def name_of(name):
    if name.startswith("syscall_0x"):
        return NEWER.get(int(name.removeprefix("syscall_"), 16), name)
    return name


def calls_in(lines):
    """The calls that came to an end, in that order."""
    begun = {}
    for line in lines:
        line = line.rstrip("\n")
        match, resumed = BEGUN.match(line), RESUMED.match(line)
        if resumed:
            thread, name, rest = resumed.groups()
            text = begun.pop(thread, "") + rest
        elif match:
            thread, name, text = match.groups()
            if text.endswith(UNFINISHED):
                begun[thread] = text.removesuffix(UNFINISHED)
                continue
        else:
            continue
        ended = RESULT.match(text)
        if ended:
            yield Call(int(thread), name_of(name), ended[1].strip(), ended[2])


def parts_of(calls):
    """The calls of each thread in pieces that begin with a read: of a request, where it takes any."""
    pieces = {}
    for call in calls:
        pieces.setdefault(call.thread, [[]])
        if call.name == "read":
            pieces[call.thread].append([])
        pieces[call.thread][-1].append(call)
    return [piece for of_thread in pieces.values() for piece in of_thread if piece]


def opens_existing(call):
    """Whether it opens what was there before and is to be looked at, by a name in a layer."""
    return (call.name in ("openat", "openat2") and call.succeeded and call.place is not None
            and not re.search("O_CREAT|O_TMPFILE", call.arguments))


def recognizing(piece):
    """The calls of one request that may be there only to recognize objects, as a list.

    That is the first statx of a descriptor that was just opened; its open and close too, if it is
    an O_PATH one which is not registered for passthrough; and the statx of a name which a call that
    changes the name follows. What else a call is good for is not seen: so many at most."""
    found, opened, looked_at = [], {}, {}
    makes_directory = any(call.name == "mkdirat" for call in piece)
    for call in piece:
        if opens_existing(call) and not (makes_directory and "O_DIRECTORY" in call.arguments):
            opened[call.result] = [call]
        elif call.name == "statx" and call.succeeded and call.place:
            descriptor, name = call.place
            if name != '""':
                looked_at[call.place] = call
            elif len(opened.get(descriptor, ())) == 1:
                opened[descriptor].append(call)
                found.append(call)
        elif call.name == "ioctl" and REGISTERS.search(call.arguments) or call.name == "sendmsg":
            opened.clear()
        elif call.name == "close":
            own = opened.pop(call.arguments, [])
            if len(own) == 2 and "O_PATH" in own[0].arguments and "O_DIRECTORY" not in own[0].arguments:
                found += [own[0], call]
        elif call.name in CHANGES_NAME and call.place in looked_at:
            found.append(looked_at.pop(call.place))
    return found


def counted(names):
    """Name -> number."""
    numbers = {}
    for name in names:
        numbers[name] = numbers.get(name, 0) + 1
    return numbers
