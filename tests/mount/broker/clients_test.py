# SPDX-License-Identifier: MIT
"""Attacks on overpass-broker by what is said to it: greetings, half messages, floods, disappearance."""
import contextlib
import os
import random
import signal
import socket
import subprocess

from raw_clients import OTHER, attack, is_alive, is_alive_as, mounted_by_another, mountpoint, served_file, world

from harness import equal, holds, refused, syscalls
from harness.broker import CLOSE, DIRECTORY, GREET, LIST, REGISTER, Client
from harness.credentials import as_user
from harness.raw_fuse import RawFuse
from harness.worlds import NOBODY, in_user_namespace

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"


def test_other_files_than_fuse_connections_are_refused(t):
    broker = world(t)

    def deed():
        found = []
        fresh = os.open("/dev/fuse", os.O_RDWR)
        for fd in (os.open("/dev/null", os.O_RDWR), os.open("/etc/hostname", os.O_RDONLY), os.open("/", os.O_RDONLY),
                   os.open("/dev/fuse", os.O_PATH), os.open("/dev/fuse", os.O_RDONLY), os.pipe()[0], fresh):
            client = Client(broker.socket)
            found.append((client.greet(fd), client.receive() if fd != fresh else None))
        return [answer[0] for answer, _ in found[:-1]], {end for _, end in found}, found[-1][0]
    answers, ends, fresh = as_user(NOBODY, deed)
    equal(answers, ["NotFuse"] * 6, "answers")
    equal(ends, {None}, "the connections end")
    holds(fresh[0] in ("NotFuse", "None"), "an unmounted connection gets nothing, now or at its first file")


def test_another_users_mount_is_refused(t):
    broker, point = world(t), mountpoint(t, OTHER)

    def steal(fd):
        client = Client(broker.socket)
        return client.greet(fd), client.receive()
    with mounted_by_another(point) as fd:
        answer, end = as_user(NOBODY, lambda: steal(fd))
        own = as_user(OTHER, lambda: Client(broker.socket).greet(fd))
    equal((answer[0], end), ("NotYours", None), "the answer to the thief")
    equal(own[0], "None", "the answer to the owner")


def test_other_files_than_mount_namespaces_are_refused(t):
    broker, point = world(t), mountpoint(t)

    def deed(fuse, client):
        offers = os.open("/proc/self/ns/net", os.O_RDONLY), fuse.fd, os.open("/", os.O_RDONLY)
        return [Client(broker.socket).ask(GREET, fuse.fd, offer)[0] for offer in offers]
    equal(attack(broker, point, deed), ["NotNamespace"] * 3, "answers")


def test_a_mount_that_is_not_in_the_clients_namespace_is_refused(t):
    broker, point = world(t), mountpoint(t)

    def elsewhere(end):
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
        end.send(b"x")
        _, fds, _, _ = socket.recv_fds(end, 1, 1)
        end.send(Client(broker.socket).greet(fds[0])[0].encode())

    def deed():
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            try:
                elsewhere(theirs)
            finally:
                os._exit(0)
        theirs.close()
        ours.recv(1)
        fuse = RawFuse(point)
        socket.send_fds(ours, [b"x"], [fuse.fd])
        answer = ours.recv(100).decode()
        os.waitpid(child, 0)
        fuse.umount()
        return answer
    equal(as_user(NOBODY, deed), "NotYours", "the answer")


def test_messages_that_are_none_end_the_connection(t):
    broker, point = world(t), mountpoint(t)

    def deed():
        client = Client(broker.socket)
        good = client.message(GREET)
        rows = {"half": good[:10], "one byte": b"\0", "one too many": good + b"\0", "a page": good.ljust(4096, b"\0"),
                "other magic": client.message(GREET, magic=7), "other version": client.message(GREET, version=9),
                "type 0": client.message(0), "type 6": client.message(6), "type 65535": client.message(65535),
                "reserved": client.message(REGISTER, reserved=1), "an id": client.message(REGISTER, 5),
                "no id": client.message(CLOSE, 0), "negative id": client.message(CLOSE, -4)}
        found = {}
        for name, data in rows.items():
            client = Client(broker.socket)
            client.send(data, [0, 1] if "type" not in name else [])
            answer = client.receive()
            found[name] = answer[0], client.receive()
        return found
    for name, (answer, end) in as_user(NOBODY, deed).items():
        equal((answer, end), ("Version" if name == "other version" else "Malformed", None), name)
    is_alive(broker, point)


