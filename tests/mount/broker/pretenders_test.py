# SPDX-License-Identifier: MIT
"""Attacks on overpass-broker by a false identity or place: user namespaces, borrowed descriptors, servers that do not answer."""
import ctypes
import errno
import fcntl
import os
import socket
import struct

from raw_clients import OTHER, attack, is_alive_as, mounted_by_another, mountpoint, served_file, world

from harness import equal, holds, need, read, refused, syscalls, write
from harness.broker import GREET, REGISTER, Client
from harness.credentials import as_user
from harness.raw_fuse import RawFuse
from harness.worlds import NOBODY, in_user_namespace

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
STATFS, F_OFD_SETLK = 17, 37
SYS_MOUNT_SETATTR, AT_EMPTY_PATH, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, 0x1000, 0x8000, 1


def call_oneself(uid):
    """From now on this process has that user id, in a user namespace that it made."""
    outside = os.getuid()
    syscalls.make_dumpable()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {outside} 1")
    equal(os.getuid(), uid, "the number inside")


def test_a_number_of_ones_own_making_makes_no_owner(t):
    """The maker of a user namespace chooses his id in it; a mount names its owner by number."""
    need("user namespaces")
    broker, point = world(t), mountpoint(t, OTHER)

    def steal(fd, with_mounts):
        call_oneself(OTHER)
        if with_mounts:
            syscalls.unshare(syscalls.CLONE_NEWNS)
        return Client(broker.socket).greet(fd)[0]
    with mounted_by_another(point) as fd:
        answers = [as_user(NOBODY, lambda with_mounts=with_mounts: steal(fd, with_mounts)) for with_mounts in (False, True)]
    equal(answers, ["NotYours"] * 2, "the answers in the mount namespace of all, and in one's own")


def test_a_connection_without_a_mount_is_refused(t):
    """What is mounted with it later would be a mount that was never checked."""
    broker = world(t)
    answers = as_user(NOBODY, lambda: [Client(broker.socket).greet(os.open("/dev/fuse", os.O_RDWR))[0] for _ in range(3)])
    equal(answers, ["NotFuse"] * 3, "the answers")


def test_a_connection_hidden_behind_locks_is_refused(t):
    """What the kernel says of a descriptor begins with its locks, as many as one likes."""
    broker, point = world(t), mountpoint(t)

    def deed():
        fuse = RawFuse(point)
        for number in range(200):
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 2 * number, 1, 0)
            fcntl.fcntl(fuse.fd, F_OFD_SETLK, lock)
        answer = Client(broker.socket).greet(fuse.fd)
        fuse.umount()
        return answer[0]
    equal(as_user(NOBODY, deed), "NotFuse", "the answer")


def test_a_process_is_no_mount_namespace(t):
    """setns(2) takes descriptors of processes too, and every user may open one of any process."""
    broker, point = world(t), mountpoint(t)

    def deed(fuse, client):
        offers = [os.pidfd_open(pid) for pid in (os.getpid(), os.getppid(), 1, broker.process.pid, *broker.children())]
        return {Client(broker.socket).ask(GREET, fuse.fd, offer)[0] for offer in offers}
    equal(attack(broker, point, deed), {"NotNamespace"}, "the answers")


def test_all_rights_over_ones_own_mounts_make_nothing_writable(t):
    """Root of a user namespace may change every mount that it can reach, and cannot reach the broker's."""
    broker, target = world(t), t.fresh("roots") + "/target"
    write(target, "root's")
    os.chmod(target, 0o644)
    point = mountpoint(t)

    def deed():
        fuse, client = RawFuse(point), Client(broker.socket)
        equal(client.greet(fuse.fd)[0], "None", "the greeting")
        for name in ("first", "second"):        # on a clone of its own, and by its handle
            refusal, fuse.files[name], _ = client.register(os.open(target, os.O_RDONLY))
            equal(refusal, "None", name)
            equal(client.offer_directory(os.open(os.path.dirname(target), os.O_PATH))[0], "None", "the directory")
        fuse.serve()
        for name in ("first", "second"):
            reader = os.open(f"{point}/{name}", os.O_RDONLY)
            for path in (f"/proc/self/fd/{reader}", target, "/"):
                make_writable(path)
            equal(os.read(reader, 10), b"root's", "content")
            for path in (f"{point}/{name}", f"/proc/self/fd/{reader}"):
                refused(errno.EIO, os.open, path, os.O_RDWR)
            os.close(reader)
        client.leave()
        fuse.umount()
    in_user_namespace(deed, NOBODY)
    equal(read(target), b"root's", "content in the end")


