# SPDX-License-Identifier: MIT
"""The cost of operations in FUSE requests, counted by the daemon: round trips are the price of a FUSE file system.

Changes are made in a directory below the root: asking for the count walks through the root, and after a
change there that walk would itself cost a GETATTR.
"""
import os

from harness import Symlink, broker, equal, holds, lacking, read, refused, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
ALONE = True        # another test's drop of caches would cost lookups
TREE = {"file": "content", "dir": {"a": "1", "b": "2", "s": {}},
        "work": {"file": "content", "other": "x", "empty": {}}}


def warm(m, *names):
    """Makes names and attributes known to the kernel."""
    for name in names:
        os.stat(m / name)


def fresh_parent(m):
    """After a change in a directory the kernel asks for its attributes once more before the next permission check
    there, since default_permissions is on and the change made them stale. That is taken out of the count, and so
    is the copy-up of the directory itself."""
    os.chmod(m / "work", 0o755)
    for _ in range(20):             # the daemon tells the kernel of changed attributes after its reply
        with m.requests() as counted:
            os.stat(m.path), os.stat(m / "work")
        if not counted.counts:
            return


def list_with_types(path):
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries)


def passed_through(m):
    return m.status()["passthrough"]["active"] and "cached" not in m.settings.mount_options


def only_of(counted, *names):
    extra = {name: number for name, number in counted.counts.items() if name not in names}
    equal(extra, {}, f"requests besides {', '.join(names)}")


def test_a_warm_stat_costs_nothing(t):
    m = t.mount(t.layer(TREE))
    warm(m, "file", "dir/a", "dir")
    with m.requests() as counted:
        for _ in range(10):
            os.stat(m / "file"), os.stat(m / "dir/a"), os.stat(m / "dir")
    equal(counted.counts, {}, "requests")


def test_a_warm_negative_lookup_costs_nothing(t):
    m = t.mount(t.layer(TREE))
    refused(2, os.stat, m / "absent")
    with m.requests() as counted:
        for _ in range(10):
            refused(2, os.stat, m / "absent")
    equal(counted.counts, {}, "requests")


def test_a_cold_lookup_costs_one_lookup(t):
    m = t.mount(t.layer(TREE))
    warm(m, ".")
    with m.requests() as counted:
        os.stat(m / "file")
        refused(2, os.stat, m / "absent")
    equal(counted.counts, {"LOOKUP": 2}, "requests")


def test_a_warm_listing_costs_nothing(t):
    """Directories are not opened (the kernel was answered ENOSYS once) and their listings are the kernel's."""
    m = t.mount(t.layer(TREE))
    # opendir(3) calls fstat, and reading makes the kernel's atime stale: the second listing costs a GETATTR.
    list_with_types(m / "dir"), list_with_types(m / "dir")
    with m.requests() as counted:
        list_with_types(m / "dir")
    equal(counted.counts, {}, "requests")


