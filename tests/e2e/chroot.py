# SPDX-License-Identifier: MIT
"""Commands inside a root file system that is mounted as a union.

/proc and /dev are there while it is used, in the private mount namespace of the test file, and gone
before the union is unmounted: a test that ends well has unmounted everything without force.
"""
import os
import shutil
import subprocess

from harness import checks, isolation, syscalls

PATIENCE = 300      # seconds for one command in a normal build
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")


class Chroot:
    def __init__(self, t, mount):
        self.t, self.mount, self.path = t, mount, os.fspath(mount)
        kept = {name: os.environ[name] for name in PROXIES if name in os.environ}
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                            "DEBIAN_FRONTEND": "noninteractive", **kept}

    def __enter__(self):
        shutil.copyfile("/etc/resolv.conf", self.mount / "etc/resolv.conf")
        syscalls.mount("proc", self.mount / "proc", "proc")
        syscalls.mount("/dev", self.mount / "dev", None, syscalls.MS_BIND | syscalls.MS_REC)
        return self

    def __exit__(self, kind, error, trace):
        flags = 0 if kind is None else syscalls.MNT_DETACH
        for point in reversed(isolation.mounts_below(self.path)):
            if point != os.path.realpath(self.path):
                syscalls.umount(point, flags)

    def run(self, *command, allowed=(0,)):
        """Runs a command in the root; returns what it printed."""
        self.t.progress(" ".join(command))
        done = subprocess.run(["chroot", self.path, *command], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=self.t.settings.seconds(PATIENCE), check=False)
        if done.returncode not in allowed:
            raise checks.Failure(f"in the chroot {' '.join(command)} ended with {done.returncode}:\n"
                                 f"{done.stdout[-4000:]}")
        return done.stdout

    def shell(self, text):
        return self.run("sh", "-euc", text)

    def apt(self, *arguments):
        return self.run("apt-get", "-q", "-y", "-o", "APT::Install-Recommends=false", *arguments)

    def packages_are_intact(self):
        """Every file of every package is as dpkg unpacked it, but for what the packages call configuration."""
        checks.equal(self.run("dpkg", "--verify"), "", "what dpkg --verify complains of")
