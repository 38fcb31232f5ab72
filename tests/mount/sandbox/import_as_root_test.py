# SPDX-License-Identifier: MIT
"""Exporting and importing where other file systems have to be mounted: a full store, kernel overlayfs."""
import os
import subprocess

from harness import contains, equal, features, holds, syscalls
from harness.sandboxes import Sandboxes

from import_test import archive, imported, nothing_is_left

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "an ordinary user mounts neither a small file system nor kernel overlayfs"


def test_a_full_store_is_left_as_it_was(t):
    s = Sandboxes(t)
    path = archive(s, ("@/first", "1"), ("@/big", "x" * 3_000_000))
    os.makedirs(s.store, mode=0o700)
    syscalls.mount("tmpfs", s.store, "tmpfs", 0, "size=1m,mode=700")
    try:
        contains(imported(s, path, status=1), "make room", "what is said")
        nothing_is_left(s)
        imported(s, archive(s, ("@/first", "1")))
    finally:
        syscalls.umount(s.store)


def test_kernel_overlayfs_reads_an_exported_directory(t):
    features.need("overlayfs")
    s = Sandboxes(t, {"file": "old", "dir": {"inner": "deep"}, "gone": "1", "replaced": {"a": "1"}})
    s.sh("echo more >> file; mv dir moved; rm gone; rm -r replaced; mkdir replaced; echo 2 > replaced/b; truncate -s 4M hole", "try1")
    shown = s.sh("find . -printf '%p %m %T@\\n' -type f -printf '%s\\n' | sort", "try1")
    at = s.outside
    while not os.path.ismount(at):
        at = os.path.dirname(at)
    # The kernel takes no upper that lies in a lower.
    copies, place = t.fresh("copies"), t.fresh("kernel")
    syscalls.mount("tmpfs", copies, "tmpfs", 0, "")
    try:
        for form, name in (("dir", "plain"), ("mstack", "one.mstack")):
            equal(s.call("export", "--format", form, "-o", f"{copies}/{name}", "try1").returncode, 0, f"export {form}")
        holds(os.stat(f"{copies}/one.mstack/rw/data{os.path.join('/', os.path.relpath(s.outside, at))}/hole").st_blocks == 0, "holes stay holes")
        os.mkdir(copies + "/work")
        for options in (f"upperdir={copies}/plain/1/upper,workdir={copies}/work,redirect_dir=on",
                        # As systemd mounts it.
                        f"upperdir={copies}/one.mstack/rw/data,workdir={copies}/one.mstack/rw/work,userxattr"):
            syscalls.mount("overlay", place, "overlay", 0, f"lowerdir={at},{options}")
            try:
                seen = subprocess.run("find . -printf '%p %m %T@\\n' -type f -printf '%s\\n' | sort", shell=True, capture_output=True, text=True, check=True,
                                      cwd=os.path.join(place, os.path.relpath(s.outside, at))).stdout
                equal(seen, shown, f"what the kernel shows with {options}")
            finally:
                syscalls.umount(place)
        equal(os.readlink(f"{copies}/one.mstack/layer@0"), at, "the lowest layer")
    finally:
        syscalls.umount(copies)