def set_mount_flags(fd, cleared):
    """mount_setattr(2) of the mount at a descriptor and all below it."""
    attributes = struct.pack("=QQQQ", 0, cleared, 0, 0)
    if syscalls.libc.syscall(SYS_MOUNT_SETATTR, fd, b"", AT_EMPTY_PATH | AT_RECURSIVE, attributes, len(attributes)) < 0:
        raise OSError(ctypes.get_errno(), "mount_setattr")


def make_writable(path):
    """Takes "read-only" from the mount there and all below it, as far as the kernel lets."""
    fd = os.open(path, os.O_PATH)
    try:
        set_mount_flags(fd, MOUNT_ATTR_RDONLY)
    except OSError as error:
        holds(error.errno in (errno.EPERM, errno.EINVAL), f"why {path} stays as it is: {error}")
    finally:
        os.close(fd)


class Silent(RawFuse):
    """Never says how large its file system is."""

    def _reply(self, opcode, node, body):
        return None if opcode == STATFS else super()._reply(opcode, node, body)

    def _answer(self, unique, body, error=0):
        if body is not None:
            super()._answer(unique, body, error)


def test_a_server_that_does_not_answer_holds_up_its_own_client_only(t):
    """A file system that serves all users is asked what it is, and may let the broker wait."""
    broker, point, second = world(t), mountpoint(t), mountpoint(t)
    write(t.directory + "/fuse.conf", "user_allow_other\n")
    if not os.path.exists("/etc/fuse.conf"):
        write("/etc/fuse.conf", "")
    syscalls.mount(t.directory + "/fuse.conf", "/etc/fuse.conf", None, syscalls.MS_BIND)
    t.at_end(lambda: syscalls.umount("/etc/fuse.conf", syscalls.MNT_DETACH))

    def deed():
        fuse, client, trap = RawFuse(point), Client(broker.socket), Silent(second, "fsname=silent,allow_other")
        client.greet(fuse.fd)
        trap.files["file"] = 0
        trap.serve()
        client.send(client.message(REGISTER), [os.open(second + "/file", os.O_RDONLY)])
        client.end.settimeout(0.5)
        try:
            answer = client.receive()
        except TimeoutError:
            answer = "none"
        is_alive = as_user_beside(broker, t)
        fuse.umount(), trap.umount()
        return answer, is_alive
    answer, is_alive = as_user(NOBODY, deed)
    holds(answer == "none" or answer[0] == "FileSystem", f"the answer: {answer}")
    equal(is_alive, "PathOnly", "what another process of the user is answered meanwhile")
    is_alive_as(broker, mountpoint(t, OTHER), OTHER)
    broker.wait_for_children(0, "after the server's end")


def as_user_beside(broker, t):
    """What a second client of this user is answered."""
    point = t.fresh("beside")
    fuse, client = RawFuse(point), Client(broker.socket)
    client.greet(fuse.fd)
    answer = client.register(os.open("/etc", os.O_PATH))[0]
    client.leave()
    fuse.umount()
    return answer


def test_an_heir_of_a_connection_is_served_no_longer_than_its_maker_lives(t):
    """Also one that never pauses, so that the broker does not come to wait."""
    broker, point, path = world(t), mountpoint(t), served_file(t)

    def deed():
        fuse = RawFuse(point)
        ours, theirs = socket.socketpair()
        maker = os.fork()
        if maker == 0:
            client = Client(broker.socket)
            client.greet(fuse.fd)
            socket.send_fds(theirs, [b"x"], [client.end.fileno()])
            os._exit(0)
        _, (end,), _, _ = socket.recv_fds(ours, 1, 1)
        os.waitpid(maker, 0)
        heir = Client(broker.socket)
        heir.end.close()
        heir.end = socket.socket(fileno=end)
        heir.end.settimeout(20)
        fd, served = os.open(path, os.O_RDONLY), 0
        try:
            while served < 1000 and heir.register(fd):
                served += 1
        except OSError:
            pass
        fuse.umount()
        return served
    holds(as_user(NOBODY, deed) <= 64, "files registered for the heir")
    broker.wait_for_children(0, "after the end")
