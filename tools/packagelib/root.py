# SPDX-License-Identifier: MIT
"""Bare Debian roots: made once by mmdebstrap and kept as archives, unpacked for one use, entered by pivot_root(2).

What runs in a root is in mount and process namespaces of its own, so that it leaves no mount and no process behind.
"""
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from . import apt

KEPT_SECONDS = 14 * 24 * 3600
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse")
# $1: the root; what comes after it: the command that runs in it as the first process.
ENTER = r"""
mount --bind "$1" "$1"
cd "$1"
shift
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup || true
mount -t tmpfs -o mode=755 tmpfs dev
for name in $DEVICES; do
  touch "dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mkdir -m 1777 dev/shm
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
pivot_root . mnt
exec chroot . sh -euc 'umount -l /mnt; exec "$@"' sh "$@"
"""


class Failed(Exception):
    """A command ended with another status than 0."""


def say(text):
    print(f"package: {text}", flush=True)


class Root:
    """A root for one use; removed at the end of the `with`."""

    def __init__(self, archive, scratch=None):
        self.archive, self.scratch = archive, scratch

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="overpass-root.", dir=self.scratch)
        os.chmod(self.path, 0o755)
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", self.archive, "-C", self.path], check=True)
        return self

    def __exit__(self, kind, error, trace):
        shutil.rmtree(self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def run(self, *command, log=None, binds=()):
        """Runs a command in the root. Its output goes to the file `log`, too. `binds`: pairs of a directory outside and its
        place in the root."""
        shutil.copyfile("/etc/resolv.conf", self.file("etc/resolv.conf"))
        lines = []
        for outside, inside in binds:
            os.makedirs(self.file(inside), exist_ok=True)
            lines.append(f'mount --bind "{outside}" "$1/{inside}"\n')
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEVICES": " ".join(DEVICES),
                       "DEBIAN_FRONTEND": "noninteractive", **{name: os.environ[name] for name in PROXIES if name in os.environ}}
        script = 'mount --bind "$1" "$1"\n' + "".join(lines) + ENTER.lstrip().replace('mount --bind "$1" "$1"\n', "", 1)
        whole = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-euc", script, "sh",
                 self.path, *command]
        with subprocess.Popen(whole, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace") as process:
            tail = _copy(process.stdout, log)
        if process.returncode != 0:
            raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(tail)}")


def _copy(lines, log):
    """Into the file; returns the last lines."""
    tail = []
    with open(log or os.devnull, "a", encoding="utf-8") as file:
        for line in lines:
            file.write(line)
            file.flush()
            tail = [*tail[-60:], line]
    return tail


def archive(directory, suite, packages=()):
    """The archive of a root with minbase and these packages."""
    lines, settings = apt.sources(suite), apt.settings()
    key = hashlib.sha256("\n".join([*lines, *settings, *packages]).encode()).hexdigest()[:12]
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"root-{suite}-{key}.tar")
    if os.path.exists(path) and time.time() - os.stat(path).st_mtime < KEPT_SECONDS:
        return path
    say(f"making a root of {suite} with {len(packages)} packages more than minbase")
    configuration = os.path.join(directory, "apt.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write("\n".join([*settings, 'Acquire::Retries "3";', "Acquire::Check-Valid-Until false;", ""]))
    packages = [*packages, *(["ca-certificates"] if any(re.search(r"\bhttps:", line) for line in lines) else [])]
    partial = f"{path}.{os.getpid()}.tar"        # mmdebstrap chooses the format by the name's end
    done = subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--aptopt={configuration}",
                           *([f"--include={','.join(packages)}"] if packages else []), suite, partial, "-"],
                          input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"mmdebstrap failed:\n{done.stderr[-4000:]}")
    os.rename(partial, path)     # under its name only when complete
    return path
