# SPDX-License-Identifier: MIT
"""Several processes at once: first writers, readers during a copy-up, renames and removals in between."""
import os
import time

from harness import equal, holds, read, write
from harness.parallel import together

WORLDS = ("root", "userns", "user")

SIZE = 4 << 20
DATA = bytes(range(256)) * (SIZE // 256)


def lower(t, files=8):
    return t.layer({f"f{number}": DATA for number in range(files)} | {"small": "s", "d": {f"x{n}": "y" for n in range(50)}})


def whole(content):
    """Content of a file that changers may have cut or marked, but never mixed."""
    return content == DATA[:len(content)]


def test_concurrent_first_writers_make_one_copy_and_lose_no_write(t):
    m = t.mount(lower(t))

    def writer(number):
        with open(m / "f0", "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), bytes([number]) * 100, 1000 * number)
    together(t, [lambda number=number: writer(number) for number in range(8)])
    content = bytearray(DATA)
    for number in range(8):
        content[1000 * number:1000 * number + 100] = bytes([number]) * 100
    equal(read(m / "f0") == bytes(content), True, "all writes are there")
    equal(read(m.upper + "/f0") == bytes(content), True, "in the upper layer as well")


def test_concurrent_appenders_lose_nothing(t):
    m = t.mount(lower(t))

    def appender(number):
        fd = os.open(m / "small", os.O_WRONLY | os.O_APPEND)
        for line in range(50):
            os.write(fd, f"{number}:{line}\n".encode())
        os.close(fd)
    together(t, [lambda number=number: appender(number) for number in range(4)])
    content = read(m / "small")[1:].decode().splitlines()
    equal(sorted(content), sorted(f"{number}:{line}" for number in range(4) for line in range(50)), "lines")


def test_readers_during_a_copy_up_never_see_a_mixture(t):
    m = t.mount(lower(t))

    def reader():
        for _ in range(10):
            for number in range(8):
                content = read(f"{m.path}/f{number}")
                holds(len(content) == SIZE and content[4:] == DATA[4:], "the whole file is there")

    def changer():
        for number in range(8):
            with open(f"{m.path}/f{number}", "r+b") as file:
                file.write(b"mark")
    together(t, [reader, reader, changer])
    equal([read(f"{m.path}/f{number}")[:4] for number in range(8)], [b"mark"] * 8, "marks")


def test_metadata_changes_during_reads_copy_up_whole_files(t):
    m = t.mount(lower(t))

    def reader():
        for _ in range(5):
            for number in range(8):
                holds(whole(read(f"{m.path}/f{number}")), "the file is unchanged")

    def changer():
        for number in range(8):
            os.chmod(f"{m.path}/f{number}", 0o600)
    together(t, [reader, changer, changer])
    equal([read(f"{m.upper}/f{number}") == DATA for number in range(8)], [True] * 8, "upper files are whole")


def test_truncation_during_reads_leaves_a_prefix(t):
    m = t.mount(lower(t))

    def reader():
        for _ in range(20):
            content = read(m / "f0")
            kept = content.rstrip(b"\0")         # what a racing truncation has cut may read as zeros
            holds(whole(kept) or whole(content), "a prefix of the data, then nothing or zeros")

    def cutter():
        for size in (SIZE // 2, SIZE // 4, 100, 0):
            os.truncate(m / "f0", size)
    together(t, [reader, reader, cutter])
    equal(os.stat(m / "f0").st_size, 0, "size at the end")


def test_unlink_during_a_copy_up_leaves_no_name(t):
    m = t.mount(lower(t))
    # Kernel overlayfs may answer EEXIST when the name goes while it copies; a plain directory never does.
    gone = (FileNotFoundError, FileExistsError) if t.settings.system == "kernel" else FileNotFoundError

    def writer(number):
        try:
            with open(f"{m.path}/f{number}", "r+b") as file:
                file.write(b"mark")
        except gone:
            pass

    def remover():
        for number in range(8):
            os.unlink(f"{m.path}/f{number}")
    together(t, [remover, *(lambda number=number: writer(number) for number in range(8))])
    equal(sorted(os.listdir(m.path)), ["d", "small"], "names")
    before = t.dump(m.path)
    m = t.remount(m)
    equal(t.dump(m.path), before, "dump after a remount")


def test_rename_during_a_copy_up_keeps_one_whole_file(t):
    m = t.mount(lower(t))

    def writer(number):
        try:
            with open(f"{m.path}/f{number}", "r+b") as file:
                file.write(b"mark")
        except FileNotFoundError:
            pass

    def renamer():
        for number in range(8):
            os.rename(f"{m.path}/f{number}", f"{m.path}/g{number}")
    together(t, [renamer, *(lambda number=number: writer(number) for number in range(8))])
    equal(sorted(os.listdir(m.path)), sorted(["d", "small", *(f"g{n}" for n in range(8))]), "names")
    for number in range(8):
        content = read(f"{m.path}/g{number}")
        holds(content[4:] == DATA[4:] and content[:4] in (DATA[:4], b"mark"), f"file {number} is whole")


def test_copy_ups_of_one_directory_by_many_make_it_once(t):
    m = t.mount(t.layer({"a": {"b": {"c": {f"f{number}": "x" for number in range(64)}}}}))

    def changer(start):
        for number in range(start, 64, 4):
            write(f"{m.path}/a/b/c/f{number}", "+", "ab")
    together(t, [lambda start=start: changer(start) for start in range(4)])
    equal({read(f"{m.path}/a/b/c/f{number}") for number in range(64)}, {b"x+"}, "contents")
    equal(len(os.listdir(m.upper + "/a/b/c")), 64, "files in the upper layer")


def test_makers_and_removers_in_one_directory_agree_at_the_end(t):
    m = t.mount(lower(t))

    def maker(number):
        for round_ in range(30):
            write(f"{m.path}/d/new{number}-{round_}", "x")
            os.rename(f"{m.path}/d/new{number}-{round_}", f"{m.path}/d/moved{number}-{round_}")
            if round_ % 2:
                os.unlink(f"{m.path}/d/moved{number}-{round_}")

    def lister():
        for _ in range(30):
            names = os.listdir(m / "d")
            holds(len(names) == len(set(names)), "no name twice")
    together(t, [lister, *(lambda number=number: maker(number) for number in range(4))])
    expected = {f"x{n}" for n in range(50)} | {f"moved{n}-{r}" for n in range(4) for r in range(0, 30, 2)}
    equal(set(os.listdir(m / "d")), expected, "names")


def test_only_one_of_many_exclusive_makers_wins(t):
    m = t.mount(lower(t))
    os.unlink(m / "small")
    wins = m / "wins"
    os.mkdir(wins)

    def maker(number):
        for name in ("small", "fresh1", "fresh2"):
            try:
                os.close(os.open(m / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                write(f"{wins}/{name}.{number}", "")
            except FileExistsError:
                pass
    together(t, [lambda number=number: maker(number) for number in range(6)])
    equal(sorted(name.split(".")[0] for name in os.listdir(wins)), ["fresh1", "fresh2", "small"], "winners")


def test_a_killed_writer_leaves_the_old_or_the_new_file(t):
    import signal
    for patience in (0.0, 0.002, 0.01):
        m = t.mount(lower(t, 1))
        child = os.fork()
        if child == 0:
            try:
                with open(m / "f0", "r+b") as file:
                    file.write(b"mark")
            finally:
                os._exit(0)
        time.sleep(patience)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        content = read(m / "f0")
        holds(len(content) == SIZE and content[4:] == DATA[4:], "the file is whole")
        write(m / "f0", b"again", "r+b")
        equal(read(m / "f0")[:5], b"again", "it can be written afterwards")
        m.umount()
