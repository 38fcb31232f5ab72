# SPDX-License-Identifier: MIT
"""Removing, or renaming over, directories that show nothing and hold thousands of whiteouts on disk.

The name goes by one rename; the whiteouts go afterwards, on a worker. A caller who is killed leaves the directory whole
or gone, and nothing in the workdir.
"""
import errno
import os
import signal
import stat
import subprocess

from harness import equal, holds, refused, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)     # kernel overlayfs lists whiteouts that hide nothing

COUNT = 20_000


def mounted(t, merged, shown=()):
    """A union with a directory `big` that hides what its lower has, or hides nothing by as many whiteouts."""
    names = [f"name-{n}" for n in range(COUNT)]
    lower = t.layer({"big": dict.fromkeys([*names, *shown], "")} if merged else {})
    upper = t.fresh("upper", {"big": {}, "other": {"file": "1"}})
    for name in names:
        os.mknod(f"{upper}/big/{name}", stat.S_IFCHR, 0)
    if not merged:
        for name in shown:
            write(f"{upper}/big/{name}", "")
    return t.mount(lower, upper=upper)


def leftovers(m):
    return [name for name in os.listdir(m.work + "/work") if name.startswith("#") and os.path.isdir(f"{m.work}/work/{name}")]


def is_gone_for_good(t, m):
    equal(os.listdir(m.path), ["other"], "names")
    refused(errno.ENOENT, os.stat, m / "big")
    os.mkdir(m / "big")
    equal(os.listdir(m / "big"), [], "names of a new one")
    shown = t.dump(m.path)
    m.umount()
    equal(leftovers(m), [], "what is left in the workdir")
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def test_whiteouts_that_hide_nothing_go_with_their_directory(t):
    m = mounted(t, merged=False)
    equal(os.listdir(m / "big"), [], "names in it")
    os.rmdir(m / "big")
    is_gone_for_good(t, m)


def test_whiteouts_of_all_that_the_lower_has_go_with_it(t):
    m = mounted(t, merged=True)
    os.rmdir(m / "big")
    is_gone_for_good(t, m)


def test_it_is_replaced_by_a_rename(t):
    m = mounted(t, merged=False)
    os.mkdir(m / "new")
    write(m / "new/file", "n")
    os.rename(m / "new", m / "big")
    equal(sorted(os.listdir(m.path)), ["big", "other"], "names")
    equal(os.listdir(m / "big"), ["file"], "names in it")
    shown = t.dump(m.path)
    m.umount()
    equal(leftovers(m), [], "what is left in the workdir")
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def test_one_name_among_them_keeps_it(t):
    for merged in (False, True):
        m = mounted(t, merged, shown=["shown"])
        refused(errno.ENOTEMPTY, os.rmdir, m / "big")
        equal(os.listdir(m / "big"), ["shown"], "names in it")
        m.umount()
        equal(len(os.listdir(m.upper + "/big")), COUNT + (not merged), "entries on disk")


def test_a_killed_caller_leaves_it_whole_or_gone(t):
    for merged in (False, True):
        m = mounted(t, merged)
        caller = subprocess.Popen(["rmdir", m / "big"])
        caller.send_signal(signal.SIGKILL)
        caller.wait()
        if os.path.exists(m / "big"):
            equal(len(os.listdir(m.upper + "/big")), COUNT, "whiteouts of a directory that was not removed")
            os.rmdir(m / "big")
        is_gone_for_good(t, m)


def test_others_are_answered_meanwhile(t):
    m = mounted(t, merged=True)
    remover = subprocess.Popen(["rmdir", m / "big"])
    rounds = 0
    while remover.poll() is None or rounds == 0:
        write(m / f"other/new{rounds % 10}", str(rounds))
        os.rename(m / f"other/new{rounds % 10}", m / "other/moved")
        rounds += 1
    equal(remover.returncode, 0, "what rmdir said")
    holds(rounds, "others have been answered")
    is_gone_for_good(t, m)
