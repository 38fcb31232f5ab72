# SPDX-License-Identifier: MIT
"""Log rules tell each open, creation, removal and rename as a line of JSON; refusals are told as well."""
import errno
import json
import os

from harness import contains, equal, read, refused, write
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"watched": {"a": "1", "b": "2"}, "fixed": "f", "free": "x"}


def lines(path, *members):
    with open(path, encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [tuple(line.get(member) for member in members) for line in found]


def logging(t, *rules):
    log = t.fresh("log") + "/rules.log"
    return t.mount(t.layer(TREE), options=(*rules, f"rules_log={log}")), log


def test_what_is_done_below_a_watched_directory_is_told(t):
    m, log = logging(t, "rule=log:watched/")
    read(m / "watched/a"), read(m / "free")
    write(m / "watched/a", "+", "ab"), write(m / "free", "y")
    write(m / "watched/new", "1")
    os.mkdir(m / "watched/dir"), os.symlink("x", m / "watched/link"), os.link(m / "free", m / "watched/second")
    os.rename(m / "watched/new", m / "watched/newer"), os.rename(m / "watched/b", m / "gone")
    os.unlink(m / "watched/newer"), os.rmdir(m / "watched/dir")
    equal(lines(log, "operation", "path", "new_path", "error"), [
        ("open", "/watched/a", None, None),
        ("write-open", "/watched/a", None, None),
        ("create", "/watched/new", None, None),
        ("create", "/watched/dir", None, None),
        ("create", "/watched/link", None, None),
        ("create", "/watched/second", None, None),
        ("rename", "/watched/new", "/watched/newer", None),
        ("rename", "/watched/b", "/gone", None),
        ("unlink", "/watched/newer", None, None),
        ("rmdir", "/watched/dir", None, None)], "the log")
    equal(lines(log, "uid")[0], (os.geteuid(),), "the caller")
    equal(os.stat(log).st_mode & 0o777, 0o600, "mode of the log")


def test_refusals_are_told(t):
    m, log = logging(t, "rule=readonly:fixed", "rule=hide:secret", "rule=deny:/watched/a", "rules=@agent")
    os.makedirs(m / "proj/.git")
    refused(errno.EXDEV, os.rename, m / "proj/.git", m / "proj/git")
    refused(errno.EROFS, os.open, m / "fixed", os.O_WRONLY)
    refused(errno.EROFS, os.chmod, m / "fixed", 0o777)
    refused(errno.EROFS, os.unlink, m / "fixed")
    refused(errno.EACCES, os.mkdir, m / "watched/secret")
    refused(errno.EACCES, os.open, m / "watched/a", os.O_RDONLY)
    refused(errno.EACCES, os.rename, m / "free", m / "secret")
    read(m / "fixed")
    equal(lines(log, "operation", "path", "new_path", "error"), [
        ("rename", "/proj/.git", "/proj/git", "EXDEV"),
        ("write-open", "/fixed", None, "EROFS"),
        ("change", "/fixed", None, "EROFS"),
        ("unlink", "/fixed", None, "EROFS"),
        ("create", "/watched/secret", None, "EACCES"),
        ("open", "/watched/a", None, "EACCES"),
        ("rename", "/free", "/secret", "EACCES")], "the log")


def test_without_a_file_the_daemons_log_has_it(t):
    m = t.mount(t.layer(TREE), options=("rule=log:*",))
    write(m / "watched/strange\nname", "1")
    contains(m.daemon.text(), '"operation":"create","path":"/watched/strange\\nname"', "the daemon's log")


def test_log_that_no_one_reads_holds_up_no_caller(t):
    pipe = t.fresh("log") + "/pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        m = t.mount(t.layer(TREE), options=("rule=log:*", f"rules_log={pipe}"))
        for _ in range(1000):
            read(m / "free")
        wait_for(t, lambda: m.status()["rules"]["lost_lines"] > 0, "lost lines")
        equal(read(m / "free"), b"x", "content")
    finally:
        os.close(reader)
