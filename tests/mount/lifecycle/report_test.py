# SPDX-License-Identifier: MIT
"""overpass report: what a report of a fault needs, and no name of a file."""
import os
import re

from harness import contains, equal, holds, only_in, syscalls

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
SECRET = "secret plans"


def report(t, *arguments):
    status, out, err = t.status_text("report", *arguments)
    equal((status, err), (0, ""), "overpass report")
    return out


def value(text, key):
    return re.search(rf"^\s*{key}: (.*)$", text, re.M).group(1)


def test_it_says_what_this_machine_is_and_offers(t):
    text = report(t)
    equal(value(text, "kernel"), " ".join((os.uname().sysname, os.uname().release, os.uname().machine)), "the kernel")
    equal(value(text, "reported by"), {"root": "root", "userns": "root of a user namespace", "user": "an ordinary user"}[t.world], "who")
    for key in ("overpass", "libfuse", "system", "passthrough", "io_uring", "broker", "user namespaces", "fusermount3"):
        holds(value(text, key), f"a value of {key}")
    contains(text, "no union is mounted", "the report")


def test_of_a_mount_it_says_file_systems_and_reasons_and_no_names(t):
    base = t.fresh("base")
    low, upper, work, point = (f"{base}/{SECRET} {name}" for name in ("low", "upper", "work", "point"))
    for directory in (low, upper, work, point):
        os.mkdir(directory)
    with open(low + "/" + SECRET, "w", encoding="utf-8") as file:
        file.write("content")
    arguments = ["mount", "--lower", low, "--upper", upper, "--work", work, "-o", f"rule=hide:/{SECRET}", point]
    equal(t.status_text(*arguments), (0, "", ""), "overpass mount")
    try:
        for text in (report(t), report(t, point)):
            contains(text, f"mount below /{base.split('/')[1]}/...", "the report")
            layer = re.escape(f"below /{base.split('/')[1]}/...")
            found = re.findall(rf"^  (upper|lower): (\S+), {layer}", text, re.M)
            equal([role for role, _ in found], ["upper", "lower"], "roles of the layers")
            equal(len({kind for _, kind in found}), 1, "file systems, of layers that are on one")
            holds(re.search(r"^ +passthrough: (active|inactive: .+)$", text, re.M), "whether data are passed through, and why not")
            contains(text, "LOOKUP" if "LOOKUP" in text else "GETXATTR", "requests")
            holds(SECRET not in text and SECRET.split()[0] not in text, f"names of files are left out: {text}")
    finally:
        equal(t.status_text("umount", point), (0, "", ""), "overpass umount")


@only_in("root", "userns", why="it unmounts by force")
def test_a_dead_daemon_is_told(t):
    m = t.mount(t.layer({"file": "content"}))
    m.daemon.kill()
    try:
        contains(report(t, m.path), "is dead", "the report")
    finally:
        syscalls.umount(m.path, syscalls.MNT_DETACH)
        m.alive = False


def test_what_is_no_union_is_an_error(t):
    status, out, err = t.status_text("report", t.fresh("plain"))
    equal((status, out), (1, ""), "status of a report of a plain directory")
    contains(err, "overpass: ", "message")
    equal(t.status_text("report", "a", "b")[0], 2, "status with two arguments")
