# SPDX-License-Identifier: MIT
"""A mount as a service: the manager is told when the union can be used, and never before."""
import os
import signal
import socket
import subprocess

from harness import contains, equal, holds, isolation, read

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


class Manager:
    """A service manager's socket, and a service that it started."""

    def __init__(self, t, address, *arguments):
        self.t = t
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(t.settings.seconds(20))
        self.service = subprocess.Popen([t.settings.overpass, "mount", "-f", *arguments], stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, NOTIFY_SOCKET=address))
        t.at_end(self.end)

    def end(self):
        self.socket.close()
        if self.service.poll() is None:
            self.service.kill()
            self.service.wait()

    def told_more(self):
        """What has come and was not read yet; None when nothing has."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(4096)
        except BlockingIOError:
            return None

    def stop(self):
        self.service.send_signal(signal.SIGTERM)
        return self.service.wait(self.t.settings.seconds(20)), self.service.stderr.read()


def mounted(point):
    return os.path.realpath(point) in isolation.mount_points()


def test_the_manager_is_told_once_that_the_union_can_be_used(t):
    directory = t.fresh("run")
    for address in (directory + "/notify", f"@overpass-test-{os.getpid()}"):
        low, point = t.layer({"file": "content"}), t.fresh("mnt")
        t.watch_lower(low)
        manager = Manager(t, address, "--lower", low, point)
        equal(manager.socket.recv(4096), b"READY=1", "what the manager is told")
        equal((mounted(point), read(point + "/file")), (True, b"content"), "the union when the manager knows")
        equal(manager.stop(), (0, ""), "the end of the service")
        holds(not mounted(point), "the mount is gone")
        equal(manager.told_more(), None, "what else the manager was told")
        manager.end()


def test_a_mount_that_fails_is_not_said_to_be_ready(t):
    manager = Manager(t, t.fresh("run") + "/notify", "--lower", "/no/such/layer", t.fresh("mnt"))
    equal(manager.service.wait(t.settings.seconds(20)), 1, "status of the service")
    contains(manager.service.stderr.read(), "/no/such/layer", "message")
    equal(manager.told_more(), None, "what the manager was told")


def test_a_manager_that_is_gone_does_no_harm(t):
    low, point, address = t.layer({"file": "content"}), t.fresh("mnt"), t.fresh("run") + "/notify"
    t.watch_lower(low)
    read_end, write_end = os.pipe()
    service = subprocess.Popen([t.settings.overpass, "mount", "-f", "--lower", low, point], stderr=write_end,
                               env=dict(os.environ, NOTIFY_SOCKET=address))
    os.close(write_end)
    try:
        with os.fdopen(read_end, "rb", buffering=0) as said:
            contains(said.read(4096).decode(), "NOTIFY_SOCKET", "warning")
            equal(read(point + "/file"), b"content", "content")
            service.send_signal(signal.SIGTERM)
            equal(service.wait(t.settings.seconds(20)), 0, "status of the service")
    finally:
        if service.poll() is None:
            service.kill()
            service.wait()
