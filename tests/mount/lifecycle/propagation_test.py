# SPDX-License-Identifier: MIT
"""private, shared, slave and unbindable: as mount(8) gives them to a mount, and as buildah and podman ask for them."""
import os

from harness import contains, equal, holds, isolation, only_in, read, syscalls

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
MS_SHARED = 1 << 20


def propagation(path):
    """The words of mountinfo for the mount at the path, without the numbers of peer groups."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        lines = [line.split() for line in file if line.split()[4] == os.path.realpath(path)]
    words = lines[-1][6:]
    return sorted(word.split(":")[0] for word in words[:words.index("-")])


def place(t, shared):
    """A mountpoint on a mount of its own, which is shared or private."""
    point = t.fresh("around", {"m": {}, "lower": {"file": "content"}, "upper": {}, "work": {}})
    t.by_root(syscalls.mount, point, point, None, syscalls.MS_BIND)
    t.by_root(syscalls.mount, "none", point, None, MS_SHARED if shared else syscalls.MS_PRIVATE)
    t.watch_lower(point + "/lower")
    return point


def mount(t, around, words):
    options = f"{words},lowerdir={around}/lower,upperdir={around}/upper,workdir={around}/work"
    return t.status_text("-o", options, around + "/m")


def umount(t, around):
    equal(t.status_text("umount", around + "/m"), (0, "", ""), "overpass umount")


@only_in("root", "userns", why="fusermount3 leaves the propagation as it is")
def test_what_is_mounted_in_a_slave_stays_there_and_what_is_mounted_outside_comes_in(t):
    around = place(t, True)
    other = t.fresh("other")
    t.by_root(syscalls.mount, around, other, None, syscalls.MS_BIND)
    equal(mount(t, around, "slave"), (0, "", ""), "mount")
    equal(propagation(around + "/m"), ["master"], "the propagation of a slave with a peer elsewhere")
    equal(propagation(other + "/m"), ["shared"], "the propagation of its copy")
    os.mkdir(around + "/m/d")
    syscalls.mount("tmpfs", other + "/m/d", "tmpfs")
    holds(os.path.realpath(around + "/m/d") in isolation.mount_points(), "what is mounted in the copy comes in")
    syscalls.umount(other + "/m/d")
    umount(t, around)


@only_in("root", "userns", why="fusermount3 leaves the propagation as it is")
def test_each_word_gives_the_mount_its_propagation(t):
    for shared, words, wanted in (
            (True, "private", []), (True, "rprivate", []),
            (True, "slave", []), (True, "rslave", []),      # a slave that has no peer elsewhere has no master
            (True, "unbindable", ["unbindable"]), (True, "runbindable", ["unbindable"]), (True, "rw", ["shared"]),
            (False, "shared", ["shared"]), (False, "rshared", ["shared"]), (False, "slave", []), (False, "rw", []),
            (True, "slave,shared", ["shared"]), (False, "shared,private", [])):
        around = place(t, shared)
        equal(mount(t, around, words), (0, "", ""), f"mount -o {words}")
        equal(read(around + "/m/file"), b"content", "content")
        equal(propagation(around + "/m"), wanted, f"the propagation after {words} on a {'shared' if shared else 'private'} mount")
        umount(t, around)


@only_in("root", "userns", why="fusermount3 leaves the propagation as it is")
def test_what_is_mounted_in_a_private_union_stays_there(t):
    around = place(t, True)
    other = t.fresh("other")
    t.by_root(syscalls.mount, around, other, None, syscalls.MS_BIND)
    equal(mount(t, around, "private"), (0, "", ""), "mount")
    os.mkdir(around + "/m/d")
    syscalls.mount("tmpfs", around + "/m/d", "tmpfs")
    holds(os.path.realpath(around + "/m/d") in isolation.mount_points(), "mounted in the union")
    holds(os.path.realpath(other + "/m/d") not in isolation.mount_points(), "not mounted in its copy")
    syscalls.umount(around + "/m/d")
    umount(t, around)


@only_in("user", why="others give the mount what they ask for")
def test_an_ordinary_user_gets_what_is_so_anyway_and_a_reason_otherwise(t):
    for shared, words, given in ((False, "private", True), (False, "rprivate", True), (False, "slave", True),
                                 (True, "shared", True), (True, "private", False), (True, "slave", False),
                                 (False, "shared", False), (False, "unbindable", False)):
        around = place(t, shared)
        status, _, err = mount(t, around, words)
        if given:
            equal((status, err), (0, ""), f"{words} on a {'shared' if shared else 'private'} mount")
            umount(t, around)
            continue
        equal(status, 1, f"the status of {words} on a {'shared' if shared else 'private'} mount")
        contains(err, f"option '{words}' needs the right to mount", "the message")
        holds(os.path.realpath(around + "/m") not in isolation.mount_points(), "nothing is mounted")