def test_a_cold_walk_costs_no_lookup_per_file(t):
    names = 300
    m = t.mount(t.layer({"dir": {f"file{number}": "x" for number in range(names)}}))
    warm(m, "dir")
    with m.requests() as counted:
        for name in os.listdir(m / "dir"):
            os.stat(m / "dir/" + name)
    only_of(counted, "READDIRPLUS")
    holds(counted.counts.get("READDIRPLUS", 0) <= 2 + names // 20, f"few pieces: {counted.counts}")


def test_open_read_close_of_a_known_file_costs_open_and_release(t):
    m = t.mount(t.layer(TREE))
    warm(m, "file")
    with m.requests() as counted:
        fd = os.open(m / "file", os.O_RDONLY)
        os.read(fd, 100)
        os.close(fd)
    if passed_through(m):
        equal(counted.counts, {"OPEN": 1, "RELEASE": 1}, "requests")
    else:
        only_of(counted, "OPEN", "RELEASE", "READ")


def test_create_write_close_costs_lookup_create_release_and_the_kernels_getxattr(t):
    """KERNEL-FACTS: even with HANDLE_KILLPRIV_V2 the first write asks for security.capability once."""
    m = t.mount(t.layer(TREE))
    write(m / "work/before", "x")
    fresh_parent(m)
    with m.requests() as counted:
        fd = os.open(m / "work/new", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, b"content")
        os.close(fd)
    if passed_through(m):
        only_of(counted, "LOOKUP", "CREATE", "RELEASE", "GETXATTR")
    else:
        only_of(counted, "LOOKUP", "CREATE", "RELEASE", "GETXATTR", "WRITE")
    for name in ("LOOKUP", "CREATE", "RELEASE"):
        equal(counted.counts.get(name), 1, f"{name} requests of {counted.counts}")
    holds(counted.counts.get("GETXATTR", 0) <= 1, f"at most one GETXATTR: {counted.counts}")


def test_removing_and_chmod_cost_one_request_each(t):
    m = t.mount(t.layer(TREE))
    warm(m, "work/file", "work/other", "work/empty")
    for name, change, request in (("chmod", lambda: os.chmod(m / "work/file", 0o600), "SETATTR"),
                                  ("unlink", lambda: os.unlink(m / "work/other"), "UNLINK"),
                                  ("rmdir", lambda: os.rmdir(m / "work/empty"), "RMDIR")):
        fresh_parent(m)
        with m.requests() as counted:
            change()
        equal(counted.counts, {request: 1}, f"requests of {name}")


def test_mkdir_and_rename_cost_two_requests_each(t):
    m = t.mount(t.layer(TREE))
    warm(m, "work/file")
    fresh_parent(m)
    with m.requests() as counted:
        os.mkdir(m / "work/new")
    equal(counted.counts, {"LOOKUP": 1, "MKDIR": 1}, "requests of mkdir")
    fresh_parent(m)
    with m.requests() as counted:
        os.rename(m / "work/file", m / "work/renamed")
    holds(sum(counted.counts.values()) <= 2 and counted.counts.get("LOOKUP", 0) <= 1, f"rename: {counted.counts}")
    equal(counted.counts.get("RENAME", 0) + counted.counts.get("RENAME2", 0), 1, "RENAME requests")


def test_a_change_in_a_directory_costs_the_next_one_at_most_one_getattr(t):
    m = t.mount(t.layer(TREE))
    warm(m, "work/file", "work/other")
    os.unlink(m / "work/file")
    with m.requests() as counted:
        os.unlink(m / "work/other")
    only_of(counted, "UNLINK", "GETATTR")
    holds(counted.counts.get("GETATTR", 0) <= 1, f"at most one GETATTR: {counted.counts}")


def test_a_warm_readlink_costs_nothing(t):
    m = t.mount(t.layer({"link": Symlink("target")}))
    os.readlink(m / "link")
    with m.requests() as counted:
        os.readlink(m / "link")
    equal(counted.counts, {}, "requests")


def test_new_files_are_known(t):
    m = t.mount(t.layer(TREE))
    os.mkdir(m / "work/newdir")
    os.symlink("x", m / "work/newlink")
    fd = os.open(m / "work/newfile", os.O_WRONLY | os.O_CREAT)
    os.close(fd)
    fresh_parent(m)
    with m.requests() as counted:
        for name in ("newdir", "newlink", "newfile"):
            os.lstat(m / f"work/{name}")
    equal(counted.counts, {}, "requests")


def test_reading_and_writing_more_costs_no_more(t):
    broker.beside(t)
    m = t.mount(t.layer({"file": b"x" * 1_000_000}))
    if not passed_through(m):
        lacking("passthrough")
    with open(m / "file", "r+b", buffering=0) as file, m.requests() as counted:
        for _ in range(50):
            file.seek(0)
            file.read(4096)
            file.seek(0)
            file.write(b"y" * 4096)
    only_of(counted, "GETXATTR", "GETATTR")
    holds(sum(counted.counts.values()) <= 2, f"50 reads and writes cost at most two requests: {counted.counts}")
    equal(read(m / "file")[:4], b"yyyy", "content")


def test_the_counter_itself_sees_a_request(t):
    m = t.mount(t.layer(TREE))
    warm(m, "file")
    with m.requests() as counted:
        os.setxattr(m / "file", "user.a", b"b")
    equal(counted.counts, {"SETXATTR": 1}, "requests")
