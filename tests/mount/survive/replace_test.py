# SPDX-License-Identifier: MIT
"""mount --replace: the daemon of a mounted union makes way for the program as it is on disk by now."""
import dataclasses
import errno
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

from harness import at_most, equal, holds, refused, write
from harness.deaths import children_of, kill_daemon, lives, replace
from harness.parallel import in_parallel

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 200
SURVIVE = ["survive=on"]
LOWER = {"file": "lower", "other": "other", "dir": {"sub": {"deep": "d"}, "name": "n"}}


def own_program(t, source=None):
    """A program that the test may change."""
    place = os.path.join(t.fresh("program"), "overpass")
    shutil.copy(source or t.settings.overpass, place)
    return place


def put(place, source, mode=0o755):
    """A package's upgrade: the file is another one, which has the name of the former."""
    shutil.copy(source, f"{place}.new")
    os.chmod(f"{place}.new", mode)
    os.replace(f"{place}.new", place)


def union(t, *options, lower=None, program=None):
    settings = t.settings
    t.settings = dataclasses.replace(settings, overpass=os.fspath(program or settings.overpass))
    m = t.mount(t.layer(lower or LOWER), options=[*SURVIVE, *options])
    t.settings = m.settings = settings
    return m


def replacements(m):
    return m.status()["survives"]["replacements"]


def test_open_and_removed_files_go_on(t):
    m = union(t)
    with open(m / "file", "r+b") as file, open(m / "new", "w+b") as removed, open(m / "other", "rb") as reader:
        removed.write(b"one"), removed.flush()
        os.unlink(m / "new")
        fd = os.open(m / "dir", os.O_RDONLY)
        pid = m.status()["pid"]
        for number in range(3):
            equal(replace(t, m), (0, ""), "the command")
            file.write(b"%d" % number), file.flush()
            removed.write(b"+"), removed.flush()
        holds(m.status()["pid"] != pid, "another process serves")
        equal(os.pread(removed.fileno(), 9, 0), b"one+++", "a removed file")
        equal(os.pread(file.fileno(), 9, 0), b"012er", "an open file")
        equal(reader.read(), b"other", "a lower file")
        equal(sorted(os.listdir(fd)), ["name", "sub"], "an open directory")
        os.close(fd)
    equal((replacements(m), lives(m)), (3, 0), "replacements and deaths")
    equal(sorted(os.listdir(m.path)), ["dir", "file", "other"], "the names")


def test_the_program_on_disk_is_executed(t):
    place = own_program(t)
    m = union(t, program=place)
    put(place, t.settings.overpass)
    equal(replace(t, m), (0, ""), "the command")
    program = os.readlink(f"/proc/{m.status()['pid']}/exe")
    equal(program, os.fspath(place), "what serves is the new file, not the one that was deleted")
    kill_daemon(m)
    equal(os.readlink(f"/proc/{m.status()['pid']}/exe"), os.fspath(place), "after a death it is executed again")
    equal((replacements(m), lives(m)), (1, 1), "replacements and deaths")
    write(m / "file", "y")
    equal(replace(t, m), (0, ""), "once more")
    with open(m / "file", encoding="ascii") as file:
        equal(file.read(), "y", "content")


def test_a_program_that_fails_leaves_the_daemon(t):
    place = own_program(t)
    m = union(t, program=place)
    pid = m.status()["pid"]
    put(place, "/bin/false")
    status, said = replace(t, m)
    equal(status, 1, "exit status")
    holds("not replaced" in said and "ended with status 1" in said, f"what is told: {said}")
    write(f"{place}.new", "no program")
    os.replace(f"{place}.new", place)
    status, said = replace(t, m)
    equal(status, 1, "exit status of what cannot be executed")
    holds("cannot be executed" in said, f"what is told: {said}")
    os.unlink(place)
    status, said = replace(t, m)
    holds(status == 1 and "No such file" in said, f"without a program: {status} {said}")
    equal(m.status()["pid"], pid, "the daemon")
    write(m / "file", "y")
    kill_daemon(m)
    with open(m / "file", encoding="ascii") as file:
        equal(file.read(), "y", "after a death of the one that stayed")


