# SPDX-License-Identifier: MIT
#
# The systems that are compared: how each file system is mounted, found and unmounted.
# Every cell gets a mount of its own; a system is an object only for the time of one mount.

import json
import os
import signal
import subprocess
import tempfile
import time

from benchlib import isolation

PATIENCE = 15.0   # seconds to wait for a mount to appear or a daemon to go


class MountFailed(Exception):
    """The system could not be mounted; the text says why."""


def run(command, **named):
    """The command's output. Through a file: a daemon it leaves behind may keep its output open."""
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, **named,
                                  stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as late:
            raise MountFailed(str(late)) from None
        output.seek(0)
        text = output.read().decode(errors="replace")
    if done.returncode != 0:
        raise MountFailed(f"{os.path.basename(command[0])}: {text.strip()[-300:]}")
    return text


def as_user(user):
    """Popen's arguments for a program of that user; none for root's."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise MountFailed(f"{what} took longer than {PATIENCE:.0f} s")
        time.sleep(0.002)


def is_mounted(path):
    """Asks the mount table, not the mount: a dead FUSE server must not matter."""
    wanted = path.replace("\\", "\\134").replace(" ", "\\040")
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split(" ")[4] == wanted for line in table)


def is_gone(pid):
    """True once the process has ended; reaps it if it is ours (as PID 1 orphans become ours)."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return not os.path.exists(f"/proc/{pid}")


class Plain:
    """No mount at all: the directory itself."""

    layered, fuse, uring = False, False, False
    user = None   # whose programs work on it, where that is not root

    def __init__(self, name, scratch, programs):
        self.name, self.scratch, self.programs = name, scratch, programs
        self.mountpoint = scratch.at(f"mnt-{name}")
        self.pid = None   # of the daemon, for FUSE systems
        self.helper = None   # the process of another program that it needs

    def missing(self):
        """Why this system cannot be measured here, or None."""
        return None

    def prepare(self, row):
        """Layers for one cell, before any cache is dropped."""
        self.mountpoint = self.scratch.fresh_root(row)

    def mount(self):
        pass

    def unmount(self):
        pass


class Mounted(Plain):
    """What is mounted and unmounted."""

    def prepare(self, row):
        os.makedirs(self.mountpoint, exist_ok=True)
        if self.layered:
            self.upper, self.work = self.scratch.fresh_upper(row, self.user)
            self.lowers, self.options = self.scratch.lower_names(row, self.user), row.options
            self.read_only = row.read_only
        else:
            self.source = self.scratch.fresh_root(row)

    def layer_options(self):
        """Of a mount from the scratch directory."""
        if self.read_only:   # overlayfs wants two lowers then
            return f"lowerdir={':'.join([*self.lowers, self.upper])}"
        return f"lowerdir={':'.join(self.lowers)},upperdir={self.upper},workdir={self.work}"

    def format_options(self):
        """What overlayfs and overpass understand alike."""
        return ",".join([self.layer_options(), *self.options])

    def unmount(self):
        for _ in range(50):
            if not is_mounted(self.mountpoint):
                break
            if subprocess.run(["umount", self.mountpoint], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0:
                break
            time.sleep(0.02)
        else:
            subprocess.run(["umount", "-l", self.mountpoint], check=False)
        self.end_daemon()

    def end_daemon(self):
        if self.pid is None:
            return
        try:
            wait_until(lambda: is_gone(self.pid), "the daemon's end")
        except MountFailed:
            os.kill(self.pid, signal.SIGKILL)
        self.pid = None

    def abort(self):
        """Ends a mount that no longer answers."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
        subprocess.run(["umount", "-l", self.mountpoint], stderr=subprocess.DEVNULL, check=False)
        self.end_daemon()


class KernelOverlay(Mounted):
    layered = True

    def mount(self):
        run(["mount", "-t", "overlay", "overlay", "-o", self.format_options(), self.mountpoint],
            cwd=self.scratch.path)


class ForegroundFuse(Mounted):
    """A FUSE daemon that is our child while it serves."""

    fuse = True

    def command(self):
        raise NotImplementedError

    def mount(self):
        parent = os.stat(self.mountpoint).st_dev
        with isolation.uring(self.uring):
            child = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, cwd=self.scratch.path,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     start_new_session=True)   # as every daemon: schedulers see it
            self.pid = child.pid

            def mounted():
                if child.poll() is not None:
                    self.pid = None
                    raise MountFailed(f"{self.command()[0]} ended with {child.returncode}")
                return os.stat(self.mountpoint).st_dev != parent

            wait_until(mounted, "mounting")


class PassthroughHp(ForegroundFuse):
    """libfuse's example: a plain mirror of a directory, with FUSE passthrough."""

    def missing(self):
        if self.programs.passthrough_hp is None:
            return "libfuse's sources are not in subprojects/ (the system's libfuse was used)"
        if self.uring and isolation.read_uring() is None:
            return "this kernel has no FUSE over io_uring"
        return None

    def command(self):
        return [self.programs.passthrough_hp, "--foreground",
                *(["-o", "io_uring"] if self.uring else []), self.source, self.mountpoint]


class PassthroughHpUring(PassthroughHp):
    uring = True


class FuseOverlayfs(ForegroundFuse):
    layered = True

    def missing(self):
        return None if self.programs.fuse_overlayfs else "fuse-overlayfs is not installed"

    def command(self):
        return [self.programs.fuse_overlayfs, "-f", "-o", self.layer_options(), self.mountpoint]


class Overpass(Mounted):
    """The daemon puts itself into the background when the mount is usable."""

    layered, fuse = True, True

    def missing(self):
        if self.programs.overpass is None:
            return "overpass is not built"
        if self.uring and isolation.read_uring() is None:
            return "this kernel has no FUSE over io_uring"
        return None

    def mount(self):
        with isolation.uring(self.uring):
            transport = "" if self.uring else ",io_uring=off"
            transport += ",open=none" if self.read_only else ""
            self.run([self.programs.overpass, "-o", self.format_options() + transport, self.mountpoint])
            self.run(["stat", self.mountpoint])   # answered after the kernel has seen what was agreed on
        status = self.status()
        self.pid, transport = status["pid"], status["transport"]
        if ("uring" in transport) != self.uring:
            self.unmount()
            raise MountFailed(f"overpass chose the transport {transport!r}")

    def run(self, command):
        """As the one whose mount it is: nobody else may look into it."""
        return run(command, cwd=self.scratch.path, **as_user(self.user))

    def status(self):
        return json.loads(self.run([self.programs.overpass, "status", self.mountpoint, "--json"]))

    def unmount(self):
        if is_mounted(self.mountpoint):
            try:
                self.run([self.programs.overpass, "umount", self.mountpoint])
            except MountFailed:
                pass   # the plain umount that follows has the last word
        super().unmount()


class OverpassUring(Overpass):
    uring = True
