# SPDX-License-Identifier: MIT
"""With survive=on what the broker has registered outlives the daemon that asked for it."""
import os
import signal
import time

from harness import broker, equal, holds, write
from harness.deaths import kill_daemon, lives

SYSTEMS = ("overpass",)
WORLDS = ("userns", "user")
ELSEWHERE = "the machine's root registers files by himself"
PATIENCE = 200
SURVIVE = ["survive=on"]
LOWER = {"file": "lower" * 1000, "other": "other", **{f"f{i}": str(i) for i in range(50)}}


def union(t):
    broker.beside(t)
    m = t.mount(t.layer(LOWER), options=SURVIVE)
    equal((m.status()["passthrough"]["active"], m.status()["files_registered_by"]), (True, "broker"), "who registers")
    return m


def test_files_stay_passed_through(t):
    m = union(t)
    with open(m / "file", "rb") as reader, open(m / "new", "w+b", buffering=0) as made, open(m / "other", "r+b", buffering=0) as copied:
        for number in range(3):
            made.write(b"%d" % number), copied.write(b"%d" % number)
            kill_daemon(m)
            equal(m.status()["passthrough"]["active"], True, "passthrough after a death")
            equal(m.status()["backing_ids"], 3, "ids that are registered: those of open files")
            made.write(b"+"), copied.write(b"+")
            with open(m / f"f{number}", "r+b", buffering=0) as another:
                another.write(b"x")
        equal(len(reader.read()), 5000, "a lower file")
        equal(os.pread(made.fileno(), 9, 0), b"0+1+2+", "a new file")
        equal(os.pread(copied.fileno(), 9, 0), b"0+1+2+", "a copied file")
    equal(lives(m), 3, "deaths")


def test_another_program_takes_the_connection_over(t):
    m = union(t)
    with open(m / "file", "r+b", buffering=0) as file:
        for number in range(3):
            file.write(b"%d" % number)
            equal(t.status_text("mount", "--replace", m.path)[0], 0, "the command")
            equal((m.status()["passthrough"]["active"], m.status()["files_registered_by"]), (True, "broker"), "who registers")
            with open(m / f"f{number}", "rb") as another:
                equal(another.read(), b"%d" % number, "another file")
        kill_daemon(m)
        equal(os.pread(file.fileno(), 4, 0), b"012e", "content")
    write(m / "f9", "y")


def test_deaths_in_the_middle_of_registrations(t):
    """An answer that comes for a daemon that has died is not taken for another's."""
    m = union(t)
    for number in range(t.settings.in_form(3, 5, 200)):
        pid = os.fork()
        if pid == 0:
            try:
                while True:
                    for i in range(50):
                        with open(m / f"f{i}", "r+b", buffering=0) as file:
                            content = file.read()
                            if content != str(i).encode():
                                os._exit(1)
            finally:
                os._exit(2)
        time.sleep(0.2)
        kill_daemon(m)
        time.sleep(0.9)
        equal(os.waitpid(pid, os.WNOHANG), (0, 0), f"the reader goes on after death {number}")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    equal(m.status()["passthrough"]["active"], True, "passthrough")
    holds(m.status()["backing_ids"] <= 60, f"ids that are registered: {m.status()['backing_ids']}")
