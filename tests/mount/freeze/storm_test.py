# SPDX-License-Identifier: MIT
"""Freezes in the middle of everything: writers that verify, names that come and go, a compiler, a database."""
import errno
import os
import random
import sqlite3
import subprocess
import threading

from harness import equal, holds, write
from harness.freezing import OPTIONS, Freezable

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)

FREEZES = 50


class Storm:
    """Threads that work on the union until the end; what one of them finds wrong is raised by end()."""

    def __init__(self):
        self.over, self.wrong, self.rounds, self.threads = threading.Event(), [], {}, []

    def add(self, step, *arguments):
        """Calls step(round, *arguments) again and again."""
        def run():
            try:
                while not self.over.is_set():
                    number = self.rounds.get(key, 0)
                    step(number, *arguments)
                    self.rounds[key] = number + 1
            except Exception as error:
                self.wrong.append(error)
        key = (step.__name__, *map(str, arguments))
        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.wrong:
            raise self.wrong[0]
        holds(all(self.rounds.get(key) for key in self.rounds) and len(self.rounds) == len(self.threads), "all have worked")


BLOCK = 4096


def write_and_verify(number, descriptor, held):
    """One of many blocks gets a new content, another must have what was written last."""
    index = random.randrange(64)
    held[index] = (b"%08d" % number) * (BLOCK // 8)
    equal(os.pwrite(descriptor, held[index], index * BLOCK), BLOCK, "bytes written")
    index = random.randrange(64)
    holds(os.pread(descriptor, BLOCK, index * BLOCK) == held.get(index, b"\0" * BLOCK), f"block {index} is what was written")


def names_come_and_go(number, directory):
    """Each round knows what its directory holds."""
    one, other = f"{directory}/one", f"{directory}/other"
    write(one, str(number))
    os.rename(one, other)
    os.mkdir(one)
    write(one + "/inside", str(number))
    os.rename(one, directory + "/moved")
    equal(sorted(os.listdir(directory)), ["moved", "other"], "the names")
    equal(open(directory + "/moved/inside").read(), str(number), "the file in the moved directory")
    os.unlink(directory + "/moved/inside")
    os.rmdir(directory + "/moved")
    os.unlink(other)
    equal(os.listdir(directory), [], "the names at the end")


def lowers_are_changed(number, directory):
    path = f"{directory}/{number % 200}"
    write(path, f"changed {number}")
    equal(open(path).read(), f"changed {number}", "a file of a lower")
    os.chmod(f"{directory}/{(number + 100) % 200}", 0o640)


def appends(number, path):
    with open(path, "a") as log:
        log.write(f"{number}\n")
    with open(path) as log:
        equal(len(log.readlines()), number + 1, "lines of the log")


def compiles(number, directory):
    source = f"{directory}/{number}.c"
    write(source, f'#include <stdio.h>\nint main(void) {{ printf("%d", {number}); return 0; }}\n')
    done = subprocess.run(["cc", "-o", source[:-2], source], capture_output=True, text=True, timeout=600)
    equal((done.returncode, done.stderr), (0, ""), "the compiler")
    equal(subprocess.run([source[:-2]], capture_output=True, text=True, timeout=600).stdout, str(number), "the program")


def commits(number, path):
    base = sqlite3.connect(path, timeout=600)
    base.execute("create table if not exists rows (number integer)")
    base.execute("insert into rows values (?)", (number,))
    base.commit()
    equal(base.execute("select count(*) from rows").fetchone(), (number + 1,), "rows")
    base.close()


def test_freezes_in_a_storm(t):
    f = Freezable(t, t.mount(t.layer({"lower": {str(number): f"file {number}" for number in range(200)}}), options=OPTIONS))
    m, storm, files = f.mount, Storm(), []
    for name in ("names", "more names", "cc"):
        os.mkdir(m / name)
    for number in range(2):
        files.append(os.open(m / f"blocks{number}", os.O_RDWR | os.O_CREAT, 0o644))
        os.ftruncate(files[-1], 64 * BLOCK)
        storm.add(write_and_verify, files[-1], {})
    storm.add(names_come_and_go, m / "names")
    storm.add(names_come_and_go, m / "more names")
    storm.add(lowers_are_changed, m / "lower")
    storm.add(appends, m / "log")
    storm.add(commits, m / "base.db")
    if subprocess.run(["sh", "-c", "command -v cc"], capture_output=True).returncode == 0:
        storm.add(compiles, m / "cc")
    done = refusals = 0
    while done < FREEZES and not storm.wrong:
        try:
            f.freeze()
            done += 1
        except OSError as error:
            equal(error.errno, errno.EBUSY, "why it was refused")
            refusals += 1
            holds(refusals < 20 * FREEZES, "it is not refused all the time")
    storm.end()
    for descriptor in files:
        os.close(descriptor)
    before = t.dump(m.path)
    m.umount()
    again = t.mount_stack(f.stack())
    equal(t.dump(again.path), before, "the next mount")
    again.umount()
    if t.world == "root":
        equal(t.kernel_dump(again, mtime=t.started - 3600), before, "kernel overlayfs")
