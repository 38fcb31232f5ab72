# SPDX-License-Identifier: MIT
#
# Columns of an ordinary user: overpass mounted through fusermount3 by somebody without any right,
# whose programs then work on it; with overpass-broker and without it.

import os
import socket
import stat
import subprocess

from benchlib.systems import MountFailed, Overpass, run, wait_until

USER = 65534          # nobody: fusermount3 wants one with a name
BROKER_USER = 64999   # nobody's number


def open_fuse_to_all(directory):
    """A /dev/fuse that every user may open, in this mount namespace only."""
    os.makedirs(directory)
    run(["mount", "-t", "tmpfs", "tmpfs", directory])
    device = os.path.join(directory, "fuse")
    os.mknod(device, stat.S_IFCHR, os.stat("/dev/fuse").st_rdev)
    os.chmod(device, 0o666)
    run(["mount", "--bind", device, "/dev/fuse"])


def listens(path):
    """Whether somebody does: a socket has a name before it has a listener."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class OverpassOfUser(Overpass):
    """Files are registered for passthrough by a broker of this mount's own."""

    user = USER
    registrar = "broker"
    broker = None

    @property
    def socket(self):
        return self.scratch.at("broker.sock")

    def missing(self):
        if self.programs.broker is None:
            return "overpass-broker is not built"
        return super().missing()

    def prepare(self, row):
        super().prepare(row)
        os.chown(self.mountpoint, USER, USER)

    def format_options(self):
        return f"{super().format_options()},broker={self.socket}"

    def start_broker(self):
        self.broker = subprocess.Popen([self.programs.broker, "--socket", self.socket, "--user", str(BROKER_USER)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: listens(self.socket), "starting the broker")
        self.helper = self.broker.pid

    def mount(self):
        self.start_broker()
        super().mount()
        registrar = self.status()["files_registered_by"]
        if registrar != self.registrar:
            raise MountFailed(f"files are registered by {registrar}")

    def end_daemon(self):
        super().end_daemon()
        if self.broker is not None:
            self.broker.terminate()
            self.broker.wait()
            self.broker = self.helper = None


class OverpassAlone(OverpassOfUser):
    """Without a broker: the daemon moves all data."""

    registrar = "none"

    def format_options(self):
        return f"{Overpass.format_options(self)},broker=off"

    def start_broker(self):
        pass


class OverpassGathering(OverpassAlone):
    """The same, with the kernel's write-back cache."""

    def format_options(self):
        return f"{super().format_options()},writeback=on"
