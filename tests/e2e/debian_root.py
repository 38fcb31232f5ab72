# SPDX-License-Identifier: MIT
"""A small Debian root for tests to mount: made by mmdebstrap from this machine's own apt sources.

It is kept as an archive in build/e2e/, named for the sources it was made from and made anew after
two weeks, so that a second run unpacks within seconds. Nothing here names a host: suite, addresses
and settings (proxies, expired lists) are those that apt has on this machine.
"""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from harness import checks

from chroot import Chroot

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))

from packagelib import apt      # noqa: E402
from packagelib.apt import KEYRING, codename      # noqa: E402
from packagelib.apt import settings as apt_settings      # noqa: E402

KEPT_SECONDS = 14 * 24 * 3600
BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build")


def unpack(t):
    """A new layer of test t holding the root."""
    archive = _archive(t)
    layer = t.layer()
    t.progress("unpacking the Debian root")
    subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", archive, "-C", layer],
                   check=True)
    os.chmod(layer, 0o755)
    return layer


def archive_of(t):
    """The root as a tar file that everybody may read."""
    return _archive(t)


def packages(t, *names):
    """A directory with the packages and all they need beyond the root, as files; kept as the root is."""
    archive = _archive(t)
    key = hashlib.sha256(" ".join([archive, *names]).encode()).hexdigest()[:12]
    directory = os.path.join(BUILD, "e2e", f"packages-{key}")
    with open(os.path.join(BUILD, "e2e", "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh(directory):
            t.progress(f"fetching {' '.join(names)}")
            shutil.rmtree(directory, ignore_errors=True)
            _fetch(t, archive, directory, names)
    return directory


def _fetch(t, archive, directory, names):
    root = t.fresh("fetch")
    subprocess.run(["tar", "--numeric-owner", "-xpf", archive, "-C", root], check=True)
    with Chroot(t, pathlib.Path(root)) as inside:
        inside.apt("update")
        inside.apt("install", "--download-only", *names)
    os.makedirs(directory + ".part", exist_ok=True)
    for file in pathlib.Path(root, "var/cache/apt/archives").glob("*.deb"):
        shutil.copy(file, directory + ".part")
    os.rename(directory + ".part", directory)     # under its name only when complete


def sources():
    """Lines for a sources.list: Debian's main component, binary and source packages."""
    try:
        return apt.sources()
    except apt.NoSource as reason:
        raise checks.Failure(str(reason)) from reason


def _archive(t):
    lines, settings = sources(), apt_settings()
    key = hashlib.sha256("\n".join([*lines, *settings]).encode()).hexdigest()[:12]
    directory = os.path.join(BUILD, "e2e")
    os.makedirs(directory, exist_ok=True)
    archive = os.path.join(directory, f"debian-root-{key}.tar")
    with open(os.path.join(directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)        # another test file may want the same at the same time
        if not _is_fresh(archive):
            t.progress("making a Debian root")
            _make(t, archive, lines, settings)
    return archive


def _is_fresh(archive):
    try:
        return time.time() - os.stat(archive).st_mtime < KEPT_SECONDS
    except FileNotFoundError:
        return False


def _make(t, archive, lines, settings):
    configuration = os.path.join(t.directory, "apt.conf")
    with open(configuration, "w") as file:
        file.write("\n".join([*settings, 'Acquire::Retries "3";', ""]))
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--aptopt={configuration}"]
    if any(re.search(r"\bhttps:", line) for line in lines):
        command.append("--include=ca-certificates")
    command += [f"--setup-hook=copy-in {path} /etc/apt"
                for path in ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d") if os.path.exists(path)]
    partial = f"{archive}.{os.getpid()}.tar"        # mmdebstrap chooses the format by the name's end
    done = subprocess.run([*command, codename(), partial, "-"], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise checks.Failure(f"mmdebstrap failed:\n{done.stderr[-4000:]}")
    os.rename(partial, archive)     # under its name only when complete
