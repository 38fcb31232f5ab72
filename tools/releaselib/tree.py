# SPDX-License-Identifier: MIT
"""What a release is built from: the commit, without what lies about in the checkout, and libfuse's tarball."""
import os
import re
import shutil
import subprocess

from packagelib import source
from packagelib.root import Failed

# No library of the machine; relative relocations in their short form, 0.17 MB less; and for the bill of materials what the linker took.
LINK = "['-static-pie', '-Wl,-z,pack-relative-relocs', '-Wl,-Map=%']"
# The default's optimization, which the tests run with. All else makes the programs small, and equal wherever they are built.
SETTINGS = ("--prefix=/usr/local", "--buildtype=release", "-Doptimization=2", "-Db_lto=true", "-Db_pie=true", "-Db_staticpic=false",
            "-Dstrip=true", "-Dprefer_static=true", f"-Dc_link_args={LINK}", f"-Dcpp_link_args={LINK}")
# Whatever else is set there would be part of the build.
PASSED_ON = ("PATH", "HOME")


def git(top, *arguments):
    """What git prints. The checkout may belong to another user than the one who builds."""
    done = subprocess.run(["git", "-c", f"safe.directory={top}", "-C", top, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def version(top):
    """(version, whether the commit is a release): of a commit without a tag the version names the commit."""
    number = source.version(top)
    tags = [tag for tag in git(top, "tag", "--points-at", "HEAD").split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    if not tags:
        return f"{number}+g{git(top, 'rev-parse', '--short=9', 'HEAD')}", False
    if tags != [f"v{number}"]:
        raise Failed(f"the commit has the tag {' '.join(tags)}, and meson.build the version {number}: make them agree")
    with open(os.path.join(top, "CHANGELOG.md"), encoding="utf-8") as file:
        if not re.search(rf"^## \[?{re.escape(number)}\b", file.read(), re.M):
            raise Failed(f"CHANGELOG.md has no section for {number}: rename \"Unreleased\"")
    return number, True


def epoch(top):
    """When the commit was made, in seconds: the time of everything in the tarball."""
    return int(git(top, "log", "-1", "--format=%ct"))


def export(top, directory, number):
    """Lays the tree of the commit into a new directory, with this version."""
    os.makedirs(directory)
    archive = directory + ".tar"
    git(top, "archive", "--format=tar", f"--output={archive}", "HEAD")
    subprocess.run(["tar", "-xf", archive, "-C", directory], check=True)
    os.remove(archive)
    description = os.path.join(directory, "meson.build")
    with open(description, encoding="utf-8") as file:
        text, count = re.subn(r"^(\s*version: ')[^']+", rf"\g<1>{number}", file.read(), count=1, flags=re.M)
    if count != 1:
        raise Failed("meson.build gives no version")
    with open(description, "w", encoding="utf-8") as file:
        file.write(text)
    tarball = source.libfuse_tarball(top)
    os.makedirs(os.path.join(directory, "subprojects/packagecache"))
    shutil.copy(tarball, os.path.join(directory, "subprojects/packagecache"))


def build(directory, seconds, log):
    """Builds the tree and installs it; returns the build directory and the one that stands for /."""
    made, installed = os.path.join(directory, "build"), os.path.join(directory, "installed")
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # Everything is compiled: what comes out of a cache would say nothing of two builds.
    environment.update(LC_ALL="C.UTF-8", TZ="UTC", SOURCE_DATE_EPOCH=str(seconds), CCACHE_DISABLE="1")
    for command in (["meson", "setup", *SETTINGS, made, directory], ["ninja", "-C", made, "installed"],
                    ["meson", "install", "-C", made, "--no-rebuild", "--destdir", installed]):
        with open(log, "a", encoding="utf-8") as file:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            with open(log, encoding="utf-8", errors="replace") as file:
                raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{''.join(file.readlines()[-40:])}")
    return made, installed
