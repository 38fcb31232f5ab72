# SPDX-License-Identifier: MIT
"""How a mount with survive=on ends, and what it refuses."""
import contextlib
import os
import signal
import time

from harness import equal, holds, refused, write
from harness.deaths import children_of, kill_daemon, lives
from harness.isolation import mount_points

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
SURVIVE = ["survive=on"]


def ended(m):
    """Nothing is left to unmount."""
    m.alive = False
    m.daemon.kill()


def wait_for_end(m):
    deadline = time.monotonic() + m.settings.seconds(20)
    while m.daemon.process.poll() is None:
        holds(time.monotonic() < deadline, "the keeper ends")
        time.sleep(0.01)
    return m.daemon.process.returncode


def test_status_tells_of_it(t):
    m = t.mount(t.layer({"f": "x"}), options=SURVIVE)
    equal(m.status()["survives"], {"active": True, "reason": "", "deaths": 0, "replacements": 0, "not_replaced": ""}, "at first")
    equal(m.status()["transport"], "/dev/fuse", "the transport")
    kill_daemon(m)
    equal((m.status()["survives"]["active"], lives(m)), (True, 1), "after a death")
    plain = t.mount(t.layer({"f": "x"}))
    equal(plain.status()["survives"]["active"], False, "without the option")


def test_a_signal_to_the_keeper_ends_the_mount(t):
    m = t.mount(t.layer({"f": "x"}), options=SURVIVE)
    write(m / "f", "y")
    kill_daemon(m)
    os.kill(m.daemon.pid, signal.SIGTERM)
    equal(wait_for_end(m), 0, "exit status")
    holds(m.path not in mount_points(), "it is unmounted")
    ended(m)


def test_a_signal_to_a_daemon_that_is_to_make_way_ends_the_mount(t):
    """It comes to the daemon alone, while another one waits for it to leave."""
    for _ in range(t.settings.in_form(2, 5, 40)):
        m = t.mount(t.layer({"f": "x"}), options=SURVIVE)
        pid = m.status()["pid"]
        os.kill(pid, signal.SIGSTOP)
        os.kill(m.daemon.pid, signal.SIGHUP)
        time.sleep(0.5)     # The other one is able by then, or not yet.
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        equal(wait_for_end(m), 0, "exit status")
        holds(m.path not in mount_points(), "it is unmounted")
        ended(m)


def test_the_daemon_goes_on_without_its_keeper(t):
    m = t.mount(t.layer({"f": "x"}), options=SURVIVE)
    os.kill(m.daemon.pid, signal.SIGKILL)
    m.daemon.process.wait()
    status = m.status()
    equal(status["survives"]["active"], False, "what status says")
    holds("keeper" in status["survives"]["reason"], f"why: {status['survives']['reason']}")
    write(m / "f", "y")
    os.kill(status["pid"], signal.SIGTERM)
    deadline = time.monotonic() + t.settings.seconds(20)
    while m.path in mount_points():
        holds(time.monotonic() < deadline, "the daemon ends")
        time.sleep(0.01)
    ended(m)


def test_too_many_deaths_end_the_mount(t):
    m = t.mount(t.layer({"f": "x"}), options=SURVIVE)
    deadline = time.monotonic() + t.settings.seconds(20)
    while m.daemon.process.poll() is None:
        holds(time.monotonic() < deadline, "the keeper gives up")
        children = children_of(m.daemon.pid)
        if "too often" in m.daemon.text():
            break       # A child may be what unmounts.
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    equal(wait_for_end(m), 1, "exit status")
    holds(m.path not in mount_points(), "it is unmounted")
    ended(m)
    holds("too often" in m.daemon.text(), f"what is told: {m.daemon.text()[-200:]}")


def test_what_excludes_it_is_refused(t):
    lower, upper = t.layer({"f": "x"}), t.fresh("upper")
    for option, word in (("freezable", "freezable"), ("io_uring=on", "io_uring=on")):
        stack = t.stack(lower, upper=upper, options=[*SURVIVE, option])
        status, _, said = t.status_text("mount", "-o", f"lowerdir={lower},upperdir={upper},workdir={stack.work},survive=on,{option}",
                                        stack.mountpoint)
        equal(status, 2, "exit status")
        holds(word in said and "survive=on" in said, f"what is told: {said}")


def test_a_read_only_union_survives_too(t):
    m = t.mount(t.layer({"f": "x", "d": {"g": "y"}}), upper=None, options=SURVIVE)
    with open(m / "f", "rb") as file:
        os.listdir(m / "d")
        kill_daemon(m)
        equal(file.read(), b"x", "an open file")
    equal(os.listdir(m / "d"), ["g"], "a listing")
    refused(30, open, m / "f", "w")
