# SPDX-License-Identifier: MIT
"""Mounts whose broker is not there, must not be used, does not answer, or goes."""
import concurrent.futures
import contextlib
import os
import signal
import socket
import struct
import threading

from user_mounts import TREE, Meanwhile, mounted, world

from harness import equal, holds, read, write
from harness.broker import MAGIC, VERSION, Broker
from harness.credentials import as_user
from harness.worlds import NOBODY, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"


def test_a_broker_that_dies_costs_new_opens_their_passthrough_only(t):
    broker, stack = world(t, NOBODY)

    def work(pause):
        m = mounted(t, broker, stack)
        held = open(m / "large", "rb")
        holds(m.status()["backing_ids"] > 0, "it was passed through")
        pause()
        equal(len(held.read()), 300_000, "an open file goes on")
        write(m / "file", b"+", "ab")
        equal(read(m / "file"), b"content+", "a file opened later")
        write(m / "made", b"z" * 100_000)
        equal(read(m / "made"), b"z" * 100_000, "a file made later")
        equal(len(read(m / "large")), 300_000, "another reader")
        held.close()
        status = m.status()["passthrough"]
        equal(status["active"], False, "passthrough")
        holds("broker" in status["reason"], "the status says why")
        umount(m)
        return "done"
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    meanwhile.wait()
    broker.kill()
    equal(meanwhile.go_on(), "done", "the user's work")


def test_a_broker_is_used_only_where_it_may_be(t):
    broker, stack = world(t, NOBODY, options=("broker=off",))

    def work():
        m = mounted(t, broker, stack)
        status = m.status()
        umount(m)
        return status
    status = as_user(NOBODY, work)
    equal((status["passthrough"]["active"], status["files_registered_by"]), (False, "none"), "passthrough")
    holds("broker=off" in status["passthrough"]["reason"], "the status says why")


def test_the_superuser_needs_no_broker(t):
    broker = Broker(t)
    m = t.mount_stack(t.stack(t.layer(TREE)), env={**os.environ, "OVERPASS_BROKER": broker.socket})
    equal(m.status()["files_registered_by"], "daemon", "who registers files")
    equal(len(read(m / "large")), 300_000, "size read")


@contextlib.contextmanager
def stopped(pid):
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def served_by_the_daemon(t, broker, stack):
    """Mounts and uses the union as NOBODY; the reason why nothing is passed through."""
    def work():
        m = mounted(t, broker, stack)
        equal(len(read(m / "large")), 300_000, "size read")
        write(m / "file", b"+", "ab")
        equal(read(m / "file"), b"content+", "a file copied up")
        passthrough = m.status()["passthrough"]
        umount(m)
        return passthrough
    passthrough = as_user(NOBODY, work)
    equal(passthrough["active"], False, "passthrough")
    return passthrough["reason"]


def test_without_a_broker_the_daemon_serves(t):
    broker, stack = world(t, NOBODY)
    broker.socket += "-nowhere"
    holds("No such file" in served_by_the_daemon(t, broker, stack), "the status says why")


def test_a_broker_that_has_left_its_socket_is_none(t):
    broker, stack = world(t, NOBODY)
    broker.kill()
    holds("Connection refused" in served_by_the_daemon(t, broker, stack), "the status says why")


def test_a_broker_that_does_not_answer_holds_up_no_mount(t):
    broker, stack = world(t, NOBODY)
    with stopped(broker.process.pid):
        reason = served_by_the_daemon(t, broker, stack)
    holds("timed out" in reason, f"the status says why: {reason}")


def test_a_broker_that_takes_no_connection_holds_up_no_mount(t):
    broker, stack = world(t, NOBODY)
    broker.socket += "-full"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(broker.socket)
        os.chmod(broker.socket, 0o666)
        listener.listen(0)
        waiting = []
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK))
                waiting[-1].connect(broker.socket)
        reason = served_by_the_daemon(t, broker, stack)
    holds("timed out" in reason, f"the status says why: {reason}")


def test_a_broker_that_talks_nonsense_is_none(t):
    broker, stack = world(t, NOBODY)
    broker.socket += "-odd"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(broker.socket)
    os.chmod(broker.socket, 0o666)
    listener.listen()
    foreign = struct.pack("=IHHiiQ", MAGIC, VERSION, 0, 0, 0, 999)
    for answer in (b"", b"x", b"x" * 24, b"x" * 100, foreign, foreign[:23]):
        speaker = threading.Thread(target=speak, args=(listener, answer))
        speaker.start()
        holds("does not answer" in served_by_the_daemon(t, broker, stack), f"the reason after {answer[:4]!r}")
        speaker.join()
        os.unlink(stack.upper + "/file")
    listener.close()


def speak(listener, answer):
    """Answers one greeting, with that."""
    end, _ = listener.accept()
    with end:
        end.recv(64)
        end.send(answer)
        end.recv(64)        # until the client has gone


def test_a_broker_that_stops_answering_is_given_up_once(t):
    broker, stack = world(t, NOBODY)

    def work(pause):
        m = mounted(t, broker, stack)
        with open(m / "large", "rb") as held:
            equal(m.status()["backing_ids"], 1, "files passed through")
            pause()
            with concurrent.futures.ThreadPoolExecutor(len(TREE)) as readers:
                contents = list(readers.map(read, [m / name for name in TREE if name != "large"]))
            equal(len(contents), len(TREE) - 1, "files opened for the first time, at once")
            write(m / "file", b"+", "ab")
            equal(read(m / "file"), b"content+", "a file copied up")
            equal(len(held.read()), 300_000, "an open file goes on")
        equal(m.status()["passthrough"]["active"], False, "passthrough")
        umount(m)
        return "done"
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    meanwhile.wait()
    pid, = broker.children()
    os.kill(pid, signal.SIGSTOP)
    equal(meanwhile.go_on(), "done", "the user's work")
    # Nor does the broker wait for its own process, which cannot take notice that its client has gone.
    broker.wait_for_children(0, "after the client's end")
    holds("does not end and is killed" in broker.text(), "the log says so")
