# SPDX-License-Identifier: MIT
"""The owner of a layer puts other objects under names that the kernel knows.

The kernel decides by the owner and mode that it was told. So what another object of the layer holds, which its owner may
move but not read, must not be read, changed, run or listed through the union; and no call may wait for it.
"""
import contextlib
import errno
import os
import shutil
import stat
import subprocess

from harness import File, Node, Symlink, contains, equal, holds, mark, only, read, refused, syscalls, write
from harness.credentials import as_user
from harness.trees import Dir
from harness.worlds import NOBODY

SYSTEMS = ("overpass", "kernel")
WORLDS = ("root",)
ELSEWHERE = "the layer's owner and the mounting user must differ, and one must be able to move the other's files"
STRANGER, PATIENCE = 4321, 300
SECRET = b"SECRET\n"
OTHERS = ("another_file", "another_fifo", "another_link", "another_directory", "another_device")


def layer_tree():
    return {
        "file": File(b"own\n", 0o644, (NOBODY, NOBODY)),
        "open": File(b"own\n", 0o666, (NOBODY, NOBODY)),
        "program": File(b"#!/bin/false\n", 0o755, (NOBODY, NOBODY)),
        "link": Symlink("own target", (NOBODY, NOBODY)),
        "fifo": Node(stat.S_IFIFO, 0o666, owner=(NOBODY, NOBODY)),
        "dir": Dir({"inside": File(b"own\n", 0o644, (NOBODY, NOBODY))}, 0o777, (NOBODY, NOBODY)),
        "secret": File(SECRET, 0o600),
        "secret_link": Symlink("SECRET target"),
        "secret_dir": Dir({"inside": File(SECRET, 0o644)}, 0o700),
        "another_file": File(b"another\n", 0o644, (NOBODY, NOBODY)),
        "another_fifo": Node(stat.S_IFIFO, 0o666, owner=(NOBODY, NOBODY)),
        "another_link": Symlink("/etc/shadow", (NOBODY, NOBODY)),
        "another_directory": Dir({}, 0o777, (NOBODY, NOBODY)),
        "another_device": Node(stat.S_IFCHR, 0o666, (1, 3), owner=(NOBODY, NOBODY)),
    }


def mounted(t, where, *options):
    """A union whose lower or upper belongs to NOBODY, in it a program of root's. The union and the layer's path."""
    layer = t.layer(layer_tree())
    shutil.copy("/usr/bin/id", layer + "/root_program")
    os.chmod(layer + "/root_program", 0o666)
    os.chown(layer, NOBODY, NOBODY)
    if where == "lower":
        m = t.mount(layer, options=options)
        t.let_lower_change(layer, "its owner moves its files about")
    else:
        m = t.mount(t.layer({}), upper=layer, options=options)
    return m, layer


def swap(layer, name, other):
    """What the layer's owner may do to it: no right on what is moved is needed."""
    as_user(NOBODY, lambda: syscalls.renameat2(f"{layer}/{name}", f"{layer}/{other}", syscalls.RENAME_EXCHANGE))


def attempt(function, *arguments):
    """What a stranger is answered: the result, or the errno's name. Hangs are ended by an alarm."""
    import signal

    def limited():
        signal.alarm(20)
        try:
            return function(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno]
    return as_user(STRANGER, limited)


@contextlib.contextmanager
def each_layer(t):
    yield [mounted(t, where) for where in ("lower", "upper")]


def test_a_secret_moved_under_a_known_name_is_not_read(t):
    with each_layer(t) as unions:
        for m, layer in unions:
            equal(attempt(os.stat, m / "file")[0], stat.S_IFREG | 0o644, "the kernel knows the file")
            swap(layer, "file", "secret")
            holds(attempt(read, m / "file") in ("EACCES", b"own\n"), "a stranger reads his file or nothing")
            if t.settings.system == "overpass":
                equal(attempt(read, m / "file"), "EACCES", "what the name leads to now, by its own permissions")
                equal(read(m / "file"), SECRET, "what root reads there now")


def test_a_secret_moved_under_a_known_name_is_not_read_where_the_daemon_serves_it(t):
    for options in (("passthrough=off",), ("passthrough=off", "writeback=on"), ("lower_io=cached",)):
        if t.settings.system != "overpass":
            options = ()
        for where in ("lower", "upper"):
            m, layer = mounted(t, where, *options)
            attempt(os.stat, m / "file")
            swap(layer, "file", "secret")
            holds(attempt(read, m / "file") in ("EACCES", b"own\n"), f"nothing is read with {options}")


