# SPDX-License-Identifier: MIT
"""The three systems under test behind one interface: overpass, kernel overlayfs, a plain directory.

A Stack says what to mount; `mount(settings, stack, directory)` gives a Mount with a path.
The plain directory is the flattened copy of the layers and has no options.
"""
import dataclasses
import errno
import os
import subprocess

from . import checks, kernel_for_others, requests, syscalls, transport
from .daemon import Daemon, MountFailed, status_of

__all__ = ["Stack", "Mount", "MountFailed", "mount_overpass", "mount_kernel", "escape", "option_text"]


@dataclasses.dataclass
class Stack:
    """Layers from top to bottom; upper and work may be None for a read-only union."""
    lowers: list
    upper: str = None
    work: str = None
    options: tuple = ()
    mountpoint: str = None


def escape(path):
    """A path as an element of lowerdir=: colons and commas are special there."""
    return os.fspath(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def option_text(stack, extra=()):
    parts = ["lowerdir=" + ":".join(escape(lower) for lower in stack.lowers)]
    if stack.upper:
        parts += [f"upperdir={escape(stack.upper)}", f"workdir={escape(stack.work)}"]
    return ",".join([*parts, *stack.options, *extra])


class Mount:
    """A mounted union. `mount / "a/b"` is a path below it."""

    def __init__(self, settings, stack, system, daemon=None, end=None):
        """end() unmounts it where that is not done as usual."""
        self.end = end or (lambda: unmount(stack.mountpoint))
        self.settings, self.stack, self.system, self.daemon = settings, stack, system, daemon
        self.path, self.upper, self.work = stack.mountpoint, stack.upper, stack.work
        self.alive = True

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def __fspath__(self):
        return self.path

    @property
    def pid(self):
        return self.daemon.pid

    def status(self):
        return status_of(self.settings, self.path)

    def requests(self):
        """`with mount.requests() as counted:` and afterwards counted == {"OPEN": 1, "RELEASE": 1}."""
        return requests.Counted(self)

    def settle(self):
        """Waits until the requests that come after the calls that cause them (RELEASE, FORGET) have come."""
        if self.daemon:
            with self.requests():
                pass

    def umount(self):
        """Unmounts, waits for the daemon and demands a clean end."""
        if self.alive:
            self.alive = False
            self.end()
            if self.daemon:
                self.daemon.end()

    def give_up(self):
        """Gets rid of the mount whatever state it is in."""
        self.alive = False
        if self.daemon:
            self.daemon.kill()
        try:
            unmount(self.path, syscalls.MNT_DETACH)
        except OSError:
            pass


def unmount(path, flags=0):
    """With the rights it takes: an ordinary user needs a program for it. OSError of the call, or EPERM."""
    if os.geteuid() == 0:
        return syscalls.umount(path, flags)
    return unmount_by_program(path, bool(flags & syscalls.MNT_DETACH))


def unmount_by_program(path, lazily=False):
    """By fusermount3, or by umount(8) where there is no /etc/mtab. OSError with what it said."""
    command = ["fusermount3", "-u", *["-z"] * lazily] if os.path.exists("/etc/mtab") else ["umount", *["-l"] * lazily]
    done = subprocess.run([*command, path], capture_output=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EPERM, done.stderr.decode(errors="replace"), path)
    return None


def mount_overpass(settings, stack, log, **popen):
    extra = {"io_uring": ("io_uring=on",), "/dev/fuse": ("io_uring=off",)}.get(settings.transport, ())
    given = {option.partition("=")[0] for option in stack.options}
    extra = () if "io_uring" in given else extra
    extra += tuple(option for option in settings.mount_options.split(",")
                   if option and option.partition("=")[0] not in given)
    arguments = ["mount", "-f", "-o", option_text(stack, extra), stack.mountpoint]
    with transport.allowed(settings):
        daemon = Daemon(settings, arguments, stack.mountpoint, log, **popen)
        daemon.wait_until_usable()
    return Mount(settings, stack, "overpass", daemon)


def mount_kernel(settings, stack, point=None, options=None):
    """Kernel overlayfs; colons and commas in paths are escaped as mount(2) wants them."""
    point = point or stack.mountpoint
    chosen = stack if options is None else dataclasses.replace(stack, options=tuple(options))
    known = tuple(option for option in chosen.options if not option.startswith(OVERPASS_ONLY))
    made = dataclasses.replace(stack, mountpoint=point)
    renamed = settings.world != "root" and bool(set(known) & ROOTS_CHOICES) and "userxattr" not in known
    if settings.world != "root" and not renamed:      # all that the kernel lets root of a namespace have
        known = tuple(option for option in known if not option.startswith(ROOT_ONLY)) + ("userxattr",)
    elif stack.upper and not any(option.startswith(DECIDES_REDIRECTS) for option in known):
        known += ("redirect_dir=on",)       # overpass's default, which only root can have here
    text = option_text(dataclasses.replace(chosen, options=known))
    if settings.world == "user" or renamed:
        kernel_for_others.mount(made, text, renamed)
        return Mount(settings, made, "kernel", end=lambda: kernel_for_others.end(made, renamed))
    syscalls.mount("overlay", point, "overlay", 0, text)
    return Mount(settings, made, "kernel")


DECIDES_REDIRECTS = ("redirect_dir=", "userxattr", "metacopy=")
ROOTS_CHOICES = {"redirect_dir=on", "redirect_dir=follow", "metacopy=on", "index=on", "nfs_export=on", "verity=on"}


def mount(settings, stack, system, log):
    """Mounts the stack with the system of that name: kernel, overpass, or fuse-overlayfs."""
    if system == "kernel":
        return mount_kernel(settings, stack)
    if system == "overpass":
        return mount_overpass(settings, stack, log)
    done = subprocess.run([system, "-o", option_text(stack), stack.mountpoint], capture_output=True, check=False)
    if done.returncode != 0:
        raise MountFailed(done.returncode, done.stderr.decode(errors="replace"))
    return Mount(settings, stack, system)


ROOT_ONLY = ("redirect_dir=", "metacopy=", "index=", "userxattr", "nfs_export=", "verity=")
OVERPASS_ONLY = ("lower_io=", "writeback=", "threads=", "io_uring=", "passthrough=", "fsname=")


def run_program(settings, *arguments, **named):
    """Runs the overpass program to its end, for tests of its words and statuses."""
    named.setdefault("timeout", settings.seconds(60))
    done = subprocess.run([settings.overpass, *map(os.fspath, arguments)], capture_output=True,
                          stdin=subprocess.DEVNULL, check=False, **named)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def expect_program(settings, *arguments, **named):
    status, out, err = run_program(settings, *arguments, **named)
    if status != 0:
        raise checks.Failure(f"overpass {' '.join(map(str, arguments))} ended with {status}: {err}{out}")
    return out