def test_requests_out_of_order_end_the_connection(t):
    broker, point = world(t), mountpoint(t)

    def deed(fuse, client):
        fd = os.open("/etc/hostname", os.O_RDONLY)
        found = [client.greet(fuse.fd)[0], client.receive()]
        first = Client(broker.socket)
        found += [first.ask(REGISTER, fd)[0], first.receive()]
        for backing in (1, 77):         # another client's, and an unknown one
            thief = Client(broker.socket)
            thief.greet(fuse.fd)
            found += [thief.ask(CLOSE, backing_id=backing)[0], thief.receive()]
        return found
    equal(attack(broker, point, deed), ["OutOfOrder", None] * 4, "answers")
    is_alive(broker, point)


def test_descriptors_too_few_or_too_many_are_refused(t):
    broker, point = world(t), mountpoint(t)

    def deed():
        found = []
        for kind, count in ((GREET, 0), (GREET, 1), (GREET, 3), (GREET, 4), (GREET, 60), (CLOSE, 1), (LIST, 1),
                            (DIRECTORY, 0), (DIRECTORY, 2)):
            client = Client(broker.socket)
            found.append((client.ask(kind, *[1] * count, backing_id=5 if kind == CLOSE else 0)[0], client.receive()))
        return found
    equal(as_user(NOBODY, deed), [("Malformed", None)] * 9, "answers")
    is_alive(broker, point)