def test_an_open_file_stays_the_file_that_was_opened(t):
    with each_layer(t) as unions:
        for m, layer in unions:
            with open(m / "file", "rb") as file:
                swap(layer, "file", "secret")
                equal(file.read(), b"own\n", "what the open file holds")


def test_a_program_of_root_moved_under_a_known_name_does_not_get_a_set_user_id_bit(t):
    with each_layer(t) as unions:
        for m, layer in unions:
            as_user(NOBODY, lambda m=m: os.stat(m / "program"))
            swap(layer, "program", "root_program")
            with contextlib.suppress(OSError):
                as_user(NOBODY, lambda m=m: os.chmod(m / "program", 0o4755))
            done = attempt(lambda m=m: subprocess.run([m / "program", "-u"], capture_output=True, check=False).stdout)
            holds(b"0\n" != done, f"nothing is run as root: {done}")
            for path in (layer + "/program", layer + "/root_program", m / "program"):
                found = os.lstat(path)
                holds(not (found.st_uid == 0 and found.st_mode & stat.S_ISUID), f"{path} runs as root for no user")


def test_attributes_of_a_moved_secret_are_not_changed(t):
    changes = {
        "chmod": lambda path: os.chmod(path, 0o777),
        "chown": lambda path: os.chown(path, -1, NOBODY),
        "utime": lambda path: os.utime(path, (1, 1)),
        "truncate": lambda path: os.truncate(path, 0),
        "setxattr": lambda path: os.setxattr(path, "user.a", b"1"),
        "acl": lambda path: os.setxattr(path, "system.posix_acl_access", bytes.fromhex(
            "02000000" "01000600ffffffff" "02000700e1100000" "04000600ffffffff" "10000700ffffffff" "20000400ffffffff")),
        "append": lambda path: write(path, b"more", "ab"),
        "rewrite": lambda path: write(path, b"more"),
        "link": lambda path: os.link(path, path + ".linked"),
    }
    for where in ("lower", "upper"):
        for name, change in changes.items():
            m, layer = mounted(t, where)
            as_user(NOBODY, lambda m=m: os.stat(m / "open"))
            swap(layer, "open", "secret")
            with contextlib.suppress(OSError):
                as_user(NOBODY, lambda m=m, change=change: change(m / "open"))
            there = [path for path in (layer + "/open", layer + "/secret") if os.lstat(path).st_uid == 0]
            equal([read(path) for path in there], [SECRET], f"the secret in the {where} after {name}")
            found = os.lstat(there[0])
            equal((stat.S_IMODE(found.st_mode), found.st_gid, found.st_nlink, os.listxattr(there[0])),
                  (0o600, 0, 1, []), f"its attributes after {name}")
            shown = os.lstat(m / "open")
            holds(shown.st_uid != 0 or stat.S_IMODE(shown.st_mode) == 0o600, f"what the union shows after {name}")
            m.umount()


def test_attributes_and_targets_of_what_is_moved_are_not_told(t):
    with each_layer(t) as unions:
        for m, layer in unions:
            os.setxattr(layer + "/secret", "user.note", SECRET)
            attempt(os.stat, m / "file")
            attempt(os.lstat, m / "link")
            swap(layer, "file", "secret")
            swap(layer, "link", "secret_link")
            holds(attempt(os.getxattr, m / "file", "user.note") in ("ENODATA", "EACCES", "EPERM"), "no attribute is told")
            holds(attempt(os.readlink, m / "link") in ("own target", "SECRET target"), "a target is that of some link")


def test_a_closed_directory_moved_under_a_known_name_is_not_listed(t):
    for reached in ("known", "listed"):
        for where in ("lower", "upper"):
            m, layer = mounted(t, where)
            attempt(os.stat if reached == "known" else os.listdir, m / "dir")
            swap(layer, "dir", "secret_dir")
            holds(attempt(os.listdir, m / "dir") in ("EACCES", ["inside"]), "it is not listed without permission")
            holds(attempt(read, m / "dir/inside") in ("EACCES", b"own\n"), f"nothing in it is read: {reached}, {where}")


