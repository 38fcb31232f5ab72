# SPDX-License-Identifier: MIT
"""The tarball of a release: what is installed, and the texts that go with it, equal whenever and wherever it is made."""
import gzip
import hashlib
import os
import platform
import shutil
import tarfile

PREFIX = "usr/local"
TEXTS = ("README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE")
DOCUMENTS = "share/doc/overpass"
BILL = "overpass.cdx.json"


def name_of(number):
    return f"overpass-{number}-linux-{platform.machine()}"


def add_documents(installed, tree, bill_text, packages):
    """Lays texts, the bill of materials and the licences of what is linked in beside what was installed."""
    directory = os.path.join(installed, PREFIX, DOCUMENTS)
    licences = os.path.join(directory, "licences")
    os.makedirs(licences)
    for name in TEXTS:
        shutil.copyfile(os.path.join(tree, name), os.path.join(directory, name))
    with open(os.path.join(directory, BILL), "w", encoding="utf-8") as file:
        file.write(bill_text)
    for package in packages:
        shutil.copyfile(f"/usr/share/doc/{package}/copyright", os.path.join(licences, package))
    for name in ("LICENSE", "LGPL2.txt", "AUTHORS"):
        for root in sorted(os.listdir(os.path.join(tree, "subprojects"))):
            path = os.path.join(tree, "subprojects", root, name)
            if os.path.isfile(path):
                shutil.copyfile(path, os.path.join(licences, f"{root}-{name}"))


def write(installed, number, seconds, directory):
    """Writes the tarball and its checksum; returns the tarball's path."""
    name = name_of(number)
    path = os.path.join(directory, name + ".tar.gz")
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=seconds, compresslevel=9) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            _add(archive, os.path.join(installed, PREFIX), name, seconds)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    with open(path + ".sha256", "w", encoding="ascii") as file:
        file.write(f"{digest}  {os.path.basename(path)}\n")
    return path


def _add(archive, path, name, seconds):
    info = archive.gettarinfo(path, name)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = seconds
    if info.islnk():
        raise ValueError(f"{path} is a second name of a file: tar would depend on which came first")
    # Whatever the umask of the one who builds.
    info.mode = 0o777 if info.issym() else 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    # The helpers of mount(8) lead to /usr/local: beside them is the same file, wherever the tarball is unpacked.
    if info.issym() and os.path.isabs(info.linkname):
        root = path[:path.index("/" + PREFIX + "/")]
        info.linkname = os.path.relpath(root + info.linkname, os.path.dirname(path))
    if info.isreg():
        with open(path, "rb") as file:
            archive.addfile(info, file)
        return
    archive.addfile(info)
    if info.isdir():
        for entry in sorted(os.listdir(path)):
            _add(archive, os.path.join(path, entry), f"{name}/{entry}", seconds)
