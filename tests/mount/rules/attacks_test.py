# SPDX-License-Identifier: MIT
"""Ways around a rule. Each reaches a ruled object without its name, or moves the name away from it."""
import contextlib
import ctypes
import errno
import os
import shutil
import subprocess
import threading

from harness import equal, only_in, read, refused, syscalls, write
from harness.trees import Link, Symlink

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"secret": "s", "fixed": "f", "denied": "d", "free": "x", "dir": {"sub": {}, "denied": "d"}, "proj": {".git": {"config": "c"}},
        "to-secret": Symlink("secret"), "to-fixed": Symlink("fixed"), "to-denied": Symlink("dir/denied"), "up": Symlink("dir/..")}
RULES = ("rule=hide:secret", "rule=readonly:fixed", "rule=deny:denied", "rules=@agent")


@contextlib.contextmanager
def bound(source, place):
    syscalls.mount(source, place, flags=4096)
    try:
        yield
    finally:
        syscalls.umount(place)


def attacked(t, *options):
    return t.mount(t.layer(TREE), options=(*RULES, *options))


def test_ways_through_other_directories(t):
    m = attacked(t)
    for way in ("dir/..", "dir/sub/../..", "up", ".", "dir/../dir/.."):
        refused(errno.ENOENT, os.stat, f"{m.path}/{way}/secret")
        refused(errno.EACCES, os.open, f"{m.path}/{way}/secret", os.O_CREAT | os.O_WRONLY)
        refused(errno.EROFS, os.open, f"{m.path}/{way}/fixed", os.O_WRONLY)
        refused(errno.EACCES, os.open, f"{m.path}/{way}/denied", os.O_RDONLY)


def test_symbolic_links(t):
    m = attacked(t)
    refused(errno.ENOENT, os.stat, m / "to-secret")
    refused(errno.EACCES, os.open, m / "to-secret", os.O_CREAT | os.O_WRONLY)
    refused(errno.EROFS, os.open, m / "to-fixed", os.O_WRONLY)
    refused(errno.EACCES, os.open, m / "to-denied", os.O_RDONLY)
    os.symlink("fixed", m / "mine")
    refused(errno.EROFS, os.truncate, m / "mine", 0)


def test_descriptors_that_are_opened_again(t):
    m = attacked(t)
    for name, flags, error in (("fixed", os.O_RDWR, errno.EROFS), ("denied", os.O_RDONLY, errno.EACCES)):
        handle = os.open(m / name, os.O_PATH)
        try:
            refused(error, os.open, f"/proc/self/fd/{handle}", flags)
        finally:
            os.close(handle)
    handle = os.open(m / "fixed", os.O_RDONLY)
    try:
        refused(errno.EROFS, os.open, f"/proc/self/fd/{handle}", os.O_RDWR)
        refused(errno.EROFS, os.fchmod, handle, 0o777)
        refused(errno.EROFS, os.setxattr, handle, "user.x", b"1")
        refused(errno.EROFS, syscalls.link, f"/proc/self/fd/{handle}", m / "second", follow=True)
    finally:
        os.close(handle)


@only_in("root", "userns", why="an ordinary user may not mount")
def test_bind_mounts(t):
    m = attacked(t)
    for name, flags, error in (("fixed", os.O_RDWR, errno.EROFS), ("denied", os.O_RDONLY, errno.EACCES)):
        place = t.fresh("place") + "/file"
        write(place, "")
        with bound(m / name, place):
            refused(error, os.open, place, flags)
    place = t.fresh("place")
    with bound(m / "dir", place):
        refused(errno.EACCES, os.open, place + "/denied", os.O_RDONLY)
        refused(errno.EACCES, os.mkdir, place + "/secret")


@only_in("root", why="open_by_handle_at needs CAP_DAC_READ_SEARCH")
def test_file_handles(t):
    """open_by_handle_at(2) leads to a node without a name."""
    m = attacked(t, "nfs_export=on")
    for name, flags, error in (("fixed", os.O_RDWR, errno.EROFS), ("denied", os.O_RDONLY, errno.EACCES)):
        kind, data = syscalls.file_handle(m / name)
        handle = ctypes.create_string_buffer(len(data).to_bytes(4, "little") + kind.to_bytes(4, "little", signed=True) + data)
        root = os.open(m.path, os.O_RDONLY)

        def by_handle(root=root, handle=handle, flags=flags):
            opened = syscalls.libc.open_by_handle_at(root, handle, flags)
            if opened < 0:
                raise OSError(ctypes.get_errno(), "open_by_handle_at")
            os.close(opened)
        try:
            refused(error, by_handle)
        finally:
            os.close(root)