def test_records_of_another_version_are_refused(t):
    built = t.settings.overpass
    other = os.path.join(os.path.dirname(built), "tests", "other_records", "overpass-other-records")
    for first, second in ((built, other), (other, built)):
        place = own_program(t, first)
        m = union(t, program=place)
        pid = m.status()["pid"]
        put(place, second)
        status, said = replace(t, m)
        equal(status, 1, "exit status")
        holds("of version" in said and "unmount" in said, f"what is told: {said}")
        equal(m.status()["pid"], pid, "the daemon")
        write(m / "file", "y")
        put(place, first)
        equal(replace(t, m), (0, ""), "the program as it was")
        with open(m / "file", encoding="ascii") as file:
            equal(file.read(), "y", "content")
        m.umount()


def test_options_that_may_change(t):
    m = union(t, "threads=1")
    equal(m.status()["threads"], 1, "threads at first")
    equal(replace(t, m, "-o", "threads=3,rule=deny:dir/**"), (0, ""), "the command")
    equal(m.status()["threads"], 3, "threads")
    refused(errno.EACCES, lambda: open(m / "dir/name", encoding="ascii"))
    kill_daemon(m)
    equal(m.status()["threads"], 3, "threads after a death")
    refused(errno.EACCES, lambda: open(m / "dir/name", encoding="ascii"))
    equal(replace(t, m, "-o", "rule=readonly:file"), (0, ""), "rules in place of others")
    with open(m / "dir/name", encoding="ascii") as file:
        equal(file.read(), "n", "what was denied")
    refused(errno.EROFS, lambda: write(m / "file", "y"))
    equal(m.status()["threads"], 3, "what was changed before stays so")


def test_options_that_may_not_change(t):
    m = union(t)
    pid = m.status()["pid"]
    for option, word in (("metacopy=on", "format"), ("ro", "read_only"), ("upperdir=/tmp", "upper")):
        status, said = replace(t, m, "-o", option)
        equal(status, 1, f"{option}: exit status")
        holds("cannot change" in said and word in said, f"{option}: {said}")
    status, said = replace(t, m, "-o", "nonsense")
    holds(status == 2 and "nonsense" in said, f"what is no option: {status} {said}")
    status, said = replace(t, m, "--lower", "/")
    holds(status == 2 and "--lower" in said, f"a layer: {status} {said}")
    equal(m.status()["pid"], pid, "the daemon")


def test_a_mount_without_a_keeper(t):
    m = t.mount(t.layer(LOWER))
    status, said = replace(t, m)
    holds(status == 1 and "survive=on" in said, f"what is told: {status} {said}")
    m2 = union(t)
    os.kill(m2.daemon.pid, signal.SIGKILL)
    m2.daemon.process.wait()
    status, said = replace(t, m2)
    holds(status == 1 and "keeper" in said, f"what is told without the keeper: {status} {said}")
    os.kill(m2.status()["pid"], signal.SIGTERM)
    m2.alive = False
    m2.daemon.kill()


def test_a_hangup_replaces(t):
    m = union(t)
    pid = m.status()["pid"]
    deadline = time.monotonic() + t.settings.seconds(20)
    os.kill(m.daemon.pid, signal.SIGHUP)
    while replacements(m) == 0:
        holds(time.monotonic() < deadline, "another daemon takes over")
        time.sleep(0.01)
    holds(m.status()["pid"] != pid, "another process serves")


