# SPDX-License-Identifier: MIT
"""One user comes to the broker again and again; the others notice nothing, and the log stays short."""
import contextlib
import os
import re
import signal
import socket
import time

from raw_clients import OTHER
from user_mounts import use_once, world

from harness import equal, holds
from harness.broker import GREET, Client
from harness.credentials import as_user, become
from harness.worlds import NOBODY

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
LINES, REFILL = 50, 6       # about one user at once, and after how many seconds there may be one more


def comes_and_goes(path):
    Client(path).leave()


def does_not_wait(path):
    """Takes each place in the queue that becomes free."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as end:
        end.connect(path)


def talks_nonsense(path):
    client = Client(path)
    client.send(b"nonsense" * 3)
    client.leave()


def greets_with_nothing(path):
    client = Client(path)
    client.send(client.message(GREET))
    client.leave()


def offers_no_fuse(path):
    client = Client(path)
    client.send(client.message(GREET), [0, 0])
    client.leave()


DEEDS = (comes_and_goes, talks_nonsense, greets_with_nothing, offers_no_fuse, *[does_not_wait] * 8)


@contextlib.contextmanager
def crowd(broker, deeds=DEEDS):
    """A process of OTHER's for each deed, which does it again and again until the end of this."""
    hammers = []
    for deed in deeds:
        pid = os.fork()
        if pid == 0:
            try:
                become(OTHER)
                while True:
                    with contextlib.suppress(OSError):
                        deed(broker.socket)
            finally:
                os._exit(1)
        hammers.append(pid)
    try:
        yield
    finally:
        for pid in hammers:
            os.kill(pid, signal.SIGKILL)
        for pid in hammers:
            os.waitpid(pid, 0)


def lines_about(broker, uid):
    return [line for line in broker.text().splitlines() if re.search(f"uid {uid}[ :]", line)]


def end(broker):
    broker.process.terminate()
    broker.process.wait()


def test_others_are_passed_through_while_one_user_comes_and_goes(t):
    broker, stack = world(t, NOBODY)
    begin = time.monotonic()
    with crowd(broker):
        for _ in range(5):
            as_user(NOBODY, lambda: use_once(t, broker, stack, patiently=True))
            os.unlink(stack.upper + "/file")
    broker.wait_for_children(0, "after the crowd")
    as_user(NOBODY, lambda: use_once(t, broker, stack))
    end(broker)
    lines = lines_about(broker, OTHER)
    most = LINES + (time.monotonic() - begin) / REFILL + 1
    holds(LINES <= len(lines) - 1 <= most, f"{len(lines)} lines, where {most} may be")
    holds(re.fullmatch(rf"overpass-broker: uid {OTHER}: \d+ more lines are left out", lines[-1]), f"the last line: {lines[-1]}")
    equal(lines_about(broker, NOBODY), [], "lines about the other user")


def test_the_log_is_bounded_for_a_user_over_all_his_connections(t):
    """Each connection has something to be said about it, many times over."""
    broker, _ = world(t, NOBODY, "--requests-per-second", "1000000")
    begin = time.monotonic()

    def deed():
        for _ in range(500):
            client = Client(broker.socket)
            with contextlib.suppress(BrokenPipeError):          # refused as one too many, before it was said
                client.send(client.message(GREET), [0, 0])
            client.receive()
            client.leave()
    as_user(OTHER, deed)
    broker.wait_for_children(0, "after the connections")
    end(broker)
    lines = lines_about(broker, OTHER)
    most = LINES + (time.monotonic() - begin) / REFILL + 1
    holds(LINES <= len(lines) - 1 <= most, f"{len(lines)} lines, where {most} may be")
    left_out, = re.findall(rf"uid {OTHER}: (\d+) more lines are left out", lines[-1])
    equal(int(left_out) + len(lines) - 1, 500, "what was said and what was counted")
