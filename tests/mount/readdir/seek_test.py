# SPDX-License-Identifier: MIT
"""telldir and seekdir: where they lead, and when they cost requests."""
import ctypes

from harness import equal, holds

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
NAMES = {f"name{number}" for number in range(400)}


class Entry(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_ulong), ("offset", ctypes.c_long), ("length", ctypes.c_ushort),
                ("kind", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype, libc.telldir.restype = ctypes.c_void_p, ctypes.c_long
libc.readdir.restype = ctypes.POINTER(Entry)
for function in (libc.readdir, libc.telldir, libc.closedir):
    function.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


def read_with_seeks(path):
    """[(position, name)], with a seek to where the reading is before each name."""
    directory, found = libc.opendir(path.encode()), []
    while True:
        position = libc.telldir(directory)
        libc.seekdir(directory, position)
        entry = libc.readdir(directory)
        if not entry:
            libc.closedir(directory)
            return found
        found.append((position, entry.contents.name.decode()))


def names_at(path, positions):
    directory, found = libc.opendir(path.encode()), []
    for position in positions:
        libc.seekdir(directory, position)
        found.append(libc.readdir(directory).contents.name.decode())
    libc.closedir(directory)
    return found


def test_a_position_leads_to_its_name_and_costs_nothing_once_the_directory_was_listed(t):
    m = t.mount(t.layer(dict.fromkeys(NAMES - {"name7"}, "x")), t.layer({"name7": "x"}))
    with m.requests() as counted:
        first = read_with_seeks(m.path)
    equal({name for _, name in first}, NAMES | {".", ".."}, "names")
    holds(counted.counts.get("READDIRPLUS", 0) > 1, "before the kernel has a whole listing, a seek costs a request")
    positions = [position for position, _ in first][::-1]
    names_at(m.path, positions[:1])     # reading has made the kernel's times stale
    with m.requests() as counted:
        equal(names_at(m.path, positions), [name for _, name in first][::-1], "names by positions")
        equal(read_with_seeks(m.path), first, "a second reading with seeks")
    equal(counted, {}, "requests")
