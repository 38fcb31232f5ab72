# SPDX-License-Identifier: MIT
"""A live broker and clients of it that have a FUSE mount of their own and say what a test likes."""
import contextlib
import os
import socket

from harness import equal, need, syscalls, write
from harness.broker import Broker, Client
from harness.credentials import as_user, become
from harness.raw_fuse import RawFuse
from harness.worlds import NOBODY, give_to, ordinary_fuse_device

OTHER = 2           # Debian's bin: fusermount3 wants a user with a name


def world(t, *arguments):
    need("passthrough")
    ordinary_fuse_device(t)
    broker = Broker(t, *arguments)
    os.chmod(t.directory, 0o777)
    return broker


def mountpoint(t, uid=NOBODY):
    point = t.fresh("mnt")
    give_to(point, uid)
    return point


@contextlib.contextmanager
def mounted_by_another(point):
    """The /dev/fuse of a mount that OTHER has made at that mountpoint of his, and has as long as this lasts."""
    ours, theirs = socket.socketpair()
    owner = os.fork()
    if owner == 0:
        try:
            become(OTHER)
            fuse = RawFuse(point)
            socket.send_fds(theirs, [b"x"], [fuse.fd])
            theirs.recv(1)
            fuse.umount()
        finally:
            os._exit(0)
    theirs.close()
    _, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        yield fd
    finally:
        os.close(fd)
        ours.send(b"x")
        os.waitpid(owner, 0)


def attack(broker, point, deed, uid=NOBODY):
    """deed(fuse, client) by a client that is greeted."""
    def run():
        fuse, client = RawFuse(point), Client(broker.socket)
        try:
            equal(client.greet(fuse.fd)[0], "None", "the greeting")
            return deed(fuse, client)
        finally:
            client.leave()
            fuse.umount()
    return as_user(uid, run)


def is_alive_as(broker, point, uid):
    """Another client is served as if nothing had happened."""
    equal(attack(broker, point, lambda fuse, client: client.register(os.open("/etc", os.O_PATH))[0], uid), "PathOnly",
          f"the answer to uid {uid}")


def is_alive(broker, point):
    is_alive_as(broker, point, NOBODY)


def served_file(t):
    """A file that everybody may read, on a file system that is served."""
    directory = t.fresh("memory")
    syscalls.mount("tmpfs", directory, "tmpfs")
    write(directory + "/file", "content")
    return directory + "/file"
