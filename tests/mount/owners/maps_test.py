# SPDX-License-Identifier: MIT
"""uidmapping=, gidmapping=, squash_to_*: the owners that are shown decide, those on disk are translated."""
import errno
import os
import subprocess

from harness import acl, equal, only_in, read, refused, systems, write
from harness.credentials import as_user
from harness.worlds import NOBODY, hand_over, in_user_namespace, ordinary_fuse_device, umount

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def far(t):
    """An id beyond 16 bits, where the world has such."""
    return 70000 if t.world == "root" else 60000


def owner(path):
    found = os.lstat(path)
    return found.st_uid, found.st_gid


def chowned(path, uid, gid, mode=None):
    os.chown(path, uid, gid, follow_symlinks=False)
    if mode is not None:
        os.chmod(path, mode)


def mapped(t, **tree):
    lower = t.layer(tree or {"file": "text", "dir": {"a": "1"}})
    os.chmod(t.directory, 0o755)
    return t.stack(lower, options=(f"uidmapping=0:1000:10:500:{far(t)}:1", "gidmapping=0:2000:10")), lower


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_owners_on_disk_are_shown_through_the_maps(t):
    stack, lower = mapped(t, low="1", far="2", other="3")
    chowned(lower + "/low", 3, 4), chowned(lower + "/far", 500, 9), chowned(lower + "/other", 77, 77)
    m = t.mount_stack(stack)
    equal(owner(m / "low"), (1003, 2004), "an owner inside of a range")
    equal(owner(m / "far"), (far(t), 2009), "an owner of the second range")
    equal(owner(m / "other"), (65534, 65534), "an owner outside of all")
    equal(owner(m.path), (1000, 2000), "the root")


@only_in("root", "userns", why="others act in it")
def test_new_files_belong_to_their_maker_on_both_sides(t):
    stack, _ = mapped(t)
    m = t.mount_stack(stack)
    os.chmod(m.path, 0o777)

    def make():
        write(m / "new", "x"), os.mkdir(m / "made"), os.symlink("to", m / "link"), os.mkfifo(m / "pipe")
        return owner(m / "new")
    equal(as_user(1005, make, gid=2006), (1005, 2006), "what the maker sees")
    for name in ("new", "made", "link", "pipe"):
        equal(owner(f"{stack.upper}/{name}"), (5, 6), f"{name} on disk")


@only_in("root", "userns", why="others act in it")
def test_a_user_without_an_id_on_disk_gets_the_overflow_id_and_no_files(t):
    stack, _ = mapped(t)
    m = t.mount_stack(stack)
    os.chmod(m.path, 0o777)
    as_user(4242, lambda: write(m / "new", "x"), gid=2000)
    equal((owner(m / "new"), owner(stack.upper + "/new")), ((65534, 2000), (65534, 0)), "what he made")
    refused(errno.EOVERFLOW, lambda: os.chown(m / "file", 4242, -1))
    equal(owner(m / "file"), (1000, 2000), "the owner that could not be changed")


@only_in("root", "userns", why="others act in it")
def test_permissions_are_those_of_the_owner_shown(t):
    stack, lower = mapped(t, mine="secret", theirs="secret")
    chowned(lower + "/mine", 1, 1, 0o600), chowned(lower + "/theirs", 2, 2, 0o600)
    m = t.mount_stack(stack)

    def use():
        write(m / "mine", "Secret"), os.chmod(m / "mine", 0o640)
        refused(errno.EACCES, lambda: read(m / "theirs"))
        refused(errno.EPERM, lambda: os.chmod(m / "theirs", 0o777))
        return read(m / "mine")
    equal(as_user(1001, use, gid=2001), b"Secret", "one's own file")
    equal((owner(stack.upper + "/mine"), owner(m / "mine")), ((1, 1), (1001, 2001)), "the copy's owner")


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_chown_and_acls_are_translated(t):
    stack, _ = mapped(t)
    m = t.mount_stack(stack)
    os.chown(m / "file", far(t), 2005)
    equal(owner(stack.upper + "/file"), (500, 5), "on disk")
    subprocess.run(["setfacl", "-m", "u:1007:rw,g:2003:r", m / "file"], check=True)
    said = subprocess.run(["getfacl", "-np", stack.upper + "/file"], check=True, capture_output=True, text=True).stdout
    equal([line for line in said.splitlines() if line.startswith(("user:7", "group:3"))], ["user:7:rw-", "group:3:r--"], "the ACL on disk")
    equal(as_user(1007, lambda: read(m / "file"), gid=2009), b"text", "the named user reads")
    done = subprocess.run(["setfacl", "-m", "u:4242:r", m / "file"], check=False, capture_output=True)
    equal(done.returncode != 0, True, "an ACL for a user without an id on disk is refused")


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_squashed_owners_are_shown_of_everything(t):
    lower = t.layer({"file": "x"})
    chowned(lower + "/file", 5, 6)
    m = t.mount(lower, options=("squash_to_uid=33", "squash_to_gid=44"))
    equal((owner(m / "file"), owner(m.path)), ((33, 44), (33, 44)), "uid and gid")
    os.chown(m / "file", 33, 44)
    write(m / "new", "x")
    equal(owner(m / "new"), (33, 44), "a new file")
    equal(owner(m.stack.upper + "/file"), (5, 6), "the copy keeps its owner on disk")


@only_in("root", why="it enters that world itself")
def test_a_plain_user_edits_roots_files_when_all_are_his(t):
    ordinary_fuse_device(t)
    stack = t.stack(t.layer({"etc": {"conf": "old"}, "tool": "x"}), options=(f"squash_to_uid={NOBODY}", f"squash_to_gid={NOBODY}"))
    hand_over(t, stack, NOBODY, kept={"etc": (0, 0, 0o755), "etc/conf": (0, 0, 0o644), "tool": (0, 0, 0o4755)})

    def use():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "etc/conf", "new"), write(m / "etc/more", "x"), os.chmod(m / "etc/conf", 0o600), os.utime(m / "tool")
        seen = read(m / "etc/conf"), owner(m / "etc/conf"), owner(m / "etc/more")
        umount(m)
        return seen
    equal(as_user(NOBODY, use), (b"new", (NOBODY, NOBODY), (NOBODY, NOBODY)), "content and owners")
    equal(owner(stack.upper + "/etc/conf"), (NOBODY, NOBODY), "the copy is the user's")
    equal(os.stat(stack.upper + "/tool").st_mode & 0o7777, 0o755, "no set-id bit that would be the user's")


@only_in("root", why="it enters that world itself")
def test_root_of_a_user_namespace_edits_what_is_not_mapped_there(t):
    ordinary_fuse_device(t)
    stack = t.stack(t.layer({"conf": "old"}), options=("squash_to_root",))
    hand_over(t, stack, 100_000, kept={"conf": (0, 0, 0o644)})

    def use():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "conf", "new")
        seen = read(m / "conf"), owner(m / "conf")
        umount(m)
        return seen
    equal(in_user_namespace(use, 100_000, 65536), (b"new", (0, 0)), "content and owner inside")
    equal(owner(stack.upper + "/conf"), (100_000, 100_000), "the copy's owner outside")


def test_maps_that_make_no_sense_are_refused(t):
    for text in ("uidmapping=0:0", "uidmapping=0:0:0", "gidmapping=0:5:2:1:9:1", "squash_to_uid=-1", "squash_to_gid=x"):
        status, _, err = t.status_text("mount", "-o", f"lowerdir={t.layer()},{text}", t.fresh("mnt"))
        equal(status != 0 and text.split("=")[0] in err, True, f"{text}: {err}")
