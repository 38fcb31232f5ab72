# SPDX-License-Identifier: MIT
"""A file server that stops answering: a union whose daemon is stopped, and below another union's layers.

What asks it waits, in the kernel, until it goes on or ends.
"""
import contextlib
import os
import signal
import time

from . import administrator, checks, syscalls

CONNECTIONS = "/sys/fs/fuse/connections"


def connection(mount):
    """The kernel's directory of a mount's connection, whose number is the device's."""
    if not os.listdir(CONNECTIONS):
        administrator.do(syscalls.mount, "fusectl", CONNECTIONS, "fusectl")
    return f"{CONNECTIONS}/{os.minor(os.stat(mount.path).st_dev)}"


class SilentServer:
    """Serves `tree` below `path`. Nothing of it is in the kernel's caches, for it is not checksummed through the mount: the
    layer beneath is, and the server's own upper shows what was written.

    It is never served over io_uring, whatever the machine allows: there the kernel hands a request over before the
    server looks for it, and nobody who waits for a request that was handed over can be killed.
    """

    def __init__(self, t, tree):
        self.t = t
        self.mount = t.mount(t.layer(tree), options=("passthrough=off", "io_uring=off"))
        self.path, self.upper = self.mount.path, self.mount.upper
        self.waiting = connection(self.mount) + "/waiting"
        t.let_lower_change(self.path, "reading it would fill the caches; what is below the server is compared instead")

    @contextlib.contextmanager
    def stopped(self):
        """Goes on at the end, unless it was killed meanwhile."""
        self.mount.daemon.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.mount.pid, os.WSTOPPED)
        try:
            yield
        finally:
            if self.mount.alive:
                self.mount.daemon.signal(signal.SIGCONT)

    def kill(self):
        """It never comes back."""
        self.mount.daemon.kill()
        self.mount.alive = False

    def wait_for(self, count):
        """Until so many requests wait for the server."""
        deadline = time.monotonic() + self.t.settings.seconds(20)
        while (there := self._count()) < count:
            checks.holds(time.monotonic() < deadline, f"{count} requests reach the server: {there}")
            time.sleep(0.005)

    def _count(self):
        with open(self.waiting, encoding="ascii") as file:
            return int(file.read())
