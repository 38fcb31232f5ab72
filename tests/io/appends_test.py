# SPDX-License-Identifier: MIT
"""Several processes append records through the mount while another one appends to the upper's file beside it.

O_APPEND means the end of the file as it is on the disk, no matter what made it longer: every record is there in the end,
whole, each writer's in its order. Records are of all sizes, so that they end anywhere in a page.
"""
import os
import random

from harness import equal, holds, read, write
from harness.parallel import together
from modes import in_each_mode

WRITERS, RECORDS = 4, 80


def record(writer, number):
    """Says how long it is, so that the file can be taken apart again."""
    size = random.Random(1000 * writer + number).choice((20, 100, 512, 1000, 4096, 5000, 20_000))
    head = f"{writer}:{number}:{size}:".encode()
    return head + bytes([97 + (writer + number) % 26]) * (size - len(head))


def taken_apart(content):
    """(writer, number) of the records of a file, in its order; raises Failure at one that is not whole."""
    found, at = [], 0
    while at < len(content):
        writer, number, size = (int(word) for word in content[at:at + 40].split(b":")[:3])
        equal(content[at:at + size] == record(writer, number), True, f"record {number} of writer {writer} at {at} is whole")
        found.append((writer, number))
        at += size
    return found


def append(path, writer, flags):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | flags)
    for number in range(RECORDS):
        data = record(writer, number)
        count = os.write(fd, data)
        if count != len(data):
            raise AssertionError(f"{count} of {len(data)} bytes appended")
    os.close(fd)


def race(t, mode, m, name, start):
    """What the file holds in the end."""
    upper = f"{m.upper}/{name}"
    flags = (0, os.O_SYNC, 0, os.O_DSYNC)
    together(t, [lambda: append(upper, 0, 0),
                 *(lambda w=writer: append(m / name, w, flags[w - 1]) for writer in range(1, WRITERS + 1))])
    with open(m / name, "ab", buffering=0) as last:
        last.write(record(9, 0))
    content = read(upper)
    equal(content[:len(start)], start, "what was there before")
    found = taken_apart(content[len(start):])
    equal(sorted(found), [(w, n) for w in range(WRITERS + 1) for n in range(RECORDS)] + [(9, 0)], "records in the file")
    for writer in range(WRITERS + 1):
        numbers = [number for one, number in found if one == writer]
        holds(numbers == sorted(numbers), f"those of writer {writer} are in their order")
    if not mode.gathers:            # else the kernel goes by its own idea of the size
        equal(os.stat(m / name).st_size, len(content), "the size that the mount shows")
        equal(read(m / name) == content, True, "content through the mount")
    return content


def appends_by_many_and_beside_the_mount_are_all_there(t, mode):
    m = mode.mount(t, t.layer({"log": "old\n"}))
    write(m / "log", "first\n", "ab")                        # from here on there is a file in the upper
    content = race(t, mode, m, "log", b"old\nfirst\n")
    m = mode.remount(t, m)
    equal(read(m / "log") == content, True, "content after a remount")


def appends_to_a_new_file_are_all_there(t, mode):
    m = mode.mount(t, t.layer({}))
    write(m / "log", "")
    race(t, mode, m, "log", b"")


def appends_land_behind_what_others_have_just_written(t, mode):
    m = mode.mount(t, t.layer({"lower": b"old"}))
    for name in ("lower", "new"):
        expected = bytearray(read(m / name) if name == "lower" else b"")
        appender = os.open(m / name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        writer = os.open(m / name, os.O_RDWR)
        for number in range(12):
            place, data = len(expected) + 3000 * (number % 3), record(1, number)
            if number % 2:                              # the file ends with a page
                place, data = (place + 4095) // 4096 * 4096, (data * 205)[:8192]
            os.pwrite(writer, data, place)
            expected[len(expected):] = bytes(place - len(expected)) + data
            os.write(appender, record(2, number))
            expected += record(2, number)
            equal(os.fstat(writer).st_size, len(expected), f"size of {name} after append {number}")
        equal(os.pread(writer, len(expected) + 1, 0) == expected, True, f"content of {name} by the writer")
        os.close(writer), os.close(appender)
        equal(read(m / name) == expected, True, f"content of {name}")
        equal(read(f"{m.upper}/{name}") == expected, True, f"content of {name} in the upper")


TABLE = in_each_mode(appends_by_many_and_beside_the_mount_are_all_there, appends_to_a_new_file_are_all_there,
                     appends_land_behind_what_others_have_just_written)
