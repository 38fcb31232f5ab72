# SPDX-License-Identifier: MIT
"""O_APPEND is a flag of the handle as it is at each write, and means the end of the file as it is on the disk."""
import fcntl
import os
import threading

from harness import equal, read, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def mount(t):
    m = t.mount(t.layer({}), options=("passthrough=off",))
    write(m / "file", b"0123456789")
    return m


def test_an_append_flag_that_is_taken_away_means_nothing_more(t):
    m = mount(t)
    fd = os.open(m / "file", os.O_WRONLY | os.O_APPEND)
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    os.pwrite(fd, b"abc", 2)
    os.close(fd)
    equal(read(m.upper + "/file"), b"01abc56789", "content in the upper")


def test_an_append_flag_that_comes_late_counts(t):
    m = mount(t)
    fd = os.open(m / "file", os.O_WRONLY)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
    write(m.upper + "/file", b"outside", "ab")
    os.write(fd, b"abc")
    os.close(fd)
    equal(read(m.upper + "/file"), b"0123456789outsideabc", "content in the upper")
    equal(read(m / "file"), b"0123456789outsideabc", "content in the union")


def test_appends_through_the_mount_and_beside_it_are_all_there(t):
    m = mount(t)
    records = [b"%d:%03d %s\n" % (writer, number, b"." * 57) for writer in range(4) for number in range(50)]

    def append(writer):
        path = m.upper + "/file" if writer == 0 else m / "file"
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        for record in records[50 * writer:50 * writer + 50]:
            os.write(fd, record)
        os.close(fd)
    threads = [threading.Thread(target=append, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = read(m.upper + "/file")
    equal(content[:10], b"0123456789", "what was there before")
    equal(sorted(content[10:].splitlines(True)), records, "records in the file")
