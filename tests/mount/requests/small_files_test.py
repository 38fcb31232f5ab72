# SPDX-License-Identifier: MIT
"""What programs that work on many small files cost: requests, and calls of the daemon on layers, for each file.

The bounds are what they cost today and little more, so that a change that adds a request or a call is noticed.
"""
import os
import subprocess

from harness import at_most, lacking
from harness.traced import MARKER, OPTIONS, Traced

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "registering a file for passthrough is part of what is counted, and tracing root's daemon needs root"
ALONE = True        # another test's drop of caches would cost requests
FILES, DIRECTORIES = 200, 4


def lower(t):
    low = t.layer({MARKER: ""})
    for number in range(FILES):
        directory = f"{low}/src/d{number % DIRECTORIES}"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/f{number}", "wb") as file:
            file.write(number.to_bytes(4, "big") * 1024)
        os.utime(f"{directory}/f{number}", (0, 0))      # git reads what it takes for new
    return low


def run(*command, **named):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **named)


def grep(m):
    """Of what no file has, which is a failure to grep."""
    subprocess.run(["grep", "-r", "absent", m / "src"], stdout=subprocess.DEVNULL)


def mounted(t, *options, **named):
    m = t.mount(lower(t), options=(*OPTIONS, *options), **named)
    if not m.status()["passthrough"]["active"]:
        lacking("passthrough")
    os.lstat(m / MARKER)
    return m


def bounded(t, m, what, call, requests, calls):
    """Traces `call`; at most so many requests and calls for each file."""
    with Traced(t, m) as traced:
        call()
    at_most(traced.requests / FILES, requests, f"requests of {what} for each file")
    at_most(sum(traced.layer.values()) / FILES, calls, f"calls of {what} for each file: {traced.layer}")


def test_finding(t):
    m = mounted(t)
    bounded(t, m, "find", lambda: run("find", m / "src", "-size", "+1000k"), requests=0.2, calls=2.3)


def test_reading(t):
    m = mounted(t)
    run("find", m / "src", "-size", "+1000k")
    # OPEN and RELEASE; the first opens register the file.
    bounded(t, m, "a first grep -r", lambda: grep(m), requests=2.2, calls=4.5)
    # grep asks for attributes, of which reading has made the access time stale.
    bounded(t, m, "grep -r again", lambda: grep(m), requests=3.2, calls=1.2)


def test_reading_a_read_only_union_that_opens_nothing(t):
    m = t.mount(lower(t), upper=None, options=(*OPTIONS, "open=none"))
    run("find", m / "src", "-size", "+1000k")
    os.lstat(m / MARKER)
    bounded(t, m, "a first grep -r", lambda: grep(m), requests=1.2, calls=6.3)
    bounded(t, m, "grep -r again", lambda: grep(m), requests=0.2, calls=0.2)


def test_unpacking(t):
    m = mounted(t)
    run("tar", "-C", m.stack.lowers[0], "-cf", t.directory + "/archive", "src")
    os.mkdir(m / "new")
    bounded(t, m, "tar -x", lambda: run("tar", "-C", m / "new", "-xf", t.directory + "/archive"), requests=9.4, calls=20.8)


def test_copying(t):
    m = mounted(t)
    bounded(t, m, "cp -a", lambda: run("cp", "-a", m / "src", m / "copy"), requests=13.6, calls=45.5)


def test_changing_modes_of_lower_files(t):
    m = mounted(t)
    bounded(t, m, "chmod -R", lambda: run("chmod", "-R", "g+w", m / "src"), requests=1.3, calls=30.5)


def test_removing(t):
    m = mounted(t)
    run("cp", "-a", m / "src", m / "copy")
    bounded(t, m, "rm -rf of new files", lambda: run("rm", "-rf", m / "copy"), requests=3.2, calls=8.8)
    bounded(t, m, "rm -rf of lower files", lambda: run("rm", "-rf", m / "src"), requests=3.2, calls=8.8)


def test_asking_git_for_changes(t):
    low = lower(t)
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@e")
    run("git", "init", "-q", cwd=low), run("git", "add", "src", cwd=low)
    run(*git, "commit", "-qm", "x", cwd=low)
    m = t.mount(low, options=OPTIONS)
    os.lstat(m / MARKER)
    status = lambda: run("git", "-c", "safe.directory=*", "-C", m.path, "status")
    bounded(t, m, "a first git status", status, requests=1.7, calls=4.4)
    bounded(t, m, "git status again", status, requests=0.6, calls=0.4)
