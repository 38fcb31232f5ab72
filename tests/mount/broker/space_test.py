# SPDX-License-Identifier: MIT
"""The space of a removed file comes back as soon as its id is closed, whatever else is registered."""
import os

from raw_clients import attack, mountpoint
from raw_clients import world as broker_world
from user_mounts import mounted, world

from harness import equal, read, syscalls, write
from harness.credentials import as_user
from harness.patience import wait_for
from harness.worlds import NOBODY, give_to, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
SIZE = 8 << 20
NAMES = ("first", "second", "third")


def used(directory):
    found = os.statvfs(directory)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def filled(directory):
    """With files of that size."""
    for name in NAMES:
        write(f"{directory}/{name}", b"x" * SIZE)
    return directory


def memory(t):
    """A directory of NOBODY's, a file system of its own."""
    directory = t.fresh("memory")
    syscalls.mount("tmpfs", directory, "tmpfs")
    give_to(directory, NOBODY)
    return directory


def removed_one_by_one(t, client, directory, flags, order):
    """Of files that are registered together, one after the other is closed and removed."""
    ids = {}
    for name in NAMES:
        fd = os.open(f"{directory}/{name}", flags)
        refusal, ids[name], _ = client.register(fd)
        os.close(fd)
        equal(refusal, "None", f"the registration of {name}")
    for name in order:
        before = used(directory)
        client.give_back(ids[name])
        os.unlink(f"{directory}/{name}")
        wait_for(t, lambda: used(directory) <= before - SIZE, f"the space of {name}, in order {order}")
    return used(directory)


def test_a_client_that_goes_on_keeps_no_file(t):
    broker, point, directory = broker_world(t), mountpoint(t), memory(t)

    def deed(offers):
        def run(_, client):
            if offers:
                equal(client.offer_directory(os.open(directory, os.O_PATH))[0], "None", "the answer to the directory")
            return [removed_one_by_one(t, client, filled(directory), flags, order)
                    for flags in (os.O_RDONLY, os.O_RDWR) for order in (NAMES, NAMES[::-1])]
        return run
    for offers in (False, True):
        equal(attack(broker, point, deed(offers)), [0] * 4, f"bytes in use, with a directory offered: {offers}")


def test_a_mount_that_goes_on_keeps_no_file_of_a_lower(t):
    """Files are removed from the mount, and then from their lower by its owner."""
    broker, stack = world(t, NOBODY)
    stack.lowers[0] = memory(t)

    def work():
        filled(stack.lowers[0])
        m = mounted(t, broker, stack)
        equal(m.status()["files_registered_by"], "broker", "who registers files")
        for name in NAMES:
            equal(len(read(m / name)), SIZE, "size read")
        equal(m.status()["backing_ids"], len(NAMES), "files registered")
        for name in NAMES:
            before = used(stack.lowers[0])
            os.unlink(m / name)
            os.unlink(f"{stack.lowers[0]}/{name}")
            wait_for(t, lambda: used(stack.lowers[0]) <= before - SIZE, f"the space of {name}")
        umount(m)
        return used(stack.lowers[0])
    equal(as_user(NOBODY, work), 0, "bytes in use at the end")