def test_hard_links_to_and_from_ruled_names(t):
    m = attacked(t)
    refused(errno.EROFS, os.link, m / "fixed", m / "second")
    refused(errno.EACCES, os.link, m / "denied", m / "second")
    refused(errno.ENOENT, os.link, m / "secret", m / "second")
    os.mkdir(m / "new")
    refused(errno.EROFS, os.link, m / "free", m / "new/fixed")
    refused(errno.EACCES, os.link, m / "free", m / "new/denied")
    refused(errno.EACCES, os.link, m / "free", m / "new/secret")
    equal(os.stat(m / "free").st_nlink, 1, "links")


def test_links_of_before_the_mount_obey_the_stricter_rule_seen(t):
    """In the upper two names are one file. A name counts once it was looked up."""
    upper = t.fresh("upper", {"open": "s", "denied": Link("open")})
    m = t.mount(t.layer({"x": ""}), upper=upper, options=RULES)
    os.stat(m / "denied")
    refused(errno.EACCES, os.open, m / "open", os.O_RDONLY)


def test_directory_is_not_moved_away_from_its_rules(t):
    m = attacked(t, "redirect_dir=on") if t.world != "user" else attacked(t)
    refused(errno.EXDEV, os.rename, m / "proj/.git", m / "proj/git")
    os.mkdir(m / "proj/git"), write(m / "proj/git/config", "evil")
    os.mkdir(m / "other")
    refused(errno.EXDEV, os.rename, m / "proj/git", m / "other/.git")
    write(m / "proj/g", "gitdir: x")
    equal(read(m / "proj/.git/config"), b"c", "the configuration")


def test_parent_of_a_ruled_directory_may_move_and_takes_its_rules_along(t):
    m = t.mount(t.layer({"x": ""}))
    os.makedirs(m / "proj/.git"), write(m / "proj/.git/config", "c")
    m.umount()
    m = t.mount(t.layer({"x": ""}), upper=m.upper, options=RULES)
    os.rename(m / "proj", m / "moved")
    refused(errno.EROFS, os.open, m / "moved/.git/config", os.O_WRONLY)
    refused(errno.EROFS, os.open, m / "moved/.git/hooks", os.O_CREAT | os.O_WRONLY)


def test_mv_copies_what_it_may_not_rename(t):
    m = attacked(t)
    os.makedirs(m / "proj2/git"), write(m / "proj2/git/HEAD", "1")
    done = subprocess.run(["mv", m / "proj2/git", m / "proj2/.git"], capture_output=True, check=False)
    equal((done.returncode, os.listdir(m / "proj2")), (0, [".git"]), "what mv did")
    write(m / "proj2/git", "")
    refused(errno.EROFS, os.open, m / "proj2/.git/config", os.O_CREAT | os.O_WRONLY)


def test_removal_of_everything_leaves_what_is_ruled(t):
    m = attacked(t)
    shutil.rmtree(m / "proj", ignore_errors=True)
    shutil.rmtree(m / "dir", ignore_errors=True)
    equal(read(m / "proj/.git/config"), b"c", "the configuration")
    equal(sorted(os.listdir(m / ""))[:3], ["denied", "fixed", "free"], "what is left")


def test_links_of_a_lower_obey_the_stricter_rule_seen_with_an_index(t):
    """Without an index the names of a lower file are files of their own, so neither rule is the other's."""
    tree = {"open": "s", "fixed": Link("open")}
    m = t.mount(t.layer(tree), options=(*RULES, "index=on"))
    os.stat(m / "fixed")
    refused(errno.EROFS, os.open, m / "open", os.O_WRONLY)
    m = t.mount(t.layer(tree), options=(*RULES, "index=off"))
    os.stat(m / "fixed")
    write(m / "open", "mine")
    equal((read(m / "open"), read(m / "fixed")), (b"mine", b"s"), "both names")


def test_callers_that_race_find_no_gap(t):
    """Renames of a directory in and out of reach, while others open what is ruled below it."""
    m = t.mount(t.layer({"x": ""}), upper=t.fresh("upper", {"a": {".git": {"config": "c"}, "denied": "d"}}), options=RULES)
    opened = []

    def try_all():
        for place in ("a", "b"):
            for name, flags in ((".git/config", os.O_RDWR), ("denied", os.O_RDONLY)):
                try:
                    os.close(os.open(f"{m.path}/{place}/{name}", flags))
                    opened.append((place, name))
                except OSError as error:
                    if error.errno not in (errno.EROFS, errno.EACCES, errno.ENOENT, errno.ESTALE):
                        raise

    stop = threading.Event()
    callers = [threading.Thread(target=lambda: [try_all() for _ in iter(lambda: stop.is_set(), True)]) for _ in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(200):
        os.rename(m / "a", m / "b")
        os.rename(m / "b", m / "a")
    stop.set()
    for caller in callers:
        caller.join()
    equal(opened, [], "what could be opened")
