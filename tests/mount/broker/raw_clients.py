# SPDX-License-Identifier: MIT
"""A live broker and clients of it that have a FUSE mount of their own and say what a test likes."""
import os

from harness import equal, need, syscalls, write
from harness.broker import Broker, Client
from harness.credentials import as_user
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
