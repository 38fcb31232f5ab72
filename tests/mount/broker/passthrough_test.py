# SPDX-License-Identifier: MIT
"""overpass-broker registers files for users who may not register them, so that they are passed through."""
import os
import time

from user_mounts import TREE, Meanwhile, mounted, use, use_once, world

from harness import equal, holds, read, refused, write
from harness.credentials import as_user
from harness.worlds import NOBODY, give_to, in_user_namespace, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"


def test_an_ordinary_users_mount_is_passed_through(t):
    broker, stack = world(t, NOBODY)
    as_user(NOBODY, lambda: use_once(t, broker, stack))
    broker.wait_for_children(0, "after the unmount")
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


def test_a_mount_in_a_user_namespace_is_passed_through(t):
    broker, stack = world(t, 100_000)

    def work():
        m = mounted(t, broker, stack)
        holds(m.status()["layers"][1]["write_protected"], "the lower is taken through a clone of the daemon's own")
        use(m)
        umount(m)
    in_user_namespace(work, 100_000, 65536)
    broker.wait_for_children(0, "after the unmount")
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


def test_a_daemon_that_dies_leaves_nothing_with_the_broker(t):
    broker, stack = world(t, NOBODY)

    def work():
        m = mounted(t, broker, stack)
        fds = [os.open(m / name, os.O_RDONLY) for name in TREE]
        served = len(broker.children())
        m.daemon.process.kill()
        m.daemon.process.wait()
        refused((103, 107), lambda: os.stat(m / "unseen"))        # ECONNABORTED, ENOTCONN: at once
        equal(os.read(fds[0], 7), b"content", "an open file lives on")
        return served
    equal(as_user(NOBODY, work), 1, "clients while it lived")
    broker.wait_for_children(0, "after its end")


def test_the_administrator_sees_how_many_files_each_user_has(t):
    broker, stack = world(t, NOBODY)

    def work(pause):
        m = mounted(t, broker, stack)
        fds = [os.open(m / name, os.O_RDONLY) for name in (*TREE, *TREE)]        # one request for each file
        time.sleep(1.5)                 # counts are reported once a second
        pause(str(m.pid))
        for fd in fds:
            os.close(fd)
        umount(m)
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    pid = meanwhile.wait()
    rows = broker.listed()
    meanwhile.go_on()
    equal(rows, [[pid, str(NOBODY), str(len(TREE)), os.path.realpath(stack.mountpoint)]], "the list")


def test_a_removed_file_gives_its_space_back(t):
    """Ids are given back together, a few milliseconds late, and without anything else that has to happen."""
    broker, stack = world(t, NOBODY)

    def work():
        m = mounted(t, broker, stack)
        before, found = os.statvfs(m).f_bfree, []
        for name in ("one", "two"):
            write(m / name, b"x" * 8_000_000)
            taken = before - os.statvfs(m).f_bfree
            os.unlink(m / name)
            deadline = time.monotonic() + t.settings.seconds(10)
            while os.statvfs(m).f_bfree < before - taken // 10 and time.monotonic() < deadline:
                time.sleep(0.005)
            found.append((taken > 1000, before - os.statvfs(m).f_bfree < taken // 5))
        umount(m)
        return found
    equal(as_user(NOBODY, work), [(True, True)] * 2, "whether the space was taken, and is free again")


def test_a_mount_may_cover_the_brokers_socket(t):
    broker, stack = world(t, NOBODY)
    give_to(broker.directory, NOBODY)
    stack.mountpoint = broker.directory

    def work():
        m = mounted(t, broker, stack)
        use(m)
        equal(os.path.exists(broker.socket), False, "the socket's name is covered")
        umount(m)
    as_user(NOBODY, work)
    equal(read(stack.upper + "/file"), b"content+", "content in the upper layer")


def test_upper_files_that_the_user_may_not_write_are_served_by_the_daemon(t):
    broker, stack = world(t, NOBODY)
    write(stack.upper + "/locked", "locked")
    os.chmod(stack.upper + "/locked", 0o444)
    give_to(stack.upper + "/locked", NOBODY)

    def work():
        m = mounted(t, broker, stack)
        equal(read(m / "locked"), b"locked", "content")
        reader = open(m / "locked", "rb")
        os.chmod(m / "locked", 0o644)
        write(m / "locked", "+", "ab")
        equal(reader.read(), b"locked+", "what an older reader sees")
        reader.close()
        equal(read(m / "locked"), b"locked+", "content in the end")
        umount(m)
    as_user(NOBODY, work)
    equal(broker.text(), "", "what the broker logged")


def test_a_write_takes_the_set_id_bits_away(t):
    """The daemon serves writers of such a file: the writer's rights decide which bits fall."""
    broker, stack = world(t, NOBODY)

    def work():
        m = mounted(t, broker, stack)
        write(m / "made", "first")
        os.chmod(m / "made", 0o6755)
        with m.requests() as counted:
            write(m / "made", "+", "ab")
        umount(m)
        return counted.counts.get("WRITE", 0)
    equal(as_user(NOBODY, work), 1, "writes that reach the daemon")
    status = os.stat(stack.upper + "/made")
    equal((oct(status.st_mode & 0o7777), status.st_size), ("0o755", 6), "mode and size in the upper layer")
