# SPDX-License-Identifier: MIT
"""With survive=on, programs at work do not notice that the daemon is killed again and again."""
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from harness import caches, equal, holds
from harness.deaths import PAUSE, Deaths, lives, wait_for_balance
from harness.parallel import in_parallel
from harness.random_changes import tree

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400


def seconds(t):
    return t.settings.in_form(4, 8, 120)


def until(t):
    end = time.monotonic() + seconds(t)
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


def test_trees_are_made_moved_and_removed(t):
    source = t.fresh("source", tree(random.Random(t.settings.seed)))
    m = t.mount(t.layer({"old": {"a": "1", "b": {"c": "2"}}}), options=["survive=on"])
    with Deaths(m):
        for number in until(t):
            shutil.copytree(source, m / "copy", symlinks=True)
            os.rename(m / "copy", m / f"moved{number}")
            shutil.rmtree(m / f"moved{number}")
            os.rename(m / "old/a", m / "old/x"), os.rename(m / "old/x", m / "old/a")
    equal(sorted(os.listdir(m.path)), ["old"], "what is left")
    holds(lives(m) >= 2, f"daemons died: {lives(m)}")


def test_many_write_and_read_back(t):
    m = t.mount(t.layer({f"low{i}": "x" * 1000 for i in range(20)}), options=["survive=on"])

    def work(who):
        for number in until(t):
            content = hashlib.sha256(f"{who} {number}".encode()).digest() * 500
            path = m / f"{who}-{number % 7}"
            with open(path, "wb") as file:
                file.write(content)
            with open(path, "rb") as file:
                holds(file.read() == content, f"content of {path}")
            with open(m / f"low{(who * 5 + number) % 20}", "ab") as file:
                file.write(b"y")
            os.rename(path, path + ".new"), os.link(path + ".new", path), os.unlink(path + ".new")

    with Deaths(m):
        in_parallel(work, 4)
    holds(lives(m) >= 2, f"daemons died: {lives(m)}")


def test_what_is_appended_is_there_once(t):
    m = t.mount(t.layer({"log": ""}), options=["survive=on"])
    with Deaths(m), open(m / "log", "ab", buffering=0) as log:
        for number in until(t):
            log.write(b"%08d\n" % number)
    with open(m / "log", "rb") as log:
        lines = log.read().split()
    equal([int(line) for line in lines], list(range(len(lines))), "the lines")


def test_a_database(t):
    m = t.mount(t.layer({}), options=["survive=on"])
    with Deaths(m):
        base = sqlite3.connect(m / "base")
        base.execute("create table numbers (n integer primary key)")
        for number in until(t):
            base.execute("insert into numbers values (?)", (number,))
            base.commit()
        count, = base.execute("select count(*) from numbers").fetchone()
        equal(base.execute("pragma integrity_check").fetchone(), ("ok",), "integrity")
        base.close()
    equal(count, number + 1, "rows")


def test_a_repository(t):
    m = t.mount(t.layer({}), options=["survive=on"])
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
             "GIT_COMMITTER_EMAIL": "a@b", **os.environ}

    def git(*words):
        done = subprocess.run(["git", "-C", m / "repository", *words], env=quiet, capture_output=True, text=True, check=False)
        equal(done.returncode, 0, f"git {words}: {done.stderr}")
        return done.stdout

    os.mkdir(m / "repository")
    with Deaths(m):
        git("init", "-q")
        for number in until(t):
            with open(m / "repository/file", "w", encoding="ascii") as file:
                file.write(f"{number}\n" * 50)
            git("add", "-A"), git("commit", "-qm", str(number))
        git("fsck", "--strict")
        equal(git("rev-list", "--count", "HEAD").strip(), str(number + 1), "commits")
    equal(git("status", "--porcelain"), "", "status")


def test_a_build(t):
    """make with two compilers at a time; what is built is as without a death."""
    sources = {f"part{i}.c": f"#include \"all.h\"\nint part{i}(int x) {{ int s = 0; for (int j = 0; j < x; ++j) s += j * {i}; return s; }}\n"
               for i in range(24)}
    sources["all.h"] = "#include <stdio.h>\n#include <stdlib.h>\n" + "".join(f"int part{i}(int);\n" for i in range(24))
    sources["main.c"] = ('#include "all.h"\nint main(void) { printf("%d\\n", '
                         + " + ".join(f"part{i}({i})" for i in range(24)) + "); return 0; }\n")
    sources["Makefile"] = ("OBJECTS = main.o " + " ".join(f"part{i}.o" for i in range(24))
                           + "\nall: $(OBJECTS)\n\t$(CC) -o $@ $^\n%.o: %.c all.h\n\t$(CC) -O1 -g0 -c -o $@ $<\n"
                           + "clean:\n\trm -f *.o all\n")
    expected = sum(i * sum(range(i)) for i in range(24))
    m = t.mount(t.layer({"source": sources}), options=["survive=on"])

    def make(*words):
        done = subprocess.run(["make", "-s", "-j2", "-C", m / "source", *words], capture_output=True, text=True, check=False)
        equal((done.returncode, done.stderr), (0, ""), f"make {words}")

    with Deaths(m):
        for _ in until(t):
            make(), make("clean")
        make()
        built = subprocess.run([m / "source/all"], capture_output=True, text=True, check=True)
    equal(int(built.stdout), expected, "what the program prints")
    holds(lives(m) >= 2, f"daemons died: {lives(m)}")


def test_what_is_looked_up_and_forgotten_balances(t):
    """FORGETs that a daemon dies with are made up for: at the end no node is kept that the kernel does not have."""
    m = t.mount(t.layer({f"dir{i}": {f"file{j}": "" for j in range(100)} for i in range(60)}), options=["survive=on"])
    rng = random.Random(t.settings.seed)
    deaths = t.settings.in_form(4, 8, 100)
    for _ in range(deaths):
        for place, _, names in os.walk(m.path):
            for name in names:
                os.stat(os.path.join(place, name))
        pid = m.status()["pid"]
        os.kill(pid, signal.SIGSTOP)        # FORGETs gather in the kernel, and come in batches of thousands
        try:
            caches.drop_of(m.path)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(rng.uniform(0, 0.002))
        os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE)
    wait_for_balance(m)
    equal(lives(m), deaths, "daemons that died")
