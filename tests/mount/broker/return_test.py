# SPDX-License-Identifier: MIT
"""Mounts that found the broker busy, or lost it, and have their data passed through once it is there."""
import os
import signal
import subprocess

from absence_test import stopped
from user_mounts import Meanwhile, mounted, use, wait_for_broker, world

from harness import equal, holds, read, systems, write
from harness.broker import Broker, Client
from harness.credentials import as_user
from harness.patience import wait_for
from harness.worlds import NOBODY, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
AGAIN = "it is asked again at least once a minute"


def used_after(t, broker, stack, reason):
    """A user's mount that has no broker for that reason, and one once the test has gone on."""
    def work(pause):
        m = mounted(t, broker, stack)
        status = m.status()
        equal((status["passthrough"]["active"], status["files_registered_by"]), (False, "none"), "passthrough at first")
        for words in (reason, AGAIN):
            holds(words in status["passthrough"]["reason"], f"the status says {words!r}: {status['passthrough']['reason']}")
        with open(m / "other", "rb") as held:
            equal(read(m / "large"), b"x" * 300_000, "a file that the daemon reads")
            pause()
            wait_for_broker(t, m)
            # What is open in one way must not be opened in the other.
            equal(read(m / "other"), b"other", "a file that is open already")
            equal(held.read(), b"other", "the one that was open")
        use(m)
        equal(m.status()["passthrough"], {"active": True, "reason": ""}, "passthrough at last")
        umount(m)
        return "done"
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    meanwhile.wait()
    return meanwhile


def test_a_mount_finds_a_broker_that_did_not_answer(t):
    broker, stack = world(t, NOBODY)
    with stopped(broker.process.pid):
        meanwhile = used_after(t, broker, stack, "timed out")
    equal(meanwhile.go_on(), "done", "the user's work")


def test_a_mount_finds_a_broker_that_is_started_in_the_place_of_another(t):
    broker, stack = world(t, NOBODY)
    broker.kill()
    meanwhile = used_after(t, broker, stack, "Connection refused")
    Broker(t, at=broker.socket)
    equal(meanwhile.go_on(), "done", "the user's work")


def holding_the_only_place(broker):
    """A client of the user's, until it is told to go on."""
    def hold(pause):
        client = Client(broker.socket)
        pause()
        client.leave()
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, hold)
    meanwhile.wait()
    broker.wait_for_children(1, "the other client")
    return meanwhile


def test_a_mount_returns_to_a_broker_that_was_full(t):
    broker, stack = world(t, NOBODY, "--clients-per-user", "1")
    other = holding_the_only_place(broker)
    meanwhile = used_after(t, broker, stack, "quota of clients")
    other.go_on()
    equal(meanwhile.go_on(), "done", "the user's work")


def test_a_mount_that_demands_passthrough_does_not_get_it_later(t):
    broker, stack = world(t, NOBODY, "--clients-per-user", "1", options=("passthrough=on",))
    other = holding_the_only_place(broker)

    def work():
        """The mount is not looked at: the daemon ends without any request."""
        command = [t.settings.overpass, "mount", "-f", "-o", systems.option_text(stack), stack.mountpoint]
        environment = {**os.environ, "OVERPASS_BROKER": broker.socket}
        done = subprocess.run(command, env=environment, capture_output=True, timeout=t.settings.seconds(30), check=False)
        return done.returncode, done.stderr.decode()
    status, text = as_user(NOBODY, work)
    equal(status, 1, "the status")
    holds("passthrough=on cannot be had" in text and "quota of clients" in text, f"the reason: {text}")
    other.go_on()


def lost_and_found(t, broker, stack, lose, find):
    """A user's mount uses the broker, which is lost while files are registered, and found again."""
    def work(pause):
        m = mounted(t, broker, stack)
        use(m)
        with open(m / "large", "rb") as held:
            before = m.status()["backing_ids"]
            holds(before > 0, "files are registered")
            pause()
            wait_for(t, lambda: probe(m), "the loss")
            status = m.status()
            equal((status["passthrough"]["active"], status["files_registered_by"]), (False, "none"), "passthrough meanwhile")
            for words in ("the broker has gone", AGAIN):
                holds(words in status["passthrough"]["reason"], f"the status says {words!r}")
            equal(len(held.read()), 300_000, "what is open goes on")
            pause()
            wait_for_broker(t, m)
            equal(read(m / "large"), b"x" * 300_000, "a file that the one before had registered")
            for name in ("made", "file"):
                os.unlink(m / name)
            write(m / "file", b"content")
            ids = m.status()["backing_ids"]
            with m.requests() as counted:
                write(m / "made", b"y" * 300_000)
                equal(read(m / "made"), b"y" * 300_000, "a file made later")
            equal([counted.counts.get(name, 0) for name in ("READ", "WRITE")], [0, 0], "requests that move data")
            holds(m.status()["backing_ids"] > ids, "it is registered")
        umount(m)
        return "done"
    probes = iter(range(1000))

    def probe(m):
        """Whether the broker has been found to be lost, by a file that is opened for the first time."""
        write(m / f"probe{next(probes)}", b"x")
        return m.status()["files_registered_by"] == "none"
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, work)
    meanwhile.wait()
    lose()
    meanwhile.step()
    find()
    equal(meanwhile.go_on(), "done", "the user's work")


def test_a_mount_goes_on_with_the_next_broker(t):
    broker, stack = world(t, NOBODY)
    lost_and_found(t, broker, stack, broker.kill, lambda: Broker(t, at=broker.socket))


def test_a_mount_goes_on_with_a_broker_whose_directory_was_made_anew(t):
    broker, stack = world(t, NOBODY)

    def lose():
        broker.kill()
        os.rename(broker.directory, broker.directory + "-away")
        broker.directory += "-away"

    def find():
        directory = os.path.dirname(broker.socket)
        os.mkdir(directory, 0o755)
        Broker(t, at=broker.socket)
    lost_and_found(t, broker, stack, lose, find)


def test_a_mount_goes_on_with_a_broker_that_did_not_answer_for_a_while(t):
    """What it has registered before is closed when it is back."""
    broker, stack = world(t, NOBODY)
    pids = []

    def lose():
        pids.extend(broker.children())
        equal(len(pids), 1, "clients served")
        os.kill(pids[0], signal.SIGSTOP)
    lost_and_found(t, broker, stack, lose, lambda: os.kill(pids[0], signal.SIGCONT))
    broker.wait_for_children(0, "after the unmount")