def test_from_another_namespace_it_is_refused(t):
    m = union(t)
    pid = m.status()["pid"]
    done = subprocess.run(["unshare", "-m", t.settings.overpass, "mount", "--replace", m.path], capture_output=True, text=True, check=False) \
        if t.settings.world != "user" else \
        subprocess.run(["unshare", "-Ur", "-m", t.settings.overpass, "mount", "--replace", m.path], capture_output=True, text=True, check=False)
    holds(done.returncode == 1 and "namespaces" in done.stderr, f"what is told: {done.returncode} {done.stderr}")
    equal(m.status()["pid"], pid, "the daemon")


def test_a_death_while_it_is_replaced(t):
    """The daemon, the program that is to follow, or that one just after it has begun."""
    m = union(t)
    for delay in (0.0, 0.005, 0.01, 0.02, 0.04):
        before = m.status()["pid"]
        child = threading.Thread(target=replace, args=(t, m))
        child.start()
        time.sleep(delay)
        try:
            os.kill(before, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.join()
        write(m / "file", f"{delay}")
        with open(m / "file", encoding="ascii") as file:
            equal(file.read(), f"{delay}", "the union serves")
    equal(m.status()["survives"]["active"], True, "the keeper")


def test_replacements_while_programs_work(t):
    m = union(t, lower={f"low{i}": "x" * 1000 for i in range(20)})
    rounds = t.settings.in_form(10, 20, 1000)
    over = threading.Event()

    def work(who):
        number = 0
        while not over.is_set():
            number += 1
            path = m / f"{who}-{number % 7}"
            write(path, f"{who} {number}" * 100)
            with open(path, encoding="ascii") as file:
                holds(file.read() == f"{who} {number}" * 100, f"content of {path}")
            with open(m / f"low{(who * 5 + number) % 20}", "ab") as file:
                file.write(b"y")
            os.rename(path, f"{path}.new"), os.unlink(f"{path}.new")

    failures = []

    def workers():
        try:
            in_parallel(work, 3)
        except BaseException as failure:    # pylint: disable=broad-except
            failures.append(failure)

    thread = threading.Thread(target=workers)
    thread.start()
    try:
        equal(replace(t, m), (0, ""), "the first replacement")
        open_at_first = len(os.listdir(f"/proc/{m.daemon.pid}/fd"))
        for number in range(1, rounds):
            equal(replace(t, m), (0, ""), f"replacement {number}")
        at_most(len(os.listdir(f"/proc/{m.daemon.pid}/fd")), open_at_first + 3, "descriptors of the keeper: it holds those of removed files")
    finally:
        over.set()
        thread.join()
    equal(failures, [], "what the programs met")
    equal((replacements(m), lives(m)), (rounds, 0), "replacements and deaths")
    holds(all(stat.S_ISREG(os.stat(m / name).st_mode) for name in os.listdir(m.path)), "the files")


def test_a_program_that_the_union_shows_is_not_executed(t):
    """Who owns a layer would have it executed by the user who mounted."""
    place = t.fresh("program")
    program = os.path.join(place, "overpass")
    shutil.copy(t.settings.overpass, program)
    proof = os.path.join(t.fresh("proof"), "it-ran")
    lower = t.layer({"overpass": f"#!/bin/sh\ntouch {proof}\n", "file": "x"})
    os.chmod(os.path.join(lower, "overpass"), 0o755)
    settings = t.settings
    t.settings = dataclasses.replace(settings, overpass=program)
    m = t.mount_stack(dataclasses.replace(t.stack(lower, options=SURVIVE), mountpoint=place))
    t.settings = m.settings = settings
    status, said = replace(t, m)
    holds(status == 1 and "lies in the union itself" in said, f"what is told: {status} {said}")
    os.rename(m / "overpass", m / "moved")
    os.symlink(os.path.join(t.layer({"overpass": f"#!/bin/sh\ntouch {proof}\n"}), "overpass"), m / "overpass")
    status, said = replace(t, m)
    holds(status == 1 and "lies in the union itself" in said, f"what is told of a link: {status} {said}")
    holds(not os.path.exists(proof), "nothing ran")
    kill_daemon(m)
    with open(m / "file", encoding="ascii") as file:
        equal(file.read(), "x", "the union")


def test_names_that_rules_hide_from_now_on(t):
    m = union(t)
    with open(m / "dir/name", encoding="ascii") as file:
        equal(file.read(), "n", "at first")
    equal(os.listdir(m / "dir"), ["name", "sub"], "the listing at first")
    equal(replace(t, m, "-o", "rule=hide:dir/name"), (0, ""), "the command")
    deadline = time.monotonic() + t.settings.seconds(20)
    while os.path.exists(m / "dir/name") or os.listdir(m / "dir") != ["sub"]:
        holds(time.monotonic() < deadline, f"the name is hidden: {os.listdir(m / 'dir')}")
        time.sleep(0.01)
    refused(errno.ENOENT, lambda: open(m / "dir/name", encoding="ascii"))
    kill_daemon(m)
    holds(not os.path.exists(m / "dir/name"), "after a death as well")
    equal(replace(t, m, "-o", "rule=hide:nothing"), (0, ""), "other rules")
    while not os.path.exists(m / "dir/name") or os.listdir(m / "dir") != ["name", "sub"]:
        holds(time.monotonic() < deadline, f"the name is there again: {os.listdir(m / 'dir')}")
        time.sleep(0.01)


def test_rules_that_come_back(t):
    """What other rules hid meanwhile is there again, and what the first ones hide is hidden again."""
    m = union(t, "rule=hide:dir/sub")
    for rule, shown in (("hide:dir/name", "sub"), ("hide:dir/sub", "name"), ("hide:dir/name", "sub")):
        equal(replace(t, m, "-o", f"rule={rule}"), (0, ""), "the command")
        hidden = "name" if shown == "sub" else "sub"
        deadline = time.monotonic() + t.settings.seconds(20)
        while os.listdir(m / "dir") != [shown] or os.path.exists(m / f"dir/{hidden}") or not os.path.exists(m / f"dir/{shown}"):
            holds(time.monotonic() < deadline, f"{rule}: {os.listdir(m / 'dir')}")
            time.sleep(0.01)


def test_rules_are_kept_as_they_were_read(t):
    """A daemon that follows another does not read their file again, nor does it do without them."""
    rules = os.path.join(t.fresh("rules"), "file")
    write(rules, "deny dir/name\n")
    m = union(t)
    status, said = replace(t, m, "-o", "rules=file")
    holds(status == 2 and "from '/' on" in said, f"a path from a directory that another process has: {status} {said}")
    equal(replace(t, m, "-o", f"rules={rules}"), (0, ""), "the command")
    refused(errno.EACCES, lambda: open(m / "dir/name", encoding="ascii"))
    for content in ("nonsense\n", ""):
        write(rules, content)
        kill_daemon(m)
        refused(errno.EACCES, lambda: open(m / "dir/name", encoding="ascii"))
    os.unlink(rules)
    kill_daemon(m)
    refused(errno.EACCES, lambda: open(m / "dir/name", encoding="ascii"))
    equal(lives(m), 3, "deaths")


def test_options_that_are_too_long(t):
    m = union(t)
    pid = m.status()["pid"]
    status, said = replace(t, m, "-o", ",".join(f"rule=hide:name{i:04}" for i in range(300)))
    holds(status == 1 and "too long" in said, f"what is told: {status} {said}")
    equal(m.status()["pid"], pid, "the daemon")


def test_the_keeper_keeps_no_dead_children(t):
    m = union(t)
    for _ in range(3):
        equal(replace(t, m, "-o", "ro")[0], 1, "what cannot change")
    deadline = time.monotonic() + t.settings.seconds(20)
    while zombies := children_of(m.daemon.pid, has_ended=True):
        holds(time.monotonic() < deadline, f"children that have ended: {zombies}")
        time.sleep(0.05)