def test_noise_ends_nothing_but_its_connection(t):
    broker, point = world(t, "--requests-per-second", "1000000"), mountpoint(t, OTHER)
    seed = t.settings.seed

    def deed():
        chance = random.Random(seed)
        for _ in range(300):
            client = Client(broker.socket)
            data = bytearray(client.message(chance.choice((GREET, REGISTER, CLOSE, LIST, 9)), chance.choice((0, 0, 1))))
            for _ in range(chance.randrange(4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            cut = chance.choice((24, 24, 24, chance.randrange(1, 25)))
            with contextlib.suppress(BrokenPipeError):          # refused as one too many, before it was said
                client.send(bytes(data[:cut]), [0] * chance.randrange(5))
            if chance.randrange(2):
                client.take()
            client.leave()
    as_user(NOBODY, deed)
    is_alive_as(broker, point, OTHER)
    broker.wait_for_children(0, "after the noise")


def test_only_the_superuser_sees_the_list(t):
    broker = world(t)
    client = as_user(NOBODY, lambda: Client(broker.socket).ask(LIST))
    equal(client[0], "NotPermitted", "the answer to a user")
    nested = in_user_namespace(lambda: Client(broker.socket).ask(LIST), 100_000, 65536)
    equal(nested[0], "NotPermitted", "the answer to root of a user namespace")
    equal(broker.listed(), [], "the list")


def test_files_are_bounded_for_each_user(t):
    broker, point, second = world(t, "--files-per-user", "100"), mountpoint(t), mountpoint(t, OTHER)

    path = served_file(t)

    def fill(fuse, client):
        fd = os.open(path, os.O_RDONLY)
        ids, refusals = [], set()
        for _ in range(300):
            refusal, backing, _ = client.register(fd)
            ids.append(backing) if refusal == "None" else refusals.add(refusal)
        count = len(ids)
        for backing in ids[:10]:
            client.give_back(backing)
        again = [client.register(fd)[0] for _ in range(11)]
        return count, refusals, again
    equal(attack(broker, point, fill), (100, {"TooManyFiles"}, ["None"] * 10 + ["TooManyFiles"]), "one user")
    broker.wait_for_children(0, "after the end")
    equal(attack(broker, second, fill, OTHER)[0], 100, "another user")
    equal(attack(broker, point, fill)[0], 100, "the first one again")


def test_clients_are_bounded_for_each_user(t):
    broker, point = world(t, "--clients-per-user", "3"), mountpoint(t, OTHER)

    def deed():
        clients = [Client(broker.socket) for _ in range(5)]
        for client in clients[3:]:
            equal(client.receive()[0], "TooManyClients", "a client too many")
        return len(broker.children())
    holds(as_user(NOBODY, deed) <= 3, "clients served")
    is_alive_as(broker, point, OTHER)
    broker.wait_for_children(0, "at the end")
    is_alive_as(broker, mountpoint(t), NOBODY)


def test_requests_are_bounded_for_each_user(t):
    broker, point = world(t, "--requests-per-second", "40"), mountpoint(t)

    def deed(fuse, client):
        fd = os.open("/etc", os.O_PATH)
        return [client.register(fd)[0] for _ in range(60)]
    answers = attack(broker, point, deed)
    holds("TooFast" in answers, "too many requests are refused")
    holds(answers.count("PathOnly") >= 30, "a moderate number is served")
    is_alive_as(broker, mountpoint(t, OTHER), OTHER)


def test_connections_are_bounded_in_time(t):
    broker, point = world(t, "--requests-per-second", "10"), mountpoint(t, OTHER)

    def deed():
        found = set()
        for _ in range(300):
            client = Client(broker.socket)
            with contextlib.suppress(BrokenPipeError):          # refused before it was said
                client.send(b"x")
            found.add(client.receive()[0])
            client.leave()
        return found
    holds("TooFast" in as_user(NOBODY, deed), "a client that comes again and again is sent away")
    is_alive_as(broker, point, OTHER)


def test_a_flood_without_reading_ends_by_itself(t):
    broker, point = world(t), mountpoint(t)

    def deed(fuse, client):
        fd = os.open("/etc", os.O_PATH)
        client.end.settimeout(5)
        sent = 0
        try:
            for _ in range(100_000):
                client.send(client.message(REGISTER), [fd])
                sent += 1
        except OSError:
            return sent
        return None
    holds(attack(broker, point, deed) is not None, "the broker does not wait for a client that does not read")
    broker.wait_for_children(0, "after the flood")
    is_alive(broker, point)


def test_clients_that_say_nothing_cost_only_their_own_quota(t):
    broker, point = world(t, "--clients-per-user", "5"), mountpoint(t, OTHER)

    def deed():
        idle = [Client(broker.socket) for _ in range(5)]
        broker.wait_for_children(5, "idle clients")
        heir = subprocess.Popen(["sleep", "100"], pass_fds=[client.end.fileno() for client in idle])
        return heir.pid, len(idle)
    heir, count = as_user(NOBODY, deed)
    equal(count, 5, "idle clients")
    # The client that connected has ended. The heir has the sockets open, but that does not keep the places.
    broker.wait_for_children(0, "after the end of the idle client")
    os.kill(heir, signal.SIGKILL)
    is_alive_as(broker, point, OTHER)


def test_a_client_that_is_killed_leaves_nothing(t):
    broker, point = world(t), mountpoint(t)
    path = served_file(t)

    def deed():
        fuse = RawFuse(point)
        child = os.fork()
        if child == 0:
            client = Client(broker.socket)
            client.greet(fuse.fd)
            fd = os.open(path, os.O_RDONLY)
            for _ in range(50):
                client.register(fd)
            client.send(client.message(REGISTER), [fd])
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        broker.wait_for_children(0, "after its end")
        # The connection lives on in this process, which may have its ids given out again.
        client = Client(broker.socket)
        client.greet(fuse.fd)
        answer = client.register(os.open(path, os.O_RDONLY))
        os.close(fuse.fd)
        client.leave()
        broker.wait_for_children(0, "after the second client")
        refused((103, 107), os.stat, point + "/file")
        fuse.umount()
        return answer[0]
    equal(as_user(NOBODY, deed), "None", "the answer to the next client of the connection")