def test_no_call_waits_for_what_was_moved_under_a_known_name(t):
    for where in ("lower", "upper"):
        for other in OTHERS:
            m, layer = mounted(t, where)
            for name in ("file", "open", "link", "fifo", "dir"):
                attempt(os.lstat, m / name)
            for name in ("file", "open", "link", "dir"):
                swap(layer, name, other)
                for call in (read, lambda path: write(path, b"x", "ab"), os.listdir, os.readlink, os.stat):
                    if other == "another_fifo" and call is not os.stat:
                        continue        # the stranger himself would wait in the kernel's FIFO
                    attempt(call, m / name)
                swap(layer, name, other)
            if other == "another_fifo":
                swap(layer, "file", other)
                opened = attempt(lambda m=m: os.close(os.open(m / "file", os.O_RDONLY | os.O_NONBLOCK)))
                equal(opened, None, "a FIFO is opened as a FIFO")
            equal(attempt(lambda m=m: sorted(os.listdir(m.path)) != []), True, f"the union answers beside {other}")


@only("overpass")
def test_a_regular_file_that_became_a_fifo_keeps_no_thread(t):
    m, layer = mounted(t, "lower", "threads=1")
    attempt(os.stat, m / "file")
    with open(m / "open", "rb") as held:
        for name in ("file", "open"):
            swap(layer, name, "another_fifo")
            opened = attempt(lambda name=name: os.close(os.open(m / name, os.O_RDONLY | os.O_NONBLOCK)))
            holds(opened in (None, "ESTALE"), f"{name} is answered: {opened}")
            swap(layer, name, "another_fifo")
        equal(held.read(), b"own\n", "the open file")
    equal(attempt(read, m / "program"), b"#!/bin/false\n", "another file")


@only("overpass")
def test_data_of_a_metacopy_are_not_taken_from_another_file(t):
    lower = t.layer({"file": File(b"own\n" * 3000, 0o644, (NOBODY, NOBODY)), "secret": File(SECRET * 2000, 0o600)})
    os.chown(lower, NOBODY, NOBODY)
    m = t.mount(lower, options=("metacopy=on",))
    t.let_lower_change(lower, "its owner moves its files about")
    os.utime(m / "file", (1, 1))
    holds(os.path.exists(m.upper + "/file"), "the attributes are copied up")
    contains(" ".join(os.listxattr(m.upper + "/file")), mark("metacopy"), "marks of the copy")
    as_user(NOBODY, lambda: os.stat(m / "file"))
    swap(lower, "file", "secret")
    holds(attempt(read, m / "file") in ("ESTALE", "EIO", "EACCES"), "the secret is not read as the bytes of another file")
    holds(as_user(NOBODY, lambda: _errno_of(write, m / "file", b"x", "ab")) in ("ESTALE", "EIO", "EACCES"),
          "nor copied up as these")


def _errno_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return ""


@only("overpass")
def test_a_file_that_its_owner_closed_is_closed_at_the_next_open(t):
    for where in ("lower", "upper"):
        m, layer = mounted(t, where)
        equal(attempt(read, m / "file"), b"own\n", "what a stranger reads")
        os.chmod(layer + "/file", 0o600)
        m.settle()
        equal(attempt(lambda m=m: open(m / "program", "rb").close()), None, "another file")
        with contextlib.suppress(OSError):
            attempt(os.listdir, m.path)
        equal(attempt(lambda m=m: os.close(os.open(m / "file", os.O_WRONLY))), "EACCES", "a writer")


@only("overpass")
def test_a_lease_holds_up_its_own_opener_alone(t):
    import fcntl
    m, layer = mounted(t, "upper", "threads=1")
    attempt(os.stat, m / "open")
    leased = os.open(layer + "/open", os.O_RDONLY)
    fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    refused(errno.EWOULDBLOCK, os.open, m / "open", os.O_WRONLY | os.O_NONBLOCK)
    writer = os.fork()
    if writer == 0:
        write(m / "open", b"more", "ab")
        os._exit(0)
    for _ in range(20):
        equal(read(m / "file"), b"own\n", "another file meanwhile")
        write(m / "new", b"new")
    equal(os.waitpid(writer, os.WNOHANG), (0, 0), "the writer waits for the lease")
    fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    equal(os.waitpid(writer, 0)[1], 0, "the writer's end")
    equal(read(m / "open"), b"own\nmore", "what was written")
    os.close(leased)


@only("overpass")
def test_a_writer_that_waits_for_a_lease_can_be_killed(t):
    import fcntl
    import time
    m, layer = mounted(t, "upper", "threads=1")
    leased = os.open(layer + "/open", os.O_RDONLY)
    fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    writer = os.fork()
    if writer == 0:
        write(m / "open", b"more", "ab")
        os._exit(0)
    time.sleep(0.3)
    os.kill(writer, 9)
    equal(os.waitpid(writer, 0)[1], 9, "the writer's end, before the lease's")
    os.close(leased)
