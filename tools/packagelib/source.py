# SPDX-License-Identifier: MIT
"""The source package: what is committed, and libfuse's tarball as a second one, so that building downloads nothing."""
import os
import re
import shutil
import subprocess

from .root import Failed


def version(top):
    """The project's, which debian/changelog has to have, too."""
    with open(os.path.join(top, "meson.build"), encoding="utf-8") as file:
        project = re.search(r"^\s*version: '([^']+)'", file.read(), re.M).group(1)
    with open(os.path.join(top, "debian/changelog"), encoding="utf-8") as file:
        packaged = re.match(r"overpass \(([^)]+)-[^-)]+\) ", file.readline())
    if not packaged or packaged.group(1) != project:
        raise Failed(f"meson.build has version {project}, debian/changelog {packaged and packaged.group(1)}")
    return project


def build_dependencies(top):
    """Names of packages, without versions."""
    with open(os.path.join(top, "debian/control"), encoding="utf-8") as file:
        field = re.search(r"^Build-Depends:\n((?: .*\n)+)", file.read(), re.M).group(1)
    names = [re.match(r"[a-z0-9+.-]+", word.strip()).group(0) for word in field.split(",") if word.strip()]
    return ["debhelper" if name == "debhelper-compat" else name for name in names]


def libfuse_tarball(top):
    with open(os.path.join(top, "subprojects/fuse3.wrap"), encoding="utf-8") as file:
        name = re.search(r"^source_filename = (\S+)", file.read(), re.M).group(1)
    path = os.path.join(top, "subprojects/packagecache", name)
    if not os.path.exists(path):
        raise Failed(f"{path} is missing: run tools/setup --build")
    return path


def unpack(top, directory):
    """Lays both upstream tarballs and the source tree into an empty directory; returns the tree's name."""
    number = version(top)
    name = f"overpass-{number}"
    tree = os.path.join(directory, name)
    original = os.path.join(directory, f"overpass_{number}.orig.tar.gz")
    second = os.path.join(directory, f"overpass_{number}.orig-libfuse.tar.gz")
    _git(top, "archive", f"--prefix={name}/", "--format=tar.gz", f"--output={original}", "HEAD", "--", ".", ":(exclude)debian")
    shutil.copyfile(libfuse_tarball(top), second)
    packaging = os.path.join(directory, "debian.tar")
    _git(top, "archive", "--format=tar", f"--output={packaging}", "HEAD", "debian")
    subprocess.run(["tar", "-xf", original, "-C", directory], check=True)
    subprocess.run(["tar", "-xf", packaging, "-C", tree], check=True)
    os.remove(packaging)
    os.mkdir(tree + "/libfuse")
    subprocess.run(["tar", "-xf", second, "-C", tree + "/libfuse", "--strip-components=1"], check=True)
    return name


def _git(top, *arguments):
    subprocess.run(["git", "-c", f"safe.directory={top}", "-C", top, *arguments], check=True)
