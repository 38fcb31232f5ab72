# SPDX-License-Identifier: MIT
"""File capabilities, where the daemon is an ordinary user's: writes take them away, as on any file system, and nobody
has to be root for that.
"""
import os

from harness import File, equal, holds, read, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
CAPABLE = bytes.fromhex("0100000200040000000000000000000000000000")


def mounted(t):
    lower, upper = t.layer({"low": File("low", 0o755)}), t.layer({"up": File("up", 0o4755)})
    for path in (lower + "/low", upper + "/up"):
        t.by_root(os.setxattr, path, "security.capability", CAPABLE)
    return t.mount(lower, upper=upper)


def test_a_write_takes_capabilities_from_upper_and_lower_files(t):
    m = mounted(t)
    for name in ("low", "up"):
        equal(os.listxattr(m / name), ["security.capability"], f"attributes of {name} at first")
        write(m / name, "+", "ab")
        equal((os.listxattr(m / name), read(m / name)), ([], f"{name}+".encode()), f"{name} when it was written")
    for _ in range(2):
        holds(os.stat(m / "low").st_mode & 0o777 == 0o755, "the mode of the copy")
        equal(os.listxattr(m.upper + "/up"), [], "attributes of the upper file on disk")
        m = t.remount(m)


def test_a_change_of_mode_goes_through(t):
    """A copy that an ordinary user makes is without them: he may not give any. What is his in the upper keeps them."""
    m = mounted(t)
    os.chmod(m / "low", 0o700), os.chmod(m / "up", 0o4700)
    equal(os.listxattr(m / "low"), [] if t.world == "user" else ["security.capability"], "attributes of the copy")
    equal((os.listxattr(m / "up"), oct(os.stat(m / "up").st_mode & 0o7777)), (["security.capability"], "0o4700"), "the upper file")
